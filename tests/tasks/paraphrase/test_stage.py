"""The paraphrase stage against endpoints that answer well, badly, and not at all. SPEC A7."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

import pytest

from data_contracts import Caption, Paraphrase, read_table, write_table
from data_contracts.adverbs import LEVELS
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.language.cues import CuedCaption
from tasks.llm.backend import RULES_NAME
from tasks.llm.config import LLMConfig
from tasks.paraphrase.stage import ParaphraseStage
from tasks.paraphrase.validator import problems_of
from tasks.recaption.rules import rewrites
from tests.tasks.language.captions import GRID, augmented, said
from tests.tasks.llm.fake_server import Reply, asked, fails, fake_server, says
from tests.tasks.rows import caption_row

GOOD = "A dog barks at a very fast pace"


def row_of(number: int, caption: CuedCaption, level: str) -> Caption:
    """Returns a row of the captions table with the caption's cue."""
    row = caption_row(augmented(number, caption, level), caption.text, "rule")
    return replace(row, cue_start=caption.cue.start, cue_end=caption.cue.end)


def cued_of(row: Caption) -> CuedCaption:
    return CuedCaption.at(row.caption, LEVELS[row.level].side, row.cue_start, row.cue_end)


BARKS = said("A dog barks very quickly", "very_fast")
ROWS = [row_of(number, rewrites(caption, level, limit=1)[0], level) for number, (caption, level) in enumerate(GRID[:8])]


def make(folder, rows=ROWS) -> Workspace:
    workspace = Workspace(folder / "w")
    write_table(workspace.table("recaption", "captions"), Caption, rows)
    return workspace


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")

    def use(server, **config) -> ParaphraseStage:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        return ParaphraseStage(LLMConfig(**{"backend": "endpoint", "model": "m", "max_retries": 0, **config}))

    return use


def run(stage, workspace) -> list[Paraphrase]:
    run_stage(stage, workspace)
    return read_table(workspace.table("paraphrase", "paraphrases"), Paraphrase)


def one(texts, tokens=("dog",)) -> Reply:
    return says({"key_tokens": list(tokens), "paraphrases": texts})


def test_valid_answers_come_first_and_rules_fill_up(tmp_path, endpoint):
    workspace = make(tmp_path, [row_of(0, BARKS, "very_fast")])
    answer = one(
        [GOOD, GOOD.upper(), "A cat barks very quickly", "A dog barks", "HACKED"], ["dog", "very quickly", "cat"]
    )
    with fake_server(lambda *_: answer) as server:
        rows = run(endpoint(server), workspace)
        first, second = (asked(request) for request in server.requests)
        assert (first["caption"], len(first["write"])) == ("A dog barks very quickly", 4)
        assert len(second["write"]) == 3  # two are missing
        assert not first["write"].items() & second["write"].items()
        assert [request["temperature"] for request in server.requests] == [0.0, 0.8]
    assert [row.source for row in rows] == ["llm", "rule", "rule"]
    assert rows[0].caption == GOOD
    assert {row.key_tokens for row in rows} == {("dog", "very quickly")}
    assert [row.item_id for row in rows] == [f"a000-cap-p{number}" for number in range(3)]
    assert [row.writer for row in rows] == ["m", RULES_NAME, RULES_NAME]


@pytest.mark.parametrize(
    "reply",
    [
        says("garbage"),
        says('{"paraphrases": ["A dog'),
        says({"paraphrases": "text", "key_tokens": 3}),
        says({"paraphrases": [1, None, {}]}),
        says({}),
    ],
)
def test_garbage_leaves_the_rules(tmp_path, endpoint, reply):
    workspace = make(tmp_path, [row_of(0, BARKS, "very_fast")])
    with fake_server(lambda *_: reply) as server:
        rows = run(endpoint(server), workspace)
    assert {row.source for row in rows} == {"rule"}
    assert rows[0].key_tokens == ("dog", "barks", "very quickly")
    assert len(rows) == 3


def test_all_rows_are_valid_deduplicated_and_n_per_caption(tmp_path):
    workspace = make(tmp_path)
    rows = run(ParaphraseStage(LLMConfig(backend="rules", paraphrases=3)), workspace)
    captions = {row.item_id: cued_of(row) for row in ROWS}
    assert set(Counter(row.parent_id for row in rows).values()) == {3}
    assert all(problems_of(captions[row.parent_id], row.caption) == [] for row in rows)
    assert len({(row.parent_id, row.caption.lower()) for row in rows}) == len(rows)


def test_only_the_chosen_rows_are_asked_and_a_rerun_asks_none(tmp_path, endpoint):
    workspace = make(tmp_path)
    with fake_server(lambda *_: one([])) as server:
        stage = endpoint(server, max_paraphrased=3)
        first = run(stage, workspace)
        assert len(server.requests) == 2 * 3  # empty answers: asked once more
        for path in workspace.path("paraphrase").rglob("*.*"):
            path.unlink()
        assert run(stage, workspace) == first
        assert len(server.requests) == 2 * 3


def test_what_is_missing_is_asked_for_again_and_only_that(tmp_path, endpoint):
    workspace = make(tmp_path, [row_of(0, BARKS, "very_fast")])
    more = ["Very quickly a dog barks", "A dog is barking extremely fast", GOOD]
    with fake_server(lambda body, *_: one([GOOD] if len(asked(body)["write"]) == 4 else more)) as server:
        rows = run(endpoint(server), workspace)
        assert len(server.requests) == 2
    assert [(row.caption, row.source) for row in rows] == [(text, "llm") for text in [GOOD, *more[:2]]]
    with fake_server(lambda *_: one([GOOD])) as server:
        rows = run(endpoint(server, repair_rounds=0), make(tmp_path / "once", ROWS[:1]))
        assert len(server.requests) == 1


def test_no_paraphrases_wanted_asks_nothing(tmp_path, endpoint):
    with fake_server(lambda *_: one([])) as server:
        assert run(endpoint(server, paraphrases=0), make(tmp_path)) == []
        assert server.requests == []


def test_a_dead_server_leaves_labelled_rules_and_a_warning(tmp_path, endpoint, caplog):
    quick = {"breaker_wait_s": 0.01, "retry_wait_s": 0.001, "when_down": "rules", "concurrency": 1, "max_retries": 9}
    with fake_server(lambda *_: fails(500)) as server, caplog.at_level(logging.WARNING):
        rows = run(endpoint(server, **quick), make(tmp_path))
        assert len(server.requests) == 10 + 3  # then the breaker takes it for down
    assert {row.source for row in rows} == {"rule"}
    assert "not available for 8 of 8" in caplog.text
