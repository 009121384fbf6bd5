"""The files of the Batch API: one request or reply per line, joined by `custom_id`, which is the key in the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data_contracts.files import atomic_path
from data_contracts.secrets import masked
from tasks.engine.workspace import hash_text
from tasks.llm.client import OpenAIClient
from tasks.llm.completion import Completion
from tasks.llm.prompt import CHARS_PER_TOKEN_AT_LEAST, Prompt
from tasks.llm.transport import TroubleError, completion_of

URL: Final = "/v1/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits on one request file: somewhat below the provider's 50,000 requests and 200 MB."""

    requests: int = 50_000
    bytes: int = 190_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFile:
    """A written request file; the tokens are upper bounds of what its completions cost."""

    path: Path
    count: int
    tokens_in: int
    tokens_out: int


def write_requests(
    folder: Path, client: OpenAIClient, prompts: Iterator[tuple[str, Prompt]], limits: Limits
) -> Iterator[RequestFile]:
    """Writes as many files as the limits require, yielding each when it is complete. No name is used twice."""
    left = next(prompts, None)
    while left is not None:
        name = f"{len(list(folder.glob('*.json'))):05d}-{hash_text(left[0])[:12]}"
        count = size = tokens_in = tokens_out = 0
        with atomic_path(folder / f"{name}.jsonl") as temporary, temporary.open("wb") as file:
            while left is not None:
                line = _line(*left, client)
                if count and (count >= limits.requests or size + len(line) > limits.bytes):
                    break
                file.write(line)
                bound = left[1].bound(client.dialect.thinking_tokens)
                count, size = count + 1, size + len(line)
                tokens_in, tokens_out = tokens_in + bound[0], tokens_out + bound[1]
                left = next(prompts, None)
        yield RequestFile(path=folder / f"{name}.jsonl", count=count, tokens_in=tokens_in, tokens_out=tokens_out)


def read_replies(text: str, requests: Path, price_share: float) -> Iterator[tuple[str, Completion | str]]:
    """Yields key and completion, or key and what went wrong, for each reply to one of the requests, in any order."""
    bounds = dict(_bounds(requests))
    for line in text.split("\n"):
        try:
            reply = json.loads(line)
            key = reply["custom_id"]
        except (ValueError, KeyError, TypeError):
            continue  # an empty or broken line: its prompt stays without a completion
        if isinstance(key, str) and key in bounds:
            yield key, _result(reply, bounds[key], price_share)


def _line(key: str, prompt: Prompt, client: OpenAIClient) -> bytes:
    body = client.dialect.body(client.backend.model, prompt)
    request = {"custom_id": key, "method": "POST", "url": URL, "body": body}
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _result(reply: dict[str, Any], bound: tuple[int, int], price_share: float) -> Completion | str:
    if error := reply.get("error"):
        return masked(str(error.get("message") or error.get("code") if isinstance(error, dict) else error))[:200]
    response = reply.get("response")
    if not isinstance(response, dict) or response.get("status_code") != 200:
        return masked(json.dumps(response))[:200]
    try:
        return completion_of(response.get("body"), bound, price_share)
    except TroubleError as error:
        return str(error)


def _bounds(requests: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yields, for each request, its key and an upper bound of its tokens, for a reply without its cost."""
    with requests.open("rb") as file:
        for line in file:
            request = json.loads(line)
            yield request["custom_id"], (int(len(line) / CHARS_PER_TOKEN_AT_LEAST), int(request["body"]["max_tokens"]))
