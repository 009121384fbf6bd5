"""Finds the words that name a side of speed, distance or volume in a caption. Pure text, no audio. Source: SPEC A1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tasks.mine.lexicon import CHANGE, CHANGEABLE, CUES, LOOK_ALIKES, MOVABLE, MOVE, NEGATION

_WORD: Final = r"(?<![\w'-])(?:{})(?![\w'-])"
_CUES: Final = tuple((cue, re.compile(_WORD.format(cue.pattern))) for cue in CUES)
_LOOK_ALIKES: Final = tuple(re.compile(_WORD.format(pattern)) for pattern in LOOK_ALIKES)
_NEGATION: Final = re.compile(NEGATION)
_CHANGE: Final = re.compile(CHANGE)
_MOVE: Final = re.compile(MOVE)
# Cheap first look: most captions hold no stem of any cue and are done after one search.
_STEMS: Final = re.compile(
    r"fast|quick|rapid|swift|speed|brisk|hurried|hast|rate|pace|tempo|succession|slow|sluggish|leisure|near|close|"
    r"distan|far|background|range|proximity|loud|noisier|volume|blast|deafen|thunderous|split|quiet|soft|faint|hush|audibl"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One cue in a caption. `start` and `end` are character offsets into the caption; `words` is that text."""

    dimension: str
    side: str
    words: str
    start: int
    end: int
    pos: str


def find_cues(caption: str) -> list[Match]:
    """Returns all cues of a caption in reading order, look-alikes, negated words and trends left out."""
    text = caption.lower()
    if len(text) != len(caption) or not _STEMS.search(text):  # a few letters change length in lower case
        text = "".join(c.lower() if len(c.lower()) == 1 else c for c in caption)
        if not _STEMS.search(text):
            return []
    text = re.sub(r"[\s’]", lambda m: "'" if m.group() == "’" else " ", text)
    taken = [match.span() for pattern in _LOOK_ALIKES for match in pattern.finditer(text)]
    found: list[Match] = []
    for cue, pattern in _CUES:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            if not _denied(text, match):
                words = caption[match.start() : match.end()]
                found.append(
                    Match(
                        dimension=cue.dimension,
                        side=cue.side,
                        words=words,
                        start=match.start(),
                        end=match.end(),
                        pos=cue.pos,
                    )
                )
    return sorted(found, key=lambda m: m.start)


def select(matches: Iterable[Match]) -> list[Match]:
    """Returns one match per dimension, the first; a dimension with both its sides is ambiguous and left out."""
    by_dimension: dict[str, list[Match]] = {}
    for match in matches:
        by_dimension.setdefault(match.dimension, []).append(match)
    return [found[0] for found in by_dimension.values() if len({match.side for match in found}) == 1]


def _denied(text: str, match: re.Match[str]) -> bool:
    before = text[: match.start()]
    if _NEGATION.search(before) and not match.group().startswith("barely"):
        return True
    if match.group() in CHANGEABLE:
        return bool(_CHANGE.search(before))
    return match.group() in MOVABLE and bool(_MOVE.search(before))
