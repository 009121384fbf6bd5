"""The rules' captions pass the validator, change nothing outside the mined cue, and are plain English. SPEC A6."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from data_contracts.adverbs import LEVELS
from tasks.language.content import words
from tasks.language.cues import CuedCaption
from tasks.language.meaning import said_of_all
from tasks.language.validator import check, judge
from tasks.recaption.rules import rewrites
from tests.tasks.language.captions import GRID, cued


def best(text: str, level: str, side: str = "") -> str:
    return rewrites(cued(text, side), level)[0].text


def without_articles(text: str) -> list[str]:
    return [word for word in words(text) if word not in ("a", "an")]


@pytest.mark.parametrize(("caption", "level"), GRID)
def test_every_candidate_passes_the_validator_and_is_its_own(caption: CuedCaption, level: str) -> None:
    found = rewrites(caption, level)
    texts = [one.text for one in found]
    assert len(set(texts)) == len(texts)
    assert all(check(caption, one, level) == [] for one in found)
    assert all(judge(caption, text, level)[1] == [] for text in texts)


@pytest.mark.parametrize(("caption", "level"), GRID)
def test_nothing_outside_the_mined_cue_changes(caption: CuedCaption, level: str) -> None:
    for one in rewrites(caption, level):
        outside = without_articles(one.outside)
        assert outside in (without_articles(caption.outside), without_articles(caption.text)), one.text


@pytest.mark.parametrize(("caption", "level"), GRID)
def test_the_new_cue_says_the_level(caption: CuedCaption, level: str) -> None:
    for one in rewrites(caption, level):
        cue = one.cue
        assert one.text[cue.start : cue.end] == cue.words
        assert cue.side == LEVELS[level].side
        assert cue.strong >= LEVELS[level].strong


@pytest.mark.parametrize(("caption", "level"), GRID)
def test_the_full_stop_and_the_capital_stay(caption: CuedCaption, level: str) -> None:
    for one in rewrites(caption, level):
        text = one.text
        assert text.endswith(".") == caption.text.endswith(".")
        assert text[0].isupper() == caption.text[0].isupper()
        assert not re.search(r"\s\s|\s[,.]|,,", text)


def test_there_is_a_choice_for_most(choices: int = 2) -> None:
    assert sum(len(rewrites(caption, level)) >= choices for caption, level in GRID) > 0.8 * len(GRID)


@pytest.mark.parametrize(
    ("caption", "level", "shapes"),
    [
        ("A man knocks quickly", "very_fast", r"A man knocks [\w' -]+"),
        (
            "Very fast footsteps",
            "very_fast",
            r"[A-Z][\w -]+ footsteps|Footsteps [\w' -]+",
        ),
        ("A person taps at a fast pace", "very_fast", r"A person taps [\w' -]+"),
        ("Rain drips in quick succession", "very_fast", r"Rain drips [\w' -]+"),
        ("A stick quickly hits a bar and a dog barks", "medium", r"A stick hits a bar [\w, ]+ and a dog barks"),
        ("A man slowly taps wood, then claps", "medium", r"A man taps wood [\w, ]+, then claps"),
        ("A fast knocking", "medium", r"An? [\w-]+(?: paced)? knocking|A knocking [\w, ]+"),
        ("A nearby owl hoots", "far", r"An? [\w -]+ owl hoots|An owl hoots [\w ]+"),
        ("A bell is heard from close by", "far", r"A bell is heard from (?!in|at|from)[\w ]+"),
        ("Nearby, an owl hoots", "far", r"[A-Z][\w -]+, an owl hoots"),
        ("The knocking is slow", "very_slow", r"The knocking is [\w-]+ (?:slow|slow-paced|sluggish)"),
        (
            "A dog barks loudly as it rains",
            "crescendo",
            r"A dog barks(?: loudly,)? [\w, ]+ as it rains",
        ),
        (
            "Loud hammering, then silence",
            "decrescendo",
            r"[\w ]+ hammering, (?:[\w ]+, )?then silence",
        ),
        ("A series of loud pops is followed by speech", "far", r"A series of [\w -]*pops[\w ]* is followed by speech"),
    ],
)
def test_known_captions_get_words_where_they_belong(caption: str, level: str, shapes: str) -> None:
    found = rewrites(cued(caption), level, limit=30)
    assert len(found) > 3
    assert [one.text for one in found if not re.fullmatch(shapes, one.text)] == []


@pytest.mark.parametrize(
    ("text", "words", "pos", "level", "shapes"),
    [
        (
            "An engine runs then loud hissing",
            "loud",
            "adverb",
            "far",
            r"An engine runs then (?:[\w -]+ )?hissing[\w ]*",
        ),
        (
            "A large, fast stream flows",
            "fast",
            "adjective",
            "medium",
            r"A large(?:, [\w -]+)? stream flows.*",
        ),
        ("Birds chirp, fast knocking", "fast", "adjective", "medium", r"Birds chirp, .*"),
    ],
)
def test_words_that_are_taken_out_leave_a_sound_sentence(
    text: str, words: str, pos: str, level: str, shapes: str
) -> None:
    side, start = "loud" if words == "loud" else "fast", text.index(words)
    caption = CuedCaption.at(text, side, start, start + len(words), pos)
    wrong = [one.text for one in rewrites(caption, level, limit=99) if not re.fullmatch(shapes, one.text)]
    assert wrong == []
    assert not any(" then in the" in one.text or "then from" in one.text for one in rewrites(caption, level, limit=99))


def test_after_an_article_no_adverb_stands_in_for_a_noun() -> None:
    text = "An engine spins up to a high speed"
    start = text.index("high speed")
    caption = CuedCaption.at(text, "fast", start, len(text), "phrase")
    assert {one.text for one in rewrites(caption, "very_fast", limit=99)} <= {
        f"An engine spins up to a{'n' if degree[0] in 'aeiou' else ''} {degree} high speed"
        for degree in ("very", "extremely", "incredibly", "exceptionally", "remarkably")
    }


def test_a_corpus_has_each_wording_about_equally_often() -> None:
    captions = [cued(f"Person {number} knocks quickly on a door") for number in range(300)]
    forms = Counter(rewrites(one, "very_fast", limit=1)[0].cue.words for one in captions)
    assert len(forms) > 40
    assert max(forms.values()) < 0.06 * len(captions)


@pytest.mark.parametrize(("degree", "some"), [("slight", "a bit further away"), ("strong", "miles away")])
def test_the_degree_of_the_change_is_said(degree: str, some: str) -> None:
    words = {one.cue.words for one in rewrites(cued("A dog barks nearby"), "far", degree, limit=99)}
    assert some in words
    assert words.isdisjoint(one.cue.words for one in rewrites(cued("A dog barks nearby"), "far", limit=99))


def test_the_mined_cue_is_edited_and_not_its_twin() -> None:
    text = "A man speaks quickly, then a dog barks quickly"
    second = text.rindex("quickly")
    first = rewrites(CuedCaption.at(text, "fast", 13, 20, "adverb"), "very_fast")[0]
    other = rewrites(CuedCaption.at(text, "fast", second, second + 7, "adverb"), "very_fast")[0]
    assert first.text == f"A man speaks {first.cue.words}, then a dog barks quickly"
    assert other.text == f"A man speaks quickly, then a dog barks {other.cue.words}"


@pytest.mark.parametrize(
    ("caption", "side", "level"),
    [
        ("A dog barks nearby, then a man speaks nearby", "near", "far"),
        ("A dog barks quickly, then a man speaks quickly", "fast", "medium"),
        ("A loud siren fades away", "loud", "crescendo"),
    ],
)
def test_a_caption_that_would_say_the_opposite_elsewhere_has_no_rewrite(caption: str, side: str, level: str) -> None:
    with pytest.raises(ItemError, match=level) as caught:
        rewrites(cued(caption, side), level)
    assert caught.value.reason == "no_rewrite"


@pytest.mark.parametrize(
    ("caption", "level", "shapes"),
    [
        ("A car drives quickly past", "medium", r"A car drives past (at|neither) .+"),
        ("A car moves slowly by and a dog barks", "medium", r"A car moves by (at|neither) .+ and a dog barks"),
        (
            "A man speaks followed by a rapid knocking noise",
            "very_fast",
            r".* followed by an? .+ knocking noise|.* noise at .+",
        ),
        ("A woman speaks slowly and carefully", "medium", r"A woman speaks at .+ and carefully"),
        ("Rain comes down hard and fast and wind blows", "medium", r"Rain comes down hard and at .+ and wind blows"),
        ("A very loud and long burp", "far", r"A .*(far|distant)\S* and long burp"),
        ("A very loud and long burp", "decrescendo", r"An? .*(quiet|faint)\w* and long burp"),
    ],
)
def test_lists_nouns_and_particles_get_words_of_their_kind(caption: str, level: str, shapes: str) -> None:
    found = [one.text for one in rewrites(cued(caption), level, limit=100)]
    assert found
    assert [text for text in found if not re.fullmatch(shapes, text)] == []


def test_articles_follow_what_now_comes_after_them() -> None:
    texts = {one.text for one in rewrites(cued("A nearby owl hoots"), "far", limit=99)}
    assert "An owl hoots in the distance" in texts
    assert "A distant owl hoots" in texts


def test_the_level_of_several_events_stays_with_its_event() -> None:
    for level in ("crescendo", "decrescendo", "far"):
        for one in rewrites(cued("A dog barks loudly while a man speaks"), level, limit=99):
            assert one.text.endswith(" while a man speaks"), one.text


@pytest.mark.parametrize(("caption", "level"), GRID[::3])
def test_the_same_input_gives_the_same_text(caption: CuedCaption, level: str) -> None:
    assert rewrites(caption, level) == rewrites(caption, level)


@pytest.mark.parametrize("text", ["...", "!?", ". !"])
def test_a_caption_without_words_is_an_item_error(text: str) -> None:
    with pytest.raises(ItemError) as caught:
        rewrites(CuedCaption.at(text, "near", 0, len(text)), "far")
    assert caught.value.reason == "empty_caption"


@settings(max_examples=150)
@given(before=st.text(max_size=60), after=st.text(max_size=60), level=st.sampled_from(sorted(LEVELS)))
def test_any_text_around_a_cue_gives_valid_captions_or_an_item_error(before: str, after: str, level: str) -> None:
    text = f"{before} quickly {after}"
    caption = CuedCaption.at(text, "fast", len(before) + 1, len(before) + 8, "adverb")
    try:
        found = rewrites(caption, level)
    except ItemError as error:
        assert error.reason in ("empty_caption", "no_rewrite")
    else:
        spaced = caption.cleaned(lambda one: " ".join(one.split())).with_degrees()
        assert all(check(spaced, one, level) == [] for one in found)


def test_a_word_of_the_caption_is_not_repeated_while_there_are_other_wordings() -> None:
    for text in ("A steady, slow dripping", "A slow dripping at an average, steady temperature"):
        first = rewrites(cued(text), "medium", limit=20)
        assert len(first) == 20
        assert not any({"steady", "average"} & set(words(one.cue.words)) & set(words(text)) for one in first)


def test_an_adverb_of_degree_does_not_follow_another_adverb() -> None:
    found = [one.text for one in rewrites(cued("A baby cries hysterically loudly"), "crescendo", limit=99)]
    assert found
    assert not any(re.search(r"hysterically (?!loudly)\w+ly\b", text) for text in found)


def test_what_happens_over_time_ends_its_event() -> None:
    for degree in ("slight", "strong"):
        ends = rewrites(cued("A plane flies loudly"), "crescendo", degree, limit=99)
        assert any(one.cue.words.endswith("over time") for one in ends)
        for text in ("A plane flies loudly overhead", "Wind blows loudly nearby as a dog barks"):
            found = rewrites(cued(text, "loud"), "crescendo", degree, limit=99)
            assert found
            assert not any(re.search(r"(?:with|over) time (?!as)|bit by bit (?!as)", one.text) for one in found)


def test_an_adverb_before_and_is_no_sequence_of_its_own() -> None:
    found = rewrites(cued("An engine chugs loudly and evenly"), "crescendo", limit=99)
    assert not any("at first, then" in one.text for one in found)


def test_no_rewrite_says_its_level_of_all_events() -> None:
    text = "Loud, outside, wind rumbles as a motorcycle accelerates"
    found = rewrites(CuedCaption.at(text, "loud", 0, 4, "adjective"), "far", limit=99)
    assert [one.text for one in found if said_of_all(one)] == []


@pytest.mark.parametrize("level", ["medium", "very_fast"])
def test_an_adverb_listed_before_a_preposition_is_replaced(level: str) -> None:
    found = rewrites(cued("A man talks quickly and loudly over a radio"), level, limit=99)
    assert found
