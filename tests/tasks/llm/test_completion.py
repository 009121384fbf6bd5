"""The JSON object inside a model's text, whatever is around it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.completion import Completion, CompletionError

ANSWER = {"caption": "A dog barks"}
TEXT = json.dumps(ANSWER)
ENDS = ("</think>", "</thinking>", "[/THINK]")


def completion(text: str, *, cut_off: bool = False) -> Completion:
    return Completion(text=text, cut_off=cut_off, tokens_in=1, tokens_out=1)


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers() | st.lists(st.text(max_size=5))),
    st.text(st.characters(exclude_characters="{}[]<"), max_size=30),
    st.text(st.characters(exclude_characters="{}[]<"), max_size=30),
)
def test_an_object_between_other_words_is_read(answer: dict, before: str, after: str) -> None:
    text = json.dumps(answer)
    assert completion(text).answer() == answer
    assert completion(f"{before} {text} {after}").answer() == answer
    assert completion(f"```json\n{text}\n```").answer() == answer


@given(st.text(max_size=60), st.sampled_from(ENDS))
def test_thoughts_with_or_without_a_beginning_do_not_change_the_answer(thoughts: str, end: str) -> None:
    assert completion(f"{thoughts}{end}\n{TEXT}").answer() == ANSWER
    assert completion(f"<think>{thoughts}{end}{TEXT}").answer() == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        '<think>{"caption": "y"}?</think>\n' + TEXT,
        'I must fill {"caption": ...}. Done.</think>' + TEXT,
        '<think>{"caption": "y"}</think> Again. <think>{"caption": "z"}</think>' + TEXT,
        TEXT + "<think>was that right?",
    ],
)
def test_an_object_among_the_thoughts_is_not_the_answer(text: str) -> None:
    assert completion(text).answer() == ANSWER


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("certainly! here is your caption", "not JSON"),
        ("", "not JSON"),
        ('{"caption": "A dog ba', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ('"a text"', "not a JSON object"),
        ("<think>" + TEXT, "not JSON"),
    ],
)
def test_a_text_without_an_answer_is_not_usable_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(CompletionError, match=f"^{reason}$"):
        completion(text).answer()
    assert not completion(text).usable
    assert completion(TEXT).usable


def test_a_refusal_is_no_answer_whatever_its_text() -> None:
    with pytest.raises(CompletionError, match=r"^refused$"):
        replace(completion(TEXT), refused=True).answer()


@pytest.mark.parametrize(
    ("text", "early"),
    [
        ("", True),
        ("<think>Hm, a dog", True),
        ("Let me think about {the} caption</think>", True),
        ("<think>{}</think> Well", True),
        ('<think>ok</think>{"caption": "A dog ba', False),
        ('{"caption": "A dog ba', False),
    ],
)
def test_only_what_was_cut_off_before_an_answer_began_is_cut_off_early(text: str, early: bool) -> None:
    assert completion(text, cut_off=True).cut_off_early == early
    assert not completion(text).cut_off_early
    with pytest.raises(CompletionError, match=r"^cut off$"):
        completion(text, cut_off=True).answer()
