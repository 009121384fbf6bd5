"""Which captions of WavCaps are invalid (SPEC D3: "invalid text filtered out"; the paper does not say which).

The first rule that applies gives the quarantine's reason, `invalid_text_<rule>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from data_contracts import ItemError

_URL: Final = re.compile(r"https?://|www\.|\.(?:com|org|net)\b", re.IGNORECASE)
_FILE: Final = re.compile(r"^\S+\.(?:wav|flac|mp3|ogg|aiff?)\.?$", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(
    r"^(?:n/?a|none|null|nan|unknown|untitled|undefined|todo|test|no (?:caption|description)|[a-z]+_path)\W*$",
    re.IGNORECASE,
)
_MIN_LETTERS: Final = 3
_MIN_WORDS: Final = 2
_MAX_WORDS: Final = 100
_LATIN_SHARE: Final = 0.8


def _latin_share(text: str) -> float:
    letters = [c for c in text if c.isalpha()]
    return sum(ord(c) < 0x250 for c in letters) / max(1, len(letters))


RULES: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("empty", lambda text: not text.strip()),
    ("encoding", lambda text: "\ufffd" in text),
    ("placeholder", lambda text: _PLACEHOLDER.match(text.strip()) is not None),
    ("url", lambda text: _URL.search(text) is not None),
    ("file_name", lambda text: _FILE.match(text.strip()) is not None),
    ("no_text", lambda text: not any(c.isalpha() for c in text)),
    ("not_latin", lambda text: _latin_share(text) < _LATIN_SHARE),
    ("too_short", lambda text: sum(map(str.isalpha, text)) < _MIN_LETTERS or len(text.split()) < _MIN_WORDS),
    ("too_long", lambda text: len(text.split()) > _MAX_WORDS),
)


def invalid_rule(text: str) -> str | None:
    """Returns the name of the first rule that the text breaks, None for valid text."""
    return next((name for name, breaks in RULES if breaks(text)), None)


def require_valid(text: str) -> None:
    """Raises ItemError `invalid_text_<rule>`."""
    if rule := invalid_rule(text):
        raise ItemError(f"invalid_text_{rule}", f"the caption breaks rule {rule!r}: {text[:60]!r}")
