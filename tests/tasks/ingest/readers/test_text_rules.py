"""SPEC D3: each rule for invalid text has its case, and valid text passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.ingest.readers.text_rules import RULES, invalid_rule, require_valid

BROKEN = {
    "empty": "  ", "encoding": "caf\ufffd noise", "placeholder": "N/A", "url": "see www.x.org now",
    "file_name": "dog.wav", "no_text": "12 34", "not_latin": "звук дождя", "too_short": "Dog", "too_long": "a b " * 60,
}  # fmt: skip


def test_d3_each_text_rule_has_its_case() -> None:
    assert set(BROKEN) == {name for name, _ in RULES}
    assert {name: invalid_rule(text) for name, text in BROKEN.items()} == {name: name for name in BROKEN}
    assert invalid_rule("Un café très bruyant.") is None


def test_the_first_rule_that_applies_is_the_one_that_is_named() -> None:
    assert invalid_rule("www.x.org/a.wav") == "url"
    assert invalid_rule("\ufffd") == "encoding"
    assert invalid_rule("none") == "placeholder"


WORDS = st.lists(
    st.sampled_from(["rain", "falls", "on", "a", "tin", "roof", "loudly", "café"]), min_size=2, max_size=100
)


@given(WORDS.filter(lambda words: sum(map(len, words)) >= 3))
def test_plain_words_are_valid_whatever_follows_them(words: list[str]) -> None:
    for end in ("", ".", "!", " ..."):
        require_valid(" ".join(words) + (end if len(words) < 100 else ""))


@pytest.mark.parametrize(("name", "text"), BROKEN.items())
def test_a_refused_text_is_quoted_with_its_rule(name: str, text: str) -> None:
    with pytest.raises(ItemError) as caught:
        require_valid(text)
    assert caught.value.reason == f"invalid_text_{name}"
    assert name in caught.value.message and repr(text[:60]) in caught.value.message


@pytest.mark.parametrize(("edge", "beyond"), [("a b" + " c" * 98, " d"), ("Ab c", None)])
def test_texts_at_the_limits_are_valid(edge: str, beyond: str | None) -> None:
    require_valid(edge)
    if beyond:
        assert invalid_rule(edge + beyond) == "too_long"
