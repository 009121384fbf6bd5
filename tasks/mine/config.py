"""Settings of the mining stage."""

from __future__ import annotations

from tasks.settings import StageConfig


class MineConfig(StageConfig):
    """Mining has no knobs yet: the lexicon is versioned in the code (SPEC A1)."""
