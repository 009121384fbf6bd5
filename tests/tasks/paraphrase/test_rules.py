"""Paraphrases by rule are valid, new, and change nothing of the caption's other cues. SPEC A7."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.language.content import words
from tasks.language.cues import CuedCaption
from tasks.language.finder import all_cues
from tasks.paraphrase.rules import key_tokens, level_of, paraphrases, synonyms
from tasks.paraphrase.validator import problems_of
from tasks.recaption.rules import rewrites
from tests.tasks.language.captions import GRID, cued, said

AUGMENTED = [rewrites(caption, level, limit=1)[0] for caption, level in GRID]
ORIGINAL = [caption for caption, level in GRID if level in ("very_fast", "far")]
BARKS = said("A dog barks very quickly", "very_fast")


@pytest.mark.parametrize("caption", [*ORIGINAL, *AUGMENTED])
def test_every_rule_paraphrase_is_valid_and_new(caption: CuedCaption) -> None:
    found = paraphrases(caption, 5)
    assert all(problems_of(caption, text) == [] for text in found)
    assert len({tuple(words(text)) for text in [caption.text, *found]}) == len(found) + 1


def test_nearly_every_augmented_caption_gets_three() -> None:
    enough = sum(len(paraphrases(caption, 3)) == 3 for caption in AUGMENTED)
    assert enough >= 0.85 * len(AUGMENTED)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_no_more_than_wanted(count: int) -> None:
    assert len(paraphrases(said("A dog barks very quickly in the distance", "far"), count)) == count


@pytest.mark.parametrize("caption", AUGMENTED)
def test_the_other_cues_of_a_caption_stay_word_for_word(caption: CuedCaption) -> None:
    others = [cue.words.lower() for cue in all_cues(caption) if cue != caption.cue]
    for text in paraphrases(caption, 5):
        assert all(other in text.lower() for other in others), text


@pytest.mark.parametrize("caption", AUGMENTED)
def test_a_synonym_says_the_same_level(caption: CuedCaption) -> None:
    level = level_of(caption.cue)
    assert level is not None
    for words_ in synonyms(caption):
        cue = said(f"The barking {words_}" if caption.role != "attribute" else f"{words_} barking", level).cue
        assert level_of(cue) == level


def test_a_strength_without_a_wording_has_no_synonym() -> None:
    assert synonyms(cued("A really distant bell")) == ()
    assert synonyms(cued("A dog barks loudly")) == ()
    assert level_of(cued("A nearby bell").cue) is None


def test_key_tokens_stand_in_the_caption_and_name_the_side() -> None:
    for caption in AUGMENTED:
        tokens = key_tokens(caption)
        assert caption.cue.words.lower() in tokens
        assert all(token in caption.text.lower() for token in tokens)
    assert key_tokens(BARKS) == ("dog", "barks", "very quickly")


@pytest.mark.parametrize("text", ["An engine idles loudly—nearby—and fast", "An engine idles oddly, then fast"])
def test_no_paraphrase_ends_in_a_conjunction(text: str) -> None:
    for rewrite in rewrites(cued(text, "fast"), "medium"):
        assert not any(one.endswith((" and", "—and", " then")) for one in paraphrases(rewrite, 9))


def test_an_adjective_of_a_pair_is_not_taken_out() -> None:
    assert not any(text.startswith(("A and", "An and")) for text in paraphrases(cued("A slow and quiet tapping"), 9))


def test_a_caption_in_capitals_is_paraphrased_in_capitals() -> None:
    found = paraphrases(said("FAST KNOCKING AS A DOG BARKS", "fast"), 9)
    assert len(found) > 2 and all(text.isupper() for text in found), found


@settings(max_examples=100)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_around_a_cue_gives_only_valid_paraphrases(before: str, after: str) -> None:
    caption = CuedCaption.at(f"{before} quickly {after}", "fast", len(before) + 1, len(before) + 8, "adverb")
    caption = caption.cleaned(lambda text: " ".join(text.split()))
    assert all(problems_of(caption, text) == [] for text in paraphrases(caption, 3))
    assert "quickly" in key_tokens(caption)


@pytest.mark.parametrize(
    ("text", "fronted"),
    [("A man knocks on a door at a brisk pace", True), ("A knock on a door at a brisk pace", False)],
)
def test_a_phrase_goes_in_front_of_a_sentence_only(text: str, fronted: bool) -> None:
    found = paraphrases(cued(text), 20)
    assert found
    assert any(one.startswith("At a ") for one in found) == fronted
