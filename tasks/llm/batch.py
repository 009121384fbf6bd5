"""The provider's Batch API: many prompts in a file, answered within a day for less, into the same answer cache.

What was submitted is never paid twice, whenever the process dies. Before a batch is made, a note of it is on disk; the
note's name is in the batch's metadata, so that a batch whose id was never written down is found again; every note is
settled (waited for, its answers taken in) before anything new is asked. One process at a time does this.
Source: SPEC A6, A7 at 88,000 rows.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import openai

from data_contracts import BudgetError, ServiceError
from tasks.engine.workspace import Workspace, read_json, write_json
from tasks.llm.backend import Backend
from tasks.llm.batch_files import Limits, RequestFile, read_replies, write_requests
from tasks.llm.batch_service import Service
from tasks.llm.budget import Budget
from tasks.llm.cache import CompletionCache
from tasks.llm.client import OpenAIClient
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import Prompt
from tasks.llm.workers import as_finished

log = logging.getLogger(__name__)

Prompts = Callable[[], Iterator[tuple[str, Prompt]]]

TRIES: Final = 3  # of one prompt by batch; then it is asked as an ordinary call
_ENDED: Final = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One batch, on disk. `hold` is its share of the budget; `batch_id` is empty until the provider gave one."""

    name: str
    count: int
    hold: str
    batch_id: str = ""
    settled: bool = False


def fetch_batches(
    stage: str,
    workspace: Workspace,
    backend: Backend,
    config: LLMConfig,
    cache: CompletionCache,
    missing: Prompts,
    limits: Limits | None = None,
) -> None:
    """Asks everything in `missing` by batches, round after round, until nothing is missing that a batch may answer.

    `missing` is called anew each round: answers lead to further prompts (repairs). Waits while another process does
    the same in this workspace. Raises BudgetError before a submission beyond the budget, ServiceError when the provider
    stays away or fails whole batches, UsageError when it has no Batch API or refuses the key.
    """
    folder = workspace.path("llm", "batches", stage)
    folder.mkdir(parents=True, exist_ok=True)
    client = OpenAIClient(backend, config, cache)

    async def work(missing: Prompts) -> None:
        service = Service(await client.connected(), config.retry_wait_s)
        await _Batches(folder, service, backend.model, config, cache, limits or Limits()).run(missing)

    with _alone(folder):  # in a loop of its own, as the ordinary calls are
        for _done in as_finished([missing], work, at_once=1, close=client.close):
            pass


@dataclass(slots=True)
class _Batches:
    folder: Path
    service: Service
    model: str
    config: LLMConfig
    cache: CompletionCache
    limits: Limits
    _tries: dict[str, int] = field(default_factory=dict)

    async def run(self, missing: Prompts) -> None:
        while True:
            await self._settle_all()
            submitted = 0
            for part in write_requests(self.folder, self.model, self._worth_it(missing()), self.limits):
                submitted += await self._submit(part)
            if not submitted:
                return
            log.info("submitted %d prompts by batch", submitted)

    def _worth_it(self, prompts: Iterator[tuple[str, Prompt]]) -> Iterator[tuple[str, Prompt]]:
        for key, prompt in prompts:
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._tries[key] <= TRIES:
                yield key, prompt

    async def _submit(self, part: RequestFile) -> int:
        """Makes a batch of a request file. The note comes first: from then on no death of ours loses the batch."""
        note = Note(name=part.path.stem, count=part.count, hold=uuid.uuid4().hex)
        self._write(note)
        try:
            Budget(self.config, self.cache).reserve(part.tokens_in, part.tokens_out, self.config.batch_price, note.hold)
        except BudgetError:
            self._forget(note)
            raise
        batch_id = await self.service.submit(part.path, note.name)
        self._write(replace(note, batch_id=batch_id))
        return note.count

    async def _settle_all(self) -> None:
        notes = [Note(**read_json(path)) for path in sorted(self.folder.glob("*.json"))]
        for path in self.folder.glob("*.jsonl"):
            if path.stem not in {note.name for note in notes}:
                path.unlink()  # we died before its note was written
        for note in notes:
            if not note.settled:
                await self._settle(note)

    async def _settle(self, note: Note) -> None:
        """Waits for one batch and takes in what it answered."""
        batch_id = note.batch_id or await self.service.find(note.name)
        if not batch_id:  # we died before it was made: nothing was paid
            Budget(self.config, self.cache).release(note.hold)
            self._forget(note)
            return
        note = replace(note, batch_id=batch_id)
        self._write(note)
        batch = await self._ended(note)
        answered, trouble = 0, _failure(batch)
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                good, bad = self._take_in(await self.service.content(file_id), note)
                answered, trouble = answered + good, trouble or bad
        Budget(self.config, self.cache).release(note.hold)
        self._write(replace(note, settled=True))
        self._requests(note).unlink(missing_ok=True)
        log.info("batch %s %s: %d of %d answered", batch_id, batch.status, answered, note.count)
        if not answered and batch.status in ("failed", "completed"):
            raise ServiceError(
                f"batch {batch_id} answered none of {note.count} prompts ({trouble or 'no reason given'}); "
                "mend that and run again, or set llm.batch=false"
            )

    async def _ended(self, note: Note) -> Any:
        while True:
            batch = await self.service.look(note.batch_id)
            if batch.status in _ENDED:
                return batch
            log.info("batch %s is %s", note.batch_id, batch.status)
            await asyncio.sleep(self.config.batch_poll_s)

    def _take_in(self, text: str, note: Note) -> tuple[int, str]:
        """Puts a result or error file's answers into the cache. Returns their number and the first trouble in it."""
        good, trouble = 0, ""
        for key, reply in read_replies(text, self._requests(note), self.config.batch_price):
            if isinstance(reply, str):
                trouble = trouble or reply
                continue
            good += 1
            if self.cache.get(key) is None:  # else: taken in before a kill
                self.cache.put(key, reply)
        return good, trouble

    def _write(self, note: Note) -> None:
        write_json(self.folder / f"{note.name}.json", asdict(note))

    def _forget(self, note: Note) -> None:
        self._requests(note).unlink(missing_ok=True)
        (self.folder / f"{note.name}.json").unlink(missing_ok=True)

    def _requests(self, note: Note) -> Path:
        return self.folder / f"{note.name}.jsonl"


def _failure(batch: openai.types.Batch) -> str:
    errors = batch.errors.data if batch.errors and batch.errors.data else []
    return "; ".join(f"{error.code}: {error.message}" for error in errors[:2])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
