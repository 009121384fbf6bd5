"""One prompt to an endpoint that works, and to one that fails in every way. SPEC A6, A7."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import time as real_time
from typing import Any

import pytest

from data_contracts import BudgetError, ServiceError, UsageError
from tasks.llm.cache import CompletionCache, Spent
from tasks.llm.client import OpenAIClient, UnavailableError, is_loopback
from tasks.llm.completion import CompletionError
from tasks.llm.transport import MOST_BYTES, THINKING_TOKENS
from tests.tasks.llm.fake_server import FakeServer, Reply, fails, fake_server, says
from tests.tasks.llm.harness import SCHEMA, FakeTime, ask, ask_together, prompt, with_client

GOOD = says({"caption": "x"})


def test_a_good_answer_is_paid_for_once_and_then_comes_from_the_file(tmp_path: Path) -> None:
    with fake_server(lambda *_: GOOD) as server:
        assert ask(server, tmp_path, prompt(), prompt()) == [{"caption": "x"}] * 2
        assert ask(server, tmp_path, prompt()) == [{"caption": "x"}]
        assert len(server.requests) == 1
        assert server.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA


def test_equal_prompts_at_the_same_time_are_one_call(tmp_path: Path) -> None:
    with fake_server(lambda *_: GOOD) as server:
        assert ask_together(server, tmp_path, *[prompt()] * 8, concurrency=8) == [{"caption": "x"}] * 8
        assert len(server.requests) == 1


TROUBLE = {
    **{f"status {status}": fails(status) for status in (408, 409, 500, 502, 503)},
    "connection reset": Reply(b"", reset=True),
    "truncated body": replace(GOOD, cut_at=20),
    "html": Reply(b"<html>proxy</html>", headers={"content-type": "text/html"}),
    "wrong content type and no JSON": Reply(b"ok", headers={"content-type": "text/plain"}),
    "empty object": Reply(b"{}"),
    "empty choices": Reply(b'{"choices": []}'),
    "null": Reply(b"null"),
    "a list": Reply(b"[]"),
    "invalid schema": Reply(b'{"choices": [{"message": {"content": 3}}]}'),
    "no message": Reply(b'{"choices": [{"message": null}]}'),
    "empty body": Reply(b""),
    "huge": Reply(b" " * (MOST_BYTES + 10)),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_passing_trouble_is_retried(tmp_path: Path, name: str) -> None:
    with fake_server(lambda _, n: TROUBLE[name] if n < 3 else GOOD) as server:
        assert ask(server, tmp_path, prompt()) == [{"caption": "x"}]
        assert len(server.requests) == 3


@pytest.mark.parametrize("name", TROUBLE)
def test_lasting_trouble_of_one_prompt_is_unavailable_and_costs_no_more_than_its_tries(
    tmp_path: Path, name: str
) -> None:
    with fake_server(lambda *_: TROUBLE[name]) as server:
        (found,) = ask(server, tmp_path, prompt(), max_retries=2)
        assert isinstance(found, UnavailableError)
        assert len(server.requests) == 3
    assert CompletionCache(tmp_path / "answers.jsonl").get(prompt().key("m")) is None


def test_a_good_answer_of_the_wrong_content_type_is_taken(tmp_path: Path) -> None:
    """Some servers say text/plain for everything; the content decides."""
    with fake_server(lambda *_: replace(GOOD, headers={"content-type": "text/plain"})) as server:
        assert ask(server, tmp_path, prompt()) == [{"caption": "x"}]


def test_retries_wait_longer_each_time_and_with_jitter(tmp_path: Path) -> None:
    waits = []
    for run in range(2):
        time = FakeTime()
        with fake_server(lambda *_: Reply(b"{}", 500)) as server:
            ask(server, tmp_path / str(run), prompt(), time=time, max_retries=4, retry_wait_s=1.0)
        waits.append(time.slept)
    assert all(2**n <= wait <= 2**n + 1.0 for n, wait in enumerate(waits[0])) and len(waits[0]) == 4
    assert waits[0] != waits[1]


@pytest.mark.parametrize(
    "reply", [replace(GOOD, delay_s=0.6), replace(GOOD, drip_s=0.05)], ids=["silent", "slow loris"]
)
def test_a_slow_server_times_out_to_the_last_byte(tmp_path: Path, reply: Reply) -> None:
    with fake_server(lambda *_: reply) as server:
        (found,) = ask(server, tmp_path, prompt(), timeout_s=0.2, max_retries=0)
    assert isinstance(found, UnavailableError)
    assert "0.2 s" in str(found)


def test_a_loopback_server_is_never_reached_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Company networks and clusters set a proxy for everything, often without `no_proxy`."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with fake_server(lambda *_: GOOD) as server:
        assert ask(server, tmp_path, prompt(), max_retries=0) == [{"caption": "x"}]


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.8.9.1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://LOCALHOST:8000/v1", True),
        ("http://llm.localhost/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://10.0.0.7:8000/v1", False),
        ("http://localhost.example.org/v1", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) == loopback


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    gone = FakeServer(lambda *_: GOOD, url="http://127.0.0.1:9/v1")
    (found,) = ask(gone, tmp_path, prompt(), max_retries=0)
    assert isinstance(found, UnavailableError)


def test_garbage_is_a_bad_answer_with_its_reason(tmp_path: Path) -> None:
    with fake_server(lambda *_: says('{"caption": "A dog ba', finish="length")) as server:
        (found,) = ask(server, tmp_path, prompt())
        assert len(server.requests) == 1
    assert isinstance(found, CompletionError)
    assert str(found) == "cut off"


def thinks(tokens: int) -> Callable[[dict[str, Any], int], Reply]:
    """A server whose model thinks for that many tokens before it answers."""
    return lambda request, _: GOOD if request["max_tokens"] > tokens else says("", finish="length")


def test_a_model_that_thinks_gets_room_and_is_paid_for(tmp_path: Path) -> None:
    """The first reply is cut off, paid for and not kept; from then on every prompt has the room."""
    with fake_server(thinks(1000)) as server:
        assert ask(server, tmp_path, prompt("A"), prompt("B")) == [{"caption": "x"}] * 2
        room = prompt().max_tokens + THINKING_TOKENS
        assert [one["max_tokens"] for one in server.requests] == [prompt().max_tokens, room, room]
    assert CompletionCache(tmp_path / "answers.jsonl").spent() == Spent(300, 60, 300.0, 60.0)


def test_all_prompts_in_flight_get_the_room(tmp_path: Path) -> None:
    with fake_server(thinks(1000)) as server:
        prompts = [prompt(f"{n}") for n in range(8)]
        assert ask_together(server, tmp_path, *prompts, concurrency=8) == [{"caption": "x"}] * 8
        assert len(server.requests) <= 16


@pytest.mark.parametrize(("setting", "calls"), [(None, 2), (0, 1), (100, 1)])
def test_thoughts_beyond_their_room_are_a_bad_answer(tmp_path: Path, setting: int | None, calls: int) -> None:
    with fake_server(thinks(10**6)) as server:
        (found,) = ask(server, tmp_path, prompt(), thinking_tokens=setting)
        assert len(server.requests) == calls
    assert str(found) == "cut off"


def test_the_room_for_thoughts_counts_in_the_budget(tmp_path: Path) -> None:
    """What is spent and reserved never exceeds the limit, so the second try is not sent."""
    limit = sum(prompt().bound()) + THINKING_TOKENS
    with fake_server(thinks(1000)) as server:
        (found,) = ask(server, tmp_path, prompt(), max_tokens_total=limit)
        assert len(server.requests) == 1
    assert isinstance(found, BudgetError)
    with fake_server(thinks(1000)) as server:
        assert ask(server, tmp_path, prompt(), max_tokens_total=limit + 2 * 120) == [{"caption": "x"}]
    assert CompletionCache(tmp_path / "answers.jsonl").committed().tokens == 3 * 120


def test_a_refusal_by_the_model_is_a_bad_answer(tmp_path: Path) -> None:
    body = {"choices": [{"message": {"content": None, "refusal": "I cannot"}}], "usage": {"prompt_tokens": 9}}
    with fake_server(lambda *_: Reply(json.dumps(body).encode())) as server:
        found = ask(server, tmp_path, prompt(), prompt())
        assert len(server.requests) == 1  # paid, so kept
    assert [str(one) for one in found] == ["refused"] * 2


@pytest.mark.parametrize("content", [None, "", '{"caption": "A dog'])
def test_an_answer_that_the_providers_filter_ended_is_a_refusal(tmp_path: Path, content: str | None) -> None:
    """Whatever of it got through; paid, so kept and not asked for again."""
    choice = {"message": {"content": content}, "finish_reason": "content_filter"}
    body = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    with fake_server(lambda *_: Reply(json.dumps(body).encode())) as server:
        found = ask(server, tmp_path, prompt(), prompt())
        assert len(server.requests) == 1
    assert [str(one) for one in found] == ["refused"] * 2


def test_a_prompt_that_the_providers_filter_refuses_is_not_sent_with_other_parameters(tmp_path: Path) -> None:
    body = b'{"error": {"message": "the prompt was filtered", "code": "content_filter"}}'
    with fake_server(lambda *_: Reply(body, 400)) as server:
        (found,) = ask(server, tmp_path, prompt())
        assert len(server.requests) == 1
    assert isinstance(found, CompletionError)


def test_a_server_without_json_schema_gets_json_object_and_one_without_either_gets_neither(tmp_path: Path) -> None:
    """Schema, then json_object, then nothing; what the server took is what the next prompt starts with."""
    refused = Reply(json.dumps({"error": {"message": "cannot do that"}}).encode(), 400)

    def formats(taken: str | None) -> list[str | None]:
        def behave(request: dict[str, Any], _number: int) -> Reply:
            return GOOD if request.get("response_format", {}).get("type") == taken else refused

        with fake_server(behave) as server:
            assert ask(server, tmp_path / str(taken), prompt("A"), prompt("B")) == [{"caption": "x"}] * 2
            return [request.get("response_format", {}).get("type") for request in server.requests]

    assert formats("json_schema") == ["json_schema"] * 2
    assert formats("json_object") == ["json_schema", "json_object", "json_object"]
    assert formats(None) == ["json_schema", "json_object", None, None]


@pytest.mark.parametrize("parameter", ["temperature", "seed", "max_tokens"])
def test_a_parameter_that_the_server_refuses_is_left_out_from_then_on(tmp_path: Path, parameter: str) -> None:
    refused = Reply(json.dumps({"error": {"message": f"unsupported parameter: {parameter}"}}).encode(), 400)

    def behave(request: dict[str, Any], _number: int) -> Reply:
        return refused if parameter in request else GOOD

    with fake_server(behave) as server:
        assert ask(server, tmp_path, prompt("A"), prompt("B")) == [{"caption": "x"}] * 2
        assert len(server.requests) == 3
        assert all(("max_tokens" in one) != ("max_completion_tokens" in one) for one in server.requests)


def test_a_refused_prompt_is_a_bad_answer_and_is_not_kept(tmp_path: Path) -> None:
    with fake_server(lambda *_: fails(400)) as server:
        found = ask(server, tmp_path, prompt())
    assert str(found[0]) == "refused"
    assert CompletionCache(tmp_path / "answers.jsonl").spent().tokens_in == 0
    with fake_server(lambda *_: GOOD) as server:
        assert ask(server, tmp_path, prompt()) == [{"caption": "x"}]


def test_a_server_that_refuses_everything_is_for_the_user_to_correct(tmp_path: Path) -> None:
    with fake_server(lambda *_: fails(400)) as server:
        found = ask(server, tmp_path, *[prompt(f"caption {n}") for n in range(5)])
    assert [type(one) for one in found] == [CompletionError] * 4 + [UsageError]
    assert "refuses every prompt" in str(found[-1])


NO_CREDIT = Reply(b'{"error": {"message": "pay first", "code": "insufficient_quota"}}', 429)


@pytest.mark.parametrize("reply", [fails(401), fails(403), fails(404), NO_CREDIT])
def test_a_refused_key_model_or_account_is_for_the_user_to_correct(tmp_path: Path, reply: Reply) -> None:
    with fake_server(lambda *_: reply) as server:
        (found,) = ask(server, tmp_path, prompt())
        assert len(server.requests) == 1
    assert isinstance(found, UsageError)
    assert "OPENAI_API_KEY" in str(found)


def test_a_rate_limit_until_a_date_is_waited_for(tmp_path: Path) -> None:
    """`Retry-After` may be an HTTP date, which the real clock is compared with."""
    date, time = email.utils.formatdate(real_time() + 3600, usegmt=True), FakeTime()
    limited = Reply(b"{}", 429, headers={"retry-after": date})
    with fake_server(lambda _, n: limited if n == 1 else GOOD) as server:
        assert ask(server, tmp_path, prompt(), time=time, max_retries=0) == [{"caption": "x"}]
    assert 3000 < sum(time.slept) <= 3600


def test_a_rate_limit_is_waited_for_and_halves_the_requests_in_flight(tmp_path: Path) -> None:
    limited = Reply(b"{}", 429, headers={"retry-after": "7"})
    time = FakeTime()

    async def use(client: OpenAIClient) -> tuple[dict[str, Any], float]:
        answer = await client.complete(prompt())
        return answer, client.limiter.limit

    with fake_server(lambda _, n: limited if n <= 3 else GOOD) as server:
        answer, limit = with_client(server, tmp_path, use, time, concurrency=16, max_retries=0)
    assert answer == {"caption": "x"}
    assert sum(time.slept) == pytest.approx(21)
    assert limit == pytest.approx(16 / 8 + 1 / 2)


def test_a_rate_limit_without_a_duration_is_waited_for_longer_each_time(tmp_path: Path) -> None:
    time = FakeTime()
    with fake_server(lambda _, n: Reply(b"{}", 429) if n <= 4 else GOOD) as server:
        assert ask(server, tmp_path, prompt(), time=time, retry_wait_s=1.0) == [{"caption": "x"}]
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_rate_limit_that_does_not_end_is_unavailable(tmp_path: Path) -> None:
    time = FakeTime()
    with fake_server(lambda *_: Reply(b"{}", 429, headers={"retry-after": "20"})) as server:
        (found,) = ask(server, tmp_path, prompt(), time=time, patience_s=100)
        assert len(server.requests) <= 7
    assert isinstance(found, UnavailableError)


def test_a_dead_server_opens_the_breaker_and_few_requests_are_sent(tmp_path: Path) -> None:
    """Ten failures open it, three probes with growing waits fail, then no further prompt is sent."""
    time = FakeTime()
    with fake_server(lambda *_: fails(500)) as server:
        found = ask(server, tmp_path, *[prompt(f"{n}") for n in range(30)], time=time, breaker_wait_s=10)
        assert len(server.requests) == 10 + 3
    assert all(isinstance(one, UnavailableError) for one in found)
    assert sum(wait for wait in time.slept if wait >= 9) == pytest.approx(10 + 20 + 40, rel=0.2)


def test_a_server_that_comes_back_is_found_by_the_probe_and_nothing_is_lost(tmp_path: Path) -> None:
    with fake_server(lambda _, n: fails(503) if 3 <= n <= 13 else GOOD) as server:
        prompts = [prompt(f"{n}") for n in range(20)]
        found = ask_together(server, tmp_path, *prompts, concurrency=8)
    assert found == [{"caption": "x"}] * 20


def test_a_dead_endpoint_stops_the_stage_with_one_line_where_rules_are_not_wanted(tmp_path: Path) -> None:
    with fake_server(lambda *_: fails(500)) as server:
        found = ask(server, tmp_path, prompt(), prompt("B"), when_down="auto")[1]
    assert isinstance(found, ServiceError)
    assert "run again" in str(found)


def test_the_token_budget_stops_before_the_call(tmp_path: Path) -> None:
    """120 tokens are billed per call: the second may pass 250, so it is not made; the first comes from the cache."""
    with fake_server(lambda *_: GOOD) as server:
        found = ask(server, tmp_path, prompt(), prompt("B"), prompt(), max_tokens_total=200)
        assert found[0] == found[2] == {"caption": "x"}
        assert isinstance(found[1], BudgetError)
        assert len(server.requests) == 1


def test_the_money_budget_stops_before_the_call(tmp_path: Path) -> None:
    with fake_server(lambda *_: GOOD) as server:
        values = {"max_cost": 0.0008, "price_in": 2.0, "price_out": 10.0}
        found = ask(server, tmp_path, prompt(), prompt("B"), **values)
    assert found[0] == {"caption": "x"}
    assert isinstance(found[1], BudgetError)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": -5, "completion_tokens": "x"}])
def test_a_reply_that_does_not_say_what_it_cost_counts_with_its_upper_bound(tmp_path: Path, usage: dict | None) -> None:
    body = json.loads(GOOD.body) | {"usage": usage}
    if usage is None:
        del body["usage"]
    tokens_in, tokens_out = prompt().bound()
    limit = 2 * (tokens_in + tokens_out) - 1
    with fake_server(lambda *_: Reply(json.dumps(body).encode())) as server:
        found = ask(server, tmp_path, prompt(), prompt("A cat purrs"), max_tokens_total=limit)
        assert len(server.requests) == 1
    assert found[0] == {"caption": "x"}
    assert isinstance(found[1], BudgetError)
    spent = CompletionCache(tmp_path / "answers.jsonl").spent()
    assert (spent.tokens_in, spent.tokens_out) == (tokens_in, tokens_out)


@pytest.mark.parametrize("count", [4, 16])
def test_the_budget_is_kept_with_many_in_flight(tmp_path: Path, count: int) -> None:
    """All at the same time: what is reserved never exceeds the limit, so the sum of the bills does not."""
    limit = 1000
    with fake_server(lambda *_: replace(GOOD, delay_s=0.02)) as server:
        prompts = [prompt(f"{n:100d}") for n in range(40)]
        found = ask_together(server, tmp_path, *prompts, concurrency=count, max_tokens_total=limit)
        assert len(server.requests) == sum(isinstance(one, dict) for one in found)
    assert {type(one) for one in found} == {dict, BudgetError}
    spent = CompletionCache(tmp_path / "answers.jsonl").spent()
    assert 0 < spent.tokens_in + spent.tokens_out <= limit


def test_a_call_whose_reply_was_lost_counts_in_full_and_a_refused_one_not_at_all(tmp_path: Path) -> None:
    bound = sum(prompt().bound())
    cache = CompletionCache(tmp_path / "answers.jsonl")
    with fake_server(lambda *_: fails(500)) as server:
        ask(server, tmp_path, prompt(), max_retries=2, max_tokens_total=10_000)
    assert cache.committed().tokens_in == 0
    with fake_server(lambda *_: replace(GOOD, cut_at=20)) as server:
        ask(server, tmp_path, prompt(), max_retries=1, max_tokens_total=10_000)
    assert sum((cache.committed().tokens_in, cache.committed().tokens_out)) == 2 * bound
