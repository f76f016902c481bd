import traceback
from pathlib import Path

import pytest

from dwbatch.errors import CredentialsError
from dwbatch.wire.credentials import find_key, fingerprint, refuse_unsendable

HOSTED = "https://api.doubleword.ai/v1"
ELSEWHERE = "https://elsewhere.example/v1"
LOOPBACK = "http://127.0.0.1:8080/v1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".dw"
    folder.mkdir()
    (folder / "credentials.toml").write_text(
        """
        [accounts.default]
        display_name = "Me"
        inference_key = "sk-of-default"
        platform_key = "sk-of-the-platform"

        [accounts.Work]
        display_name = "The Team"
        inference_key = "sk-of-work"

        [accounts.empty]
        email = "me@example.org"
        """,
        encoding="utf-8",
    )
    return tmp_path


def configure(home: Path, text: str) -> None:
    (home / ".dw" / "config.toml").write_text(text, encoding="utf-8")


def test_the_argument_comes_first(home: Path) -> None:
    found = find_key("sk-given", base_url=HOSTED, environ={"DOUBLEWORD_API_KEY": "sk-env"}, home=home)

    assert found == "sk-given"


def test_the_variable_comes_before_the_stored_account(home: Path) -> None:
    assert find_key(None, base_url=HOSTED, environ={"DOUBLEWORD_API_KEY": "sk-env"}, home=home) == "sk-env"


def test_an_empty_variable_is_none(home: Path) -> None:
    assert find_key(None, base_url=HOSTED, environ={"DOUBLEWORD_API_KEY": ""}, home=home) == "sk-of-default"


@pytest.mark.parametrize(
    ("active", "key"),
    [
        ("", "sk-of-default"),
        ('active_account = "default"', "sk-of-default"),
        ('active_account = "WORK"', "sk-of-work"),
        ('active_account = "the team"', "sk-of-work"),
    ],
)
def test_the_active_account_is_found_by_key_then_by_display_name(home: Path, active: str, key: str) -> None:
    configure(home, active)

    assert find_key(None, base_url=HOSTED, environ={}, home=home) == key


def test_the_only_account_is_the_active_one(home: Path) -> None:
    (home / ".dw" / "credentials.toml").write_text(
        '[accounts.Work]\ninference_key = "sk-of-work"\n', encoding="utf-8"
    )

    assert find_key(None, base_url=HOSTED, environ={}, home=home) == "sk-of-work"


def test_an_active_account_that_is_not_there_is_named(home: Path) -> None:
    configure(home, 'active_account = "gone"')

    with pytest.raises(
        CredentialsError, match=r"'gone' is not in .*credentials.toml.*\['Work', 'default', 'empty'\]"
    ):
        find_key(None, base_url=HOSTED, environ={}, home=home)


@pytest.mark.parametrize("text", ["", 'active_account = "empty"'])
def test_without_any_key_all_four_ways_are_named(tmp_path: Path, home: Path, text: str) -> None:
    configure(home, text)
    where = tmp_path / "nobody" if not text else home

    with pytest.raises(CredentialsError) as caught:
        find_key(None, base_url=HOSTED, environ={"OPENAI_API_KEY": "sk-of-another"}, home=where)

    message = str(caught.value)
    assert [
        way
        for way in ("api_key", "DOUBLEWORD_API_KEY", "'dw login'", "base_url='local'")
        if way not in message
    ] == []


@pytest.mark.parametrize("base_url", [LOOPBACK, "local"])
def test_this_machine_needs_no_key_and_is_not_shown_the_stored_one(home: Path, base_url: str) -> None:
    assert find_key(None, base_url=base_url, environ={}, home=home) is None


def test_this_machine_is_shown_a_key_that_was_said(home: Path) -> None:
    environ = {"DOUBLEWORD_API_KEY": "sk-env"}

    assert find_key(None, base_url=LOOPBACK, environ=environ, home=home) == "sk-env"
    assert find_key("sk-given", base_url="local", environ=environ, home=home) == "sk-given"
    assert find_key(None, base_url="local", environ=environ, home=home) is None


@pytest.mark.parametrize(
    "base_url", [ELSEWHERE, "https://api.doubleword.ai.example/v1", "https://api.doubleword.ai:8443/v1"]
)
def test_the_stored_key_goes_to_no_other_server(home: Path, base_url: str) -> None:
    with pytest.raises(CredentialsError, match=r"used for 'https://api\.doubleword\.ai/v1' alone"):
        find_key(None, base_url=base_url, environ={}, home=home)


def test_the_stored_key_belongs_to_the_server_that_dw_is_set_to(home: Path) -> None:
    configure(home, '[servers]\nai = "https://elsewhere.example"\n')

    assert find_key(None, base_url=ELSEWHERE, environ={}, home=home) == "sk-of-default"
    with pytest.raises(CredentialsError, match=r"used for 'https://elsewhere\.example' alone"):
        find_key(None, base_url=HOSTED, environ={}, home=home)


@pytest.mark.parametrize("address", ["'http://elsewhere.example'", "7"])
def test_a_wrong_server_in_the_configuration_is_named(home: Path, address: str) -> None:
    configure(home, f"[servers]\nai = {address}\n")

    with pytest.raises(CredentialsError, match=r"config\.toml' has a wrong servers\.ai"):
        find_key(None, base_url=ELSEWHERE, environ={}, home=home)


@pytest.mark.parametrize("name", ["credentials.toml", "config.toml"])
@pytest.mark.parametrize("torn", [b'[accounts.default]\ninference_key = "sk-torn', b"\xff\xfe sk-torn"])
def test_a_torn_file_is_named_and_not_shown(home: Path, name: str, torn: bytes) -> None:
    (home / ".dw" / name).write_bytes(torn)

    with pytest.raises(CredentialsError, match=rf"{name}' cannot be read") as caught:
        find_key(None, base_url=HOSTED, environ={}, home=home)

    below_the_test = caught.tb.tb_next
    assert "sk-torn" not in str(
        traceback.StackSummary.extract(traceback.walk_tb(below_the_test), capture_locals=True).format()
    )
    assert caught.value.__context__ is None


def test_a_file_that_cannot_be_opened_is_named(home: Path) -> None:
    path = home / ".dw" / "credentials.toml"
    path.unlink()
    path.mkdir()

    with pytest.raises(CredentialsError, match=r"credentials.toml' cannot be read"):
        find_key(None, base_url=HOSTED, environ={}, home=home)


@pytest.mark.parametrize(
    "accounts", ["accounts = 7", "[accounts]\ndefault = 7", "[accounts.default]\ninference_key = 7"]
)
def test_accounts_of_another_shape_are_no_accounts(home: Path, accounts: str) -> None:
    (home / ".dw" / "credentials.toml").write_text(accounts, encoding="utf-8")

    with pytest.raises(CredentialsError, match="No key found"):
        find_key(None, base_url=HOSTED, environ={}, home=home)


@pytest.mark.parametrize("bad", ["sk-a\n", "sk a", " sk-a", "sk-a\x00", "sk-\u00e4", "\u201csk-a\u201d"])
def test_a_key_that_cannot_be_sent_is_refused_unseen(bad: str, home: Path) -> None:
    with pytest.raises(CredentialsError, match="in DOUBLEWORD_API_KEY holds a space, a line break") as caught:
        find_key(None, base_url=HOSTED, environ={"DOUBLEWORD_API_KEY": bad}, home=home)

    assert bad not in str(caught.value)


def test_an_empty_argument_is_refused(home: Path) -> None:
    with pytest.raises(CredentialsError, match="in api_key is empty"):
        find_key("", base_url=HOSTED, environ={"DOUBLEWORD_API_KEY": "sk-env"}, home=home)


def test_a_key_of_any_printable_ascii_is_kept_as_it_is() -> None:
    key = "".join(map(chr, range(33, 127)))

    assert refuse_unsendable(key, found_in="api_key") == key


def test_a_fingerprint_tells_keys_apart_and_shows_none() -> None:
    assert fingerprint("sk-a") == fingerprint("sk-a")
    assert fingerprint("sk-a") != fingerprint("sk-b")
    assert len(fingerprint("sk-a")) == 16
