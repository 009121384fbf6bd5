"""Settings of the language model: what is refused, and what a call costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.config import LLMConfig


def test_a_limit_in_money_without_prices_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="max_cost is 5 but price_in and price_out are 0"):
        LLMConfig(max_cost=5.0)
    assert LLMConfig(max_cost=5.0, price_out=1.0).max_cost == 5.0


@pytest.mark.parametrize(
    "values", [{"concurrency": 0}, {"timeout_s": 0}, {"backend": "x"}, {"thinking_tokens": -1}, {"modle": "m"}]
)
def test_a_wrong_setting_is_named(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        LLMConfig.model_validate(values)


@given(st.floats(0, 100), st.floats(0, 100), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_million_tokens_cost_their_price(price_in: float, price_out: float, tokens_in: int, tokens_out: int) -> None:
    config = LLMConfig(price_in=price_in, price_out=price_out)
    assert config.cost(1_000_000, 0) == pytest.approx(price_in)
    assert config.cost(0, 1_000_000) == pytest.approx(price_out)
    assert config.cost(tokens_in, tokens_out) == pytest.approx(config.cost(tokens_in, 0) + config.cost(0, tokens_out))


def test_only_an_endpoint_is_used_by_batches() -> None:
    kinds = ("endpoint", "embedded", "rules")
    assert [LLMConfig(batch=True).is_batched(kind) for kind in kinds] == [True, False, False]
    assert not any(LLMConfig().is_batched(kind) for kind in kinds)
