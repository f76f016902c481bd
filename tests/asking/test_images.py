"""Images: from a path, a URL or a column of bytes into the request, or the reason why not."""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch.errors import InputError
from dwbatch.images import MOST_BYTES, read_image
from dwbatch.local import Server
from dwbatch.prompts.made import RowError
from tests.api.calling import Run, at, posts, rows
from tests.asking.telling import heard, told_in

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of it"
JPEG = b"\xff\xd8\xff\xe0rest"
GIF = b"GIF89a rest"
WEBP = b"RIFF\x10\x00\x00\x00WEBPrest"


def url(held: bytes, kind: str) -> str:
    """The URL that holds an image."""
    return f"data:image/{kind};base64,{base64.b64encode(held).decode()}"


@pytest.mark.parametrize(
    ("held", "kind"), [(PNG, "png"), (JPEG, "jpeg"), (GIF, "gif"), (b"GIF87a", "gif"), (WEBP, "webp")]
)
def test_the_kind_of_an_image_is_told_by_its_first_bytes(tmp_path: Path, held: bytes, kind: str) -> None:
    (tmp_path / "any.bin").write_bytes(held)

    assert read_image(str(tmp_path / "any.bin")) == url(held, kind)
    assert read_image(held) == url(held, kind)


def test_a_prompt_of_parts_shows_an_image_with_its_text() -> None:
    Path("scans").mkdir()
    Path("scans/a b.png").write_bytes(PNG)
    frame = pd.DataFrame({"title": ["mug"], "name": ["a b"]})

    (body,) = heard(frame, ["Read this: {title}", dwbatch.image("scans/{name}.png", detail="low")])

    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Read this: mug"},
                {"type": "image_url", "image_url": {"url": url(PNG, "png"), "detail": "low"}},
            ],
        }
    ]


def test_an_image_stands_in_any_message_and_at_responses_in_its_words() -> None:
    Path("a.png").write_bytes(PNG)
    turns = [{"role": "user", "content": [dwbatch.image(Path("a.png")), "{text}"]}]

    (body,) = heard(pd.DataFrame({"text": ["?"]}), messages=turns, endpoint="/v1/responses")

    assert body["input"][0]["content"] == [
        {"type": "input_image", "image_url": url(PNG, "png")},
        {"type": "input_text", "text": "?"},
    ]


@pytest.mark.parametrize("given", ["https://example.org/{a}.png", "HTTP://x/y", "data:image/png;base64,AAAA"])
def test_a_url_is_sent_as_it_is(given: str) -> None:
    frame = pd.DataFrame({"where": [given]})

    (body,) = heard(frame, ["Look", dwbatch.image("{where}")])

    assert body["messages"][0]["content"][1]["image_url"] == {"url": given}


def test_a_column_of_bytes_holds_images() -> None:
    frame = pd.DataFrame({"photo": [PNG, None, JPEG]})

    bodies = heard(frame, ["Look", dwbatch.image("{photo}")])

    sent = {body["messages"][0]["content"][1]["image_url"]["url"] for body in bodies}
    assert sent == {url(PNG, "png"), url(JPEG, "jpeg")}


def test_a_callable_gives_images_by_path_and_as_bytes() -> None:
    Path("{a}.png").write_bytes(PNG)

    def ask(row: dict[str, Any]) -> object:
        parts = ["Which?", dwbatch.image(f"{{{row['name']}}}.png"), dwbatch.image(JPEG)]
        return [{"role": "user", "content": parts}]

    (body,) = heard(pd.DataFrame({"name": ["a"]}), ask)

    assert [part.get("image_url") for part in body["messages"][0]["content"]] == [
        None,
        {"url": url(PNG, "png")},
        {"url": url(JPEG, "jpeg")},
    ]


def test_a_row_whose_image_cannot_be_read_is_skipped_and_says_why(run: Run) -> None:
    Path("good.png").write_bytes(PNG)
    Path("empty.png").write_bytes(b"")
    Path("page.png").write_bytes(b"<!doctype html>")
    Path("folder.png").mkdir()
    frame = pd.DataFrame(
        {"path": ["good.png", "gone.png", "empty.png", "page.png", "folder.png", "a\0b.png", None]}
    )

    out = run(frame, ["Look", dwbatch.image("{path}")], on_null="render")

    assert out["response_status"].tolist() == ["ok"] + ["skipped"] * 6
    assert out["response_error_code"].tolist()[1:] == ["unreadable_image"] * 5 + ["null_input"]
    reasons = [told_in(out, "response_error", row) for row in range(1, 7)]
    assert reasons[0].startswith("the image 'gone.png' cannot be read: No such file")
    assert reasons[1] == "the image 'empty.png' is no PNG, JPEG, GIF or WebP: it is empty"
    assert reasons[2].endswith("it begins with b'<!doctyp'")
    assert reasons[3] == "the image 'folder.png' is not a file"
    assert reasons[4].startswith("the image 'a\\x00b.png' cannot be read: ")
    assert reasons[5] == "column 'path', which names the image, is null"


def test_an_image_larger_than_any_file_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    with pytest.raises(RowError) as told:
        read_image(str(tmp_path / "huge.png"))

    assert told.value.code == "request_too_large"


def test_the_same_image_anywhere_is_the_same_request(server: Server, run: Run) -> None:
    Path("a.png").write_bytes(PNG)
    Path("copy.png").write_bytes(PNG)

    out = run(pd.DataFrame({"path": ["a.png", "copy.png"]}), [dwbatch.image("{path}")])

    assert [row[1] for row in rows(out)] == ["ok", "ok"]
    assert len(server.ledger()) == 1


def test_an_image_replaced_after_the_plan_is_not_sent_and_its_row_is_named(server: Server, run: Run) -> None:
    Path("a.png").write_bytes(PNG)
    frame = pd.DataFrame({"path": ["a.png"], "text": ["x"]})
    times = iter([PNG, JPEG])

    def replaced(row: dict[str, Any]) -> object:
        Path(row["path"]).write_bytes(next(times, GIF))
        return [{"role": "user", "content": [dwbatch.image(row["path"])]}]

    with pytest.raises(dwbatch.DwbatchError, match=r"The row of 'dwbatch-row-0-\w+' is not what it was"):
        run(frame, replaced)

    assert posts(server) == []


def test_images_are_cut_into_files_by_their_bytes() -> None:
    Path("a.jpg").write_bytes(JPEG + bytes(99_000))
    frame = pd.DataFrame({"path": ["a.jpg"] * 30, "text": [str(row) for row in range(30)]})

    with Server(answer=lambda _: "fine") as server:
        out = at(server)(frame, ["{text}", dwbatch.image("{path}")], max_bytes_per_batch=1_000_000)
        sent = posts(server)

    assert out["response_status"].tolist() == ["ok"] * 30
    assert sent.count("/files") == 5


@pytest.mark.parametrize(
    ("source", "detail", "sentence"),
    [
        (None, None, "image() takes a template of a path or URL"),
        ("", None, "image() takes a template of a path or URL"),
        ("{path}", "huge", "detail= takes 'low', 'high' or 'auto'; got 'huge'."),
    ],
)
def test_what_is_no_image_is_refused(source: Any, detail: Any, sentence: str) -> None:
    with pytest.raises(InputError) as told:
        dwbatch.image(source, detail=detail)

    assert sentence in str(told.value)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (["Look", dwbatch.image("{pat}")], "'pat' is named in the prompt[1] but not in the frame"),
        (["Look", 7], "prompt[1] is no part of a message"),
        ([dwbatch.image(PNG), "{path}"], "prompt[0] is an image given as bytes, the same in every row"),
    ],
)
def test_parts_that_cannot_be_sent_are_refused(run: Run, prompt: Any, sentence: str) -> None:
    with pytest.raises(InputError) as told:
        run(pd.DataFrame({"path": ["a.png"]}), prompt)

    assert sentence in str(told.value)
