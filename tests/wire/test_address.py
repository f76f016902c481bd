import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.wire.address import DEFAULT_BASE_URL, find_base_url, is_loopback, normalise, origin


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://api.doubleword.ai/v1", "https://api.doubleword.ai/v1"),
        ("HTTPS://API.Doubleword.AI:443/v1/", "https://api.doubleword.ai/v1"),
        (" https://host.example/AI/v1//\n", "https://host.example/AI/v1"),
        ("https://host.example:8443", "https://host.example:8443"),
        ("http://localhost:80/v1", "http://localhost/v1"),
        ("http://127.8.9.1:3001/ai/v1", "http://127.8.9.1:3001/ai/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://10.0.0.7/v1", "https://10.0.0.7/v1"),
        ("local", "local"),
    ],
)
def test_each_address_has_one_spelling(written: str, meant: str) -> None:
    assert normalise(written) == meant


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("http://api.doubleword.ai/v1", "unencrypted: write 'https://'"),
        ("http://127.0.0.1.evil.example/v1", "unencrypted"),
        ("http://127.1/v1", "unencrypted"),
        ("http://0.0.0.0:80/v1", "unencrypted"),
        ("https://me:secret@host.example/v1", "user name or a password"),
        ("http://localhost@evil.example/v1", "user name or a password"),
        ("ftp://host.example/v1", "does not begin with 'https://'"),
        ("api.doubleword.ai/v1", "does not begin with 'https://'"),
        ("", "does not begin with 'https://'"),
        ("Local", "does not begin with 'https://'"),
        ("https://", "no host"),
        ("https:///v1", "no host"),
        ("https://host\\.localhost/v1", "no host"),
        ("https://h\u00f6st.example/v1", "'xn--'"),
        ("https://host.example:port/v1", "not an address"),
        ("https://host.example:99999/v1", "not an address"),
        ("https://[::1/v1", "not an address"),
        ("https://host.example/v1?key=secret", r"holds a '\?' or a '#'"),
        ("https://host.example/v1#a", r"holds a '\?' or a '#'"),
        ("https://host.example/v1 2", "cannot stand in a path"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(wrong: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        normalise(wrong)

    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith("Nothing was sent.")


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-zA-Z0-9.:/@\[\]]{0,20}"))
def test_a_spelling_is_kept_or_the_address_refused(written: str) -> None:
    try:
        spelling = normalise(written)
    except InputError:
        return

    assert normalise(spelling) == spelling


@pytest.mark.parametrize(
    ("base_url", "answer"),
    [
        ("local", True),
        ("http://localhost:80", True),
        ("https://127.0.0.1/v1", True),
        ("http://[::1]/v1", True),
        ("https://api.doubleword.ai/v1", False),
        ("https://localhost.example/v1", False),
        ("https://128.0.0.1/v1", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(base_url: str, answer: bool) -> None:  # noqa: FBT001 - the expectation
    assert is_loopback(base_url) is answer


@pytest.mark.parametrize(
    ("argument", "variable", "found"),
    [
        ("https://a.example/v1/", "https://b.example/v1", "https://a.example/v1"),
        (None, "https://b.example/v1/", "https://b.example/v1"),
        (None, "", DEFAULT_BASE_URL),
        (None, None, DEFAULT_BASE_URL),
        ("local", "https://b.example/v1", "local"),
        (None, "local", "local"),
    ],
)
def test_the_argument_comes_before_the_variable(
    argument: str | None, variable: str | None, found: str
) -> None:
    environ = {} if variable is None else {"DOUBLEWORD_BASE_URL": variable}

    assert find_base_url(argument, environ) == found


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("https://host.example:8443/ai/v1") == ("https", "host.example", 8443)
    assert origin("https://host.example/ai/v1") == origin("https://host.example")
