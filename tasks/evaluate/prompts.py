"""Pairs of prompts that differ in one adverb, made from held-out captions (SPEC A1, E2).

Words for speed, volume, distance and dynamics are removed from the caption first, so that a pair differs in nothing
else. The adverbs are those of the built-in corpus and the recaption rules: a model trained on either has seen them.
"""

from __future__ import annotations

import re
from typing import Final

from tasks.language.finder import find_cues, without_cues

_WORDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "speed": ((" quickly", " slowly"), (" rapidly", " very slowly"), (" at a fast pace", " at a slow pace")),
    "volume": ((" loudly", " quietly"), (" very loudly", " softly"), (" loudly", " faintly")),
    "distance": ((" nearby", " in the distance"), (" up close", " far away"), (" close by", " from far away")),
    "dynamics": (
        (", gradually getting louder", ", gradually fading away"),
        (", getting louder and louder", ", getting quieter and quieter"),
        (", steadily growing louder", ", slowly fading out"),
    ),
}


def plain_caption(caption: str) -> str:
    """Returns the caption without the words for speed, volume, distance and dynamics; empty when nothing is left."""
    text = re.sub(r"\s+", " ", without_cues(caption, find_cues(caption))).strip(" ,.;")
    text = re.sub(r"(?:\s(?:and|but|or|very|off|from))+$", "", text)
    text = re.sub(r"^(?:and|very)\s", "", text)
    return text[:1].upper() + text[1:]


def adverb_pair(caption: str, direction: str, turn: int) -> tuple[str, str]:
    """Returns two prompts: the direction's first side (fast, loud, near, crescendo) and its opposite.

    `turn` chooses among the wordings.
    """
    base = plain_caption(caption)
    more, less = _WORDS[direction][turn % len(_WORDS[direction])]
    return base + more, base + less
