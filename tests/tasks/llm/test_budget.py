"""What is spent and reserved together never exceeds the limit. SPEC A6, A7."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import BudgetError
from tasks.llm.budget import Budget
from tasks.llm.cache import CompletionCache, Spent
from tasks.llm.completion import Completion
from tasks.llm.config import LLMConfig
from tests.tasks.llm.processes import in_processes, reserve_all


def test_processes_together_reserve_no_more_than_the_budget(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    in_processes(reserve_all, *[(path,)] * 3)
    assert CompletionCache(path).committed() == Spent(500, 500, 500.0, 500.0)


def test_without_a_limit_nothing_is_reserved_and_no_file_is_made(tmp_path: Path) -> None:
    budget = Budget(LLMConfig(), CompletionCache(tmp_path / "a.jsonl"))
    reservation = budget.reserve(10**9, 10**9)
    budget.release(reservation)
    assert not reservation
    assert not list(tmp_path.iterdir())


def test_a_completion_replaces_its_reservation_and_a_batched_one_costs_its_share(tmp_path: Path) -> None:
    cache = CompletionCache(tmp_path / "a.jsonl")
    budget = Budget(LLMConfig(max_cost=1.0, price_in=1e6 / 100), cache)
    reservation = budget.reserve(60, 10)
    with pytest.raises(BudgetError, match=r"cost to 1\.2000; llm\.max_cost is 1\.0000: raise it, or lower"):
        budget.reserve(60, 10)
    cache.put("k", Completion(text="x", cut_off=False, tokens_in=40, tokens_out=5, price_share=0.5), reservation)
    assert cache.committed() == cache.spent() == Spent(40, 5, 20.0, 2.5)
    budget.release(budget.reserve(60, 10))
    assert cache.committed() == cache.spent()


def test_a_batch_is_reserved_at_its_share_of_the_price(tmp_path: Path) -> None:
    config = LLMConfig(max_cost=1.0, price_in=1e6 / 100)
    with pytest.raises(BudgetError):
        Budget(config, CompletionCache(tmp_path / "a.jsonl")).reserve(150, 0)
    assert Budget(config, CompletionCache(tmp_path / "a.jsonl")).reserve(150, 0, 0.5, "batch") == "batch"


def test_the_message_says_what_is_spent_and_which_settings_help(tmp_path: Path) -> None:
    budget = Budget(LLMConfig(max_tokens_total=100), CompletionCache(tmp_path / "a.jsonl"))
    budget.reserve(30, 40)
    with pytest.raises(BudgetError) as caught:
        budget.reserve(20, 11)
    for part in ("to 101", "llm.max_tokens_total is 100", "(70 spent or reserved)", "llm.max_recaptions"):
        assert part in str(caught.value)


CALLS = st.tuples(st.integers(0, 200), st.integers(0, 200), st.sampled_from(["paid", "freed", "lost"]))


@settings(max_examples=40)
@given(st.lists(CALLS, max_size=15))
def test_the_limit_is_never_exceeded_whatever_becomes_of_the_calls(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, int, str]]
) -> None:
    cache = CompletionCache(tmp_path_factory.mktemp("b") / "a.jsonl")
    budget = Budget(LLMConfig(max_tokens_total=1000), cache)
    for tokens_in, tokens_out, end in calls:
        before = cache.committed().tokens
        try:
            reservation = budget.reserve(tokens_in, tokens_out)
        except BudgetError:
            assert before + tokens_in + tokens_out > 1000
            assert cache.committed().tokens == before
            continue
        if end == "paid":
            paid = Completion(text="", cut_off=False, tokens_in=tokens_in // 2, tokens_out=tokens_out)
            cache.put(reservation, paid, reservation)
        elif end == "freed":
            budget.release(reservation)
            assert cache.committed().tokens == before
        assert cache.committed().tokens <= 1000
