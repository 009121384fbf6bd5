"""Events are told apart by the words that join them; together they cover the caption. SPEC A6."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.language.clauses import event_end, events, is_sentence

WORDS = ["a", "dog", "barks", "and", ",", "with", "while", "as", "then", "rain"]
CAPTIONS = [
    ("A man speaks", "while a dog barks"),
    ("Birds chirp", "and a truck honks loudly"),
    ("Loud hammering on metal", "with voices in the background"),
    ("People clap", "and a drum beats"),
    ("Fast, loud hammering and sawing",),
    ("A person hits a drum with a stick quickly",),
    ("A nearby horn blows", ", then bells ring"),
    ("An engine hums", ", birds chirp", ", and people talk"),
    ("A crowd cheers and claps loudly",),
    ("An engine revs", "with people talking"),
    ("Rain falls", "and thunder rumbles", ", followed by silence"),
    ("A series of pops", "is followed by speech"),
    ("A cat purrs", "and rain patters on a roof"),
    ("A child sings as well as a bird",),
    ("A bell rings with increasing volume",),
    ("A man talks", "as it rains"),
    ("A horse trots", "- a bell rings", "; rain falls"),
    ("A dog barks 3.5 times - loudly",),
]


@pytest.mark.parametrize("parts", CAPTIONS)
def test_a_caption_is_told_apart_where_another_event_begins(parts: tuple[str, ...]) -> None:
    text = "".join(part if part[0] in ",;" else f" {part}" for part in parts).strip()
    assert tuple(text[start:end].strip() for start, end in events(text)) == parts


def test_an_event_ends_before_the_words_that_join_the_next() -> None:
    text = "A dog barks loudly, and then a man speaks"
    assert text[: event_end(text, 3)] == "A dog barks loudly"
    assert event_end(text, len(text) - 1) == len(text)
    assert event_end("", 0) == 0


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_events_are_in_order_and_lose_no_word(text: str) -> None:
    spans = events(text)
    assert list(spans) == sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    covered = "".join(text[start:end] for start, end in spans)
    assert [c for c in covered if c.isalnum()] == [c for c in text if c.isalnum()]


@pytest.mark.parametrize(
    "text",
    [
        "a horse neighs", "Two goats bleat", "People clap", "A fan is humming", "Sheep bleat", "A cat on a sill purrs",
        "A lathe turns", "the zipper is opened",
    ],
)  # fmt: skip
def test_a_sentence_has_a_finite_verb(text: str) -> None:
    assert is_sentence(text)


@pytest.mark.parametrize(
    "text",
    [
        "a tap on a window", "a steady dripping", "tapping on a glass table", "a mower that is running",
        "geese honking", "",
        "the humming of a freezer", "a loud and fast drum solo", "steps on gravel",
    ],
)  # fmt: skip
def test_a_noun_with_what_describes_it_is_no_sentence(text: str) -> None:
    assert not is_sentence(text)
