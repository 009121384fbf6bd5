"""Runs many orders: equal shapes together, finished files skipped, bad rows reported while the rest goes on."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from data_contracts import FoleyGenExError, GeneratedFile, to_json, write_table
from data_contracts.files import atomic_path
from model.generate import Request, Sampling, plan_request
from tasks.commands.generate.inputs import Inputs
from tasks.commands.generate.job import Sound, make_sound, make_sounds, prepare, sampling_of, write_sound
from tasks.commands.generate.label import finished, settings, write_label
from tasks.commands.generate.requests import GenerationRequest
from tasks.commands.generate.session import InferenceSession
from tasks.commands.verify.cells import plain_cell

log = logging.getLogger(__name__)

FAILURES: Final = "failures.csv"
MANIFEST: Final = "generated"
_ENDLESS: Final = 4  # batches that may wait for company before the fullest goes


@dataclass(frozen=True, slots=True)
class Summary:
    """How a call ended: numbers of orders."""

    made: int
    skipped: int
    failed: int

    @property
    def total(self) -> int:
        """All orders."""
        return self.made + self.skipped + self.failed

    def line(self, folder: Path) -> str:
        """Returns the one line a person reads."""
        return f"{folder}: {self.made} made, {self.skipped} were there, {self.failed} failed"


@dataclass(frozen=True, slots=True)
class _Waiting:
    order: GenerationRequest
    inputs: Inputs
    request: Request


@dataclass
class _Run:
    """What has happened so far. `labels` and `failures` are by row."""

    session: InferenceSession
    batch_size: int
    on_done: Callable[[str], None]
    waiting: dict[tuple[Any, Sampling], list[_Waiting]] = field(default_factory=dict)
    labels: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    skipped: int = 0

    def take(self, order: GenerationRequest) -> None:
        """Skips, refuses, makes or sets aside one order."""
        if order.options is None:
            self.fail(order, order.problem or "unusable")
            return
        try:
            inputs = prepare(order.options, self.session)
            label = finished(order.options, settings(order.options, self.session, sampling_of(inputs)))
            if label is not None:
                self.labels[order.row] = label
                self.skipped += 1
                return
            request = inputs.single()
            if request is None:
                self.write(order, inputs, make_sound(inputs))
                return
            shape = plan_request(request, self.session.specs).shape
        except (FoleyGenExError, OSError) as error:
            self.fail(order, str(error))
            return
        group = (shape, sampling_of(inputs))
        self.waiting.setdefault(group, []).append(_Waiting(order, inputs, request))
        if len(self.waiting[group]) >= self.batch_size:
            self.flush(group)
        elif sum(map(len, self.waiting.values())) >= _ENDLESS * self.batch_size:
            self.flush(max(self.waiting, key=lambda key: len(self.waiting[key])))

    def flush(self, group: tuple[Any, Sampling]) -> None:
        """Generates all that wait in a group."""
        members = self.waiting.pop(group)
        try:
            sounds = make_sounds([w.inputs for w in members], [w.request for w in members])
        except FoleyGenExError as error:
            if len(members) == 1:
                self.fail(members[0].order, str(error))
                return
            for member in members:  # one bad sound must not take its batch along
                self.waiting[group] = [member]
                self.flush(group)
            return
        for member, sound in zip(members, sounds, strict=True):
            self.write(member.order, member.inputs, sound)

    def write(self, order: GenerationRequest, inputs: Inputs, sound: Sound) -> None:
        """Writes a sound and its label."""
        try:
            write_sound(inputs.options, sound.audio, sound.rate_hz)
            self.labels[order.row] = write_label(
                inputs.options,
                self.session,
                sampling_of(inputs),
                duration_s=inputs.duration_s,
                windows=sound.windows,
            )
        except (FoleyGenExError, OSError) as error:
            self.fail(order, str(error))
            return
        self.on_done(inputs.options.out.name)

    def fail(self, order: GenerationRequest, problem: str) -> None:
        """Remembers why an order came to nothing."""
        self.failures[order.row] = " ".join(problem.split())
        log.warning("row %d (%s): %s", order.row, order.task, self.failures[order.row])


def run_requests(
    orders: Sequence[GenerationRequest],
    session: InferenceSession,
    folder: Path,
    *,
    batch_size: int = 16,
    on_done: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Makes what is not there yet; writes `generated.parquet` and `.csv`, and `failures.csv` when there are any.

    A sound does not depend on its batch beyond rounding. Source: SPEC G1-G7.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(session, max(1, batch_size), on_done)
    for order in orders:
        run.take(order)
    while run.waiting:
        run.flush(next(iter(run.waiting)))
    rows = [_row(order, run.labels[order.row]) for order in orders if order.row in run.labels]
    write_table(folder / f"{MANIFEST}.parquet", GeneratedFile, rows)
    _write_csv(folder / f"{MANIFEST}.csv", [asdict(row) for row in rows])
    _write_failures(folder / FAILURES, orders, run.failures)
    return Summary(len(run.labels) - run.skipped, run.skipped, len(run.failures))


def _row(order: GenerationRequest, label: dict[str, Any]) -> GeneratedFile:
    made = label["order"]
    return GeneratedFile(
        item_id=f"row-{order.row:06d}",
        task=made["task"],
        asked_name=order.asked_name,
        path=label["file"],
        sha256=label["sha256"],
        key=label["key"],
        text=made["text"],
        duration_s=label["duration_s"],
        windows=label["windows"],
        sample_rate_hz=label["sample_rate_hz"],
        seed=made["seed"],
        steps=made["steps"],
        cfg_scale=made["cfg_scale"],
        checkpoint_sha256=label["checkpoint_sha256"],
        placeholders=tuple(label["placeholders"]),
        settings_json=to_json({name: label[name] for name in ("order", "inputs", "sampling", "parts")}),
    )


def _write_failures(path: Path, orders: Sequence[GenerationRequest], failures: dict[int, str]) -> None:
    if not failures:
        path.unlink(missing_ok=True)
        return
    rows = [
        {"row": order.row, "task": order.task, "out": order.asked_name, "error": failures[order.row]}
        for order in orders
        if order.row in failures
    ]
    _write_csv(path, rows)


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["item_id"])
        writer.writeheader()
        writer.writerows(
            {name: plain_cell(cell) if isinstance(cell, str) else cell for name, cell in row.items()} for row in rows
        )
