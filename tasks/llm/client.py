"""One question to an OpenAI-compatible model: cached, budgeted, retried, and parsed into JSON or a plain reason.

What goes wrong is told apart by who can mend it: `AnswerError` (the model's words; try again or fall back),
`UnavailableError` (the server; fall back and stop asking), `UsageError` (the settings; stop), `BudgetError` (stop).
Source: SPEC A6, A7.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import openai

from data_contracts import UsageError, WeightsError, to_json
from tasks.llm.backend import Backend
from tasks.llm.budget import Budget
from tasks.llm.cache import Answer, AnswerCache
from tasks.llm.config import LLMConfig
from tasks.workspace import hash_text, seed_for

log = logging.getLogger(__name__)

BREAK_AFTER: Final = 3  # requests in a row that found no server (each after the SDK's own retries)
_CHARS_PER_TOKEN: Final = 3.0  # English JSON has about four: estimates are on the safe side


class AnswerError(Exception):
    """An answer that is not the JSON asked for. The message is a short reason."""


class UnavailableError(Exception):
    """No answer can be had from the server now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request. `fields` and `prompt_version` name it in the cache; `messages` is what the model reads."""

    prompt_version: str
    fields: dict[str, Any]
    attempt: int
    messages: tuple[dict[str, str], ...]
    schema: dict[str, Any]
    max_tokens: int
    temperature: float = 0.0

    def key(self, model: str) -> str:
        """Returns the cache key: model, parameters, prompt version, input fields, attempt."""
        parameters = {"temperature": self.temperature, "max_tokens": self.max_tokens, "schema": self.schema}
        return hash_text(model, to_json(parameters), self.prompt_version, to_json(self.fields), str(self.attempt))

    def tokens(self) -> tuple[int, int]:
        """Returns an upper estimate of the tokens (in, out)."""
        characters = sum(len(message["content"]) for message in self.messages)
        return int(characters / _CHARS_PER_TOKEN) + 8 * len(self.messages), self.max_tokens


@dataclass(slots=True)
class Client:
    """Asks one model. Connects, or starts the embedded server, at the first question the cache cannot answer.

    Belongs to one event loop; `close` it there.
    """

    backend: Backend
    config: LLMConfig
    cache: AnswerCache
    calls: int = 0
    trouble: str = ""
    _failures: int = 0
    _budget: Budget = field(init=False)
    _sdk: openai.AsyncOpenAI | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._budget = Budget(self.config, self.cache)

    async def close(self) -> None:
        """Closes the connections and stops the embedded server."""
        if self._sdk is not None:
            await self._sdk.close()
        self._stack.close()

    async def ask(self, question: Question) -> dict[str, Any]:
        """Returns the answer's JSON object.

        Raises AnswerError, UnavailableError, UsageError (key or model refused), or BudgetError before a call that would
        exceed the budget.
        """
        key = question.key(self.backend.model)
        answer = self.cache.get(key)
        if answer is None:
            answer = await self._paid(question)
            self.cache.put(key, answer)
        return _parse(answer)

    async def _paid(self, question: Question) -> Answer:
        with self._budget.reserved(*question.tokens()):
            sdk = await self._connected()
            try:
                answer = await self._call(sdk, question)
            except UnavailableError as error:
                self._failures += 1
                self.trouble = str(error)
                raise
        self._failures = 0
        return answer

    async def _connected(self) -> openai.AsyncOpenAI:
        async with self._starting:
            if self._failures >= BREAK_AFTER:
                raise UnavailableError(self.trouble)
            if self._sdk is None:
                try:
                    url = await asyncio.to_thread(self._stack.enter_context, self.backend.serve())
                except WeightsError as error:
                    self._failures, self.trouble = BREAK_AFTER, str(error)
                    raise UnavailableError(str(error)) from error
                self._sdk = self._open(url)
            return self._sdk

    def _open(self, url: str) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=url,
            api_key="none" if self.backend.kind == "embedded" else os.environ.get("OPENAI_API_KEY") or "none",
            timeout=self.config.timeout_s,
            max_retries=self.config.max_retries,
            # The embedded server is on loopback: a proxy from the environment would not find it.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=self.backend.kind != "embedded"),
        )

    async def _call(self, sdk: openai.AsyncOpenAI, question: Question) -> Answer:
        self.calls += 1
        try:
            try:
                return await _complete(sdk, self.backend.model, question, structured=True)
            except openai.BadRequestError as error:
                log.info("the server refuses the JSON schema (%s); asking again without it", error.message)
                return await _complete(sdk, self.backend.model, question, structured=False)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            return Answer(text=f"refused: {error.message}"[:200], cut_off=False, tokens_in=0, tokens_out=0)
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise UsageError(
                f"the LLM endpoint answers {error.status_code} to model {self.backend.model!r} ({error.message}); "
                "check OPENAI_API_KEY, OPENAI_BASE_URL and llm.model"
            ) from error
        except openai.APIError as error:
            raise UnavailableError(f"{type(error).__name__}: {error.message}") from error
        except (ValueError, TypeError, AttributeError, IndexError) as error:  # a body that is no chat completion
            raise UnavailableError(f"the server's reply is no chat completion ({type(error).__name__})") from error


async def _complete(sdk: openai.AsyncOpenAI, model: str, question: Question, *, structured: bool) -> Answer:
    schema = {"name": "answer", "strict": True, "schema": question.schema}
    extra: dict[str, Any] = {"response_format": {"type": "json_schema", "json_schema": schema}}
    reply = await sdk.chat.completions.create(
        model=model,
        messages=list(question.messages),  # type: ignore[arg-type]
        temperature=question.temperature,
        max_tokens=question.max_tokens,
        seed=seed_for(to_json(question.fields), str(question.attempt)) % 2**31,
        **(extra if structured else {}),
    )
    choice = reply.choices[0]
    estimate = question.tokens()
    return Answer(
        text=choice.message.content or "",
        cut_off=choice.finish_reason == "length",
        tokens_in=reply.usage.prompt_tokens if reply.usage else estimate[0],
        tokens_out=reply.usage.completion_tokens if reply.usage else estimate[1],
    )


def _parse(answer: Answer) -> dict[str, Any]:
    if answer.cut_off:
        raise AnswerError("cut off")
    text = answer.text.strip()
    if text.startswith("```"):
        text = text.strip("`").removeprefix("json")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise AnswerError("not JSON") from error
    if not isinstance(value, dict):
        raise AnswerError("not a JSON object")
    return value
