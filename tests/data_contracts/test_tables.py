"""Every table keeps every value that its columns allow, whoever reads it; ids and versions are what they should be."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, Row, iter_table, read_table, results, tables, write_table
from data_contracts.contract import write_table_batches

DECLARED = {**vars(tables), **vars(results)}.values()
KINDS = [kind for kind in DECLARED if isinstance(kind, type) and issubclass(kind, Row) and kind is not Row]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Returns a strategy for a column's type: a scalar, a tuple of scalars, or either or None."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return st.none() | values_of(inner)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    return SCALARS[kind]


def rows_of(kind: type[Row], *, least: int = 0) -> st.SearchStrategy[list[Row]]:
    """Returns a strategy for the rows of a table, with distinct keys."""
    hints = typing.get_type_hints(kind)
    columns = {field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)}
    row = st.fixed_dictionaries(columns).map(lambda values: kind(**values))
    return st.lists(row, min_size=least, max_size=5, unique_by=lambda one: getattr(one, kind.KEY))


few = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
@given(data=st.data())
@few
def test_what_is_written_is_read(kind: type[Row], data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(rows_of(kind))
    assert write_table(tmp_path / "t.parquet", kind, rows) == len(rows)
    assert read_table(tmp_path / "t.parquet", kind) == rows
    assert list(iter_table(tmp_path / "t.parquet", kind)) == rows


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
@given(data=st.data())
@few
def test_batches_hold_the_same_rows_as_one_write(kind: type[Row], data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(rows_of(kind))
    batches = [rows[:2], [], rows[2:]]
    assert write_table_batches(tmp_path / "t.parquet", kind, batches) == len(rows)
    assert read_table(tmp_path / "t.parquet", kind) == rows


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
@given(data=st.data())
@few
def test_equal_rows_give_equal_bytes(kind: type[Row], data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(rows_of(kind, least=1))
    for name in ("a", "b"):
        write_table(tmp_path / name, kind, rows)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
@given(data=st.data())
@few
def test_pandas_and_duckdb_read_the_same_rows(kind: type[Row], data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(rows_of(kind, least=1))
    path = tmp_path / "t.parquet"
    write_table(path, kind, rows)
    keys = [getattr(row, kind.KEY) for row in rows]
    assert pd.read_parquet(path)[kind.KEY].tolist() == keys
    found = duckdb.sql(f"SELECT {kind.KEY} FROM '{path}'").fetchall()
    assert [key for (key,) in found] == keys


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
@given(data=st.data())
@few
def test_a_repeated_key_is_refused_and_nothing_is_written(kind: type[Row], data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(rows_of(kind, least=1))
    path = tmp_path / f"{kind.TABLE}.parquet"
    for write in (write_table, lambda p, k, r: write_table_batches(p, k, [r[:1], r[1:]])):
        with pytest.raises(ContractError, match="repeats"):
            write(path, kind, [*rows, rows[0]])
        assert not list(tmp_path.glob(f"*{kind.TABLE}*")) and not list(tmp_path.glob(".tmp*"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
def test_the_version_stands_in_the_file_and_another_one_is_refused(kind: type[Row], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, kind, [])
    assert pq.read_schema(path).metadata[b"contract_version"] == str(kind.VERSION).encode()
    later = dataclasses.make_dataclass("Later", [], bases=(kind,), frozen=True, namespace={"VERSION": kind.VERSION + 1})
    with pytest.raises(ContractError, match="version"):
        read_table(path, later)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TABLE)
def test_a_number_that_is_none_is_refused_in_every_float_column(kind: type[Row], tmp_path: Path) -> None:
    floats = [name for name, hint in typing.get_type_hints(kind).items() if hint is float]
    for name in floats:
        row = _plain(kind, **{name: math.nan})
        with pytest.raises(ContractError, match=name):
            write_table(tmp_path / "t.parquet", kind, [row])


def test_children_name_their_parents_and_paths_their_hashes() -> None:
    for kind in KINDS:
        names = {field.name for field in dataclasses.fields(kind)}
        for path in [name for name in names if name == "audio_path"]:
            assert path.replace("_path", "_sha256") in names, f"{kind.TABLE}.{path} can be damaged unnoticed"
        if kind.TABLE in ("mined", "augmented", "captions", "paraphrases", "manifest", "generated", "clip_scores"):
            assert "parent_id" in names


def _plain(kind: type[Row], **values: Any) -> Row:
    """Returns a row with an empty value in each column that is not given."""
    empty = {str: "x", int: 0, float: 0.0, bool: False}
    columns = {
        name: empty.get(hint, () if typing.get_origin(hint) is tuple else None)
        for name, hint in typing.get_type_hints(kind).items()
        if name in {field.name for field in dataclasses.fields(kind)}
    }
    return kind(**{**columns, **values})
