"""Requests for many files: rows of a CSV or JSONL table, or all videos of a folder, with safe output names."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.generation import FILE_INPUTS
from tasks.commands.generate.options import SUFFIXES, GenerateOptions, parse_window
from tasks.engine.workspace import safe_name
from tasks.media.mux import VIDEO_SUFFIXES

COLUMNS: Final = ("task", "text", "negative", *FILE_INPUTS, "surrogate", "window", "duration", "seed", "out")
_VIDEOS: Final = (
    ".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One file of many. `options` None: the row cannot be used, and `problem` says why."""

    number: int
    task: str
    asked_name: str
    options: GenerateOptions | None
    problem: str | None = None


def read_requests(table: Path, base: GenerateOptions) -> list[GenerationRequest]:
    """Returns one request per row of a .csv or .jsonl file. `base` has the defaults, `base.out` is the folder.

    Paths count from the table's folder. Names of outputs are made safe: they never leave the folder. A row that cannot
    be used is a request with a problem. Raises UsageError when the file itself cannot be used.
    """
    if table.suffix.lower() not in (".csv", ".jsonl"):
        raise UsageError(f"jobs {table.name}: the name must end in .csv or .jsonl")
    try:
        rows = list(_csv_rows(table) if table.suffix.lower() == ".csv" else _json_rows(table))
    except OSError as error:
        raise UsageError(f"jobs {table}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"jobs {table.name}: cannot be read as UTF-8 text ({error})") from error
    if not rows:
        raise UsageError(f"jobs {table.name} has no rows; its columns are {', '.join(COLUMNS)}")
    return _unique([_request(number, row, base, table.parent) for number, row in enumerate(rows, 1)])


def folder_requests(base: GenerateOptions) -> list[GenerationRequest]:
    """Returns one request per video in the folder `base.video` and its subfolders, sorted by name."""
    assert base.video is not None
    folder = base.video
    made = base.out.resolve()
    if made == folder.resolve():
        raise UsageError(
            f"--out {base.out} is the folder of the videos, where the next run would take the results for videos; give "
            f"another, e.g. {base.out / 'generated'}"
        )
    own = made.is_relative_to(folder.resolve())  # what lies in there was generated and is no input
    videos = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _VIDEOS and path.is_file() and not (own and path.resolve().is_relative_to(made))
    )
    if not videos:
        raise UsageError(f"--video {folder}: the folder has no video ({', '.join(_VIDEOS)})")
    names = Counter(video.relative_to(folder).with_suffix("").as_posix() for video in videos)
    requests = []
    for number, video in enumerate(videos, 1):
        name = video.relative_to(folder).with_suffix("").as_posix()
        if names[name] > 1:
            name = f"{name}_{video.suffix[1:].lower()}"
        requests.append(_request(number, {"video": str(video.resolve()), "out": name}, base, folder, stem=True))
    return _unique(requests)


def _csv_rows(table: Path) -> Iterator[dict[str, Any]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="")
        for name in reader.fieldnames or ():
            if name not in COLUMNS:
                raise UsageError(f"jobs {table.name}: column {name!r} is unknown; columns are {', '.join(COLUMNS)}")
        yield from reader


def _json_rows(table: Path) -> Iterator[dict[str, Any]]:
    for line in table.read_text("utf-8-sig").splitlines():
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            row = {"": f"not valid JSON ({error})"}
        yield row if isinstance(row, dict) else {"": "not a JSON object"}


def _request(
    number: int, row: dict[str, Any], base: GenerateOptions, folder: Path, *, stem: bool = False
) -> GenerationRequest:
    task = str(row.get("task") or base.task)
    asked = str(row.get("out") or "")
    try:
        options = _options(row, base, folder, number, stem)
    except (UsageError, ValueError) as error:
        return GenerationRequest(number=number, task=task, asked_name=asked, options=None, problem=str(error))
    return GenerationRequest(number=number, task=task, asked_name=asked or options.out.name, options=options)


def _options(row: dict[str, Any], base: GenerateOptions, folder: Path, number: int, stem: bool) -> GenerateOptions:
    for name in row:
        if name not in COLUMNS:
            raise UsageError(f"{name}: unknown; columns are {', '.join(COLUMNS)}" if name else f"row {row[name]}")
    cells = {name: str(value).strip() for name, value in row.items() if value is not None and str(value).strip()}
    changes: dict[str, Any] = {name: cells[name] for name in ("task", "text", "negative", "surrogate") if name in cells}
    changes |= {name: folder / cells[name] for name in FILE_INPUTS if name in cells}
    if "window" in cells:
        changes["window"] = parse_window(cells["window"])
    if "duration" in cells:
        changes["duration_s"] = _number("duration", cells["duration"], float)
    if "seed" in cells:
        changes["seed"] = _number("seed", cells["seed"], int)
    changed = replace(base, **changes)
    out = base.out / _file_name(cells.get("out", ""), changed.video, number, stem)
    return replace(changed, out=out)


def _number(column: str, cell: str, kind: type[float] | type[int]) -> float:
    try:
        return kind(cell)
    except ValueError as error:
        raise UsageError(f"{column} {cell[:40]!r} is not a {'whole ' if kind is int else ''}number") from error


def _file_name(asked: str, video: Path | None, number: int, stem: bool) -> str:
    """Returns a name without folders: the one asked for, else the video's, else the row's number."""
    if not asked:
        asked, stem = (video.stem if video else f"{number:05d}"), True
    suffix = "" if stem else Path(asked.replace("\\", "/")).suffix
    if suffix:
        if suffix.lower() not in SUFFIXES:
            raise UsageError(f"out {asked!r}: the name must end in one of {', '.join(SUFFIXES)}")
        return safe_name(asked[: -len(suffix)]) + suffix.lower()
    source = video.suffix.lower() if video else ""
    return safe_name(asked) + (source if source in VIDEO_SUFFIXES else ".mkv" if video else ".wav")


def _unique(requests: list[GenerationRequest]) -> list[GenerationRequest]:
    """Refuses an output that an earlier row writes, or that another row reads: it would be lost, or read again."""
    first: dict[str, int] = {}
    readers = {path.resolve(): one.number for one in requests if one.options for path in one.options.files().values()}
    return [_checked(request, first, readers) for request in requests]


def _checked(request: GenerationRequest, first: dict[str, int], readers: dict[Path, int]) -> GenerationRequest:
    if request.options is None:
        return request
    out, problem = request.options.out, ""
    if (earlier := first.setdefault(out.name.casefold(), request.number)) != request.number:
        problem = f"out {out.name} is the output of row {earlier} already; give each row its own name"
    elif (reader := readers.get(out.resolve(), request.number)) != request.number:
        problem = f"out {out.name} is an input of row {reader}; give another name, or another --out"
    return replace(request, options=None, problem=problem) if problem else request
