"""A table's contract: a frozen dataclass is the row, and the Arrow schema is derived from it.

One definition serves the type checker, the reader, the writer and the documentation. Tables are plain Parquet
with the contract's name and version in the schema metadata, so pandas, DuckDB and `datasets` open them.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.errors import ContractError
from data_contracts.files import atomic_path

RowT = TypeVar("RowT", bound="Row")

_WRITTEN: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}  # a reader sees any changed byte
_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """Base of every row. Subclasses set `TABLE`, `VERSION`, `KEY` and declare typed fields.

    Allowed field types: `str`, `int`, `float`, `bool`, `tuple[T, ...]` of those, and `T | None`. Free-form values
    (recipes, tool versions) are JSON text made by `to_json`.
    """

    TABLE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    KEY: ClassVar[str] = "item_id"

    @classmethod
    def schema(cls) -> pa.Schema:
        """Returns the Arrow schema, field order as declared, with contract name and version in the metadata."""
        hints = typing.get_type_hints(cls)
        fields = [_arrow_field(field.name, hints[field.name]) for field in dataclasses.fields(cls)]
        return pa.schema(fields, metadata={"contract": cls.TABLE, "contract_version": str(cls.VERSION)})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds a row from plain JSON/Arrow values; lists become tuples. Raises ContractError otherwise."""
        names = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            raise ContractError(f"table {cls.TABLE}: unknown column {unknown[0]!r}; expected {sorted(names)}")
        try:
            return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
        except TypeError as error:
            raise ContractError(f"table {cls.TABLE}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON-able values in column order; tuples become lists."""
        return {
            field.name: list(value) if isinstance(value := getattr(self, field.name), tuple) else value
            for field in dataclasses.fields(self)
        }


def to_json(value: Any) -> str:
    """Returns canonical JSON (sorted keys, no spaces), the form of every free-form cell."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def write_table(path: Path, row_type: type[Row], rows: Iterable[Row]) -> int:
    """Writes rows as Parquet under a temporary name, then renames. Returns the row count.

    Raises ContractError when a row breaks the contract or a key repeats; nothing is written then.
    """
    dicts = [row.to_dict() for row in rows]
    table = _checked_table(row_type, dicts, str(path))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, table.schema, **_WRITTEN) as writer:
        _write(writer, table)
    return table.num_rows


def write_table_batches(path: Path, row_type: type[Row], batches: Iterable[Sequence[Row]]) -> int:
    """Like `write_table`, one row group per batch, so that only one batch is in memory. Returns the row count."""
    seen: set[Any] = set()
    count = 0
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, row_type.schema(), **_WRITTEN) as writer:
        for batch in batches:
            dicts = [row.to_dict() for row in batch]
            table = _checked_table(row_type, dicts, str(path))
            for values in dicts:
                if values[row_type.KEY] in seen:
                    raise ContractError(f"{path}: column {row_type.KEY!r}: {values[row_type.KEY]!r} repeats")
                seen.add(values[row_type.KEY])
            _write(writer, table)
            count += table.num_rows
    return count


def _write(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """Writes a row group; none for no rows, since `datasets` cannot read an empty one."""
    if table.num_rows:
        writer.write_table(table)


def read_table(path: Path, row_type: type[RowT]) -> list[RowT]:
    """Reads and checks a whole table. Raises ContractError with the column, the row and what was expected."""
    return list(iter_table(path, row_type))


def iter_table(path: Path, row_type: type[RowT], batch_rows: int = 8192) -> Iterator[RowT]:
    """Like `read_table`, streaming, so a table larger than memory can be read."""
    offset = 0
    for values in _read_batches(path, row_type, batch_rows):
        _check_values(row_type, values, str(path), offset)
        offset += len(values)
        for value in values:
            yield row_type.from_dict(value)


def check_schema(found: pa.Schema, row_type: type[Row], where: str) -> None:
    """Raises ContractError unless `found` has the contract's columns, types and version."""
    metadata = found.metadata or {}
    version = metadata.get(b"contract_version", b"?").decode()
    if b"contract_version" in metadata and version != str(row_type.VERSION):
        raise ContractError(
            f"{where}: table {row_type.TABLE} has contract version {version}, this release reads {row_type.VERSION}; "
            "run the stage again"
        )
    for field in row_type.schema():
        index = found.get_field_index(field.name)
        if index < 0:
            raise ContractError(f"{where}: column {field.name!r} is missing; expected {field.type}")
        if found.field(index).type != field.type:
            raise ContractError(f"{where}: column {field.name!r} is {found.field(index).type}; expected {field.type}")
    if extra := [name for name in found.names if name not in row_type.schema().names]:
        raise ContractError(f"{where}: column {extra[0]!r} is not part of table {row_type.TABLE}")


def _read_batches(path: Path, row_type: type[Row], batch_rows: int) -> Iterator[list[dict[str, Any]]]:
    """Yields a table's values, batch by batch. Raises ContractError naming the file for whatever is wrong in it."""
    if not path.exists():
        raise ContractError(f"table {row_type.TABLE} is missing: {path}; run the stage that writes it")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            check_schema(file.schema_arrow, row_type, str(path))
            for batch in file.iter_batches(batch_size=batch_rows):
                yield batch.to_pylist()
    except ContractError:
        raise
    except Exception as error:  # damage reaches every layer of the reader: Thrift, ZSTD, pages, text, memory
        raise ContractError(
            f"table {row_type.TABLE}: {path} is not readable Parquet ({error}); remove it and run its stage again"
        ) from error


def _arrow_field(name: str, hint: Any) -> pa.Field:
    nullable = False
    if isinstance(hint, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        nullable, hint = True, inner[0]
    return pa.field(name, _arrow_type(hint), nullable=nullable)


def _arrow_type(hint: Any) -> pa.DataType:
    if typing.get_origin(hint) is tuple:
        return pa.list_(_arrow_type(typing.get_args(hint)[0]))
    return _SCALARS[hint]


def _checked_table(row_type: type[Row], dicts: list[dict[str, Any]], where: str) -> pa.Table:
    _check_values(row_type, dicts, where, 0)
    _check_unique([d[row_type.KEY] for d in dicts], row_type, where)
    try:
        return pa.Table.from_pylist(dicts, schema=row_type.schema())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ContractError(f"{where}: table {row_type.TABLE}: {error}") from error


def _check_values(row_type: type[Row], dicts: list[dict[str, Any]], where: str, offset: int) -> None:
    for field in row_type.schema():
        check = _checker(field.type)
        for index, values in enumerate(dicts):
            value = values[field.name]
            if value is None and field.nullable:
                continue
            if value is None or not check(value):
                expected = "a value" if value is None else str(field.type)
                raise ContractError(
                    f"{where}: column {field.name!r}, row {offset + index} "
                    f"({row_type.KEY}={values.get(row_type.KEY)!r}): got {value!r}; expected {expected}"
                )


def _checker(kind: pa.DataType) -> typing.Callable[[Any], bool]:
    if pa.types.is_list(kind):
        inner = _checker(kind.value_type)
        return lambda v: isinstance(v, list | tuple) and all(inner(x) for x in v)
    if pa.types.is_string(kind):
        return lambda v: isinstance(v, str)
    if pa.types.is_boolean(kind):
        return lambda v: isinstance(v, bool)
    if pa.types.is_integer(kind):
        return lambda v: isinstance(v, int) and not isinstance(v, bool)
    return lambda v: isinstance(v, float | int) and not isinstance(v, bool) and math.isfinite(v)


def _check_unique(keys: Sequence[Any], row_type: type[Row], where: str) -> None:
    seen: set[Any] = set()
    for index, key in enumerate(keys):
        if key in seen:
            raise ContractError(f"{where}: column {row_type.KEY!r}, row {index}: {key!r} repeats; expected unique keys")
        seen.add(key)
