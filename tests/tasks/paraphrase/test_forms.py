"""The forms that a model is told to write: code names forms and words, the model writes the text. SPEC A7."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.language.cues import CuedCaption
from tasks.language.finder import all_cues, find_cues
from tasks.llm.config import LLMConfig
from tasks.paraphrase.forms import FORMS, requested_forms
from tasks.paraphrase.rules import level_of
from tasks.paraphrase.stage import ParaphraseStage
from tasks.paraphrase.validator import problems_of
from tasks.recaption.rules import rewrites
from tests.tasks.language.captions import GRID
from tests.tasks.llm.harness import shots_of

AUGMENTED = [rewrites(caption, level, limit=1)[0] for caption, level in GRID]
PROMPT = ParaphraseStage(LLMConfig(backend="rules")).templates["paraphrase"]
OPENINGS = {"sound_of": "the sound of ", "there_is": "there "}


def leveled(text: str) -> CuedCaption:
    """Returns a caption with the first of its cues that says a level."""
    return CuedCaption(text=text, cue=next(cue for cue in find_cues(text) if level_of(cue)))


def obeys(name: str, says: list[str], paraphrase: str) -> bool:
    """Whether a paraphrase has its form and its words."""
    form, text = re.sub(r"_\d+$", "", name), paraphrase.lower()
    places = {"level_first": text.startswith, "level_last": text.endswith}
    return (
        all(words in text for words in says)
        and text.startswith(OPENINGS.get(form, ""))
        and (form != "heard" or "can be heard" in text)
        and (form not in places or places[form](says[0]))
    )


def test_every_shot_of_the_prompt_is_what_is_asked_for_and_valid():
    for given_, answer in shots_of(PROMPT):
        caption = leveled(given_["caption"])
        assert set(given_["write"]) == set(requested_forms(caption, len(given_["write"])))
        assert list(answer["paraphrases"]) == sorted(given_["write"])
        for name, paraphrase in answer["paraphrases"].items():
            assert problems_of(caption, paraphrase) == [], paraphrase
            assert obeys(name, given_["write"][name], paraphrase), paraphrase
        assert all(token in given_["caption"].lower() for token in answer["key_tokens"])


def test_the_system_text_explains_every_form():
    explained = re.findall(r"^(\w+): ", PROMPT[0]["content"], re.MULTILINE)
    assert tuple(explained) == FORMS
    shown = {name for given_, _ in shots_of(PROMPT) for name in given_["write"]}
    assert shown == set(FORMS)


@pytest.mark.parametrize("caption", AUGMENTED)
@pytest.mark.parametrize(("number", "skip"), [(0, 0), (4, 0), (3, 4), (13, 0)])
def test_as_many_as_asked_for_with_one_wording_for_each_cue(caption, number, skip):
    found = requested_forms(caption, number, skip)
    assert len(found) == number
    assert {re.sub(r"_\d+$", "", name) for name in found} <= set(FORMS)
    assert all(len(says) == len(all_cues(caption)) for says in found.values())


@pytest.mark.parametrize("caption", AUGMENTED)
def test_the_words_in_the_caption_own_place_say_the_same(caption):
    """Whatever words are asked for, at the caption's cues they make no other claim."""
    cues = all_cues(caption)
    for name, says in requested_forms(caption, 8).items():
        if name.startswith("level_"):
            continue  # not in their own place
        text = caption.text
        for cue, words in sorted(zip(cues, says, strict=True), key=lambda pair: -pair[0].start):
            tail = text[cue.end :]
            noun = words.split()[-1]
            tail = tail.removeprefix(f" {noun}") if tail.lower().startswith(f" {noun} ") else tail
            text = f"{text[: cue.start]}{words}{tail}"
        found = [p for p in problems_of(caption, text) if p.startswith(("says", "does not say"))]
        assert found == [], (name, text)


def test_nothing_is_asked_for_twice_while_there_is_something_new():
    for caption in ("A dog barks very quickly", "A saw cuts wood in the distance", "Loud rain, gradually fading away"):
        both = [*requested_forms(leveled(caption), 4).items(), *requested_forms(leveled(caption), 4, 4).items()]
        asked = [(re.sub(r"_\d+$", "", name), says) for name, says in both]
        assert all(asked.count(one) == 1 for one in asked), caption


def test_words_are_moved_only_in_a_caption_of_one_sound():
    """Elsewhere the other sound would take them."""
    assert "level_first" in requested_forms(leveled("A dog barks very quickly"), 4)
    assert "level_last" in requested_forms(leveled("Very fast footsteps on wood"), 4)
    for caption in (
        "Music plays and a man talks, gradually fading away",
        "A dog barks very quickly and a man speaks",
        "A man speaks as a dog barks very quickly",
        "Very fast footsteps with rain",
        "A fast, distant hammering",
    ):
        assert not {"level_first", "level_last"} & set(requested_forms(leveled(caption), 4)), caption


def test_an_adjective_comes_with_its_noun():
    assert all(
        says[0].endswith(" tick")
        for says in requested_forms(leveled("A man speaks while a very slow tick repeats"), 4).values()
    )


@settings(max_examples=150)
@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 9))
def test_any_text_around_a_cue_can_be_asked_for(before: str, after: str, number: int) -> None:
    caption = CuedCaption.at(f"{before} quickly {after}", "fast", len(before) + 1, len(before) + 8, "adverb")
    assert len(requested_forms(caption, number)) == number
