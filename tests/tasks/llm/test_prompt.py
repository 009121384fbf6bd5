"""A prompt's key, its token bounds, and untrusted text without invisible characters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.prompt import Message, Prompt, plain
from tests.tasks.llm.harness import prompt

OTHER: Message = {"role": "user", "content": "something else"}


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 2},
        {"prompt_version": "2"},
        {"temperature": 0.7},
        {"max_tokens": 51},
        {"fields": {"caption": "y"}},
        {"schema": {"type": "object"}},
    ],
)
def test_the_key_depends_on_everything_that_the_answer_does(change: dict[str, Any]) -> None:
    assert replace(prompt(), **change).key("m") != prompt().key("m")
    assert prompt().key("m") != prompt().key("other")


def test_the_messages_are_named_by_version_and_fields_alone() -> None:
    """So that a layout which changes the messages but not their content needs a new version, and no other."""
    assert replace(prompt(), turns=(OTHER,)).key("m") == prompt().key("m")


def test_equal_prompts_have_equal_seeds_and_further_tries_another() -> None:
    assert prompt().seed == prompt().seed
    assert prompt().seed != prompt(attempt=2).seed
    assert 0 <= prompt().seed < 2**31


TEXTS = st.lists(st.text(max_size=200), max_size=4)


@given(TEXTS, TEXTS, st.integers(0, 1000))
def test_the_bound_exceeds_the_estimate_and_grows_with_every_message(
    ours: list[str], theirs: list[str], thinking: int
) -> None:
    one = replace(prompt(), prefix=_messages(ours), turns=_messages(theirs))
    tokens_in, tokens_out = one.bound()
    assert tokens_in >= one.tokens_in()
    assert tokens_in >= sum(len(text.encode("utf-8", "replace")) for text in theirs)  # a token per byte at most
    assert replace(one, turns=(*one.turns, OTHER)).bound()[0] > tokens_in
    assert one.bound(thinking) == (tokens_in, tokens_out + thinking)


def _messages(texts: list[str]) -> tuple[Message, ...]:
    return tuple({"role": "user", "content": text} for text in texts)


def test_what_is_sent_is_the_prefix_and_then_the_turns() -> None:
    one: Prompt = prompt("A dog barks")
    assert [message["role"] for message in one.messages] == ["system", "user"]
    assert one.messages[-1]["content"] == "A dog barks"


@given(st.text(max_size=80))
def test_plain_text_is_one_line_of_visible_characters(text: str) -> None:
    found = plain(text)
    assert found == plain(found) == " ".join(found.split())
    assert all(character == " " or character.isprintable() or not character.isascii() for character in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dog\x00 barks\x1b[31m", "A dog barks[31m"),
        ("A \u202ebird\u202c\u200b", "A bird"),
        (" a\r\n\u2028b\u00a0c ", "a b c"),
        ("Ein Hund bellt, 犬 \U0001f415", "Ein Hund bellt, 犬 \U0001f415"),
        ("\ud83d", ""),
    ],
)
def test_only_invisible_characters_go(text: str, expected: str) -> None:
    assert plain(text) == expected
