"""Laws of the contracts: a table is read as it was written, or refused with the column, the row and the expectation."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data_contracts
from data_contracts import ContractError, Mined, Row, iter_table, read_table, to_json, write_table
from data_contracts.contract import write_table_batches


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample(Row):
    """Every kind of column."""

    TABLE: ClassVar[str] = "samples"
    item_id: str
    count: int
    level_db: float
    is_near: bool
    words: tuple[str, ...]
    times_s: tuple[float, ...] | None
    note: str | None


def sample(number: int = 0, **changes: Any) -> Sample:
    values = {
        "item_id": f"item-{number}",
        "count": number,
        "level_db": -1.5,
        "is_near": True,
        "words": ("a", "ü"),
        "times_s": None,
        "note": None,
    }
    return Sample(**{**values, **changes})


def all_rows() -> list[type[Row]]:
    found = [getattr(data_contracts, name) for name in data_contracts.__all__]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, Row) and kind is not Row]


@pytest.mark.parametrize("kind", all_rows(), ids=lambda kind: kind.TABLE)
def test_every_table_has_a_schema_a_key_and_a_docstring(kind: type[Row]) -> None:
    schema = kind.schema()
    assert schema.metadata[b"contract"] == kind.TABLE.encode()
    assert kind.KEY in schema.names and not schema.field(kind.KEY).nullable
    assert kind.__doc__ and not kind.__doc__.startswith(kind.__name__ + "(")


def test_tables_have_different_names() -> None:
    names = [kind.TABLE for kind in all_rows()]
    assert names
    assert len(names) == len(set(names))


def test_rows_survive_the_round_trip(tmp_path: Path) -> None:
    rows = [sample(0), sample(1, times_s=(0.5, 1.0), note="n"), sample(2, words=(), times_s=())]
    path = tmp_path / "deep" / "samples.parquet"
    assert write_table(path, Sample, rows) == 3
    assert read_table(path, Sample) == rows
    assert list(iter_table(path, Sample, batch_rows=1)) == rows


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    rows = [sample(number) for number in range(500)]
    write_table(tmp_path / "a.parquet", Sample, rows)
    write_table(tmp_path / "b.parquet", Sample, iter(rows))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"count": 1.5}, "count", "int64"),
        ({"count": True}, "count", "int64"),
        ({"count": "3"}, "count", "int64"),
        ({"level_db": math.nan}, "level_db", "double"),
        ({"level_db": math.inf}, "level_db", "double"),
        ({"level_db": True}, "level_db", "double"),
        ({"is_near": 1}, "is_near", "bool"),
        ({"words": "text"}, "words", "list"),
        ({"words": ("a", 3)}, "words", "list"),
        ({"times_s": (0.0, math.nan)}, "times_s", "list"),
        ({"item_id": None}, "item_id", "a value"),
        ({"note": 3}, "note", "string"),
    ],
)
def test_wrong_values_name_column_row_and_expectation(
    tmp_path: Path, changes: dict[str, Any], column: str, expected: str
) -> None:
    path = tmp_path / "samples.parquet"
    with pytest.raises(ContractError, match=f"column '{column}', row 1 .*expected {expected}"):
        write_table(path, Sample, [sample(0), sample(1, **changes)])
    assert list(tmp_path.iterdir()) == []


def test_repeated_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="row 1: 'item-0' repeats"):
        write_table(tmp_path / "t.parquet", Sample, [sample(0), sample(0)])


def test_a_failed_write_keeps_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, Sample, [sample(0)])
    with pytest.raises(ContractError):
        write_table(path, Sample, [sample(1, level_db=math.nan)])
    assert read_table(path, Sample) == [sample(0)] and list(tmp_path.iterdir()) == [path]


def _rewritten(path: Path, change: Any) -> Path:
    write_table(path, Sample, [sample(0)])
    pq.write_table(change(pq.read_table(path)), path)
    return path


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = _rewritten(tmp_path / "t.parquet", lambda table: table.drop_columns(["level_db"]))
    with pytest.raises(ContractError, match="column 'level_db' is missing; expected double"):
        read_table(path, Sample)


def test_a_foreign_column_is_named(tmp_path: Path) -> None:
    path = _rewritten(tmp_path / "t.parquet", lambda table: table.append_column("extra", pa.array([1])))
    with pytest.raises(ContractError, match="column 'extra' is not part of table samples"):
        read_table(path, Sample)


def test_a_wrong_column_type_is_named(tmp_path: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index("count"), "count", pa.array(["3"]))

    with pytest.raises(ContractError, match="column 'count' is string; expected int64"):
        read_table(_rewritten(tmp_path / "t.parquet", change), Sample)


def test_nan_in_a_table_of_others_is_refused_on_reading(tmp_path: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index("level_db"), "level_db", pa.array([math.nan]))

    with pytest.raises(ContractError, match=r"column 'level_db', row 0 .*got nan"):
        read_table(_rewritten(tmp_path / "t.parquet", change), Sample)


def test_another_version_is_refused(tmp_path: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        return table.replace_schema_metadata({"contract": "samples", "contract_version": "9"})

    with pytest.raises(ContractError, match="contract version 9, this release reads 1; run the stage again"):
        read_table(_rewritten(tmp_path / "t.parquet", change), Sample)


@pytest.mark.parametrize("content", [b"", b"not parquet at all", b"PAR1PAR1"])
def test_an_unreadable_table_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=r"t\.parquet is not readable Parquet"):
        read_table(path, Sample)


def test_any_changed_byte_of_a_page_is_an_error_that_names_the_table_or_changes_nothing(tmp_path: Path) -> None:
    path, rows = tmp_path / "t.parquet", [sample(item_id=f"item {n} " * 3) for n in range(40)]
    for write in (lambda: write_table(path, Sample, rows), lambda: write_table_batches(path, Sample, [rows])):
        write()
        whole, refused = path.read_bytes(), 0
        pages_end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # then the footer, without a checksum
        for place in range(0, len(whole), 23):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            try:
                assert read_table(path, Sample) == rows or place >= pages_end  # the same: a byte of the statistics
            except ContractError as error:
                assert "t.parquet" in str(error)
                refused += 1
        assert refused > 10


def test_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"table samples is missing: .*run the stage that writes it"):
        read_table(tmp_path / "t.parquet", Sample)


def test_rows_from_dicts_are_checked() -> None:
    with pytest.raises(ContractError, match="unknown column 'colour'"):
        Sample.from_dict({**sample().to_dict(), "colour": "red"})
    with pytest.raises(ContractError, match="samples"):
        Sample.from_dict({"item_id": "x"})
    assert Sample.from_dict(sample().to_dict()) == sample()


def test_canonical_json() -> None:
    assert to_json({"b": 1.5, "a": "ü"}) == '{"a":"ü","b":1.5}'
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": math.nan})


def mined(number: int) -> Mined:
    return Mined(
        item_id=f"c{number}~speed",
        parent_id=f"c{number}",
        caption="a dog barks quickly",
        dimension="speed",
        side="fast",
        words="quickly",
        start=12,
        end=19,
        pos="adverb",
    )


def test_tables_open_with_pandas_and_duckdb(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "mined.parquet"
    write_table(path, Mined, [mined(0), mined(1)])
    assert list(pd.read_parquet(path).words) == ["quickly", "quickly"]
    assert duckdb.sql(f"select count(*) from '{path}' where dimension = 'speed'").fetchall() == [(2,)]


def test_tables_open_with_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path = tmp_path / "mined.parquet"
    write_table(path, Mined, [mined(0), mined(1)])
    loaded = datasets.load_dataset("parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == 2


def test_a_table_without_rows_has_no_row_group_and_opens_in_datasets(tmp_path: Path) -> None:
    """`datasets` cannot read a row group of no rows."""
    datasets = pytest.importorskip("datasets")
    write_table(tmp_path / "a.parquet", Mined, [])
    write_table_batches(tmp_path / "b.parquet", Mined, [[], []])
    for name in ("a.parquet", "b.parquet"):
        assert pq.ParquetFile(tmp_path / name).num_row_groups == 0
        assert read_table(tmp_path / name, Mined) == [] and list(pd.read_parquet(tmp_path / name).columns)
        assert datasets.Dataset(pq.read_table(tmp_path / name)).column_names == Mined.schema().names
    files = str(tmp_path / "a.parquet")
    stream = datasets.load_dataset("parquet", data_files=files, streaming=True, cache_dir=str(tmp_path / "cache"))
    assert list(stream["train"]) == []
