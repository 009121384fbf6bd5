"""One prompt to an OpenAI-compatible model: cached, budgeted, paced, retried, and parsed into JSON or a plain reason.

What goes wrong is told apart by who can mend it: `CompletionError` (the model's words; try again or fall back),
`UnavailableError` (the server; rules write), `ServiceError` (the server is down and rules are not wanted; stop, all
that was paid is kept), `UsageError` (the settings; stop), `BudgetError` (stop).
Source: SPEC A6, A7.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import openai

from data_contracts import ServiceError, UsageError, WeightsError
from tasks.llm.backend import Backend
from tasks.llm.budget import Budget
from tasks.llm.cache import Completion, CompletionCache
from tasks.llm.circuit_breaker import CircuitBreaker, DownError
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import Prompt
from tasks.llm.rate_limiter import RateLimiter
from tasks.llm.transport import REFUSED, Dialect, LimitedError, TroubleError, request_completion

log = logging.getLogger(__name__)

_LONGEST_RETRY_S: Final = 60.0
_REFUSALS: Final = 5  # prompts refused with none answered: the settings are wrong, not the prompts
_EMBEDDED_WAIT_S: Final = 1.0  # a dead process of ours does not come back
_THOUGHTS: Final = re.compile(r"<think>.*?</think>", re.DOTALL)


class CompletionError(Exception):
    """An answer that is not the JSON asked for. The message is a short reason."""


class UnavailableError(Exception):
    """No answer can be had from the server now."""


class LLMClient(Protocol):
    """Whatever answers prompts: a client, or the cache alone."""

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object."""


@dataclass(slots=True)
class OpenAIClient:
    """Asks one model. Connects, or starts the embedded server, at the first prompt the cache cannot answer.

    Belongs to one event loop; `close` it there. `sleep` and `clock` are for tests.
    """

    backend: Backend
    config: LLMConfig
    cache: CompletionCache
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    calls: int = 0
    limiter: RateLimiter = field(init=False)
    breaker: CircuitBreaker = field(init=False)
    dialect: Dialect = field(default_factory=Dialect)
    _budget: Budget = field(init=False)
    _sdk: openai.AsyncOpenAI | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)
    _jitter: random.Random = field(default_factory=random.Random)
    _refusals: int = 0
    _answered: bool = False

    def __post_init__(self) -> None:
        embedded = self.backend.kind == "embedded"
        wait_s = min(self.config.breaker_wait_s, _EMBEDDED_WAIT_S) if embedded else self.config.breaker_wait_s
        self._budget = Budget(self.config, self.cache)
        self.limiter = RateLimiter(
            self.backend.slots(self.config.concurrency), self.config.retry_wait_s, self.clock, self.sleep
        )
        self.breaker = CircuitBreaker(wait_s, self.config.breaker_probes, self.clock, self.sleep)

    async def close(self) -> None:
        """Closes the connections and stops the embedded server."""
        if self._sdk is not None:
            await self._sdk.close()
        self._stack.close()

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object. Equal prompts asked at the same time are one call.

        Raises CompletionError, UnavailableError, ServiceError, UsageError (key or model refused), or BudgetError before
        a call that would exceed the budget.
        """
        key = prompt.key(self.backend.model)
        answer = self.cache.get(key)
        if answer is None:
            async with self._asking.setdefault(key, asyncio.Lock()):
                answer = self.cache.get(key) or await self._paid(key, prompt)
            self._asking.pop(key, None)
        return parse(answer)

    async def _paid(self, key: str, prompt: Prompt) -> Completion:
        """Asks until there is an answer, as long as it is worth it."""
        failures, patient_until = 0, self.clock() + self.config.patience_s
        while True:
            try:
                return await self._once(key, prompt)
            except LimitedError as error:
                if self.clock() >= patient_until:
                    raise UnavailableError(f"rate limited for {self.config.patience_s:g} s ({error})") from error
            except DownError as error:
                raise self._down(str(error)) from error
            except TroubleError as error:
                failures += 1
                if failures > self.config.max_retries and self.breaker.closed:
                    raise UnavailableError(str(error)) from error
                backoff = min(_LONGEST_RETRY_S, self.config.retry_wait_s * 2.0 ** (failures - 1))
                await self.sleep(error.retry_after_s or backoff * self._jitter.uniform(0.5, 1.5))

    async def _once(self, key: str, prompt: Prompt) -> Completion:
        async with self.limiter.slot() as started:
            probe = await self.breaker.permit()
            try:
                sdk = await self.connected()
                answer, headers = await self._budgeted(sdk, key, prompt)
            except LimitedError as error:
                self.breaker.success(probe=probe)
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
        return answer

    async def _budgeted(self, sdk: openai.AsyncOpenAI, key: str, prompt: Prompt) -> tuple[Completion, dict[str, str]]:
        reservation = self._budget.reserve(*prompt.bound())
        self.calls += 1
        try:
            answer, headers = await request_completion(
                sdk, self.backend.model, prompt, self.dialect, timeout_s=self.config.timeout_s
            )
        except TroubleError as error:
            if not error.billed:
                self._budget.release(reservation)
            raise
        except (LimitedError, UsageError):
            self._budget.release(reservation)
            raise
        if answer.text.startswith(REFUSED) and not answer.tokens_in:
            self._budget.release(reservation)  # and not kept: it cost nothing, and the server may be set right
            self._count_refusal(answer.text)
        else:
            self._answered = True
            self.cache.put(key, answer, reservation)
        return answer, headers

    def _count_refusal(self, text: str) -> None:
        self._refusals += 1
        if self._refusals >= _REFUSALS and not self._answered:
            raise UsageError(
                f"the LLM endpoint refuses every prompt, {self._refusals} so far ({text.removeprefix(REFUSED)}); "
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
        """Returns the SDK's client, the server behind it running."""
        async with self._starting:
            if self._sdk is None:
                try:
                    url = await asyncio.to_thread(self._stack.enter_context, self.backend.serve())
                except WeightsError as error:
                    self.breaker.give_up(str(error))
                    raise DownError(str(error)) from error
                self._sdk = self._open(url)
            return self._sdk

    def _open(self, url: str) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=url,
            api_key="none" if self.backend.kind == "embedded" else os.environ.get("OPENAI_API_KEY") or "none",
            timeout=self.config.timeout_s,
            max_retries=0,  # our own loop knows the breaker, the limiter and the budget
            # The embedded server is on loopback: a proxy from the environment would not find it.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=self.backend.kind != "embedded"),
        )


def parse(answer: Completion) -> dict[str, Any]:
    """Returns the JSON object in an answer, fenced, after thoughts or between other words. Raises CompletionError."""
    if answer.cut_off:
        raise CompletionError("cut off")
    if answer.text.startswith(REFUSED):
        raise CompletionError("refused")
    text = _THOUGHTS.sub("", answer.text).strip()
    value = _loads(text)
    if value is None and (start := text.find("{")) >= 0:
        value = _loads(text[start : text.rfind("}") + 1])
    if value is None:
        raise CompletionError("not JSON")
    if not isinstance(value, dict):
        raise CompletionError("not a JSON object")
    return value


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
