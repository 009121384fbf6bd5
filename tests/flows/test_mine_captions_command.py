"""`foleygenex mine-captions`: a table in, its mined captions out, or a score against labelled captions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from flows.cli import exit_code
from tests.model.weights.conftest import cache

__all__ = ["cache"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three captions, one of which names a side."""
    path = tmp_path / "captions.csv"
    path.write_text('id,caption\na,A dog barks loudly\nb,Rain\nc,"A bird, far away"\n')
    return path


def test_a_table_is_mined_into_a_parquet(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mined.parquet"
    assert exit_code(["mine-captions", str(table), str(out), "--parser", "rules", "--workers", "1"]) == 0
    assert str(out) in capsys.readouterr().out
    mined = pd.read_parquet(out)
    assert dict(zip(mined.id, mined.side, strict=True)) == {"a": "loud", "c": "far"}


def test_without_the_parsers_model_auto_says_that_rules_mine_and_how_to_fetch_it(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["mine-captions", str(table), str(tmp_path / "m.parquet"), "--workers", "1"]) == 0
    assert "mining by rules; fetch it with `foleygenex fetch-parser`" in capsys.readouterr().err
    assert exit_code(["mine-captions", str(table), str(tmp_path / "m.parquet"), "--parser", "rules"]) == 0
    assert "fetch-parser" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the table to read and the file to write, or --gold"),
        (["in.csv"], "name the table to read and the file to write, or --gold"),
        (["in.csv", "out.parquet", "--parser", "guess"], "'guess' is unknown; choose one of auto, spacy, rules"),
        (["in.csv", "out.parquet", "--parser", "spacy"], "foleygenex fetch-parser"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(table) if argument == "in.csv" else argument for argument in arguments]
    assert exit_code(["mine-captions", *given]) == 2
    assert message in capsys.readouterr().err
