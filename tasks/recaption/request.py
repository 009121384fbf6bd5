"""What a model is told of one caption: its mined words, what was done to the sound and how much, and a form.

The form and the examples are drawn by a hash of the caption, so that captions of one level do not all read alike.
Source: SPEC A6.
"""

from __future__ import annotations

from typing import Any, Final

from data_contracts.adverbs import LEVELS, change_of
from tasks.engine.workspace import seed_for
from tasks.language.cues import CuedCaption

EXAMPLE_SETS: Final = 4
"""Draws of examples per level: each is a prefix that the server keeps, so there are few."""
EXAMPLES: Final = 5
"""Examples in a prompt."""
FORMS: Final = {
    "speed": ("an adverb", "an adjective", "a phrase with 'at'", "words of your own"),
    "distance": ("an adjective", "a phrase with 'in' or 'from'", "a distance", "words of your own"),
    "dynamics": ("a comparison", "a phrase with 'volume'", "first and then", "a verb of its own", "words of your own"),
}
"""By dimension of the level."""
_CHANGES: Final = {
    "very_fast": "played at 1.3 times its speed",
    "very_slow": "played at 0.7 times its speed",
    "fast": "as it was: fast",
    "slow": "as it was: slow",
    "far": "moved away from the listener",
    "crescendo": "made to grow louder from beginning to end",
    "decrescendo": "made to grow quieter from beginning to end",
}
_MEDIUM: Final = {"faster": "played at 1.3 times its speed", "slower": "played at 0.7 times its speed"}
_AMOUNTS: Final = {"slight": ", by a little", "plain": "", "strong": ", by a great deal"}


def request_fields(caption: CuedCaption, level: str, degree: str = "plain") -> dict[str, Any]:
    """Returns the data of the prompt. It has no new wording: the model finds its own."""
    forms = FORMS[LEVELS[level].dimension]
    return {
        "caption": caption.text,
        "words": caption.cue.words,
        "change": change_text(caption.cue.side, level, degree),
        "form": forms[seed_for("form", caption.text, level) % len(forms)],
    }


def change_text(side: str, level: str, degree: str = "plain") -> str:
    """Returns what augmentation did to the sound of a caption that names `side`, and how much."""
    return (_MEDIUM[change_of(side, level).variant] if level == "medium" else _CHANGES[level]) + _AMOUNTS[degree]


def example_set(caption: CuedCaption, level: str) -> int:
    """Returns which draw of the examples a caption is sent with."""
    return seed_for("examples", caption.text, level) % EXAMPLE_SETS
