"""Edits change one place of a caption, say where the new words are, and leave every other word. SPEC A6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.language.content import words
from tasks.language.cues import CuedCaption
from tasks.language.edit import (
    event_end,
    in_case_of,
    inserted,
    is_joined,
    lower_first,
    match_style,
    moved,
    replaced,
    split_ending,
    tidy,
    upper_first,
    without_cue,
)
from tests.tasks.language.captions import GRID, cued

CAPTIONS = [CuedCaption(text=split_ending(one.text)[0], cue=one.cue) for one, _ in GRID]
PHRASES = ("slowly", "at a moderate pace", "in the distance", "extremely fast", "unhurried")
ARTICLES = ("a", "an")


def plain(text: str) -> list[str]:
    return [word for word in words(text) if word not in ARTICLES]


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("caption", CAPTIONS)
def test_replacing_changes_the_cue_alone(caption: CuedCaption, phrase: str) -> None:
    new = replaced(caption, phrase, "slow")
    assert new.cue.words.lower() == phrase
    assert new.text[new.cue.start : new.cue.end] == new.cue.words
    assert plain(new.outside) == plain(caption.outside)
    assert new.text[0].isupper() == caption.text[0].isupper()


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("caption", CAPTIONS)
def test_moving_keeps_the_other_words_in_order(caption: CuedCaption, phrase: str) -> None:
    new = moved(caption, phrase, "slow")
    assert new.cue.words.lower() == phrase
    assert new.text[0].isupper() == caption.text[0].isupper()
    assert plain(new.outside) == plain(caption.outside)


@pytest.mark.parametrize("comma", [True, False])
@pytest.mark.parametrize("caption", CAPTIONS)
def test_inserting_keeps_the_whole_caption(caption: CuedCaption, comma: bool) -> None:
    for at in {0, event_end(caption.text, caption.cue.end), len(caption.text)}:
        new = inserted(caption, at, "getting louder", "crescendo", comma=comma)
        assert new.cue.words.lower() == "getting louder"
        assert plain(new.outside) == plain(caption.text)
        assert ",," not in new.text
        assert "  " not in new.text


@pytest.mark.parametrize(
    ("caption", "words_", "expected"),
    [
        ("A nearby owl hoots", "distant", "A distant owl hoots"),
        ("A fast owl hoots", "extremely fast", "An extremely fast owl hoots"),
        ("An extremely slow owl hoots", "slow", "A slow owl hoots"),
        ("A slow unit hums", "very slow", "A very slow unit hums"),
        ("Fast knocking", "very fast", "Very fast knocking"),
        ("fast knocking", "very fast", "very fast knocking"),
    ],
)
def test_articles_and_capitals_follow_the_new_words(caption: str, words_: str, expected: str) -> None:
    assert replaced(cued(caption), words_, "fast").text == expected


@pytest.mark.parametrize(
    ("caption", "rest"),
    [
        ("A nearby owl hoots", "An owl hoots"),
        ("A fast unit hums", "A unit hums"),
        ("A fast honest reply", "An honest reply"),
        ("A fast, loud hammering", "A loud hammering"),
        ("A dog barks quickly, then stops", "A dog barks, then stops"),
        ("A dog barks quickly", "A dog barks"),
    ],
)
def test_a_cue_that_is_cut_out_leaves_a_sound_sentence(caption: str, rest: str) -> None:
    text, at = without_cue(cued(caption))
    assert text == rest
    assert 0 <= at <= len(text)


@pytest.mark.parametrize(
    ("caption", "event"),
    [
        ("A dog barks while a man speaks", "A dog barks"),
        ("A dog barks, then a man speaks", "A dog barks"),
        ("A dog barks followed by rain", "A dog barks"),
        ("A dog barks and a man speaks", "A dog barks"),
        ("A dog barks and growls", "A dog barks and growls"),
        ("A dog barks at a man", "A dog barks at a man"),
    ],
)
def test_an_event_ends_where_the_next_begins(caption: str, event: str) -> None:
    assert caption[: event_end(caption, 0)] == event


def test_a_phrase_in_front_gets_a_comma_and_the_capital() -> None:
    caption = cued("A dog barks loudly")
    assert inserted(caption, 0, "in the distance", "far").text == "In the distance, a dog barks loudly"
    name = cued("Big Ben rings loudly")
    assert inserted(name, 0, "in the distance", "far").text == "In the distance, big Ben rings loudly"


def test_an_inserted_trend_stands_between_commas() -> None:
    caption = cued("A loud whoosh followed by rain")
    new = inserted(caption, event_end(caption.text, caption.cue.end), "getting louder", "crescendo", comma=True)
    assert new.text == "A loud whoosh, getting louder, followed by rain"


@given(st.text(alphabet="ab ,.;!", max_size=40))
def test_tidying_twice_is_tidying_once(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert words(once) == words(text)


@given(st.text(alphabet="Ab .!", max_size=30))
def test_a_caption_is_its_body_and_its_ending(text: str) -> None:
    body, ending = split_ending(text)
    assert words(body) == (words(text) if body else [])
    assert set(ending) <= set(" .!")
    assert not body or text.startswith(body)


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("a dog barks.", "A cat meows", "A dog barks"),
        (" A dog barks", "A cat meows.", "A dog barks."),
        ("A dog barks", "a cat meows", "A dog barks"),
        ("", "A cat meows.", "."),
    ],
)
def test_an_answer_gets_the_style_of_its_caption(text: str, before: str, expected: str) -> None:
    assert match_style(text, before) == expected


def test_only_ordinary_first_words_change_their_case() -> None:
    assert lower_first("A dog") == "a dog"
    assert lower_first("I sing") == "I sing"
    assert lower_first("TV static") == "TV static"
    assert upper_first("éclair") == "Éclair"
    assert upper_first("") == lower_first("") == ""
    assert lower_first("A DOG BARKS") == "A DOG BARKS"


@pytest.mark.parametrize(
    ("caption", "joined"),
    [
        ("An engine idles loudly—nearby—and fast", True),
        ("A fast and dull hammering", True),
        ("A dull yet fast hammering", True),
        ("A dog growls, then barks quickly", False),
        ("A dog barks oddly, then quickly", True),
        ("A man claps, then quickly knocks", False),
        ("A fast, dull hammering", False),
    ],
)
def test_a_cue_beside_a_conjunction_is_joined(caption: str, joined: bool) -> None:
    assert is_joined(cued(caption, "fast")) == joined


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("caption", CAPTIONS)
def test_an_edit_of_a_caption_in_capitals_is_in_capitals(caption: CuedCaption, phrase: str) -> None:
    cue = caption.cue
    loud = CuedCaption.at(caption.text.upper(), cue.side, cue.start, cue.end, cue.pos)
    for new in (replaced(loud, phrase, "slow"), moved(loud, phrase, "slow"), inserted(loud, 0, phrase, "slow")):
        assert new.text == new.text.upper()


def test_new_words_have_the_case_of_the_words_in_whose_place_they_stand() -> None:
    assert in_case_of("QUICKLY", "very quickly") == "VERY QUICKLY"
    assert in_case_of("Quickly", "very quickly") == "very quickly"
    caption = cued("A LOUD DOG is barking QUICKLY", "fast")
    assert replaced(caption, "very quickly", "fast").text == "A LOUD DOG is barking VERY QUICKLY"
