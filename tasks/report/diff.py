"""What changed between two captions, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

_TOKENS: Final = re.compile(r"\s*[\w'’-]+|\s*[^\w\s]|\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that is in both captions, only in the first, or only in the second."""

    kind: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Returns the pieces in reading order: `same` and `removed` join to `before`, `same` and `added` to `after`."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    matcher = SequenceMatcher(None, [t.casefold() for t in old], [t.casefold() for t in new], autojunk=False)
    pieces: list[Piece] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal" and old[i1:i2] == new[j1:j2]:
            pieces.append(Piece("same", "".join(new[j1:j2])))
            continue
        for kind, tokens in (("removed", old[i1:i2]), ("added", new[j1:j2])):
            if tokens:
                pieces.append(Piece(kind, "".join(tokens)))  # type: ignore[arg-type]
    return pieces
