"""Many sounds in one call: rows of a CSV or JSONL file, or all videos of a folder, as orders with safe file names."""

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

COLUMNS: Final = ("task", "text", *FILE_INPUTS, "surrogate", "window", "duration", "seed", "out")
_VIDEOS: Final = (
    ".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One sound of many. `options` None: the row makes no sense, and `problem` says why."""

    row: int
    task: str
    asked_name: str
    options: GenerateOptions | None
    problem: str | None = None


def read_requests(table: Path, base: GenerateOptions) -> list[GenerationRequest]:
    """Returns one order per row of a .csv or .jsonl file; `base.out` is the folder, `base` the default of every column.

    Paths count from the table's folder. Names of outputs are made safe: they never leave the folder. A row that makes
    no sense is an order with a problem. Raises UsageError when the file itself cannot be used.
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
    return _unique([_order(number, row, base, table.parent) for number, row in enumerate(rows, 1)])


def folder_requests(folder: Path, base: GenerateOptions) -> list[GenerationRequest]:
    """Returns one order per video in a folder and its subfolders, in the order of their names."""
    made = base.out.resolve()  # where it lies inside the folder, its films are results, not inputs
    own = made.is_relative_to(folder.resolve()) and made != folder.resolve()
    videos = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _VIDEOS and path.is_file() and not (own and path.resolve().is_relative_to(made))
    )
    if not videos:
        raise UsageError(f"--video {folder}: the folder has no video ({', '.join(_VIDEOS)})")
    names = Counter(video.relative_to(folder).with_suffix("").as_posix() for video in videos)
    orders = []
    for number, video in enumerate(videos, 1):
        name = video.relative_to(folder).with_suffix("").as_posix()
        if names[name] > 1:
            name = f"{name}_{video.suffix[1:].lower()}"
        orders.append(_order(number, {"video": str(video.resolve()), "out": name}, base, folder, stem=True))
    return _unique(orders)


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


def _order(
    number: int, row: dict[str, Any], base: GenerateOptions, folder: Path, *, stem: bool = False
) -> GenerationRequest:
    task = str(row.get("task") or base.task)
    asked = str(row.get("out") or "")
    try:
        options = _options(row, base, folder, number, stem)
    except (UsageError, ValueError, TypeError, OverflowError) as error:
        return GenerationRequest(row=number, task=task, asked_name=asked, options=None, problem=str(error))
    return GenerationRequest(row=number, task=task, asked_name=asked or options.out.name, options=options)


def _options(row: dict[str, Any], base: GenerateOptions, folder: Path, number: int, stem: bool) -> GenerateOptions:
    for name in row:
        if name not in COLUMNS:
            raise UsageError(f"{name}: unknown; columns are {', '.join(COLUMNS)}" if name else f"row {row[name]}")
    cells = {name: str(value).strip() for name, value in row.items() if value is not None and str(value).strip()}
    changes: dict[str, Any] = {name: cells[name] for name in ("task", "text", "surrogate") if name in cells}
    changes |= {name: folder / cells[name] for name in FILE_INPUTS if name in cells}
    if "window" in cells:
        changes["window"] = parse_window(cells["window"])
    if "duration" in cells:
        changes["duration_s"] = float(cells["duration"])
    if "seed" in cells:
        changes["seed"] = int(cells["seed"])
    changed = replace(base, **changes)
    out = base.out / _file_name(cells.get("out", ""), changed.video, number, stem)
    return replace(changed, out=out)


def _file_name(asked: str, video: Path | None, number: int, stem: bool) -> str:
    """Returns a name without folders: of a row the asked one, or the video's, or the number's."""
    if not asked:
        asked, stem = (video.stem if video else f"{number:05d}"), True
    suffix = "" if stem else Path(asked.replace("\\", "/")).suffix
    if suffix:
        if suffix.lower() not in SUFFIXES:
            raise UsageError(f"out {asked!r}: the name must end in one of {', '.join(SUFFIXES)}")
        return safe_name(asked[: -len(suffix)]) + suffix.lower()
    source = video.suffix.lower() if video else ""
    return safe_name(asked) + (source if source in VIDEO_SUFFIXES else ".mkv" if video else ".wav")


def _unique(orders: list[GenerationRequest]) -> list[GenerationRequest]:
    first: dict[str, int] = {}
    result = []
    for order in orders:
        if order.options is not None:
            earlier = first.setdefault(order.options.out.name.casefold(), order.row)
            if earlier != order.row:
                problem = f"out {order.options.out.name} is row {earlier}'s already; give each row its own name"
                order = replace(order, options=None, problem=problem)
        result.append(order)
    return result
