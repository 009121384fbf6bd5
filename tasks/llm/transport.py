"""One HTTP request to an OpenAI-compatible server, and what its reply means, whatever the server does.

Each failure becomes one of three: `LimitedError` (too many requests), `TroubleError` (the server; worth another try),
`UsageError` (key, model or address; for people to mend). A refused prompt is an answer with nothing in it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import openai

from data_contracts import UsageError
from tasks.llm.cache import Completion
from tasks.llm.prompt import Prompt
from tasks.llm.rate_limiter import retry_after_s

log = logging.getLogger(__name__)

MOST_BYTES: Final = 4_000_000  # of one reply: far more than any answer asked for here
REFUSED: Final = "refused: "
_FILTERED: Final = "content_filter"  # of the provider: a code of an error, or how an answer ends
_FORMATS: Final = ("json_schema", "response_format")
_NO_CREDIT: Final = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


class LimitedError(Exception):
    """Too many requests or tokens: slow down. `retry_after_s` is the server's word, None without one."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after


class TroubleError(Exception):
    """The server failed. `billed`: the call may have cost something, because the answer got lost, not the prompt."""

    def __init__(self, message: str, *, retry_after: float | None = None, billed: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after
        self.billed = billed


@dataclass(slots=True)
class Dialect:
    """What a server turned out not to take, learned from its refusals: see `learn`."""

    without: set[str] = field(default_factory=set)

    def body(self, model: str, prompt: Prompt) -> dict[str, Any]:
        """Returns the request's body in the words that the server takes."""
        length = "max_completion_tokens" if "max_tokens" in self.without else "max_tokens"
        body: dict[str, Any] = {"model": model, "messages": prompt.messages, length: prompt.max_tokens}
        if "temperature" not in self.without:
            body["temperature"] = prompt.temperature
        if "seed" not in self.without:
            body["seed"] = prompt.seed
        if "json_schema" not in self.without:
            schema = {"name": "answer", "strict": True, "schema": prompt.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif "response_format" not in self.without:
            body["response_format"] = {"type": "json_object"}
        return body

    def next_try(self, message: str) -> str:
        """Returns what to leave out after a refusal: the parameter it names, else the schema, else any word on the
        format; empty: none left.
        """
        for name in ("max_tokens", "temperature", "seed", "json_schema", "response_format"):
            if name not in self.without and (name in message or name in _FORMATS):
                return name
        return ""


async def request_completion(
    sdk: openai.AsyncOpenAI, model: str, prompt: Prompt, dialect: Dialect, timeout_s: float
) -> Any:
    """Asks once and returns (Completion, the reply's headers). Tries again only in other words, after a 400.

    The time limit holds to the last byte: a server that trickles is a server that is silent.

    Raises LimitedError, TroubleError, or UsageError.
    """
    words = Dialect(set(dialect.without))
    while True:
        try:
            reply = await asyncio.wait_for(_post(sdk, words.body(model, prompt)), timeout_s)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            name = "" if error.code == _FILTERED else words.next_try(error.message)
            if not name:
                return Completion(text=f"{REFUSED}{error.message}"[:200], cut_off=False, tokens_in=0, tokens_out=0), {}
            log.info("the server refuses a prompt (%s); asking again without %s", error.message[:200], name)
            words.without.add(name)
        except TimeoutError as error:
            raise TroubleError(f"no whole answer within {timeout_s:g} s", billed=True) from error
        except openai.APIError as error:
            raise meaning(error, model) from error
        else:
            dialect.without |= words.without  # only what led to an answer is remembered
            return completion_of(reply[0], prompt.bound()), reply[1]


async def _post(sdk: openai.AsyncOpenAI, body: dict[str, Any]) -> tuple[Any, Mapping[str, str]]:
    async with sdk.chat.completions.with_streaming_response.create(**body) as response:
        data = await _read(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        return json.loads(data), headers
    except (ValueError, RecursionError) as error:
        kind = headers.get("content-type", "none")
        raise TroubleError(f"the reply is no JSON (content type {kind[:40]})", billed=True) from error


async def _read(response: Any) -> bytes:
    data = bytearray()
    try:
        async for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MOST_BYTES:
                raise TroubleError(f"the reply is longer than {MOST_BYTES:,} bytes", billed=True)
    except TroubleError:
        raise
    except Exception as error:  # the HTTP library's own errors, which the SDK does not translate here
        raise TroubleError(f"the reply broke off ({type(error).__name__}: {error})"[:200], billed=True) from error
    return bytes(data)


def completion_of(reply: Any, bound: tuple[int, int], price: float = 1.0) -> Completion:
    """Returns the answer in a chat completion's JSON; `bound` is its cost when it does not say. Raises TroubleError."""
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
        if not isinstance(text, str):
            raise TypeError
        if choice.get("finish_reason") == _FILTERED:
            text = f"{REFUSED}{_FILTERED}"
        elif not text and message.get("refusal"):
            text = f"{REFUSED}{message['refusal']}"[:200]
        usage = reply.get("usage") or {}
        return Completion(
            text=text,
            cut_off=choice.get("finish_reason") == "length",
            tokens_in=_count(usage.get("prompt_tokens"), bound[0]),
            tokens_out=_count(usage.get("completion_tokens"), bound[1]),
            price=price,
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise TroubleError("the server's reply is no chat completion", billed=True) from error


def meaning(error: openai.APIError, model: str) -> Exception:
    """Returns what an error of the client library means here."""
    if not isinstance(error, openai.APIStatusError):
        sent = not isinstance(error.__cause__, Exception) or "Connect" not in type(error.__cause__).__name__
        return TroubleError(f"{type(error).__name__}: {error.message}", billed=sent)
    code = error.code if isinstance(error.code, str) else ""
    status = error.status_code
    if status in (401, 403, 404, 405) or code in _NO_CREDIT:
        return UsageError(
            f"the LLM endpoint answers {status} to model {model!r} ({error.message[:200]}); "
            "check OPENAI_API_KEY, OPENAI_BASE_URL, llm.model and the account's credit"
        )
    wait = retry_after_s(error.response.headers)
    if status == 429:
        return LimitedError(f"429: {error.message[:200]}", wait)
    return TroubleError(f"{type(error).__name__}: {error.message[:200]}", retry_after=wait)


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise
