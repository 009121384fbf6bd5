"""Events, who does what, their order and which of them has the level are compared, whatever the wording. SPEC A6."""

from __future__ import annotations

import pytest

from tasks.language.cues import CuedCaption
from tasks.language.meaning import masked, meaning_problems, said_of_all
from tasks.mine.parser import ParseMiner
from tests.tasks.language.captions import cued, said

BEFORE = cued("A man speaks quickly while a dog barks")


def problems(after: str, level: str = "very_fast", before: CuedCaption = BEFORE) -> list[str]:
    return meaning_problems(before, said(after, level), parse=False)


@pytest.mark.parametrize(
    "after",
    [
        "A man speaks very quickly while a dog barks",
        "While a dog barks, a man speaks very quickly",
        "A man talks at breakneck speed as a canine barks",
        "A dog barks and a man speaks extremely fast",
    ],
)
def test_the_same_events_in_other_words_are_the_same(after: str) -> None:
    assert problems(after) == []


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        ("A dog barks very quickly while a man speaks", "says the level of another event"),
        ("Very quickly, a man speaks while a dog barks", "says the level of all events"),
        ("A man barks very quickly while a dog speaks", "changes who does what"),
        ("A man speaks very quickly, then a dog barks", "changes the order of events"),
        ("A man never speaks very quickly while a dog barks", "adds 'never'"),
        ("A man speaks very quickly while dogs bark", "changes the number of 'dog'"),
    ],
)
def test_other_events_are_named(after: str, problem: str) -> None:
    assert problem in problems(after)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("A bell rings loudly before a man shouts", "A bell rings louder and louder, then a man shouts", True),
        ("A man shouts loudly after a bell rings", "A bell rings, then a man shouts louder and louder", True),
        ("After a bell rings, a man shouts loudly", "A bell rings, then a man shouts louder and louder", True),
        ("A bell rings, then a man shouts loudly", "A man shouts louder and louder, then a bell rings", False),
        ("A bell rings and a man shouts loudly", "A bell rings before a man shouts louder and louder", False),
    ],
)
def test_the_order_in_time_is_kept_however_it_is_said(before: str, after: str, same: bool) -> None:
    assert ("changes the order of events" not in problems(after, "crescendo", cued(before))) == same


@pytest.mark.parametrize(
    ("before", "good", "bad"),
    [
        (
            "A man talks quickly and a woman talks",
            "A woman talks and a man talks very quickly",
            "A woman talks very quickly and a man talks",
        ),
        (
            "A horse trots fast - a bell rings",
            "A horse trots very fast - a bell rings",
            "A horse trots - a bell rings very fast",
        ),
        (
            "A man speaks fast. A dog barks",
            "A man speaks at breakneck speed. A dog barks",
            "A man speaks. A dog barks very fast",
        ),
        (
            "A man speaks fast and then drives off",
            "A man speaks, very fast, and then drives off",
            "A man speaks and then drives off very fast",
        ),
    ],
)
def test_the_level_stays_with_its_event_whatever_joins_the_events(before: str, good: str, bad: str) -> None:
    assert problems(good, before=cued(before)) == []
    assert "says the level of another event" in problems(bad, before=cued(before))


def test_a_caption_of_the_level_alone_is_judged() -> None:
    assert "says the level of another event" not in problems("Very quickly")


def test_the_parse_tells_who_does_what_inside_one_event(parser: ParseMiner) -> None:
    before, swapped = cued("A cat quickly chases a dog"), said("A dog very quickly chases a cat", "very_fast")
    assert meaning_problems(before, swapped, parse=False) == []
    assert meaning_problems(before, swapped, parse=True) == ["changes who does what"]
    assert meaning_problems(before, said("A cat very quickly chases a dog", "very_fast"), parse=True) == []


def test_masked_keeps_every_offset() -> None:
    text = masked(BEFORE)
    assert len(text) == len(BEFORE.text)
    assert "quickly" not in text
    assert text.index("dog") == BEFORE.text.index("dog")


def test_a_cue_in_front_of_several_events_is_said_of_all() -> None:
    assert said_of_all(said("In the distance, a dog barks while a man speaks", "far"))
    assert not said_of_all(said("In the distance, a dog barks", "far"))
    assert not said_of_all(said("A distant dog barks while a man speaks", "far"))
    assert not said_of_all(said("Distant barking while a man speaks", "far"))


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        ("A kettle's whistle gets louder and louder", ""),
        ("A kettle’s whistle gets louder and louder", ""),
        ("Kettles whistle louder and louder", "changes the number of 'kettle'"),
    ],
)
def test_one_owner_of_a_sound_says_nothing_of_how_many_sounds(after: str, problem: str) -> None:
    found = problems(after, "crescendo", cued("A kettle whistles loudly"))
    assert [one for one in found if "number" in one] == ([problem] if problem else [])
