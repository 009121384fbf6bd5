"""Sends one prompt to an OpenAI-compatible model: cached, within the budget, rate limited, retried, parsed as JSON.

Errors say who can act: `CompletionError` (the model's text is unusable; try another prompt or fall back),
`UnavailableError` (no completion now; the rules write), `ServiceError` (the server is down and rules are not wanted:
stop, what was paid for is kept), `UsageError` (the settings; stop), `BudgetError` (stop).
Source: SPEC A6, A7.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import openai
from tenacity import AsyncRetrying, retry_if_exception_type

from data_contracts import ServiceError, UsageError, WeightsError
from tasks.llm.backend import Backend
from tasks.llm.budget import Budget
from tasks.llm.cache import CompletionCache
from tasks.llm.circuit_breaker import CircuitBreaker, DownError
from tasks.llm.completion import Completion, CompletionError
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import Prompt
from tasks.llm.rate_limiter import RateLimiter
from tasks.llm.transport import (
    Dialect,
    LimitedError,
    RefusedError,
    RequestError,
    TroubleError,
    request_completion,
    wait_between_tries,
)

log = logging.getLogger(__name__)

_LONGEST_RETRY_S: Final = 60.0
_REFUSALS: Final = 5  # prompts refused and none accepted: the settings are wrong, not the prompts
_EMBEDDED_WAIT_S: Final = 1.0  # a server process that died does not come back


class UnavailableError(Exception):
    """The server gives no completion now."""


class LLMClient(Protocol):
    """Completes prompts: `OpenAIClient`, or `CacheOnlyClient`."""

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object. Raises CompletionError."""


@dataclass(slots=True)
class OpenAIClient:
    """The client of one model. Connects, or starts the embedded server, at the first prompt that is not in the cache.

    Belongs to one event loop, in which `close` must be awaited. `sleep` and `clock` are for tests.
    """

    backend: Backend
    config: LLMConfig
    cache: CompletionCache
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    limiter: RateLimiter = field(init=False)
    breaker: CircuitBreaker = field(init=False)
    dialect: Dialect = field(init=False)
    budget: Budget = field(init=False)
    _sdk: openai.AsyncOpenAI | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _in_flight: dict[str, asyncio.Lock] = field(default_factory=dict)
    _refusals: int = 0
    _accepted: bool = False

    def __post_init__(self) -> None:
        config = self.config
        wait_s = config.breaker_wait_s
        if self.backend.kind == "embedded":
            wait_s = min(wait_s, _EMBEDDED_WAIT_S)
        self.budget = Budget(config, self.cache)
        self.dialect = Dialect(thinking_tokens=config.thinking_tokens)
        slots = self.backend.slots(config.concurrency)
        self.limiter = RateLimiter(slots, config.retry_wait_s, self.clock, self.sleep)
        self.breaker = CircuitBreaker(wait_s, config.breaker_probes, self.clock, self.sleep)

    async def close(self) -> None:
        """Closes the connections and stops the embedded server."""
        if self._sdk is not None:
            await self._sdk.close()
        self._stack.close()

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object. Equal prompts at the same time are one call.

        Raises CompletionError, UnavailableError, ServiceError, UsageError (key or model refused), or BudgetError before
        a call that would exceed the budget.
        """
        key = prompt.key(self.backend.model)
        completion = self.cache.get(key)
        if completion is None:
            async with self._in_flight.setdefault(key, asyncio.Lock()):
                completion = self.cache.get(key) or await self._request_with_retries(key, prompt)
            self._in_flight.pop(key, None)
        return completion.answer()

    async def _request_with_retries(self, key: str, prompt: Prompt) -> Completion:
        deadline = self.clock() + self.config.patience_s
        while_limited = AsyncRetrying(  # without a wait of its own: the rate limiter pauses
            retry=retry_if_exception_type(LimitedError), stop=lambda _: self.clock() >= deadline, reraise=True
        )
        while_in_trouble = AsyncRetrying(
            retry=retry_if_exception_type(TroubleError),
            stop=lambda state: state.attempt_number > self.config.max_retries and self.breaker.closed,
            wait=wait_between_tries(self.config.retry_wait_s, _LONGEST_RETRY_S),
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return await while_in_trouble(while_limited, self._request, key, prompt)
        except LimitedError as error:
            raise UnavailableError(f"rate limited for {self.config.patience_s:g} s ({error})") from error
        except TroubleError as error:
            raise UnavailableError(str(error)) from error
        except DownError as error:
            raise self._down(str(error)) from error
        except RefusedError as error:
            raise self._refused(str(error)) from error

    async def _request(self, key: str, prompt: Prompt) -> Completion:
        """Sends the prompt once, and tells the limiter and the breaker what came of it."""
        async with self.limiter.slot() as started:
            probe = await self.breaker.permit()
            try:
                completion, headers = await self._request_within_budget(key, prompt)
            except (LimitedError, RefusedError) as error:
                self.breaker.success(probe=probe)
                if isinstance(error, LimitedError):
                    self.limiter.limited(started, error.retry_after_s)
                raise
            except TroubleError as error:
                self.breaker.failure(str(error), probe=probe)
                raise
            except BaseException:
                self.breaker.cancelled(probe=probe)
                raise
        self.breaker.success(probe=probe)
        self.limiter.succeeded(headers)
        return completion

    async def _request_within_budget(self, key: str, prompt: Prompt) -> tuple[Completion, Mapping[str, str]]:
        sdk = await self.connected()
        while True:
            thinking_tokens = self.dialect.thinking_tokens
            reservation = self.budget.reserve(*prompt.bound(thinking_tokens))
            try:
                completion, headers = await request_completion(
                    sdk, self.backend.model, prompt, self.dialect, self.config.timeout_s
                )
            except (RequestError, UsageError) as error:
                if not (isinstance(error, RequestError) and error.billed):
                    self.budget.release(reservation)
                raise
            self._accepted = True
            if not self.dialect.learn_thinking(completion, thinking_tokens):
                self.cache.put(key, completion, reservation)
                return completion, headers
            self.cache.charge(completion, reservation)

    def _refused(self, trouble: str) -> Exception:
        """Nothing is kept of a refused prompt: it cost nothing, and the server's settings may be corrected."""
        self._refusals += 1
        if self._refusals < _REFUSALS or self._accepted:
            return CompletionError("refused")
        return UsageError(
            f"the LLM endpoint refuses every prompt, {self._refusals} so far ({trouble}); "
            f"check llm.model {self.backend.model!r} and the server's settings"
        )

    def _down(self, trouble: str) -> Exception:
        when = self.config.when_down
        if when == "stop" or (when == "auto" and self.config.backend == "endpoint"):
            return ServiceError(
                f"the language model is down ({trouble}); every answer so far is kept: run again when it is back, "
                "or set llm.when_down=rules"
            )
        return UnavailableError(trouble)

    async def connected(self) -> openai.AsyncOpenAI:
        """Returns the SDK's client, with the embedded server started where that is the backend. Raises DownError."""
        async with self._connecting:
            if self._sdk is None:
                try:
                    url = await asyncio.to_thread(self._stack.enter_context, self.backend.serve())
                except WeightsError as error:
                    self.breaker.give_up(str(error))
                    raise DownError(str(error)) from error
                self._sdk = self._open(url)
            return self._sdk

    def _open(self, url: str) -> openai.AsyncOpenAI:
        embedded = self.backend.kind == "embedded"
        return openai.AsyncOpenAI(
            base_url=url,
            api_key="none" if embedded else os.environ.get("OPENAI_API_KEY") or "none",
            timeout=self.config.timeout_s,
            max_retries=0,  # the SDK's retries would ignore the budget, the limiter and the breaker
            # A proxy named in the environment cannot reach this machine's loopback addresses.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(url)),
        )


def is_loopback(url: str) -> bool:
    """Whether a URL is on this machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
