"""The stages' tables: every one has its own, and a stage is preceded by those before it."""

from __future__ import annotations

import pytest

from data_contracts.stages import STAGE_TABLES, stages_through


def test_no_two_stages_write_the_same_table() -> None:
    assert len({row_type.TABLE for row_type in STAGE_TABLES.values()}) == len(STAGE_TABLES)


def test_the_stages_through_one_end_with_it() -> None:
    names = list(STAGE_TABLES)
    for number, name in enumerate(names, start=1):
        assert list(stages_through(name)) == names[:number]
    with pytest.raises(ValueError, match="tuple"):
        stages_through("report")
