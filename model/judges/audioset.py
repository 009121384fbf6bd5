"""The 527 classes of AudioSet, in the order of PANNs', PaSST's and EfficientAT's logits, and which are speech or music.

The names are those of AudioSet's file `class_labels_indices.csv` (Google, CC BY 4.0). Source: SPEC E1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final


def _names() -> tuple[str, ...]:
    lines = Path(__file__).with_name("audioset_labels.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def _between(first: str, last: str) -> tuple[str, ...]:
    start, stop = AUDIOSET_LABELS.index(first), AUDIOSET_LABELS.index(last)
    return AUDIOSET_LABELS[start : stop + 1]


AUDIOSET_LABELS: Final = _names()
SPEECH: Final = frozenset(
    (*_between("Speech", "Speech synthesizer"), "Whispering", "Chatter", "Hubbub, speech noise, speech babble")
)
"""Talking. Shouts, laughter, breathing and other voices without words are not in it."""
MUSIC: Final = frozenset(("Music", *_between("Pop music", "Scary music"), *_between("Singing", "Rapping")))
"""Music as such, its genres, roles and moods, and singing. Single instruments are not in it: a bell or a drum that is
hit once is a sound effect, and where instruments play music the networks report `Music`, too."""


def speech_classes(classes: Sequence[str]) -> tuple[int, ...]:
    """Returns which of a judge's `spec.classes` are speech, as indices into its logits; none for other labels."""
    return tuple(index for index, name in enumerate(classes) if name in SPEECH)


def music_classes(classes: Sequence[str]) -> tuple[int, ...]:
    """Returns which of a judge's `spec.classes` are music, as indices into its logits; none for other labels."""
    return tuple(index for index, name in enumerate(classes) if name in MUSIC)
