"""Reads captions that a careful reader accepts or refuses as captions of a level, from this folder's text files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tasks.language.cues import CuedCaption

_FILE = Path(__file__).with_name("recaption_gold.txt")
_CASE = re.compile(r"= (\w+) > (\w+): (.*)\{(.*)\}(.*)")


@dataclass(frozen=True, slots=True)
class GoldPair:
    """A caption with its mined cue, the level of its audio, a new caption, and why it is to be refused ("": accept)."""

    before: CuedCaption
    level: str
    after: str
    refused: str
    held_out: bool


def gold_pairs(file: Path = _FILE) -> list[GoldPair]:
    """Returns all pairs of a file, in its order."""
    found: list[GoldPair] = []
    held_out = False
    for line in file.read_text("utf-8").splitlines():
        if line == "## held out":
            held_out = True
        elif case := _CASE.fullmatch(line):
            side, level, head, cue, tail = case.groups()
            before = CuedCaption.at(head + cue + tail, side, len(head), len(head) + len(cue)).with_degrees()
        elif line.startswith(("+ ", "- ")):
            after, _, why = line[2:].partition(" || ")
            assert (line[0] == "-") == bool(why), line
            found.append(GoldPair(before=before, level=level, after=after, refused=why, held_out=held_out))
    return found
