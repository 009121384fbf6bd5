"""How tests of mining show matches."""

from __future__ import annotations

from tasks.language.cues import Cue


def shown(matches: list[Cue]) -> str:
    """Returns matches as side:words:word class."""
    return "; ".join(f"{match.side}:{match.words}:{match.pos}" for match in matches)
