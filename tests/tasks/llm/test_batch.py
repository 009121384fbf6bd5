"""The Batch API against a local provider: whole, partial, expired, failed, killed in any state. SPEC A6."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_contracts import Augmented, BudgetError, Caption, ServiceError, read_table, write_table
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.llm.backend import Backend
from tasks.llm.batch import TRIES, fetch_batches
from tasks.llm.batch_files import Limits
from tasks.llm.batch_service import BatchService
from tasks.llm.cache import CompletionCache
from tasks.llm.client import OpenAIClient
from tasks.llm.prompt import Prompt
from tasks.recaption.stage import RecaptionStage
from tests.tasks.llm.fake_batches import End, FakeProvider, fake_provider
from tests.tasks.llm.fake_server import Reply, asked, fails, says
from tests.tasks.llm.harness import config, prompt
from tests.tasks.recaption.test_stage import ROWS, good

PROMPTS = {prompt(f"caption {n}").key("m"): prompt(f"caption {n}") for n in range(7)}
QUICK = {"batch": True, "batch_poll_s": 0.001, "retry_wait_s": 0.001}

pytestmark = pytest.mark.usefixtures("key")


def echo(body: dict[str, Any]) -> Reply:
    """Says back what was asked, so that a joined answer can be told from its neighbour's."""
    return says({"caption": body["messages"][-1]["content"]})


def fetch(
    provider: FakeProvider, folder: Path, limits: Limits | None = None, prompts=PROMPTS, **values
) -> CompletionCache:
    """Fetches what the cache lacks of the prompts."""
    cache = CompletionCache(folder / "answers.jsonl")
    backend = Backend(kind="endpoint", model="m", reason="test", base_url=provider.url)

    def missing() -> Iterator[tuple[str, Prompt]]:
        return ((key, one) for key, one in prompts.items() if cache.get(key) is None)

    client = OpenAIClient(backend, config(**QUICK, **values), cache)
    fetch_batches(Workspace(folder).path("llm", "batches", "s"), client, missing, limits)
    return cache


def assert_all_answered(cache: CompletionCache) -> None:
    for key, one in PROMPTS.items():
        assert json.loads(cache.get(key).text) == {"caption": one.fields["caption"]}


def test_unordered_results_join_by_id_at_the_batch_price(tmp_path: Path) -> None:
    with fake_provider(echo) as provider:
        cache = fetch(provider, tmp_path)
        assert_all_answered(cache)
        assert (len(provider.batches), provider.calls) == (1, 0)
        fetch(provider, tmp_path)
        assert len(provider.batches) == 1
    spent = cache.spent()
    assert (spent.tokens_in, spent.priced_in) == (700, 350.0)


def test_files_stay_within_the_limits(tmp_path: Path) -> None:
    with fake_provider(echo) as provider:
        assert_all_answered(fetch(provider, tmp_path / "a", Limits(requests=3)))
        assert [len(provider.files[f"file-{n}"].splitlines()) for n in range(3)] == [3, 3, 1]
    with fake_provider(echo) as provider:
        assert_all_answered(fetch(provider, tmp_path / "b", Limits(bytes=1200)))
        assert len(provider.batches) > 1
        assert all(len(provider.files[b["input_file_id"]]) <= 1200 for b in provider.batches.values())


@pytest.mark.parametrize("status", ["expired", "cancelled", "completed"])
def test_what_did_not_finish_is_submitted_again_and_nothing_else(tmp_path: Path, status: int) -> None:
    ends = [End(status, answers=lambda n: n % 2 == 0), End()]
    with fake_provider(echo, lambda n: ends[n]) as provider:
        assert_all_answered(fetch(provider, tmp_path))
        assert provider.asked() == 7 + 3


def test_a_batch_that_expired_with_nothing_done_is_submitted_again(tmp_path: Path) -> None:
    ends = [End("expired", answers=lambda _: False), End()]
    with fake_provider(echo, lambda n: ends[n]) as provider:
        assert_all_answered(fetch(provider, tmp_path))
        assert len(provider.batches) == 2


def test_a_prompt_that_batches_never_answer_is_left_to_the_ordinary_calls(tmp_path: Path) -> None:
    def respond(body: dict[str, Any]) -> Reply:
        return fails(500) if body["messages"][-1]["content"] == "caption 3" else echo(body)

    with fake_provider(respond) as provider:
        # The last two batches hold only the bad prompt: they answer none, which expiry would excuse.
        ends = End("expired")
        provider.ends = lambda n: End() if n == 0 else ends
        cache = fetch(provider, tmp_path)
        assert provider.asked() == 7 + TRIES - 1
    assert cache.get(prompt("caption 3").key("m")) is None


@pytest.mark.parametrize(
    "end",
    [End("failed", errors=({"code": "invalid", "message": "bad line 1"},)), End("completed", answers=lambda _: False)],
)
def test_a_batch_that_answers_nothing_stops_with_its_reason(tmp_path: Path, end: End) -> None:
    with fake_provider(echo, lambda _: end) as provider, pytest.raises(ServiceError, match=r"bad line 1|too late"):
        fetch(provider, tmp_path)


class Killed(BaseException):
    """Stands in for SIGKILL at one point: nothing of ours runs after it but the file system keeps what it has."""


STATES = (
    "before upload",
    "after upload",
    "reply to create lost",
    "after create",
    "while waiting",
    "half of the results",
)


@pytest.mark.parametrize("state", STATES)
def test_killed_in_any_state_the_rerun_picks_the_batch_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Whatever was submitted before the kill is not submitted again."""
    with fake_provider(echo) as provider:
        with monkeypatch.context() as patch:
            kill(patch, state)
            with pytest.raises(Killed):
                fetch(provider, tmp_path, max_tokens_total=10_000)
        made = len(provider.batches)
        assert made == (0 if state in ("before upload", "after upload") else 1)
        cache = fetch(provider, tmp_path, max_tokens_total=10_000)
        assert_all_answered(cache)
        assert len(provider.batches) == 1
        assert cache.committed() == cache.spent()
        assert cache.spent().tokens_in == 700
        assert not list(tmp_path.glob("llm/batches/s/*.jsonl"))


def kill(patch: pytest.MonkeyPatch, state: str) -> None:
    """Makes one call die."""

    async def die(*_args: Any, **_kw: Any) -> Any:
        raise Killed

    if state == "before upload":
        patch.setattr(BatchService, "submit", die)
    elif state == "after upload":
        patch.setattr("openai.resources.batches.AsyncBatches.create", die)
    elif state == "reply to create lost":
        submit = BatchService.submit

        async def lost(self: BatchService, path: Path, name: str) -> str:
            await submit(self, path, name)
            raise Killed

        patch.setattr(BatchService, "submit", lost)
    elif state == "after create":
        patch.setattr(BatchService, "batch", die)
    elif state == "while waiting":
        look, looks = BatchService.batch, [0]

        async def once(self: BatchService, batch_id: str) -> Any:
            looks[0] += 1
            return await look(self, batch_id) if looks[0] == 1 else await die()

        patch.setattr(BatchService, "batch", once)
    else:
        put, count = CompletionCache.put, [0]

        def some(self: CompletionCache, *args: Any) -> None:
            count[0] += 1
            if count[0] > 3:
                raise Killed
            put(self, *args)

        patch.setattr(CompletionCache, "put", some)


def test_a_model_that_thinks_is_submitted_again_with_room(tmp_path: Path) -> None:
    def respond(body: dict[str, Any]) -> Reply:
        return echo(body) if body["max_tokens"] > 1000 else says("", finish="length")

    with fake_provider(respond) as provider:
        cache = fetch(provider, tmp_path)
        assert_all_answered(cache)
        assert provider.asked() == 14
        assert cache.spent().tokens_in == 1400
    with fake_provider(respond) as provider:
        assert_all_answered(fetch(provider, tmp_path / "told", thinking_tokens=2000))
        assert provider.asked() == 7


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_that_fails_during_the_wait_is_queried_again(tmp_path: Path, status: int) -> None:
    with fake_provider(echo) as provider:
        provider.fail_next["GET /v1/batches/batch-0"] = status
        assert_all_answered(fetch(provider, tmp_path))
        assert len(provider.batches) == 1


def test_the_budget_is_checked_before_anything_is_submitted(tmp_path: Path) -> None:
    with fake_provider(echo) as provider:
        with pytest.raises(BudgetError):
            fetch(provider, tmp_path, max_tokens_total=300)
        assert not provider.batches
        assert not provider.files
        assert_all_answered(fetch(provider, tmp_path))


def test_the_stage_by_batches_writes_what_it_writes_by_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First tries in one batch, repairs in the next, whichever shard comes first; then no call is left to make."""

    def respond(body: dict[str, Any]) -> Reply:
        return good(body) if body["temperature"] > 0 or len(asked(body)["caption"]) % 2 else says({"caption": "no"})

    tables = []
    for batch in (False, True):
        workspace = Workspace(tmp_path / str(batch))
        write_table(workspace.table("augment", "augmented"), Augmented, ROWS)
        with fake_provider(respond) as provider:
            monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
            values = {**QUICK, "batch": batch, "when_down": "auto"}
            run_stage(RecaptionStage(config(**values)), workspace, shard_size=3)
            tables.append(read_table(workspace.table("recaption", "captions"), Caption))
            assert (len(provider.batches), provider.calls > 0) == ((2, False) if batch else (0, True))
    assert tables[0] == tables[1]
    assert {row.source for row in tables[0]} == {"llm", "llm_retry", "original"}
