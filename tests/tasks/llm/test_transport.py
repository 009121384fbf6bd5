"""What a reply or an error means, and what is left out of a request that was refused. SPEC A6, A7."""

from __future__ import annotations

import json
from concurrent.futures import Future

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import AsyncRetrying, RetryCallState

from data_contracts import UsageError
from tasks.llm.completion import Completion
from tasks.llm.transport import (
    THINKING_TOKENS,
    Dialect,
    LimitedError,
    RefusedError,
    TroubleError,
    classify,
    completion_of,
    wait_between_tries,
)
from tests.tasks.llm.harness import prompt

BOUND = (300, 50)


def reply(message: object, finish: str = "stop", **more: object) -> dict:
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


@pytest.mark.parametrize(
    "message",
    [
        {"content": '{"a": 1}'},
        {"content": [{"type": "text", "text": '{"a"'}, {"type": "text", "text": ": 1}"}]},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "{}"}]},
                {"type": "text", "text": '{"a": 1}'},
            ]
        },
        {"content": [{"type": "output_text", "text": '{"a": 1}'}]},
        {"content": None, "tool_calls": [{"function": {"name": "answer", "arguments": '{"a": 1}'}}]},
        {"content": "", "tool_calls": [{"function": {"name": "answer", "arguments": {"a": 1}}}]},
        {"content": '{"a": 1}', "tool_calls": [{"function": {"name": "other", "arguments": "{}"}}]},
        {"content": '{"a": 1}', "reasoning_content": "{}"},
    ],
)
def test_every_form_of_a_message_has_one_answer(message: dict) -> None:
    assert completion_of(reply(message), BOUND).answer() == {"a": 1}


@pytest.mark.parametrize(
    ("message", "finish"),
    [({"content": None, "refusal": "I cannot"}, "stop"), ({"content": "{}"}, "content_filter")],
)
def test_a_refusal_by_model_or_filter_is_marked(message: dict, finish: str) -> None:
    found = completion_of(reply(message, finish), BOUND)
    assert found.refused
    assert found.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_a_completion_or_trouble_and_nothing_else(value: object) -> None:
    shapes = (value, {"choices": value}, reply(value), reply({"content": value}), reply({"tool_calls": value}))
    for shape in (*shapes, reply({"content": "x"}, usage=value)):
        try:
            found = completion_of(shape, BOUND)
        except TroubleError as error:
            assert error.billed
        else:
            assert isinstance(found, Completion)
            assert found.tokens_in >= 0 <= found.tokens_out


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["stop", "length"]))
def test_the_bill_is_the_servers_and_the_bound_without_one(tokens_in: int, tokens_out: int, finish: str) -> None:
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    found = completion_of(reply({"content": "x"}, finish, usage=usage), BOUND, 0.5)
    assert (found.tokens_in, found.tokens_out, found.price_share) == (tokens_in, tokens_out, 0.5)
    assert found.cut_off == (finish == "length")
    unsaid = completion_of(reply({"content": "x"}), BOUND)
    assert (unsaid.tokens_in, unsaid.tokens_out) == BOUND


def status_error(status: int, headers: dict[str, str] | None = None, code: str = "") -> openai.APIStatusError:
    request = httpx.Request("POST", "http://127.0.0.1:9/v1")
    response = httpx.Response(status, headers=headers, request=request)
    return openai.APIStatusError("no", response=response, body={"code": code} if code else None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503, 529])
def test_each_status_has_one_meaning(status: int) -> None:
    expected = {401: UsageError, 403: UsageError, 404: UsageError, 405: UsageError, 429: LimitedError}
    expected |= dict.fromkeys((400, 413, 422), RefusedError)
    found = classify(status_error(status), "model 'm'", "check it")
    assert type(found) is expected.get(status, TroubleError)
    if isinstance(found, UsageError):
        assert str(found) == f"the LLM endpoint answers {status} to model 'm' (no); check it"
    else:
        assert not found.billed  # the server said that it did nothing


def test_a_server_that_asks_to_wait_is_understood_and_no_credit_is_for_the_user() -> None:
    headers = {"retry-after": "7"}
    for status in (429, 500, 503):
        found = classify(status_error(status, headers), "", "")
        assert isinstance(found, LimitedError | TroubleError)
        assert found.retry_after_s == 7
    assert isinstance(classify(status_error(429, headers, "insufficient_quota"), "", ""), UsageError)


@pytest.mark.parametrize(("cause", "billed"), [(httpx.ConnectError("x"), False), (httpx.ReadError("x"), True)])
def test_only_a_request_that_left_may_have_been_billed(cause: Exception, billed: bool) -> None:
    error = openai.APIConnectionError(request=httpx.Request("POST", "http://127.0.0.1:9"))
    error.__cause__ = cause
    found = classify(error, "", "")
    assert isinstance(found, TroubleError)
    assert found.billed == billed


def wait_s(number: int, error: Exception, first_s: float, longest_s: float) -> float:
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = number
    state.outcome = Future()  # type: ignore[assignment]
    state.outcome.set_exception(error)  # type: ignore[union-attr]
    return wait_between_tries(first_s, longest_s)(state)


@given(st.integers(1, 40), st.floats(0.001, 5), st.floats(5, 100))
def test_a_wait_doubles_up_to_the_longest_with_jitter(number: int, first_s: float, longest_s: float) -> None:
    backoff = min(longest_s, first_s * 2.0 ** (number - 1))
    assert backoff <= wait_s(number, TroubleError("x"), first_s, longest_s) <= backoff + first_s
    assert wait_s(number, TroubleError("x", retry_after_s=33.0), first_s, longest_s) == 33.0


@given(st.lists(st.sampled_from(["max_tokens", "temperature", "seed", "schema", "no reason"]), max_size=12))
def test_refusals_end_after_every_parameter_was_left_out_once(reasons: list[str]) -> None:
    dialect, left_out = Dialect(), []
    for reason in [*reasons, *["no reason"] * 3]:
        if name := dialect.next_omission(reason):
            dialect.without.add(name)
            left_out.append(name)
        body = dialect.body("m", prompt())
        assert not set(left_out) & {name for name in body if name != "response_format"}
        assert ("max_tokens" in body) != ("max_completion_tokens" in body)
    assert len(left_out) == len(set(left_out)) <= 5
    assert not dialect.next_omission("no reason")
    assert "response_format" not in dialect.body("m", prompt())


@pytest.mark.parametrize("setting", [None, 0, 500])
def test_room_for_thoughts_is_made_once_and_only_where_no_setting_gives_it(setting: int | None) -> None:
    dialect = Dialect(thinking_tokens=setting)
    early = completion_of(reply({"content": ""}, "length"), BOUND)
    assert dialect.body("m", prompt())["max_tokens"] == prompt().max_tokens + (setting or 0)
    assert not dialect.learn_thinking(completion_of(reply({"content": '{"a'}, "length"), BOUND), setting)
    assert dialect.learn_thinking(early, setting) == (setting is None)
    assert dialect.thinking_tokens == (THINKING_TOKENS if setting is None else setting)
    # Another request was sent before the room was made: it is sent again, too.
    assert dialect.learn_thinking(early, setting) == (setting is None)
    assert not dialect.learn_thinking(early, THINKING_TOKENS)
    assert json.dumps(dialect.body("m", prompt()))
