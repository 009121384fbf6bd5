"""The rules: finds words that name a side by what stands beside them, where no parser is at hand. Source: SPEC A1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tasks.mine.lexicon import CHANGE, CHANGEABLE, CUES, LOOK_ALIKES, MOVABLE, MOVE, NEGATION, VERSION
from tasks.mine.match import Match, lowered

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


class RuleMiner:
    """Mines by the lexicon's look-ahead and look-behind alone."""

    method: Final = f"rules-{VERSION}"

    def find(self, captions: Sequence[str]) -> list[list[Match]]:
        """Returns per caption its matches in reading order."""
        return [find_cues(caption) for caption in captions]


def find_cues(caption: str) -> list[Match]:
    """Returns all cues of a caption in reading order, look-alikes, negated words and trends left out."""
    text = lowered(caption)
    if not _STEMS.search(text):
        return []
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
                        side=cue.side,
                        words=words,
                        start=match.start(),
                        end=match.end(),
                        pos=cue.pos,
                    )
                )
    return sorted(found, key=lambda m: m.start)


def _denied(text: str, match: re.Match[str]) -> bool:
    before = text[: match.start()]
    if _NEGATION.search(before) and not match.group().startswith("barely"):
        return True
    if match.group() in CHANGEABLE:
        return bool(_CHANGE.search(before))
    return match.group() in MOVABLE and bool(_MOVE.search(before))
