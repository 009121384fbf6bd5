"""The calls of a provider's Batch API, each retried while the provider fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import openai
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from data_contracts import ServiceError
from tasks.llm.batch_files import URL
from tasks.llm.transport import LimitedError, RefusedError, RequestError, TroubleError, classify, wait_between_tries

ResultT = TypeVar("ResultT")
TRIES: Final = 8
_NAME: Final = "foleygenex"  # the metadata entry with our name of a batch
_MOST_LISTED: Final = 1000  # batches, newest first, among which ours is searched
_LONGEST_WAIT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class BatchService:
    """Submits, finds, watches and reads batches. `wait_s` is the first wait after a failure.

    Every method raises UsageError when the key is refused or there is no Batch API, ServiceError when the provider
    refuses the call or does not answer.
    """

    sdk: openai.AsyncOpenAI
    wait_s: float

    async def submit(self, path: Path, name: str) -> str:
        """Uploads the requests, makes the batch and returns its id; after a lost reply it is searched first."""
        uploaded = await self._retried(lambda: self.sdk.files.create(file=path, purpose="batch"))
        requested = False

        async def make() -> str:
            nonlocal requested
            if requested and (found := await self._find(name)):
                return found
            requested = True
            batch = await self.sdk.batches.create(
                input_file_id=uploaded.id, endpoint=URL, completion_window="24h", metadata={_NAME: name}
            )
            return batch.id

        return await self._retried(make)

    async def find(self, name: str) -> str:
        """Returns the id of the batch with our name, "" when there is none."""
        return await self._retried(lambda: self._find(name))

    async def batch(self, batch_id: str) -> Any:
        """Returns the batch with its present status."""
        return await self._retried(lambda: self.sdk.batches.retrieve(batch_id))

    async def content(self, file_id: str) -> str:
        """Returns a result file's text."""

        async def read() -> str:
            return (await self.sdk.files.content(file_id)).content.decode("utf-8", "replace")

        return await self._retried(read)

    async def _find(self, name: str) -> str:
        seen = 0
        async for batch in self.sdk.batches.list(limit=100):
            if (batch.metadata or {}).get(_NAME) == name:
                return batch.id
            seen += 1
            if seen >= _MOST_LISTED:
                break
        return ""

    async def _retried(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        async def once() -> ResultT:
            try:
                return await call()
            except openai.APIError as error:
                remedy = "check OPENAI_BASE_URL and OPENAI_API_KEY, or set llm.batch=false where there is no Batch API"
                raise classify(error, "a Batch API call", remedy) from error

        retrying = AsyncRetrying(
            retry=retry_if_exception_type((LimitedError, TroubleError)),
            stop=stop_after_attempt(TRIES),
            wait=wait_between_tries(self.wait_s, _LONGEST_WAIT_S),
            reraise=True,
        )
        try:
            return await retrying(once)
        except RefusedError as error:
            raise ServiceError(f"the provider refuses a batch ({error})") from error
        except RequestError as error:
            raise ServiceError(
                f"the provider's Batch API does not answer ({error}); what was submitted is recorded: "
                "run again to continue with it"
            ) from error
