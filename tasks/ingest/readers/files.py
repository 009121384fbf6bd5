"""What all readers share: the files of a folder by name, lists read row by row, ids from a file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import ijson

from data_contracts import UsageError


def files_by_name(folder: Path) -> Mapping[str, str]:
    """Returns file name -> path relative to `folder`, of all files below it; linked folders are not entered.

    Names from a list are only ever looked up here, so `../x`, absolute paths, URLs and NULs name nothing.
    Where a name repeats, the first path in sorted order counts.
    """
    if not folder.is_dir():
        raise UsageError(f"folder {folder} does not exist; set ingest.corpus.media to the folder of the recordings")
    found: dict[str, str] = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        relative = os.path.relpath(place, folder)
        for name in sorted(names):
            found.setdefault(name, name if relative == "." else f"{relative}/{name}")
    return found


def lists_in(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Returns the list itself, or the lists of a folder, sorted. Raises UsageError when there is none."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix in suffixes) if path.is_dir() else []
    if not found:
        raise UsageError(f"{path}: no list found; expected a file, or a folder with {', '.join(suffixes)} files")
    return found


def rows_of(path: Path) -> Iterator[list[str]]:
    """Yields the cells of a CSV or TSV that are not blank rows. Quotes, BOM, CRLF and wrong bytes are dealt with."""
    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.reader(file, delimiter=separator):
                if any(cell.strip() for cell in row):
                    yield row
    except (OSError, csv.Error) as error:
        raise UsageError(f"list {path} cannot be read: {error}") from error


def dicts_of(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yields rows by column; short rows have empty cells. Raises UsageError naming the missing column."""
    rows = rows_of(path)
    header = [cell.strip() for cell in next(rows, [])]
    for name in needed:
        if name not in header:
            raise UsageError(f"list {path}: column {name!r} is missing; it has {header}")
    for row in rows:
        yield dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=False))


def json_of(path: Path) -> Any:
    """Returns a JSON file's content. Raises UsageError naming the file."""
    try:
        return json.loads(path.read_text("utf-8-sig", errors="replace"))
    except (OSError, ValueError) as error:
        raise UsageError(f"list {path} is not readable JSON: {error}") from error


def entries_of(path: Path, array: str) -> Iterator[Any]:
    """Yields what the array `array` of a JSON object holds, one entry in memory at a time.

    Raises UsageError naming the file when it is not JSON, or has no such array.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as text:
            starts = ((prefix, event) for prefix, event, _ in ijson.parse(_Encoded(text)))
            found = (array, "start_array") in starts
        if found:
            with path.open(encoding="utf-8-sig", errors="replace") as text:
                yield from ijson.items(_Encoded(text), f"{array}.item", use_float=True)
    except (OSError, ijson.JSONError) as error:
        raise UsageError(f"list {path} is not readable JSON: {str(error).splitlines()[0]}") from error
    if not found:
        raise UsageError(f'list {path}: expected a JSON object with an array "{array}"')


class _Encoded:
    """A text file as the bytes of valid UTF-8 that a JSON parser wants."""

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def read(self, size: int = -1) -> bytes:
        """Returns the next characters, encoded."""
        return self._text.read(size).encode()


def ids_in(path: str | None) -> frozenset[str]:
    """Returns the ids of a text file, one a line; of a CSV or TSV, its first column. Empty without a file."""
    if path is None:
        return frozenset()
    place = Path(path)
    if place.suffix in (".csv", ".tsv"):
        return frozenset(row[0].strip() for row in rows_of(place))
    try:
        lines = place.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"ingest.corpus.test_ids: {path} cannot be read: {error}") from error
    return frozenset(line.strip() for line in lines if line.strip())


def seconds(text: str) -> int | None:
    """Returns whole seconds from text such as `30` or `30.0`; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if 0 <= value < 1e6 and value == int(value) else None
