"""A client without calls: what it answers is what a server answered, and what it lacks it names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tasks.llm.cache import CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError, run_without_loop
from tasks.llm.completion import Completion, CompletionError
from tests.tasks.llm.fake_server import fake_server, says
from tests.tasks.llm.harness import ask, prompt


def test_it_answers_as_the_server_did(tmp_path: Path) -> None:
    with fake_server(lambda *_: says({"caption": "x"})) as server:
        (paid,) = ask(server, tmp_path, prompt())
    client = CacheOnlyClient("m", CompletionCache(tmp_path / "answers.jsonl"))
    assert run_without_loop(lambda: client.complete(prompt())) == paid


def test_a_missing_completion_is_named_by_key_and_prompt(tmp_path: Path) -> None:
    client = CacheOnlyClient("m", CompletionCache(tmp_path / "answers.jsonl"))
    with pytest.raises(NotCachedError) as caught:
        run_without_loop(lambda: client.complete(prompt("A cat purrs")))
    assert caught.value.prompt == prompt("A cat purrs")
    assert caught.value.key == prompt("A cat purrs").key("m")
    assert not (tmp_path / "answers.jsonl").exists()


def test_an_unusable_completion_is_an_error_as_with_any_client(tmp_path: Path) -> None:
    cache = CompletionCache(tmp_path / "answers.jsonl")
    cache.put(prompt().key("m"), Completion(text="Sure!", cut_off=False, tokens_in=1, tokens_out=1))
    with pytest.raises(CompletionError, match="not JSON"):
        run_without_loop(lambda: CacheOnlyClient("m", cache).complete(prompt()))
    later = CompletionCache(cache.path, "a later run")
    with pytest.raises(NotCachedError):
        run_without_loop(lambda: CacheOnlyClient("m", later).complete(prompt()))


async def _seven() -> int:
    return 7


async def _waits() -> int:
    await asyncio.sleep(0)
    return 7


def test_work_that_never_waits_runs_inside_a_loop_and_other_work_is_refused() -> None:
    async def inside() -> int:
        return run_without_loop(_seven)

    assert run_without_loop(_seven) == asyncio.run(inside()) == 7
    with pytest.raises(AssertionError, match="waited"):
        run_without_loop(_waits)
