"""A cue knows its words, its intensifiers and how the caption uses it; its offsets survive cleaning. SPEC A1, A6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.adverbs import DIMENSION_OF
from tasks.language.cues import Cue, CuedCaption, with_degrees
from tasks.language.words import DEGREES, STRONG
from tests.tasks.language.captions import GRID, cued

WORDS = st.sampled_from(["a", "dog", "barks", "quickly", "fast", "very", "İ", "é", "and", ",", "-", "dog’s"])
GAPS = st.text(alphabet=" \t\n\u00a0", min_size=1, max_size=3)


def single_spaced(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("caption", [caption for caption, _ in GRID])
def test_the_words_are_the_text_between_the_offsets(caption: CuedCaption) -> None:
    cue = caption.cue
    assert caption.text[cue.start : cue.end] == cue.words
    assert cue.dimension == DIMENSION_OF[cue.side]


@pytest.mark.parametrize("degree", DEGREES)
def test_an_intensifier_joins_the_cue_that_follows_it(degree: str) -> None:
    caption = f"A man knocks {degree} quickly on wood"
    start = caption.index("quickly")
    plain = Cue(side="fast", words="quickly", start=start, end=start + len("quickly"), pos="adverb")
    cue = with_degrees(caption, plain)
    assert cue.words == f"{degree} quickly"
    assert caption[cue.start : cue.end] == cue.words
    assert cue.strong == (degree in STRONG)
    assert with_degrees(caption, cue) == cue


def test_words_that_only_end_like_an_intensifier_stay_outside() -> None:
    assert cued("A man also quickly knocks").with_degrees().cue.words == "quickly"
    assert cued("Every fast knock").with_degrees().cue.words == "fast"
    assert cued("A man knocks very, quickly").with_degrees().cue.words == "quickly"


@pytest.mark.parametrize(
    ("caption", "role"),
    [
        ("A man knocks quickly", "adverbial"),
        ("A man quickly knocks", "before_verb"),
        ("A door is slowly being opened", "before_verb"),
        ("A door slowly and quietly opens", "before_verb"),
        ("A man knocks quickly on wood", "adverbial"),
        ("Very fast knocking", "attribute"),
        ("A fast, loud hammering", "attribute"),
        ("A slow and quiet tapping", "attribute"),
        ("A man makes fast, rumbling footsteps", "attribute"),
        ("A man knocks very fast", "adverbial"),
        ("The knocking is fast", "predicate"),
        ("The knocks are slow as a dog barks", "predicate"),
        ("He taps at a very slow pace", "adverbial"),
        ("At a slow pace a man taps", "adverbial"),
        ("A high speed train passes", "attribute"),
        ("A nearby owl hoots", "attribute"),
        ("An owl hoots nearby", "adverbial"),
        ("Nearby, an owl hoots", "adverbial"),
        ("A dog barks far away", "adverbial"),
        ("Distant thunder", "attribute"),
        ("A close-up recording of rain", "attribute"),
        ("The machine runs slow", "adverbial"),
        ("A man talks quickly and loudly over a radio", "adverbial"),
        ("A clerk talks slowly, clearly like a teacher", "adverbial"),
        ("A door slowly and quietly opens", "before_verb"),
        ("A horse trots fast - a bell rings", "adverbial"),
    ],
)
def test_the_role_follows_from_the_neighbours(caption: str, role: str) -> None:
    assert cued(caption).role == role


def test_the_word_class_is_guessed_where_it_is_not_given() -> None:
    classes = {"quickly": "adverb", "fast": "adjective", "very fast": "adjective", "in the distance": "phrase"}
    for words, pos in classes.items():
        assert CuedCaption.at(f"A {words} b", "fast", 2, 2 + len(words)).cue.pos == pos
    assert CuedCaption.at("A fast b", "fast", 2, 6, "adverb").cue.pos == "adverb"


def test_outside_is_the_text_without_the_cue() -> None:
    assert cued("A man quickly knocks").outside.split() == ["A", "man", "knocks"]


@given(st.lists(st.tuples(WORDS, GAPS), min_size=1, max_size=8), st.data())
def test_cleaning_moves_the_cue_with_its_words(parts: list[tuple[str, str]], data: st.DataObject) -> None:
    text = "".join(f"{gap}{word}" for word, gap in parts)
    number = data.draw(st.integers(0, len(parts) - 1))
    start = sum(len(word) + len(gap) for word, gap in parts[:number]) + len(parts[number][1])
    caption = CuedCaption.at(text, "fast", start, start + len(parts[number][0]), "adverb")
    clean = caption.cleaned(single_spaced)
    assert clean.text == single_spaced(text)
    assert clean.cue.words == caption.cue.words
    assert clean.text[clean.cue.start : clean.cue.end] == caption.cue.words
    assert clean.cleaned(single_spaced) == clean
