"""What is wrong with the folders that are compared: each problem has a kind, a place and a clip's name.

A problem ends the command unless its kind is allowed. An allowed one has a fixed effect, the same for all systems: a
clip that one system lacks is left out for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from data_contracts import FoleyGenExError, UsageError
from data_contracts.quantities import counted
from tasks.commands.spreadsheet import write_cells

KINDS: Final = {
    "missing": "no generated file of that name; the clip is left out for all systems",
    "extra": "no reference file of that name; the file is passed over",
    "unreadable": "the file cannot be decoded; the clip is left out for all systems",
    "nan": "samples that are NaN or infinite; the clip is left out for all systems",
    "bad-name": "a name that is not printable UTF-8; the file is passed over",
    "duplicate": "two files of one name; the clip is left out for all systems",
    "short": "generated audio ends before the reference does; silence follows it",
    "silent": "nothing is audible; scored as it is",
    "stereo": "more than one channel; their mean is scored, the loudest one where they cancel each other",
    "low-rate": "sampled below 16 kHz, so without high frequencies; scored as it is",
    "no-caption": "the captions have no text for the clip; it has no text score",
    "extra-caption": "a caption of a clip that is not there; passed over",
    "no-events": "the events have no row for the clip; it has no event score",
    "extra-events": "events of a clip that is not there; passed over",
    "late-events": "events after the end of the reference audio; they do not count",
    "no-video": "no video of that name; the clip has no video score",
    "duplicate-video": "two videos of one name; the clip has no video score",
    "short-video": "the video ends before the reference audio does; the clip has no video score",
    "unreadable-video": "the video cannot be decoded; the clip has no video score",
}
"""Kind -> what it is, and what happens to the clip when it is allowed."""
ALL: Final = "all"
PROBLEMS: Final = "problems.csv"
_SHOWN: Final = 20


class InputProblemsError(FoleyGenExError):
    """Folders that are not scored because of their files; `problems` has every one of them. Exit code 1."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        kinds = list(dict.fromkeys(problem.kind for problem in problems))
        options = " ".join(f"--allow {kind}" for kind in kinds)
        super().__init__(f"{summary(problems)}. Nothing was scored; mend the files, or go on anyway: {options}")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One problem: `where` is a system's name, `reference`, `captions`, `events` or `video`; `name` is the clip's."""

    kind: str
    where: str
    name: str
    detail: str = ""


def allowed_kinds(asked: Iterable[str]) -> frozenset[str]:
    """Returns the kinds of problems that are allowed; `all` stands for every kind. Raises UsageError."""
    chosen = {one.strip() for text in asked for one in text.split(",") if one.strip()}
    if unknown := sorted(chosen - KINDS.keys() - {ALL}):
        raise UsageError(f"--allow {unknown[0]}: is no kind of problem; known are {', '.join(KINDS)}, {ALL}")
    return frozenset(KINDS if ALL in chosen else chosen)


def require_allowed(problems: Iterable[Problem], allowed: frozenset[str]) -> None:
    """Raises InputProblemsError with the problems whose kind is not allowed."""
    if refused := [problem for problem in problems if problem.kind not in allowed]:
        raise InputProblemsError(refused)


def write_problems(problems: Sequence[Problem], out: Path) -> Path:
    """Writes the problems of the files as a CSV, one per row, and returns its path."""
    path = out / PROBLEMS
    write_cells(path, ("kind", "where", "name", "detail"), [asdict(problem) for problem in sorted(problems)])
    return path


def summary(problems: Sequence[Problem]) -> str:
    """Returns the number of problems of each kind and place, with the first name."""
    groups = _grouped(problems)
    return "; ".join(f"{len(found)} {kind} in {where} (e.g. {found[0].name})" for (kind, where), found in groups)


def listing(problems: Sequence[Problem], more: str) -> list[str]:
    """Returns lines that name the clips of each kind and place, the first 20 of many; `more` says where all are."""
    lines = []
    for (kind, where), found in _grouped(problems):
        lines.append(f"{where}: {counted(len(found), 'clip')} {kind}: {KINDS[kind]}")
        lines += [f"  {problem.name}{f': {problem.detail}' if problem.detail else ''}" for problem in found[:_SHOWN]]
        if len(found) > _SHOWN:
            lines.append(f"  and {len(found) - _SHOWN:,} more, all in {more}")
    return lines


def _grouped(problems: Sequence[Problem]) -> list[tuple[tuple[str, str], list[Problem]]]:
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in sorted(problems, key=lambda one: (list(KINDS).index(one.kind), one.where, one.name)):
        groups.setdefault((problem.kind, problem.where), []).append(problem)
    return list(groups.items())
