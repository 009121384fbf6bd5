"""Several captions in one request: who is sent with whom, and that each answer counts as if it had come alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import BudgetError
from tasks.engine import Item, ItemResult
from tasks.engine.workspace import Workspace
from tasks.llm.backend import RULES_NAME
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.llm.config import LLMConfig
from tasks.llm.groups import MOST_CHARS, grouped, numbered
from tests.tasks.llm.fake_server import FakeServer, Reply, fails, fake_server, says
from tests.tasks.llm.harness import config
from tests.tasks.llm.shouting import NUMBERS, Shouting, item, prompt, sent, shout

pytestmark = pytest.mark.usefixtures("key")


def run(
    server: FakeServer,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    numbers: Sequence[int] = NUMBERS,
    **values: Any,
) -> dict[str, tuple[str, str]]:
    """Caption and source by item."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    one = Shouting(config(max_retries=0, retry_wait_s=0.001, **{"captions_per_request": 3, "concurrency": 1, **values}))
    results: list[ItemResult] = list(one.process([item(number) for number in numbers], workspace))
    assert sorted(result.item_id for result in results) == [f"i{number}" for number in numbers]
    return {result.item_id: (result.rows[0]["caption"], result.rows[0]["source"]) for result in results}


ALL = {f"i{number}": (f"CAPTION {number}", "llm") for number in NUMBERS}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400)), max_size=30),
    st.integers(1, 6),
)
def test_groups_are_all_items_once_alike_and_small_enough(drawn: list[tuple[int, int]], most: int) -> None:
    items = [
        Item(f"i{number:03d}", {"caption": "x" * length, "level": level})
        for number, (level, length) in enumerate(drawn)
    ]
    found = grouped(reversed(items), most, lambda one: (str(one.payload["level"]), 0))
    assert sorted(one.item_id for group in found for one in group) == [one.item_id for one in items]
    for group in found:
        assert 1 <= len(group) <= most
        assert len({one.payload["level"] for one in group}) == 1
        assert len(group) == 1 or sum(len(one.payload["caption"]) for one in group) <= MOST_CHARS
    levels = [group[0].payload["level"] for group in found]
    assert levels == sorted(levels)


def test_a_numbered_prompt_begins_as_its_members_do_and_asks_for_each() -> None:
    one, two = prompt("A <b>dog</b>", "fast"), prompt('A cat "meows"', "fast")
    both = numbered([one, two])
    assert both.prefix == one.prefix
    assert sent({"messages": both.messages}) == {"1": {"caption": "A <b>dog</b>"}, "2": {"caption": 'A cat "meows"'}}
    assert "<" not in both.turns[0]["content"]
    assert both.schema["properties"] == {"1": one.schema, "2": two.schema}
    assert both.schema["required"] == ["1", "2"]
    assert both.max_tokens >= one.max_tokens + two.max_tokens
    assert len({both.key("m"), numbered([two, one]).key("m"), one.key("m")}) == 3


def test_captions_of_one_prefix_are_sent_together(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server(shout) as server:
        assert run(server, workspace, monkeypatch) == ALL
        assert [sorted(sent(request)) for request in server.requests] == [
            ["1", "2", "3"],  # i0, i2, i4
            ["caption"],  # i6, alone
            ["1", "2", "3"],
        ]
        assert run(server, workspace, monkeypatch) == ALL
        assert len(server.requests) == 3  # all from the cache
    spent = CompletionCache(workspace.path(*COMPLETIONS)).spent()
    assert (spent.tokens_in, spent.tokens_out) == (300, 60)  # each request once, members not again


def test_a_missing_or_refused_answer_is_sent_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(request: dict[str, Any], _number: int) -> Reply:
        data = sent(request)
        if "caption" in data:
            return shout(request)
        return says({"1": {"caption": data["1"]["caption"].upper()}, "2": {"caption": "not loud"}, "4": "?"})

    with fake_server(behave) as server:
        assert run(server, workspace, monkeypatch) == ALL
        alone = [(sent(r)["caption"], r["temperature"]) for r in server.requests if "caption" in sent(r)]
    refused, missing = (("caption 2", 0.7), ("caption 3", 0.7)), (("caption 4", 0.0), ("caption 5", 0.0))
    assert sorted(alone) == sorted([*refused, *missing, ("caption 6", 0.0)])


@pytest.mark.parametrize("text", ["Sure!", "[1, 2]", '{"1": {"caption": "CUT'])
def test_a_request_without_an_answer_is_sent_one_by_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with fake_server(lambda request, _: shout(request) if "caption" in sent(request) else says(text)) as server:
        assert run(server, workspace, monkeypatch) == ALL
        assert len(server.requests) == 2 + 7


def test_a_run_that_goes_on_after_a_kill_sends_the_same_requests(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was done, each item has the companions that it has in a run that was not killed."""
    with fake_server(shout) as server:
        run(server, workspace, monkeypatch)
        whole = [sent(request) for request in server.requests]
        server.requests.clear()
        other = Workspace(tmp_path / "killed")
        run(server, other, monkeypatch, numbers=[2, 3])
        run(server, other, monkeypatch, numbers=[number for number in NUMBERS if number not in (2, 3)])
        assert sorted(map(json.dumps, whole)) == sorted(json.dumps(sent(request)) for request in server.requests)


def test_answers_that_came_together_count_as_cached_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_server(shout) as server:
        run(server, workspace, monkeypatch)
        count = len(server.requests)
        assert run(server, workspace, monkeypatch, captions_per_request=1) == ALL
        assert len(server.requests) == count


def test_a_server_that_is_down_leaves_all_to_the_rules(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_server(lambda *_: fails(500)) as server:
        found = run(server, workspace, monkeypatch, breaker_probes=0, breaker_wait_s=0.01)
    assert {source for _, source in found.values()} == {"rule"}
    assert "for 7 of 7 captions" in caplog.text


def test_the_budget_counts_a_group_before_it_is_sent(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server(shout) as server:
        with pytest.raises(BudgetError):
            run(server, workspace, monkeypatch, max_tokens_total=150)
        assert not server.requests


def test_how_captions_are_sent_is_part_of_the_writers_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    alone, together = Shouting(config()), Shouting(config(captions_per_request=4))
    assert together.settings() == {**alone.settings(), "together": 4}
    assert Shouting(LLMConfig(backend="rules", captions_per_request=4)).settings() == {
        "backend": "rules",
        "model": RULES_NAME,
    }
