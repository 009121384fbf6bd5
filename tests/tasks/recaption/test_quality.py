"""An endpoint that answers nonsense ends the stage with its numbers; one that repeats the key leaves it nowhere."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from data_contracts import Augmented, Caption, QualityError, read_table, write_table
from data_contracts.secrets import MASK, mask_log_records
from tasks.engine import run_stage, stage_state
from tasks.engine.workspace import Workspace
from tasks.llm.config import LLMConfig
from tasks.recaption.request import request_fields
from tasks.recaption.rules import rewrites
from tasks.recaption.stage import RecaptionStage
from tests.tasks.language.captions import GRID, augmented
from tests.tasks.llm.fake_server import FakeServer, Reply, asked, fake_server, says
from tests.tasks.recaption.test_stage import caption_of

ROWS = [augmented(number, caption, level) for number, (caption, level) in enumerate(GRID[:30])]
KEY = "sk-0123456789abcdef"


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    found = Workspace(tmp_path / "w")
    write_table(found.table("augment", "augmented"), Augmented, ROWS)
    return found


def stage(server: FakeServer, monkeypatch: pytest.MonkeyPatch, **values: Any) -> RecaptionStage:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    quick = {"backend": "endpoint", "model": "m", "max_retries": 0, "repair_rounds": 0, "parser": "none"}
    return RecaptionStage(LLMConfig.model_validate({**quick, **values}))


def good(request: dict[str, Any], _number: int = 0) -> Reply:
    data = asked(request)
    row = next(r for r in ROWS if request_fields(caption_of(r).with_degrees(), r.level).items() <= data.items())
    return says({"caption": rewrites(caption_of(row), row.level)[-1].text})


def hello(_request: dict[str, Any], _number: int = 0) -> Reply:
    return says("hello")


def test_an_endpoint_that_says_hello_to_everything_ends_the_stage_with_its_numbers(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_server(hello) as server:
        one = stage(server, monkeypatch)
        with pytest.raises(QualityError) as error:
            run_stage(one, space)
        said = "30 of 30 written by rules in the model's place (100 %), llm.accept_rules is 0.4"
        assert said in str(error.value) and "--set llm.accept_rules=1" in str(error.value)
        assert not space.table("recaption", "captions").exists()
        assert said in stage_state(one, space).note
        asked_for = len(server.requests)
        summary = run_stage(stage(server, monkeypatch, accept_rules=1), space)
        assert len(server.requests) == asked_for  # what is done is kept
    assert "30 of 30 written by rules in the model's place (100 %)" in summary.line()
    assert {row.source for row in read_table(space.table("recaption", "captions"), Caption)} == {"rule"}


def test_one_that_turns_to_garbage_half_way_ends_it_too_and_a_retry_asks_again(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_server(lambda request, number: good(request) if number <= 15 else hello(request)) as server:
        one = stage(server, monkeypatch, concurrency=1)
        with pytest.raises(QualityError, match="15 of 30 written by rules"):
            run_stage(one, space)
    with fake_server(good) as server:
        summary = run_stage(stage(server, monkeypatch), space, retry=True)
        assert len(server.requests) == 15
    assert "0 of 30 written by rules in the model's place (0 %)" in summary.line()
    assert {row.source for row in read_table(space.table("recaption", "captions"), Caption)} == {"llm"}


def test_a_retry_asks_again_for_answers_that_were_refused_and_a_rerun_does_not(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_server(lambda *_: says({"caption": "hello"})) as server:
        with pytest.raises(QualityError, match="30 of 30"):
            run_stage(stage(server, monkeypatch), space)
        with pytest.raises(QualityError, match="30 of 30"):
            run_stage(stage(server, monkeypatch), space)
        assert len(server.requests) == 30
    with fake_server(good) as server:
        summary = run_stage(stage(server, monkeypatch), space, retry=True)
        assert len(server.requests) == 30 and summary.shares[0].count == 0
        for path in space.path("recaption").rglob("*.*"):
            path.unlink()  # the good answers are in the cache
        run_stage(stage(server, monkeypatch), space)
        assert len(server.requests) == 30


def test_captions_that_the_rules_were_to_write_are_no_fallbacks(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_server(hello) as server:
        summary = run_stage(stage(server, monkeypatch, max_recaptions=5), space)
    (by_rules, _) = summary.shares
    assert (by_rules.count, by_rules.of) == (5, 5)  # too few to fail the stage
    rules = RecaptionStage(LLMConfig(backend="rules"))
    assert run_stage(rules, space).shares[0].of == 0


@pytest.mark.parametrize(
    "echo",
    [
        lambda *_: Reply(f'{{"error": {{"message": "bad key {KEY} given"}}}}'.encode(), 401),
        lambda *_: Reply(f'{{"error": {{"message": "no {KEY}"}}}}'.encode(), 500, headers={"retry-after-ms": "1"}),
        lambda *_: Reply(f'{{"error": {{"message": "{"x" * 170} {KEY}"}}}}'.encode(), 400),
        lambda *_: says({"caption": f"A man knocks with {KEY}"}),
        lambda *_: says(f"hello {KEY}"),
        lambda *_: says({"choices": KEY}),
    ],
    ids=["401", "500", "400, cut", "in a caption", "in a text", "in an answer"],
)
def test_an_endpoint_that_repeats_the_key_leaves_it_nowhere(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, echo: Any
) -> None:
    mask_log_records()
    caplog.set_level(logging.DEBUG, "tasks")
    said = ""
    with fake_server(echo) as server:
        one = stage(server, monkeypatch, when_down="rules", breaker_probes=0, max_retries=1, retry_wait_s=0.001)
        try:
            run_stage(one, space)
        except Exception as error:
            said = str(error)
    assert KEY[:8] not in said and KEY[:8] not in caplog.text
    files = [path for path in space.root.rglob("*") if path.is_file()]
    assert len(files) > 2 and all(KEY.encode() not in path.read_bytes() for path in files)
    assert MASK in said + caplog.text + "".join(p.read_text("utf-8", "replace") for p in files)
