"""Which sentences a model is asked for: each has a form of its own and its own words for the level.

Asked for "four different sentences", a small model repeats itself and forgets the adverb. So code, which knows the
caption's cues, names the form of every sentence and the words that it must hold; the model only writes it.
Source: SPEC A7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from tasks.engine.workspace import seed_for
from tasks.language.cues import LEVELS, Cue, find_cues
from tasks.paraphrase.rules import level_of, synonyms
from tasks.paraphrase.validator import SIDES
from tasks.recaption.rules import CLAUSE, split_ending

FORMS: Final = ("heard", "level_first", "level_last", "sound_of", "there_is", "verb_form")
"""The names that the prompt explains."""
_FRAMES: Final = ("heard", "sound_of", "there_is")  # they fit every caption
_MOVED: Final = ("level_first", "level_last")
_ENDINGS: Final = frozenset(text.strip(", ") for level in LEVELS.values() for text in level.endings)
_LEVEL_SIDES: Final = frozenset(level.side for level in LEVELS.values())
FormRequest = dict[str, list[str]]
"""For each sentence, by the name of its form, the words that it must hold."""


def orders(caption: str, number: int, skip: int = 0) -> FormRequest:
    """Returns `number` sentences to ask for, after `skip` that were asked for before.

    A form that comes a second time has a number behind its name, and other words where there are other words.
    """
    asked: FormRequest = {}
    for form, says in islice(_plan(caption), skip, skip + number):
        again = sum(name.rstrip("_23456789") == form for name in asked)
        asked[f"{form}_{again + 1}" if again else form] = says
    return asked


def _plan(caption: str) -> Iterator[tuple[str, list[str]]]:
    """Without end: the forms in turn, each turn with the next wordings; the same again only when nothing is new."""
    body, _ending = split_ending(caption)
    cues = find_cues(body, *SIDES)
    forms = _forms(body, cues)
    seen: list[tuple[str, list[str]]] = []
    for turn in count(0):
        turns = [(form, _says(body, cues, form, turn + number)) for number, form in enumerate(forms)]
        new = [one for one in turns if one not in seen]
        seen += new
        yield from new or turns


def _forms(body: str, cues: list[Cue]) -> list[str]:
    """The frames come in an order that varies with the caption: the first call does not reach the last of them."""
    turn = seed_for("paraphrase", body) % len(_FRAMES)
    frames = [*_FRAMES[turn:], *_FRAMES[:turn]]
    moved = _moved_form(body, cues)
    return ["verb_form", *([moved] if moved else []), *frames]


def _moved_form(body: str, cues: list[Cue]) -> str:
    """Where the level's words can go without another sound taking them: in a caption of one sound, or said of all."""
    levels = [cue for cue in cues if cue.side in _LEVEL_SIDES]
    if len(levels) != 1 or not (level := level_of(levels[0])):
        return ""
    cue = levels[0]
    rest = f"{body[: cue.start].rstrip(' ,')} {body[cue.end :].lstrip(' ,')}"
    of_all = cue.side in ("crescendo", "decrescendo") and body[: cue.start].endswith(", ")
    several = CLAUSE.search(rest) or " and " in rest
    if (several and not of_all) or cue.kind == "predicate":
        return ""
    in_front = cue.start == 0 or cue.kind == "adjective"
    return "level_last" if in_front and level.endings else "level_first"


def _says(body: str, cues: list[Cue], form: str, turn: int) -> list[str]:
    """The words for each cue; those that the sentence begins or ends with come first."""
    moved = form in _MOVED
    ordered = sorted(cues, key=lambda cue: cue.side not in _LEVEL_SIDES) if moved else cues
    return [_wording(body, cue, form, turn) for cue in ordered]


def _wording(body: str, cue: Cue, form: str, turn: int) -> str:
    level = level_of(cue)
    if form in _MOVED and level and cue.side in _LEVEL_SIDES:
        choices = tuple(ending.strip(", ") for ending in level.endings)
    else:
        choices = tuple(dict.fromkeys((*synonyms(cue), cue.text.lower())))
    other = [text for text in choices if text not in body.lower()]
    same = [text for text in choices if text in body.lower()]
    words = other if other and form == "verb_form" else [*other, *same]  # there, nothing else may change
    text = words[turn % len(words)]
    return text if text in _ENDINGS else text + _noun_after(body, cue)


def _noun_after(body: str, cue: Cue) -> str:
    """What an adjective stands before, so that the model does not give it to another sound."""
    found = re.match(r" [^\W\d_]+", body[cue.end :]) if cue.kind == "adjective" else None
    return found.group().lower() if found else ""
