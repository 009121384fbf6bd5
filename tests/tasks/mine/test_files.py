"""`mine-captions`: a table of captions in, one row per match out; and its score against labels."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data_contracts import UsageError
from flows.cli import app
from tasks.mine import files
from tasks.mine.files import mine_file
from tasks.mine.miner import RuleMiner
from tasks.mine.parser import ParseMiner
from tasks.mine.score import score

CAPTIONS = {
    "a": "A dog barks loudly, then a door closes nearby",
    "b": 'He says "hello", and\na clock ticks slowly',
    "c": "Rain falls",
    "d": "",
}


def table(
    path: Path, rows: dict[str, str] | list[tuple[str, str]], header: tuple[str, str] = ("id", "caption")
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *(rows.items() if isinstance(rows, dict) else rows)])
    return path


@pytest.mark.parametrize("choice", ["rules", "spacy"])
def test_a1_one_row_per_match_with_offsets_into_the_caption(parser: ParseMiner, tmp_path, choice: str) -> None:
    summary = mine_file(table(tmp_path / "in.csv", CAPTIONS), tmp_path / "out.parquet", choice=choice)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column_names == ["id", "dimension", "side", "text", "start", "end", "pos", "change"]
    rows = found.to_pylist()
    assert [(r["id"], r["side"], r["text"]) for r in rows] == [
        ("a", "loud", "loudly"), ("a", "near", "nearby"), ("b", "slow", "slowly")
    ]  # fmt: skip
    assert all(CAPTIONS[r["id"]][r["start"] : r["end"]] == r["text"] for r in rows)
    assert (summary.captions, summary.with_a_side, summary.matches) == (4, 2, 3)
    assert found.schema.metadata[b"method"].decode() == summary.method


def test_chunks_and_processes_change_nothing(parser: ParseMiner, tmp_path, monkeypatch) -> None:
    source = table(tmp_path / "in.csv", [(str(n), list(CAPTIONS.values())[n % 4]) for n in range(60)])
    mine_file(source, tmp_path / "one.parquet", choice="spacy", workers=1)
    monkeypatch.setattr(files, "CHUNK", 7)
    mine_file(source, tmp_path / "many.parquet", choice="spacy", workers=2)
    assert pq.read_table(tmp_path / "one.parquet").equals(pq.read_table(tmp_path / "many.parquet"))


def test_tables_are_streamed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 10)
    seen: list[int] = []
    source = table(tmp_path / "in.csv", [(str(n), "A loud bang") for n in range(95)])
    mine_file(source, tmp_path / "out.parquet", choice="rules", on_progress=seen.append)
    assert seen == [*range(10, 100, 10), 95]


def test_parquet_and_other_columns_are_read(tmp_path) -> None:
    source = table(tmp_path / "in.csv", {"7": "A faint hum"}, ("audiocap_id", "text"))
    options = {"choice": "rules", "id_column": "audiocap_id", "caption_column": "text"}
    mine_file(source, tmp_path / "out.parquet", **options)
    import pandas as pd

    pd.read_csv(source).to_parquet(tmp_path / "in.parquet")
    mine_file(tmp_path / "in.parquet", tmp_path / "again.parquet", **options)
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == pq.read_table(tmp_path / "again.parquet").to_pylist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,text\n1,x\n", "no column 'caption'"),
        ("", "no column 'id'"),
        (b"id,caption\n1,\xff\xfe\n", "not a readable"),
    ],
)
def test_a_bad_table_is_one_clear_error_and_leaves_nothing(tmp_path, content, said: str) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=said):
        mine_file(source, tmp_path / "out.parquet", choice="rules")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_the_table_is_never_written_over_and_the_result_is_named_what_it_is(tmp_path) -> None:
    source = table(tmp_path / "in.csv", [("1", "A loud bang")])
    before = source.read_bytes()
    for out in (source, tmp_path / "out.csv"):
        with pytest.raises(UsageError, match=r"ends in \.parquet"):
            mine_file(source, out, choice="rules")
    parquet = tmp_path / "in.parquet"
    parquet.write_bytes(b"junk")
    with pytest.raises(UsageError, match="is the table to read"):
        mine_file(parquet, parquet, choice="rules")
    with pytest.raises(UsageError, match="not a readable table"):
        mine_file(parquet, tmp_path / "out.parquet", choice="rules")
    assert source.read_bytes() == before and {p.name for p in tmp_path.iterdir()} == {"in.csv", "in.parquet"}
    (tmp_path / "gold.csv").write_bytes(b"caption\n\xff\n")
    with pytest.raises(UsageError, match="not a readable table"):
        score(RuleMiner(), tmp_path / "gold.csv")


GOLD = """caption,speed,distance,volume,speed_maybe,distance_maybe,volume_maybe
A dog barks loudly,none,none,loud,none,none,none
A dog barks,none,none,loud,none,none,none
A loud bang,none,none,none,none,none,none
A loud horn,none,none,none,none,none,both
A loud and a quiet horn,none,none,both,none,none,none
"""


def test_the_score_counts_hits_misses_false_and_debatable(tmp_path) -> None:
    (tmp_path / "gold.csv").write_text(GOLD)
    loud = {side.side: side for side in score(RuleMiner(), tmp_path / "gold.csv")}["loud"]
    assert (loud.hits, loud.misses, loud.false, loud.debatable) == (2, 1, 1, 1)
    assert (loud.precision, loud.strict_precision, loud.recall) == (2 / 3, 2 / 4, 2 / 3)
    assert loud.wrong == ("missed loud: A dog barks", "false loud: A loud bang")


def test_the_command_mines_scores_and_refuses(tmp_path, monkeypatch) -> None:
    run = CliRunner().invoke
    source, out = table(tmp_path / "in.csv", CAPTIONS), tmp_path / "out.parquet"
    (tmp_path / "gold.csv").write_text(GOLD)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    mined = run(app, ["mine-captions", str(source), str(out)])
    assert mined.exit_code == 0, mined.output
    assert "4 captions, 2 name a side, 3 matches; mined by rules" in mined.output
    assert "foleygenex fetch-parser" in mined.output
    scored = run(app, ["mine-captions", "--gold", str(tmp_path / "gold.csv"), "--parser", "rules"])
    assert "loud        0.667" in scored.output
    assert isinstance(run(app, ["mine-captions"]).exception, UsageError)
    assert isinstance(run(app, ["mine-captions", str(source), str(out), "--parser", "x"]).exception, UsageError)
    missing = run(app, ["mine-captions", str(source), str(out), "--parser", "spacy"])
    assert "foleygenex fetch-parser" in str(missing.exception)
