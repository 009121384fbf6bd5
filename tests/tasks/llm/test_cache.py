"""The answer file: append-only, shared, and indifferent to kills."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import BudgetError
from tasks.llm.budget import Budget
from tasks.llm.cache import CompletionCache, Spent
from tasks.llm.completion import Completion
from tasks.llm.config import LLMConfig

COMPLETION = Completion(text='{"caption": "é\\n"}', cut_off=False, tokens_in=3, tokens_out=2)


def test_what_is_put_is_found_by_another_reader(tmp_path):
    writer, reader = CompletionCache(tmp_path / "a.jsonl"), CompletionCache(tmp_path / "a.jsonl")
    assert reader.get("k") is None
    writer.put("k", COMPLETION)
    assert reader.get("k") == COMPLETION == writer.get("k")
    assert reader.spent() == Spent(3, 2, 3.0, 2.0)


def test_a_record_cut_by_a_kill_at_any_byte_loses_only_itself(tmp_path):
    whole = tmp_path / "whole.jsonl"
    CompletionCache(whole).put("a", COMPLETION)
    CompletionCache(whole).put("b", COMPLETION)
    data = whole.read_bytes()
    half = len(data) // 2
    for cut in range(half + 1, len(data), 7):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(data[:cut])
        cache = CompletionCache(path)
        cache.get("a")  # read before the next append
        cache.put("c", COMPLETION)
        assert cache.get("a") == cache.get("c") == COMPLETION
        assert CompletionCache(path).get("c") == COMPLETION


GARBAGE = Completion(text="Sure!", cut_off=False, tokens_in=3, tokens_out=2)


def test_a_completion_without_an_answer_is_only_kept_for_the_run_that_paid(tmp_path):
    path = tmp_path / "a.jsonl"
    first = CompletionCache(path, "run 1")
    for key, completion in (("good", COMPLETION), ("bad", GARBAGE), ("better later", GARBAGE)):
        first.put(key, completion)
    assert first.get("bad") == CompletionCache(path, "run 1").get("bad") == GARBAGE
    second = CompletionCache(path, "run 2")
    assert (second.get("good"), second.get("bad")) == (COMPLETION, None)
    second.put("better later", COMPLETION)
    assert first.get("better later") == second.get("better later") == COMPLETION
    assert CompletionCache(path).get("bad") == GARBAGE  # without a run, those of all runs
    assert second.spent() == Spent(12, 8, 12.0, 8.0)


def test_what_is_charged_is_spent_and_not_kept(tmp_path):
    cache = CompletionCache(tmp_path / "a.jsonl")
    cache.reserve("r", 1.0, 30, 20)
    cache.charge(COMPLETION, "r")
    cache.charge(Completion(text="", cut_off=True, tokens_in=10, tokens_out=0, price_share=0.5))
    assert cache.committed() == cache.spent() == CompletionCache(tmp_path / "a.jsonl").spent() == Spent(13, 2, 8.0, 2.0)


def test_records_of_many_writers_do_not_mix(tmp_path):
    def write(name: str) -> None:
        cache = CompletionCache(tmp_path / "a.jsonl")
        for number in range(50):
            cache.put(f"{name}{number}", COMPLETION)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = CompletionCache(tmp_path / "a.jsonl")
    assert all(reader.get(f"{name}{number}") == COMPLETION for name in "abcd" for number in range(50))


def test_foreign_lines_are_passed_over(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('garbage\n{"key": 1}\n[]\n\x00\n')
    cache = CompletionCache(path)
    cache.put("k", COMPLETION)
    assert cache.get("k") == COMPLETION
    assert cache.spent() == Spent(3, 2, 3.0, 2.0)


def _many(path: Path, name: str) -> None:
    cache = CompletionCache(path)
    for number in range(200):
        cache.put(f"{name}{number}", Completion(text="x" * 3000, cut_off=False, tokens_in=1, tokens_out=1))


def _processes(target, *arguments) -> None:
    context = multiprocessing.get_context("spawn")  # a test process has threads, which a fork would break
    workers = [context.Process(target=target, args=one) for one in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(worker.exitcode == 0 for worker in workers)


def test_records_of_many_processes_do_not_mix(tmp_path):
    path = tmp_path / "a.jsonl"
    _processes(_many, *((path, name) for name in "abc"))
    reader = CompletionCache(path)
    assert all(reader.get(f"{name}{number}") for name in "abc" for number in range(200))
    assert reader.spent() == Spent(600, 600, 600.0, 600.0)


def _spend(path: Path) -> None:
    budget = Budget(LLMConfig(max_tokens_total=1000), CompletionCache(path))
    try:
        for _ in range(100):
            budget.reserve(5, 5)
    except BudgetError:
        return


def test_processes_together_set_aside_no_more_than_the_budget(tmp_path):
    path = tmp_path / "a.jsonl"
    _processes(_spend, *[(path,)] * 3)
    assert CompletionCache(path).committed() == Spent(500, 500, 500.0, 500.0)


def test_an_answer_takes_the_place_of_its_hold_and_a_batched_one_costs_its_share(tmp_path):
    cache = CompletionCache(tmp_path / "a.jsonl")
    budget = Budget(LLMConfig(max_cost=1.0, price_in=1e6 / 100), cache)
    reservation = budget.reserve(60, 10)
    with pytest.raises(BudgetError, match="max_cost"):
        budget.reserve(60, 10)
    cache.put("k", Completion(text="x", cut_off=False, tokens_in=40, tokens_out=5, price_share=0.5), reservation)
    assert cache.committed() == cache.spent() == Spent(40, 5, 20.0, 2.5)
    budget.release(budget.reserve(60, 10))
    assert cache.committed() == cache.spent()


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200), st.booleans()), max_size=30))
def test_what_is_set_aside_never_passes_the_limit(tmp_path_factory, calls):
    cache = CompletionCache(tmp_path_factory.mktemp("b") / "a.jsonl")
    budget = Budget(LLMConfig(max_tokens_total=1000), cache)
    for tokens_in, tokens_out, answered in calls:
        try:
            reservation = budget.reserve(tokens_in, tokens_out)
        except BudgetError:
            now = cache.committed()
            assert now.tokens_in + now.tokens_out + tokens_in + tokens_out > 1000
            continue
        if answered:
            cache.put(
                reservation,
                Completion(text="", cut_off=False, tokens_in=tokens_in // 2, tokens_out=tokens_out),
                reservation,
            )
        now = cache.committed()
        assert now.tokens_in + now.tokens_out <= 1000


def test_text_that_is_no_utf8_is_kept_readable(tmp_path):
    cache = CompletionCache(tmp_path / "a.jsonl")
    cache.put("k", Completion(text="\ud800 \u2028 end", cut_off=False, tokens_in=1, tokens_out=1))
    assert cache.get("k") is not None
