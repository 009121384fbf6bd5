"""The forms that a model is told to write: each paraphrase has a form of its own and its own words for the level.

A small model that is told to write "four different paraphrases" repeats itself and forgets the adverb. So the prompt
names the form of every paraphrase and the words that it must contain, taken from the caption's cues.
Source: SPEC A7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from data_contracts.adverbs import DEGREES, LEVELS
from tasks.engine.workspace import seed_for
from tasks.language.clauses import events
from tasks.language.cues import CuedCaption
from tasks.language.edit import split_ending
from tasks.language.finder import all_cues
from tasks.language.wordings import degree_said, drawn, wording_of
from tasks.paraphrase.rules import level_of, synonyms

FORMS: Final = ("heard", "level_first", "level_last", "sound_of", "there_is", "verb_form")
"""The prompt's system text explains each of these names."""
_FRAMES: Final = ("heard", "sound_of", "there_is")  # they fit every caption
_MOVED: Final = ("level_first", "level_last")
_ENDINGS: Final = frozenset(
    text for level in LEVELS for degree in DEGREES for text in wording_of(level, degree).endings
)
FormRequest = dict[str, list[str]]
"""The words that each paraphrase must contain, by the name of its form."""


def requested_forms(caption: CuedCaption, number: int, skip: int = 0) -> FormRequest:
    """Returns `number` forms to request, after `skip` that were requested before.

    A form that comes a second time has a number after its name, and other words where there are any.
    """
    asked: FormRequest = {}
    for form, says in islice(_plan(caption), skip, skip + number):
        again = sum(name.rstrip("_23456789") == form for name in asked)
        asked[f"{form}_{again + 1}" if again else form] = says
    return asked


def _plan(caption: CuedCaption) -> Iterator[tuple[str, list[str]]]:
    """Yields the forms in turn without end, each turn with the next wordings, repeating only when none is new."""
    body, _ending = split_ending(caption.text)
    caption = CuedCaption(text=body, cue=caption.cue)
    forms = _forms(caption)
    seen: list[tuple[str, list[str]]] = []
    for turn in count(0):
        turns = [(form, _says(caption, form, turn + number)) for number, form in enumerate(forms)]
        new = [one for one in turns if one not in seen]
        seen += new
        yield from new or turns


def _forms(caption: CuedCaption) -> list[str]:
    """The order of the frames varies with the caption: the first call does not reach the last of them."""
    turn = seed_for("paraphrase", caption.text) % len(_FRAMES)
    frames = [*_FRAMES[turn:], *_FRAMES[:turn]]
    moved = _moved_form(caption)
    return ["verb_form", *([moved] if moved else []), *frames]


def _moved_form(caption: CuedCaption) -> str:
    """Where the level's words can go without changing what they describe: in a caption of one event, or said of all."""
    body, cue, role = caption.text, caption.cue, caption.role
    if level_of(cue) is None or any(level_of(other) for other in all_cues(caption) if other != cue):
        return ""
    rest = f"{body[: cue.start].rstrip(' ,')} {body[cue.end :].lstrip(' ,')}"
    if len(events(rest)) > 1 or " and " in rest or role == "predicate":
        return ""
    return "level_last" if cue.start == 0 or role == "attribute" else "level_first"


def _says(caption: CuedCaption, form: str, turn: int) -> list[str]:
    """The words for each cue; those that the paraphrase begins or ends with come first."""
    cues = all_cues(caption)
    if form in _MOVED:
        cues = sorted(cues, key=lambda cue: cue != caption.cue)
    return [
        _wording(caption, form, turn) if cue == caption.cue else _with_noun(CuedCaption(text=caption.text, cue=cue))
        for cue in cues
    ]


def _wording(caption: CuedCaption, form: str, turn: int) -> str:
    cue, body = caption.cue, caption.text.lower()
    name = level_of(cue)
    if form in _MOVED and name:
        choices = drawn(wording_of(name, degree_said(name, cue.words.lower())).endings, body)
    else:
        choices = tuple(dict.fromkeys((*synonyms(caption), cue.words.lower())))
    other = [text for text in choices if text not in body]
    same = [text for text in choices if text in body]
    words = other if other and form == "verb_form" else [*other, *same]  # in this form nothing else may change
    text = words[turn % len(words)]
    return text if text in _ENDINGS else _with_noun(caption, text)


def _with_noun(caption: CuedCaption, words: str = "") -> str:
    """The words with the noun that they describe, so that the model does not attach them to another noun."""
    words = words or caption.cue.words.lower()
    found = re.match(r" [^\W\d_]+", caption.text[caption.cue.end :]) if caption.role == "attribute" else None
    return words + (found.group().lower() if found else "")
