"""The parser's model, fetched once into the user's cache as a run would."""

from __future__ import annotations

import pytest

from tasks.mine.match import Match
from tasks.mine.parser import ParseMiner
from tasks.weights.parser import ensure_parser


@pytest.fixture(scope="session")
def parser() -> ParseMiner:
    """The parsing miner; skips, saying why, where its model (13 MB) cannot be fetched."""
    result = ensure_parser()
    if result.path is None:
        pytest.skip(f"the caption parser's model cannot be fetched: {result.reason}")
    return ParseMiner()


def shown(matches: list[Match]) -> str:
    """Returns matches as side:words:word class."""
    return "; ".join(f"{match.side}:{match.words}:{match.pos}" for match in matches)
