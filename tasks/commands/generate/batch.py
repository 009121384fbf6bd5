"""Generates many files: equal shapes in one batch, finished files skipped, failures listed while the rest goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from data_contracts import FoleyGenExError, GeneratedFile, UsageError, to_json, write_table
from model.generate import Request, Sampling, plan_request
from tasks.commands.generate.requests import GenerationRequest
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.sidecar import finished, level_line, settings
from tasks.commands.generate.single import Generation
from tasks.commands.spreadsheet import write_cells
from tasks.media.samples import Audio

log = logging.getLogger(__name__)

FAILURES: Final = "failures.csv"
MANIFEST: Final = "generated"
_FIRST_COLUMNS: Final = {f"{MANIFEST}.csv": "item_id", FAILURES: "row"}
_MOST_WAITING: Final = 4  # batches' worth of waiting requests, over all shapes, before the fullest group is generated


@dataclass(frozen=True, slots=True)
class Summary:
    """How a call ended, in numbers of requests."""

    made: int
    skipped: int
    failed: int

    @property
    def total(self) -> int:
        """All requests."""
        return self.made + self.skipped + self.failed

    def line(self, folder: Path) -> str:
        """Returns the one line that the command prints."""
        return f"{folder}: {self.made} made, {self.skipped} already there, {self.failed} failed"


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: GenerationRequest
    generation: Generation
    request: Request


@dataclass
class _Run:
    """The state of a call. `sidecars` and `failures` are by row."""

    session: InferenceSession
    batch_size: int
    on_done: Callable[[str], None]
    waiting: dict[tuple[Any, Sampling], list[_Waiting]] = field(default_factory=dict)
    sidecars: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    skipped: int = 0

    def take(self, row: GenerationRequest) -> None:
        """Skips, refuses, generates or sets aside one request."""
        if row.options is None:
            self.fail(row, row.problem or "unusable")
            return
        try:
            row.options.check()
            generation = Generation(row.options, self.session)
            sidecar = finished(row.options, settings(row.options, self.session, generation.sampling))
            if sidecar is not None:
                self.sidecars[row.number] = sidecar
                self.skipped += 1
                return
            request = generation.single()
            if request is None:
                self.write(row, generation, generation.run())
                return
            shape = plan_request(request, self.session.specs).shape
        except (FoleyGenExError, OSError) as error:
            self.fail(row, str(error))
            return
        group = (shape, generation.sampling)
        self.waiting.setdefault(group, []).append(_Waiting(row, generation, request))
        if len(self.waiting[group]) >= self.batch_size:
            self.flush(group)
        elif sum(map(len, self.waiting.values())) >= _MOST_WAITING * self.batch_size:
            self.flush(max(self.waiting, key=lambda key: len(self.waiting[key])))

    def flush(self, group: tuple[Any, Sampling]) -> None:
        """Generates all that wait in a group."""
        members = self.waiting.pop(group)
        try:
            results = generate_together([one.generation for one in members], [one.request for one in members])
        except FoleyGenExError as error:
            if len(members) == 1:
                self.fail(members[0].row, str(error))
                return
            for member in members:  # one failing request must not fail the others of its batch
                self.waiting[group] = [member]
                self.flush(group)
            return
        for member, audio in zip(members, results, strict=True):
            self.write(member.row, member.generation, audio)

    def write(self, row: GenerationRequest, generation: Generation, audio: Audio) -> None:
        """Writes a file and its sidecar."""
        try:
            written = generation.write(audio)
        except (FoleyGenExError, OSError) as error:
            self.fail(row, str(error))
            return
        self.sidecars[row.number] = written
        self.on_done(f"{written['file']}: {level_line(written)}")

    def fail(self, row: GenerationRequest, problem: str) -> None:
        """Records why nothing was made of a request."""
        self.failures[row.number] = " ".join(problem.split())
        log.warning("row %d (%s): %s", row.number, row.task, self.failures[row.number])


def generate_together(generations: Sequence[Generation], requests: Sequence[Request]) -> list[Audio]:
    """Returns the audio of files of one window each, sampled in one batch; their sampling must be equal."""
    first = generations[0]
    latents = first.generator.generate_each(
        requests, steps=first.options.steps, cfg_scale=first.options.cfg_scale, batch_size=len(requests)
    )
    return [one.decode(one.merge(latent_NF)) for one, latent_NF in zip(generations, latents, strict=True)]


def require_own_lists(folder: Path) -> None:
    """Raises UsageError when the folder has a file of another origin where this one's lists are written."""
    for name, first in _FIRST_COLUMNS.items():
        path = folder / name
        if path.is_file() and path.read_bytes().partition(b",")[0].decode("utf-8-sig", "replace") != first:
            raise UsageError(f"{path} was not written by generate and would be lost; move it, or give another --out")


def run_requests(
    requests: Sequence[GenerationRequest],
    session: InferenceSession,
    folder: Path,
    *,
    batch_size: int = 16,
    on_done: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Makes what is not there yet; writes `generated.parquet` and `.csv`, and `failures.csv` when there are any.

    Audio does not depend on its batch beyond rounding. Raises UsageError when a list of another origin would be lost.
    Source: SPEC G1-G7.
    """
    folder.mkdir(parents=True, exist_ok=True)
    require_own_lists(folder)
    run = _Run(session, max(1, batch_size), on_done)
    for request in requests:
        run.take(request)
    while run.waiting:
        run.flush(next(iter(run.waiting)))
    rows = [_row(request, run.sidecars[request.number]) for request in requests if request.number in run.sidecars]
    write_table(folder / f"{MANIFEST}.parquet", GeneratedFile, rows)
    columns = [field.name for field in fields(GeneratedFile)]
    write_cells(folder / f"{MANIFEST}.csv", columns, map(asdict, rows))
    _write_failures(folder / FAILURES, requests, run.failures)
    return Summary(len(run.sidecars) - run.skipped, run.skipped, len(run.failures))


def _row(request: GenerationRequest, sidecar: dict[str, Any]) -> GeneratedFile:
    made = sidecar["options"]
    return GeneratedFile(
        item_id=f"row-{request.number:06d}",
        task=made["task"],
        asked_name=request.asked_name,
        path=sidecar["file"],
        sha256=sidecar["sha256"],
        key=sidecar["key"],
        text=made["text"],
        duration_s=sidecar["duration_s"],
        windows=sidecar["windows"],
        sample_rate_hz=sidecar["sample_rate_hz"],
        seed=made["seed"],
        steps=made["steps"],
        cfg_scale=made["cfg_scale"],
        checkpoint_sha256=sidecar["checkpoint_sha256"],
        placeholders=tuple(sidecar["placeholders"]),
        settings_json=to_json({name: sidecar[name] for name in ("options", "inputs", "sampling", "components")}),
    )


def _write_failures(path: Path, requests: Sequence[GenerationRequest], failures: dict[int, str]) -> None:
    if not failures:
        path.unlink(missing_ok=True)
        return
    rows = [
        {"row": request.number, "task": request.task, "out": request.asked_name, "error": failures[request.number]}
        for request in requests
        if request.number in failures
    ]
    write_cells(path, ["row", "task", "out", "error"], rows)
