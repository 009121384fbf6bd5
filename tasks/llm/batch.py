"""The provider's Batch API: many prompts in a file, completed within a day for less, into the same cache.

What was submitted is never paid for twice, whenever the process dies. A record of a batch is on disk before the batch
is made; its name is in the batch's metadata, so that a batch whose id was never written down is found again; every
record is settled (waited for, its completions put into the cache) before anything new is submitted. One process at a
time does this. Source: SPEC A6, A7 at 88,000 rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import openai

from data_contracts import BudgetError, ServiceError
from tasks.engine.locks import exclusive
from tasks.engine.workspace import read_json, write_json
from tasks.llm.batch_files import Limits, RequestFile, read_replies, write_requests
from tasks.llm.batch_service import BatchService
from tasks.llm.client import OpenAIClient
from tasks.llm.prompt import Prompt
from tasks.llm.workers import as_finished

log = logging.getLogger(__name__)

Prompts = Callable[[], Iterator[tuple[str, Prompt]]]

TRIES: Final = 3  # of one prompt by batch; then an ordinary call completes it
_ENDED: Final = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """One batch, on disk; its reservation in the budget has its name. Until the provider gave one, `batch_id` is ""."""

    name: str
    count: int
    batch_id: str = ""
    settled: bool = False


def fetch_batches(folder: Path, client: OpenAIClient, missing: Prompts, limits: Limits | None = None) -> None:
    """Completes all prompts of `missing` by batches, round after round, until none is left that a batch may complete.

    `missing` is called anew in each round: answers lead to further prompts (repairs). `folder` has the batches' files;
    waits while another process uses it. Closes the client.

    Raises BudgetError before a submission beyond the budget, ServiceError when the provider does not answer or fails
    whole batches, UsageError when it has no Batch API or refuses the key.
    """

    async def work(missing: Prompts) -> None:
        service = BatchService(await client.connected(), client.config.retry_wait_s)
        await _Batches(folder, service, client, limits or Limits()).run(missing)

    with exclusive(folder / "lock"):  # and an event loop of its own, also when the caller is inside another
        list(as_finished([missing], work, at_once=1, close=client.close))


@dataclass(slots=True)
class _Batches:
    folder: Path
    service: BatchService
    client: OpenAIClient
    limits: Limits
    _tries: dict[str, int] = field(default_factory=dict)

    async def run(self, missing: Prompts) -> None:
        while True:
            await self._settle_all()
            submitted = 0
            prompts = self._with_tries_left(missing())
            for requests in write_requests(self.folder, self.client, prompts, self.limits):
                submitted += await self._submit(requests)
            if not submitted:
                return
            log.info("submitted %d prompts by batch", submitted)

    def _with_tries_left(self, prompts: Iterator[tuple[str, Prompt]]) -> Iterator[tuple[str, Prompt]]:
        for key, prompt in prompts:
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._tries[key] <= TRIES:
                yield key, prompt

    async def _submit(self, requests: RequestFile) -> int:
        """Makes a batch of a request file. The record comes first, so that a kill after it does not lose the batch."""
        record = BatchRecord(name=requests.path.stem, count=requests.count)
        self._write(record)
        try:
            self.client.budget.reserve(
                requests.tokens_in, requests.tokens_out, self.client.config.batch_price, record.name
            )
        except BudgetError:
            self._forget(record)
            raise
        batch_id = await self.service.submit(requests.path, record.name)
        self._write(replace(record, batch_id=batch_id))
        return record.count

    async def _settle_all(self) -> None:
        stored = [read_json(path) for path in sorted(self.folder.glob("*.json"))]
        records = [BatchRecord(**{name: one[name] for name in BatchRecord.__slots__}) for one in stored]
        for path in self.folder.glob("*.jsonl"):
            if path.stem not in {record.name for record in records}:
                path.unlink()  # a killed run had not written its record yet
        for record in records:
            if not record.settled:
                await self._settle(record)

    async def _settle(self, record: BatchRecord) -> None:
        """Waits for one batch and puts its completions into the cache."""
        batch_id = record.batch_id or await self.service.find(record.name)
        if not batch_id:  # a kill came before the batch was made: nothing was paid
            self.client.budget.release(record.name)
            self._forget(record)
            return
        record = replace(record, batch_id=batch_id)
        self._write(record)
        batch = await self._ended(batch_id)
        completed, trouble = 0, _failure(batch)
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                count, first_failure = self._store(await self.service.content(file_id), record)
                completed, trouble = completed + count, trouble or first_failure
        self.client.budget.release(record.name)
        self._write(replace(record, settled=True))
        self._requests(record).unlink(missing_ok=True)
        log.info("batch %s %s: %d of %d prompts completed", batch_id, batch.status, completed, record.count)
        if not completed and batch.status in ("failed", "completed"):
            raise ServiceError(
                f"batch {batch_id} completed none of {record.count} prompts ({trouble or 'no reason given'}); "
                "correct that and run again, or set llm.batch=false"
            )

    async def _ended(self, batch_id: str) -> Any:
        while True:
            batch = await self.service.batch(batch_id)
            if batch.status in _ENDED:
                return batch
            log.info("batch %s is %s", batch_id, batch.status)
            await asyncio.sleep(self.client.config.batch_poll_s)

    def _store(self, text: str, record: BatchRecord) -> tuple[int, str]:
        """Puts a result or error file's completions into the cache. Returns their number and the first failure."""
        count, first_failure = 0, ""
        sent_with = self.client.dialect.thinking_tokens
        for key, result in read_replies(text, self._requests(record), self.client.config.batch_price):
            if isinstance(result, str):
                first_failure = first_failure or result
                continue
            count += 1
            if self.client.dialect.learn_thinking(result, sent_with):
                self.client.cache.charge(result)
            elif self.client.cache.get(key) is None:  # else: stored before a kill
                self.client.cache.put(key, result)
        return count, first_failure

    def _write(self, record: BatchRecord) -> None:
        write_json(self.folder / f"{record.name}.json", asdict(record))

    def _forget(self, record: BatchRecord) -> None:
        self._requests(record).unlink(missing_ok=True)
        (self.folder / f"{record.name}.json").unlink(missing_ok=True)

    def _requests(self, record: BatchRecord) -> Path:
        return self.folder / f"{record.name}.jsonl"


def _failure(batch: openai.types.Batch) -> str:
    errors = batch.errors.data if batch.errors and batch.errors.data else []
    return "; ".join(f"{error.code}: {error.message}" for error in errors[:2])
