"""Used by all readers: the files of a folder by name, lists read row by row, ids from a file."""

from __future__ import annotations

import codecs
import csv
import difflib
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final, TextIO

import ijson
import pyarrow as pa

from data_contracts import UsageError

UTF_8: Final = "utf-8"
_USUAL_NAMES: Final = {
    "audio": ("wav", "path", "file", "filename", "file_name", "audio_path", "sound"),
    "caption": ("text", "description", "label", "sentence", "prompt", "captions"),
}
_MARKS: Final = (  # the longer marks first: the one of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def files_by_name(folder: Path) -> Mapping[str, str]:
    """Returns file name -> path relative to `folder`, of all files below it; linked folders are not entered.

    Names from a list are only ever looked up here, so `../x`, absolute paths, URLs and NULs name nothing.
    Where a name repeats, the first path in sorted order counts. Accented letters are found however they are composed:
    macOS and Linux write them differently.
    """
    if not folder.is_dir():
        raise UsageError(f"folder {folder} does not exist; set ingest.corpus.media to the folder of the recordings")
    found = _FilesByName()
    for place, folders, names in os.walk(folder):
        folders.sort()
        relative = os.path.relpath(place, folder)
        for name in sorted(names):
            found.add(name, name if relative == "." else f"{relative}/{name}")
    return found


class _FilesByName(Mapping[str, str]):
    """Paths by name in its composed form."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}

    def add(self, name: str, path: str) -> None:
        """Adds a path unless its name is known."""
        self._paths.setdefault(unicodedata.normalize("NFC", name), path)

    def __getitem__(self, name: str) -> str:
        return self._paths[unicodedata.normalize("NFC", name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def base_name(name: str) -> str:
    """Returns the last part of a path, written with slashes or as on Windows."""
    return PureWindowsPath(name).name


def lists_in(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Returns the list itself, or the lists of a folder, sorted. Raises UsageError when there is none."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix in suffixes) if path.is_dir() else []
    if not found:
        raise UsageError(f"{path}: no list found; expected a file, or a folder with {', '.join(suffixes)} files")
    return found


def require_regular(path: Path) -> None:
    """Raises UsageError for a named pipe, socket or device, before it is opened: to open a pipe may wait for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(f"list {path} is a named pipe, socket or device; copy it to a regular file")


def open_text(path: Path, encoding: str = UTF_8) -> TextIO:
    """Opens a list as text with its line ends. Bytes that do not fit the encoding become U+FFFD: their row is refused.

    A byte order mark takes precedence over `encoding`. Raises UsageError for UTF-16 without one and for a file that is
    not regular, OSError as `open`.
    """
    require_regular(path)
    with path.open("rb") as file:
        head = file.read(4)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is None and encoding == UTF_8 and b"\0" in head:
        raise UsageError(
            f"list {path} looks like UTF-16 or UTF-32 without a byte order mark; save it as UTF-8, or set encoding "
            "of its corpus (utf-16-le, utf-16-be, ...)"
        )
    return path.open(encoding=marked or encoding, errors="replace", newline="")


def rows_of(path: Path, encoding: str = UTF_8) -> Iterator[list[str]]:
    """Yields the cells of each row of a CSV or TSV that is not blank, whatever its quoting and line ends.

    Raises UsageError naming the line where a quote is never closed, or closes in the middle of a cell.
    """
    number = 0
    try:
        with open_text(path, encoding) as file:
            reader = csv.reader(file, delimiter=_delimiter(path, file), strict=True)
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield row
                number = reader.line_num
    except (OSError, csv.Error) as error:
        raise UsageError(f"list {path} cannot be read: {error} (the row from line {number + 1} on)") from error


def _delimiter(path: Path, file: TextIO) -> str:
    """Returns what separates cells: a tab in a TSV; a semicolon, as Excel writes, where the first line has no comma."""
    if path.suffix == ".tsv":
        return "\t"
    first = file.readline()
    file.seek(0)
    return ";" if ";" in first and "," not in first else ","


def is_text(kind: pa.DataType) -> bool:
    """Returns whether a column of this Arrow type has text, plain or as a dictionary, or nothing at all."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_kind(plain) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null))


def is_list_of_text(kind: pa.DataType) -> bool:
    """Returns whether a column has several texts per row."""
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and is_text(kind.value_type)


def is_embedded_audio(kind: pa.DataType) -> bool:
    """Returns whether a column has audio files as `datasets` writes them: a struct of their `bytes` and `path`."""
    if not pa.types.is_struct(kind) or {kind.field(n).name for n in range(kind.num_fields)} != {"bytes", "path"}:
        return False
    inside = kind.field("bytes").type
    return is_text(kind.field("path").type) and (
        pa.types.is_binary(inside) or pa.types.is_large_binary(inside) or pa.types.is_null(inside)
    )


def refused_column(table: Path, name: str, kind: pa.DataType) -> UsageError:
    """Returns the error that names a column whose cells cannot be used, and their type."""
    return UsageError(f"table {table}: column {name!r} has cells of type {kind}; expected text")


def did_you_mean(wanted: str, columns: Iterable[str]) -> str:
    """Returns a question that names the column most like the wanted one, nothing where none is."""
    usual = [name for name in columns if name.strip().lower() in _USUAL_NAMES.get(wanted, ())]
    alike = usual or difflib.get_close_matches(wanted, list(columns), n=1, cutoff=0.7)
    return f"; rename {alike[0]!r} if it is meant" if alike else ""


def dicts_of(path: Path, needed: tuple[str, ...], encoding: str = UTF_8) -> Iterator[dict[str, str]]:
    """Yields rows by column; short rows have empty cells.

    Raises UsageError naming a column that is missing or appears twice, and a row with more cells than the header.
    """
    rows = rows_of(path, encoding)
    header = [cell.strip() for cell in next(rows, [])]
    for name in needed:
        if header.count(name) != 1:
            problem = f"{name!r} appears twice" if name in header else f"{name!r} is missing"
            hint = "" if name in header else did_you_mean(name, header)
            raise UsageError(f"list {path}: column {problem}; it has {header}{hint}")
    for row in rows:
        if any(cell.strip() for cell in row[len(header) :]):
            start = ",".join(row)[:60]
            raise UsageError(
                f"list {path}: a row has {len(row)} cells, the header {len(header)}: {start!r}; put text with "
                "separators in double quotes"
            )
        yield dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=False))


def json_of(path: Path) -> Any:
    """Returns a JSON file's content. Raises UsageError naming the file."""
    require_regular(path)
    try:
        return json.loads(path.read_text("utf-8-sig", errors="replace"))
    except (OSError, ValueError) as error:
        raise UsageError(f"list {path} cannot be read as JSON: {error}") from error


def array_entries(path: Path, array: str, encoding: str = UTF_8) -> Iterator[Any]:
    """Yields the entries of the array `array` of a JSON object, one in memory at a time.

    Raises UsageError naming the file when it is not JSON, or has no such array.
    """
    try:
        with open_text(path, encoding) as text:
            starts = ((prefix, event) for prefix, event, _ in ijson.parse(_Encoded(text)))
            found = (array, "start_array") in starts
        if found:
            with open_text(path, encoding) as text:
                yield from ijson.items(_Encoded(text), f"{array}.item", use_float=True)
    except (OSError, ijson.JSONError) as error:
        raise UsageError(f"list {path} cannot be read as JSON: {str(error).splitlines()[0]}") from error
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
        with open_text(place) as file:
            lines = file.read().splitlines()
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
