"""What both caption stages do, by a small stage of their kind: every item once, by model or rules. SPEC A6, A7."""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tasks.engine import ItemResult
from tasks.engine.workspace import Workspace
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.llm.completion import Completion
from tests.tasks.llm.fake_server import FakeServer, Reply, fails, fake_server
from tests.tasks.llm.harness import config
from tests.tasks.llm.shouting import ODD, Shouting, item, row, sent, shout

COMPLETION = Completion(text='{"caption": "X"}', cut_off=False, tokens_in=1, tokens_out=1)


pytestmark = pytest.mark.usefixtures("key")


def stage(server: FakeServer, monkeypatch: pytest.MonkeyPatch, **values: Any) -> Shouting:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return Shouting(config(max_retries=0, retry_wait_s=0.001, breaker_wait_s=0.01, **values))


def sources(results: list[ItemResult]) -> dict[str, str]:
    assert len({result.item_id for result in results}) == len(results)
    return {r.item_id: r.rows[0]["source"] if r.rows else "error" for r in results}


def test_the_rules_come_first_and_every_item_has_one_result(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [item(number, by_llm=number % 3 != 2) for number in (0, 1, 2, 3, 4, ODD)]
    with fake_server(shout) as server:
        results = list(stage(server, monkeypatch).process(items, workspace))
        assert len(server.requests) == 4
    assert [result.item_id for result in results[:2]] == ["i2", "i8"]
    assert sources(results) == {"i2": "rule", "i8": "error"} | dict.fromkeys(("i0", "i1", "i3", "i4"), "llm")
    assert {r.rows[0]["caption"] for r in results[2:]} == {f"CAPTION {number}" for number in (0, 1, 3, 4)}


def test_with_rules_alone_no_file_of_completions_is_made(workspace: Workspace) -> None:
    results = list(Shouting(config(backend="rules")).process([item(0), item(ODD)], workspace))
    assert sources(results) == {"i0": "rule", "i8": "error"}
    assert not workspace.path(*COMPLETIONS).exists()


def test_prompts_of_one_level_are_sent_together(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share their examples, which a server keeps from one to the next."""
    with fake_server(shout) as server:
        list(stage(server, monkeypatch, concurrency=1).process([item(n) for n in range(5)], workspace))
        captions = [sent(request)["caption"] for request in server.requests]
    assert captions == [f"caption {number}" for number in (0, 2, 4, 1, 3)]


def test_an_item_that_failed_while_the_server_is_up_is_tried_once_more(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed: Counter[str] = Counter()

    def behave(request: dict[str, Any], _number: int) -> Reply:
        caption = sent(request)["caption"]
        failed[caption] += 1
        return (
            fails(500)
            if caption == "caption 3" or (caption == "caption 1" and failed[caption] == 1)
            else shout(request)
        )

    with fake_server(behave) as server:
        results = list(stage(server, monkeypatch).process([item(n) for n in range(5)], workspace))
    assert sources(results) == dict.fromkeys(("i0", "i1", "i2", "i4"), "llm") | {"i3": "rule"}
    assert (failed["caption 1"], failed["caption 3"]) == (2, 2)
    assert "the LLM was not available for 1 of 5 captions, rules wrote them" in caplog.text


def test_when_the_server_is_down_the_rules_write_the_rest_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_server(lambda *_: fails(500)) as server:
        results = list(
            stage(server, monkeypatch, breaker_probes=1, concurrency=1).process([item(n) for n in range(30)], workspace)
        )
        assert len(server.requests) == 10 + 1
    assert set(sources(results).values()) == {"rule", "error"}
    assert len(results) == 30
    assert "for 29 of 30 captions" in caplog.text


def test_the_next_prompt_of_every_item_is_missing_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """First tries, then the second ones of those whose first was unusable; then nothing."""
    with fake_server(shout) as server:
        one = stage(server, monkeypatch)
        cache = CompletionCache(workspace.path(*COMPLETIONS), one.run)
        items = [item(0), item(0), item(1)]
        missing = dict(one.missing(items, cache))
        assert [prompt.attempt for prompt in missing.values()] == [1, 1]
        garbage = replace(COMPLETION, text="Sure!")
        for key, completion in zip(missing, (COMPLETION, garbage), strict=True):
            cache.put(key, completion)
        ((_, second),) = one.missing(items, cache)
        assert (second.fields["caption"], second.attempt) == ("caption 1", 2)
        assert len(list(stage(server, monkeypatch).missing(items, CompletionCache(cache.path, "a later run")))) == 1
        cache.put(second.key("m"), COMPLETION)
        assert list(one.missing(items, cache)) == []
        assert not server.requests


def test_workers_belong_to_the_run_of_the_stage_that_was_sent_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server(shout) as server:
        one = stage(server, monkeypatch)
        assert one.backend.base_url == server.url
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/other")
        received = pickle.loads(pickle.dumps(one))
        assert (received.run, received.backend) == (one.run, one.backend)
        assert Shouting(one.config).run != one.run
        assert Shouting(one.config) == one  # it is not a setting


def test_the_log_says_how_many_rows_each_source_wrote(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row(item(n), "A dog", "llm" if n else "rule").to_dict() for n in range(3)]
    with caplog.at_level(logging.INFO):
        table = Shouting(config(backend="rules")).assemble(rows, workspace)
        Shouting(config(backend="rules")).assemble([], workspace)
    assert [one.to_dict() for one in table] == rows
    assert caplog.messages == ["shouting: rows by source: llm 2, rule 1", "shouting: rows by source: none"]
