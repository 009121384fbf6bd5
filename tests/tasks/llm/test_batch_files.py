"""Request files within their limits, and replies joined to their requests. SPEC A6."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.backend import Backend
from tasks.llm.batch_files import URL, Limits, RequestFile, read_replies, write_requests
from tasks.llm.cache import CompletionCache
from tasks.llm.client import OpenAIClient
from tasks.llm.completion import Completion
from tests.tasks.llm.harness import config, prompt

PROMPTS = {one.key("m"): one for one in (prompt(f"caption {number}") for number in range(5))}
KEYS = list(PROMPTS)


def write(folder: Path, limits: Limits | None = None, **values: object) -> list[RequestFile]:
    backend = Backend(kind="endpoint", model="m", reason="test")
    client = OpenAIClient(backend, config(**values), CompletionCache(folder / "answers.jsonl"))
    return list(write_requests(folder, client, iter(PROMPTS.items()), limits or Limits()))


def lines(file: RequestFile) -> list[dict]:
    return [json.loads(line) for line in file.path.read_text().splitlines()]


def test_a_request_is_what_an_ordinary_call_sends(tmp_path: Path) -> None:
    (file,) = write(tmp_path)
    for (key, one), request in zip(PROMPTS.items(), lines(file), strict=True):
        assert (request["custom_id"], request["method"], request["url"]) == (key, "POST", URL)
        assert request["body"]["messages"] == one.messages
        assert request["body"]["max_tokens"] == one.max_tokens
    assert (file.tokens_in, file.tokens_out) == tuple(map(sum, zip(*(one.bound() for one in PROMPTS.values()))))


def test_the_room_for_thoughts_is_in_the_request_and_in_its_bound(tmp_path: Path) -> None:
    (file,) = write(tmp_path, thinking_tokens=1000)
    assert {request["body"]["max_tokens"] for request in lines(file)} == {prompt().max_tokens + 1000}
    assert file.tokens_out == len(PROMPTS) * (prompt().max_tokens + 1000)


@given(st.integers(1, 7), st.integers(1, 3000))
def test_every_prompt_is_in_one_file_within_the_limits(
    tmp_path_factory: pytest.TempPathFactory, requests: int, size: int
) -> None:
    files = write(tmp_path_factory.mktemp("b"), Limits(requests=requests, bytes=size))
    written = [lines(file) for file in files]
    assert [request["custom_id"] for part in written for request in part] == KEYS
    assert [len(part) for part in written] == [file.count for file in files]
    for file in files:
        assert file.count <= requests
        assert file.count == 1 or file.path.stat().st_size <= size  # a prompt beyond the limit goes alone
    assert len({file.path for file in files}) == len(files)


def reply(key: object, **values: object) -> str:
    message = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
    return json.dumps({"custom_id": key, "response": {"status_code": 200, "body": message}, "error": None} | values)


def test_replies_in_any_order_join_their_requests_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    (file,) = write(tmp_path)
    text = "\n".join([reply(KEYS[3]), "", "not json", reply("foreign"), reply(7), "[]", "{}", reply(KEYS[0])])
    found = dict(read_replies(text, file.path, 0.5))
    assert list(found) == [KEYS[3], KEYS[0]]
    for key, completion in found.items():
        assert isinstance(completion, Completion)
        assert completion.price_share == 0.5
        # The reply does not say what it cost: an upper bound counts.
        assert completion.tokens_in >= PROMPTS[key].tokens_in()
        assert completion.tokens_out == PROMPTS[key].max_tokens


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"error": {"code": "batch_expired", "message": "too late"}}, "too late"),
        ({"error": {"code": "batch_expired"}}, "batch_expired"),
        ({"error": "odd"}, "odd"),
        ({"response": {"status_code": 500, "body": {"error": "no"}}}, "500"),
        ({"response": None}, "null"),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "no chat completion"),
    ],
)
def test_a_reply_without_a_completion_says_why(tmp_path: Path, values: dict[str, object], reason: str) -> None:
    (file,) = write(tmp_path)
    ((key, found),) = read_replies(reply(KEYS[0], **values), file.path, 0.5)
    assert key == KEYS[0]
    assert isinstance(found, str)
    assert reason in found
