"""Sends prompts by a client in an event loop of its own, with time that passes only when something sleeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.llm.backend import Backend
from tasks.llm.cache import CompletionCache
from tasks.llm.client import OpenAIClient
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import Message, Prompt
from tests.tasks.llm.fake_server import FakeServer

SCHEMA = {"type": "object", "properties": {"caption": {"type": "string"}}}


@dataclass
class FakeTime:
    """A clock that `sleep` moves on; `slept` keeps every wait."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)


def prompt(caption: str = "A dog barks", attempt: int = 1) -> Prompt:
    return Prompt(
        prompt_version="1",
        fields={"caption": caption},
        attempt=attempt,
        prefix=({"role": "system", "content": "Answer."},),
        turns=({"role": "user", "content": caption},),
        schema=SCHEMA,
        max_tokens=50,
    )


def shots_of(messages: Sequence[Message]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The examples (input, answer) in the first messages of a prompt."""
    data = [json.loads(message["content"]) for message in messages[1:]]
    return list(zip(data[::2], data[1::2], strict=True))


def config(**values: Any) -> LLMConfig:
    """Settings of a test: an endpoint, rules when it is down, short times."""
    quick = {"backend": "endpoint", "model": "m", "timeout_s": 5.0, "when_down": "rules"}
    return LLMConfig(**{**quick, **values})


def with_client(
    server: FakeServer, folder: Path, use: Callable[[OpenAIClient], Any], time: FakeTime | None = None, **values: Any
) -> Any:
    """Runs `await use(client)` and closes the client."""
    time = time or FakeTime()

    async def run() -> Any:
        backend = Backend(kind="endpoint", model="m", reason="test", base_url=server.url)
        cache = CompletionCache(folder / "answers.jsonl")
        client = OpenAIClient(backend, config(**values), cache, sleep=time.sleep, clock=time.clock)
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


def ask(server: FakeServer, folder: Path, *prompts: Prompt, time: FakeTime | None = None, **values: Any) -> list:
    """Asks one after the other; returns the answers or the exceptions."""

    async def use(client: OpenAIClient) -> list:
        found: list = []
        for one in prompts:
            try:
                found.append(await client.complete(one))
            except Exception as error:
                found.append(error)
        return found

    return with_client(server, folder, use, time, **values)


def ask_together(
    server: FakeServer, folder: Path, *prompts: Prompt, time: FakeTime | None = None, **values: Any
) -> list:
    """Asks all at the same time; returns the answers or the exceptions."""

    async def use(client: OpenAIClient) -> list:
        return await asyncio.gather(*(client.complete(one) for one in prompts), return_exceptions=True)

    return with_client(server, folder, use, time, **values)
