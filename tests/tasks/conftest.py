"""The parser's model, fetched once into the user's cache as a run would."""

from __future__ import annotations

import pytest

from data_contracts import WeightsError
from model.weights.catalogue import CAPTION_PARSER
from tasks.mine.parser import ParseMiner
from tasks.weights.fetch import ensure


@pytest.fixture(scope="session")
def parser() -> ParseMiner:
    """The parsing miner; skips, saying why, where its model (13 MB) cannot be fetched."""
    try:
        ensure(CAPTION_PARSER)
    except WeightsError as error:
        pytest.skip(str(error))
    return ParseMiner()
