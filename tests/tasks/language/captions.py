"""Captions that cover the ways English names a side, with the cue that mining finds."""

from __future__ import annotations

from data_contracts import Augmented
from data_contracts.adverbs import LEVELS, changes_for
from tasks.language.cues import CuedCaption
from tasks.language.finder import find_cues, find_mined
from tests.tasks.rows import augmented_row, clip_row

SIDED = {
    "fast": (
        "A man knocks on a wooden door quickly",
        "Fast knocking on a door.",
        "A person is tapping on glass at a fast pace",
        "A stick quickly hits a metal bar and a dog barks",
        "Very fast footsteps",
        "The knocking is fast",
        "Rain drips in quick succession",
        "A fast, loud hammering",
        "A high-speed whistle and a beep",
    ),
    "slow": (
        "A clock ticks slowly",
        "A slow and quiet tapping on wood",
        "Very slow dripping of water",
        "A man is slowly beating a drum, then people clap",
        "A machine hums at a very slow pace",
        "Voices in slow motion",
    ),
    "near": (
        "A nearby owl hoots",
        "A bell rings up close",
        "An engine hums close by as birds chirp",
        "Children shout nearby while a man talks",
        "A dog barks close to the microphone.",
    ),
    "loud": (
        "A dog barks loudly",
        "Loud hammering, then silence",
        "Very loud music and people talking.",
        "An engine hums very loudly as a siren wails",
        "A siren that is loud",
    ),
}
"""Captions by the side of their first cue."""


def cued(text: str, side: str = "") -> CuedCaption:
    """Returns a caption with its first mined cue, or its first of a side; fails where there is none."""
    found = [cue for cue in find_mined(text) if side in ("", cue.side)]
    return CuedCaption(text=text, cue=found[0]).with_degrees()


def said(text: str, level: str) -> CuedCaption:
    """Returns a caption with the first of its cues that says a level."""
    wanted = LEVELS[level]
    found = [cue for cue in find_cues(text) if cue.side == wanted.side and cue.strong >= wanted.strong]
    return CuedCaption(text=text, cue=found[0])


GRID = [
    (cued(text, side), change.level)
    for side, texts in SIDED.items()
    for text in texts
    for change in changes_for(side)
    if change.operation != "original"
]
"""Every caption with every level that augmentation makes of it."""


def augmented(number: int, caption: CuedCaption, level: str, operation: str = "speed") -> Augmented:
    """Returns an augmented row with the caption's cue; its clip has no files."""
    cue = caption.cue
    clip = clip_row("c", caption=caption.text)
    place = {"cue_words": cue.words, "cue_start": cue.start, "cue_end": cue.end, "cue_pos": cue.pos}
    return augmented_row(clip, cue.dimension, cue.side, level, item_id=f"a{number:03d}", operation=operation, **place)
