"""Calls of the Batch API while the provider fails: retried, made once, and clear when it is no use. SPEC A6."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import openai
import pytest

from data_contracts import ServiceError, UsageError
from tasks.llm.batch_service import TRIES, BatchService
from tests.tasks.llm.fake_batches import End, FakeProvider, fake_provider
from tests.tasks.llm.fake_server import says


def use(provider: FakeProvider, call: Callable[[BatchService], Awaitable[Any]]) -> Any:
    """Runs `await call(service)`."""

    async def run() -> Any:
        async with openai.AsyncOpenAI(base_url=provider.url, api_key="k", max_retries=0) as sdk:
            return await call(BatchService(sdk, 0.0001))

    return asyncio.run(run())


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"custom_id": "a", "body": {}}\n')
    return path


def provider_of(*ends: End) -> AbstractContextManager[FakeProvider]:
    return fake_provider(lambda _: says({}), lambda number: ends[number] if ends else End())


def test_a_submitted_batch_is_found_by_its_name_and_no_other(requests: Path) -> None:
    with provider_of() as provider:
        batch_id = use(provider, lambda service: service.submit(requests, "00001-abc"))
        assert use(provider, lambda service: service.find("00001-abc")) == batch_id
        assert use(provider, lambda service: service.find("00002-abc")) == ""
        assert use(provider, lambda service: service.batch(batch_id)).status == "in_progress"


def test_the_results_are_read_as_text(requests: Path) -> None:
    with provider_of(End(looks=0)) as provider:
        batch_id = use(provider, lambda service: service.submit(requests, "n"))
        batch = use(provider, lambda service: service.batch(batch_id))
        assert '"custom_id": "a"' in use(provider, lambda service: service.content(batch.output_file_id))
        provider.files["odd"] = b"\xff\xfe"
        assert use(provider, lambda service: service.content("odd")) == "\ufffd\ufffd"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_passing_failures_are_retried_and_the_batch_is_made_once(requests: Path, status: int) -> None:
    with provider_of() as provider:
        provider.fail_next |= {"POST /v1/files": status, "POST /v1/batches": status}
        use(provider, lambda service: service.submit(requests, "n"))
        assert len(provider.batches) == 1


def test_a_lost_reply_to_the_creation_makes_no_second_batch(requests: Path) -> None:
    with provider_of() as provider:
        provider.lose_reply.add("POST /v1/batches")
        found = use(provider, lambda service: service.submit(requests, "n"))
        assert list(provider.batches) == [found]


def test_a_provider_that_never_answers_is_given_up_after_some_tries() -> None:
    calls = 0

    async def fails() -> None:
        nonlocal calls
        calls += 1
        raise openai.APIConnectionError(request=None)  # type: ignore[arg-type]

    with (
        provider_of() as provider,
        pytest.raises(ServiceError, match=r"does not answer .*what was submitted is recorded: run again"),
    ):
        use(provider, lambda service: service._retried(fails))
    assert calls == TRIES


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_no_batch_api_or_a_wrong_key_is_for_the_user_at_once(requests: Path, status: int) -> None:
    with provider_of() as provider:
        provider.fail_next["POST /v1/files"] = status
        with pytest.raises(UsageError, match=rf"answers {status} to a Batch API call .*llm\.batch=false"):
            use(provider, lambda service: service.submit(requests, "n"))
        assert not provider.files


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_batch_stops_at_once(requests: Path, status: int) -> None:
    with provider_of() as provider:
        provider.fail_next["POST /v1/batches"] = status
        with pytest.raises(ServiceError, match="refuses a batch"):
            use(provider, lambda service: service.submit(requests, "n"))
        assert not provider.batches
