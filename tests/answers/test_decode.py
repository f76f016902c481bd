import json

from dwbatch.answers.decode import decode


def chat_line(custom_id: str, content: str | None, finish_reason: str = "stop") -> bytes:
    message = {"role": "assistant", "content": content}
    body = {
        "choices": [{"index": 0, "finish_reason": finish_reason, "message": message}],
        "model": "mock-model",
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }
    response = {"status_code": 200, "request_id": None, "body": body}
    line = {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": response, "error": None}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def test_a_plain_answer_is_ok_and_keeps_its_text() -> None:
    text = "one\u2028two\u0085three\nfour"

    table = decode([chat_line("r-1", text)])

    assert table["status"].to_pylist() == ["ok"]
    assert table["content"].to_pylist() == [text]
