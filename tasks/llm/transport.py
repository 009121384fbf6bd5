"""One HTTP request to an OpenAI-compatible server, and what its reply means, whatever the server does.

Each failure becomes one of four: `LimitedError` (too many requests), `TroubleError` (the server failed; worth another
try), `RefusedError` (the request is refused and would be again), `UsageError` (key, model or address; for the user).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import openai
from tenacity import RetryCallState, wait_exponential, wait_random

from data_contracts import UsageError
from data_contracts.secrets import masked
from tasks.llm.completion import Completion
from tasks.llm.prompt import Prompt
from tasks.llm.rate_limiter import retry_after_s

log = logging.getLogger(__name__)

THINKING_TOKENS: Final = 4096  # for the thoughts of a model that turns out to think, without a setting
MOST_BYTES: Final = 4_000_000  # of one reply: far more than any answer requested here
_FILTERED: Final = "content_filter"  # of the provider: a code of an error, or how a completion ends
_FORMATS: Final = ("json_schema", "response_format")
_NO_CREDIT: Final = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


class RequestError(Exception):
    """A request that failed. `retry_after_s` is how long the server asks to wait, None when it does not say.

    `billed`: the call may have cost something, because the reply was lost, not the request.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, billed: bool = False) -> None:
        super().__init__(masked(message))
        self.retry_after_s = retry_after_s
        self.billed = billed


class LimitedError(RequestError):
    """Too many requests or tokens: slow down."""


class TroubleError(RequestError):
    """The server failed; another try may succeed."""


class RefusedError(RequestError):
    """The server does not accept this request; the same one would be refused again."""


def wait_between_tries(first_s: float, longest_s: float) -> Callable[[RetryCallState], float]:
    """Returns the wait before a further try, for tenacity: what the server asks for, else doubled, with jitter."""
    backoff = wait_exponential(multiplier=first_s, max=longest_s) + wait_random(0, first_s)

    def wait_s(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return (isinstance(error, RequestError) and error.retry_after_s) or backoff(state)

    return wait_s


@dataclass(slots=True)
class Dialect:
    """What a server accepts and its model needs, learned from the replies.

    `without` are the request parameters that it does not accept; `thinking_tokens` are added for the model's thoughts,
    None until it turns out to think.
    """

    without: set[str] = field(default_factory=set)
    thinking_tokens: int | None = None

    def body(self, model: str, prompt: Prompt) -> dict[str, Any]:
        """Returns the request's body with the parameters that the server accepts."""
        length = "max_completion_tokens" if "max_tokens" in self.without else "max_tokens"
        body: dict[str, Any] = {"model": model, "messages": prompt.messages}
        body[length] = prompt.max_tokens + (self.thinking_tokens or 0)
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

    def learn_thinking(self, completion: Completion, sent_with: int | None) -> bool:
        """Whether a completion shows that its request, with that many `thinking_tokens`, lacked them; adds them."""
        if sent_with is not None or not completion.cut_off_early:
            return False
        if self.thinking_tokens is None:
            log.info("the model was cut off before its answer: %d tokens more from now on", THINKING_TOKENS)
        self.thinking_tokens = THINKING_TOKENS
        return True

    def next_omission(self, message: str) -> str:
        """Returns what to leave out after a refusal: the parameter that it names, else the schema, else the format.

        Empty when nothing is left to leave out.
        """
        for name in ("max_tokens", "temperature", "seed", "json_schema", "response_format"):
            if name not in self.without and (name in message or name in _FORMATS):
                return name
        return ""


async def request_completion(
    sdk: openai.AsyncOpenAI, model: str, prompt: Prompt, dialect: Dialect, timeout_s: float
) -> tuple[Completion, Mapping[str, str]]:
    """Returns the completion and the reply's headers. Sent again only after a refusal, with other parameters.

    `timeout_s` is the time to the last byte, since a server may send a reply byte by byte.

    Raises LimitedError, TroubleError, RefusedError or UsageError.
    """
    tried = replace(dialect, without=set(dialect.without))
    while True:
        try:
            reply, headers = await asyncio.wait_for(_post(sdk, tried.body(model, prompt)), timeout_s)
        except TimeoutError as error:
            raise TroubleError(f"no whole reply within {timeout_s:g} s", billed=True) from error
        except openai.APIError as error:
            failure = classify(error, f"model {model!r}", "check OPENAI_API_KEY, OPENAI_BASE_URL, llm.model and credit")
            refused = isinstance(failure, RefusedError) and error.code != _FILTERED
            if not (refused and (omitted := tried.next_omission(error.message))):
                raise failure from error
            log.info("the server refuses a prompt (%s); sending it again without %s", failure, omitted)
            tried.without.add(omitted)
        else:
            dialect.without |= tried.without  # only what led to a completion is remembered
            return completion_of(reply, prompt.bound(tried.thinking_tokens)), headers


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


def completion_of(reply: Any, bound: tuple[int, int], price_share: float = 1.0) -> Completion:
    """Returns the completion in a reply's JSON; `bound` is its cost when the reply has none. Raises TroubleError."""
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        text = _text(message)
        finish = choice.get("finish_reason")
        usage = reply.get("usage") or {}
        return Completion(
            text=masked(text or str(message.get("refusal") or "")),  # kept in files
            cut_off=finish == "length",
            refused=finish == _FILTERED or (not text and bool(message.get("refusal"))),
            tokens_in=_count(usage.get("prompt_tokens"), bound[0]),
            tokens_out=_count(usage.get("completion_tokens"), bound[1]),
            price_share=price_share,
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise TroubleError("the server's reply is no chat completion", billed=True) from error


def _text(message: dict[str, Any]) -> str:
    """A message's content, of which parts of text count and thoughts do not; without content, a tool call's input."""
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part["type"] in ("text", "output_text"))
    if not content and (calls := message.get("tool_calls")):
        arguments = calls[0]["function"]["arguments"]
        content = arguments if isinstance(arguments, str) else json.dumps(arguments)
    if not isinstance(content, str):
        raise TypeError
    return content


def classify(error: openai.APIError, request: str, remedy: str) -> RequestError | UsageError:
    """Returns what an error of the client library means here; `request` and `remedy` are for a UsageError's message."""
    message = masked(error.message)[:200]  # before it is cut: half a key would not be found
    if not isinstance(error, openai.APIStatusError):
        sent = not isinstance(error.__cause__, Exception) or "Connect" not in type(error.__cause__).__name__
        return TroubleError(f"{type(error).__name__}: {message}", billed=sent)
    status = error.status_code
    if status in (401, 403, 404, 405) or error.code in _NO_CREDIT:
        return UsageError(f"the LLM endpoint answers {status} to {request} ({message}); {remedy}")
    wait_s = retry_after_s(error.response.headers)
    if status == 429:
        return LimitedError(f"429: {message}", retry_after_s=wait_s)
    if status < 500 and status not in (408, 409):
        return RefusedError(message)
    return TroubleError(f"{type(error).__name__}: {message}", retry_after_s=wait_s)


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise
