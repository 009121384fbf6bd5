"""One question to an endpoint that behaves well, and to one that misbehaves in every way. SPEC A6, A7."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from data_contracts import BudgetError, UsageError
from tasks.llm.backend import Backend
from tasks.llm.cache import AnswerCache
from tasks.llm.client import BREAK_AFTER, AnswerError, Client, Question, UnavailableError
from tasks.llm.config import LLMConfig
from tests.tasks.llm.fake_server import FakeServer, Reply, fails, fake_server, says

SCHEMA = {"type": "object", "properties": {"caption": {"type": "string"}}}


def question(caption: str = "A dog barks", attempt: int = 1) -> Question:
    return Question(
        prompt_version="1",
        fields={"caption": caption},
        attempt=attempt,
        messages=({"role": "user", "content": caption},),
        schema=SCHEMA,
        max_tokens=50,
    )


def ask(server: FakeServer, folder: Path, *questions: Question, **config):
    """Asks in one client, one after the other; returns answers or the exceptions."""

    async def run():
        backend = Backend(kind="endpoint", model="m", reason="test", base_url=server.url)
        client = Client(backend, LLMConfig(**{"timeout_s": 5.0, **config}), AnswerCache(folder / "answers.jsonl"))
        found = []
        for one in questions:
            try:
                found.append(await client.ask(one))
            except Exception as error:
                found.append(error)
        await client.close()
        return found

    return asyncio.run(run())


def test_a_good_answer_is_asked_for_once_and_then_comes_from_the_file(tmp_path):
    with fake_server(lambda *_: says({"caption": "x"})) as server:
        assert ask(server, tmp_path, question(), question()) == [{"caption": "x"}] * 2
        assert ask(server, tmp_path, question()) == [{"caption": "x"}]
        assert len(server.requests) == 1
        assert server.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    "change",
    [{"attempt": 2}, {"prompt_version": "2"}, {"temperature": 0.7}, {"max_tokens": 51}, {"fields": {"caption": "y"}}],
)
def test_the_key_depends_on_everything_the_answer_does(change):
    from dataclasses import replace

    assert replace(question(), **change).key("m") != question().key("m")
    assert question().key("m") != question().key("other")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_passing_trouble_is_retried(tmp_path, status):
    with fake_server(lambda _, n: fails(status) if n < 3 else says({"caption": "x"})) as server:
        assert ask(server, tmp_path, question()) == [{"caption": "x"}]
        assert len(server.requests) == 3


def test_lasting_trouble_is_unavailable_and_the_breaker_stops_asking(tmp_path):
    with fake_server(lambda *_: fails(500)) as server:
        questions = [question(f"caption {i}") for i in range(BREAK_AFTER + 5)]
        found = ask(server, tmp_path, *questions, max_retries=1)
    assert all(isinstance(one, UnavailableError) for one in found)
    assert len(server.requests) == BREAK_AFTER * 2


def test_a_slow_server_times_out_as_unavailable(tmp_path):
    def slow(*_):
        reply = says({"caption": "x"})
        return Reply(reply.body, delay_s=0.6)

    with fake_server(slow) as server:
        (found,) = ask(server, tmp_path, question(), timeout_s=0.1, max_retries=0)
    assert isinstance(found, UnavailableError)


def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    (found,) = ask(FakeServer(lambda *_: says("")), tmp_path, question(), max_retries=0)
    assert isinstance(found, UnavailableError | UsageError)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (says("certainly! here is your caption"), "not JSON"),
        (says('{"caption": "A dog ba'), "not JSON"),
        (says('{"caption": "A dog ba', finish="length"), "cut off"),
        (says("[1, 2]"), "not a JSON object"),
        (says(""), "not JSON"),
    ],
)
def test_garbage_is_a_bad_answer_with_its_reason(tmp_path, reply, reason):
    with fake_server(lambda *_: reply) as server:
        (found,) = ask(server, tmp_path, question())
    assert isinstance(found, AnswerError)
    assert str(found) == reason


@pytest.mark.parametrize("body", [b"<html>proxy</html>", b"{}", b'{"choices": []}', b"null"])
def test_a_body_that_is_no_chat_completion_is_unavailable(tmp_path, body):
    with fake_server(lambda *_: Reply(body)) as server:
        (found,) = ask(server, tmp_path, question(), max_retries=0)
    assert isinstance(found, UnavailableError)


def test_fenced_json_is_read(tmp_path):
    with fake_server(lambda *_: says('```json\n{"caption": "x"}\n```')) as server:
        assert ask(server, tmp_path, question()) == [{"caption": "x"}]


def test_a_server_that_knows_no_schema_is_asked_without_it(tmp_path):
    def behave(request, _):
        return fails(400) if "response_format" in request else says({"caption": "x"})

    with fake_server(behave) as server:
        assert ask(server, tmp_path, question()) == [{"caption": "x"}]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_is_the_users_to_mend(tmp_path, status):
    with fake_server(lambda *_: fails(status)) as server:
        (found,) = ask(server, tmp_path, question())
    assert isinstance(found, UsageError)
    assert "OPENAI_API_KEY" in str(found)
    assert len(server.requests) == 1


def test_the_token_budget_stops_before_the_call(tmp_path):
    """120 tokens per call: the second may pass 150, so it is not made; a rerun of the first costs nothing."""
    with fake_server(lambda *_: says({"caption": "x"})) as server:
        found = ask(server, tmp_path, question(), question("B"), question(), max_tokens_total=150)
        assert found[0] == found[2] == {"caption": "x"}
        assert isinstance(found[1], BudgetError)
        assert len(server.requests) == 1


def test_the_money_budget_stops_before_the_call(tmp_path):
    with fake_server(lambda *_: says({"caption": "x"})) as server:
        found = ask(server, tmp_path, question(), question("B"), max_cost=0.0006, price_in=2.0, price_out=10.0)
    assert found[0] == {"caption": "x"}
    assert isinstance(found[1], BudgetError)
