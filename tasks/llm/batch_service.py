"""The four calls of a provider's Batch API, each repeated while the provider stumbles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import openai

from data_contracts import ServiceError, UsageError
from tasks.llm.batch_files import URL
from tasks.llm.rate_limiter import retry_after_s

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")
TRIES: Final = 8
_MARK: Final = "foleygenex"  # the metadata entry that holds our name of a batch
_LOOKED_AT: Final = 1000  # batches, newest first, among which ours is looked for
_LONGEST_WAIT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Service:
    """Submits, finds, watches and reads batches. `wait_s` is the first wait after a failure."""

    sdk: openai.AsyncOpenAI
    wait_s: float

    async def submit(self, path: Path, name: str) -> str:
        """Uploads the requests and makes the batch, once: after a lost reply it is looked for before it is made again.

        Returns its id.
        """
        uploaded = await self._steady(lambda: self.sdk.files.create(file=path, purpose="batch"))
        made_before = False

        async def make() -> str:
            nonlocal made_before
            if made_before and (found := await self._find(name)):
                return found
            made_before = True
            batch = await self.sdk.batches.create(
                input_file_id=uploaded.id, endpoint=URL, completion_window="24h", metadata={_MARK: name}
            )
            return batch.id

        return await self._steady(make)

    async def find(self, name: str) -> str:
        """Returns the id of the batch with our name, "" when there is none."""
        return await self._steady(lambda: self._find(name))

    async def look(self, batch_id: str) -> Any:
        """Returns the batch as it stands."""
        return await self._steady(lambda: self.sdk.batches.retrieve(batch_id))

    async def content(self, file_id: str) -> str:
        """Returns a result file's text."""

        async def read() -> str:
            return (await self.sdk.files.content(file_id)).content.decode("utf-8", "replace")

        return await self._steady(read)

    async def _find(self, name: str) -> str:
        seen = 0
        async for batch in self.sdk.batches.list(limit=100):
            if (batch.metadata or {}).get(_MARK) == name:
                return batch.id
            seen += 1
            if seen >= _LOOKED_AT:
                break
        return ""

    async def _steady(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        trouble: openai.APIError | None = None
        for number in range(TRIES):
            try:
                return await call()
            except openai.APIStatusError as error:
                if error.status_code in (401, 403, 404, 405):
                    raise UsageError(
                        f"the endpoint answers {error.status_code} to a Batch API call ({error.message[:200]}); check "
                        "OPENAI_BASE_URL and OPENAI_API_KEY, or set llm.batch=false where there is no Batch API"
                    ) from error
                if error.status_code < 500 and error.status_code not in (408, 409, 429):
                    raise ServiceError(f"the provider refuses a batch ({error.message[:200]})") from error
                trouble, wait = error, retry_after_s(error.response.headers)
            except openai.APIError as error:
                trouble, wait = error, None
            await asyncio.sleep(min(_LONGEST_WAIT_S, self.wait_s * 2.0**number if wait is None else wait))
        assert trouble is not None
        raise ServiceError(
            f"the provider's Batch API does not answer ({trouble.message[:200]}); what was submitted is noted: "
            "run again to pick it up"
        ) from trouble
