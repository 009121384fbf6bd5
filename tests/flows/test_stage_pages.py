"""What the UI shows of each stage: equal to counts made here from the tables, harmless, and never a reason to fail."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from data_contracts import Augmented, Caption, Clip, Quarantine, Score, TrainMetric, read_table
from flows import pipeline_page
from flows.markdown import table
from flows.pipeline_page import pipeline_markdown, stage_section
from flows.run_changes import NUMBERS, changes, changes_since_last, numbers_of
from flows.stage_pages import SECTIONS, chosen_examples, score_overview, score_table, section
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.evaluate.baselines import TRUTH
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.llm.completion import Completion
from tasks.pipeline import STEPS
from tests.tasks.report.sample_workspace import make_workspace

CONFIG = PipelineConfig()
HOSTILE = "a dog | barks <script>alert(1)</script> ![x](http://evil/y) quickly"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("ws") / "run1", captions=[HOSTILE])


def cells(lines: list[str]) -> list[list[str]]:
    """The rows of the first table, without its head."""
    rows = [line for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def test_every_stage_with_a_table_has_a_section(workspace: Workspace) -> None:
    assert set(SECTIONS) <= {step.name for step in STEPS}
    for name in SECTIONS:
        assert section(name, workspace, CONFIG), name
    assert section("report", workspace, CONFIG) == []


def test_before_there_is_a_table_there_is_nothing(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    (tmp_path / "precompute").mkdir()
    for name in SECTIONS:
        assert not "".join(section(name, space, CONFIG)), name


def test_counts_are_those_of_the_tables(workspace: Workspace) -> None:
    clips = read_table(workspace.table("ingest", Clip.TABLE), Clip)
    found = {(row[0], row[1]): int(row[2]) for row in cells(section("ingest", workspace, CONFIG))}
    assert found == Counter((clip.source, clip.split) for clip in clips)
    rows = read_table(workspace.table("augment", Augmented.TABLE), Augmented)
    made = {row[0].replace(" ", "_"): int(row[1]) for row in cells(section("augment", workspace, CONFIG))}
    assert made == Counter(row.level for row in rows)
    captions = read_table(workspace.table("recaption", Caption.TABLE), Caption)
    assert sum(int(row[2]) for row in cells(section("recaption", workspace, CONFIG))) == len(captions)
    shares = [float(row[3].removesuffix(" %")) for row in cells(section("recaption", workspace, CONFIG))]
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_two_changed_sounds_of_different_operations_are_shown(workspace: Workspace) -> None:
    lines = section("augment", workspace, CONFIG)
    assert sum(line.startswith("![") for line in lines) == 2
    rows = read_table(workspace.table("augment", Augmented.TABLE), Augmented)
    assert len({row.operation for row in chosen_examples(rows)}) == 2
    speed = [row for row in rows if row.operation == "speed"]
    assert [row.operation for row in chosen_examples(speed)] == ["speed", "speed"] and chosen_examples([]) == []


def test_what_the_captions_cost_is_said(workspace: Workspace, tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    shutil.copytree(workspace.root / "recaption", tmp_path / "recaption")
    path = space.path(*COMPLETIONS)
    path.parent.mkdir()
    cache = CompletionCache(path)
    cache.put("one", Completion(text="{}", cut_off=False, tokens_in=2_000_000, tokens_out=1_000))
    priced = PipelineConfig.model_validate({"llm": {"price_in": 1.5, "price_out": 100}})
    assert "Tokens in all: 2,000,000 in, 1,000 out; they cost 3.10" in "\n".join(section("recaption", space, priced))
    assert "cost" not in "\n".join(section("paraphrase", space, CONFIG))


def test_the_score_table_has_the_models_rows_beside_truth_and_the_best_baseline(workspace: Workspace) -> None:
    scores = read_table(workspace.table("evaluate", Score.TABLE), Score)
    rows = cells(score_table(scores))
    assert len(rows) == sum(not score.is_baseline for score in scores)
    for score, row in zip([score for score in scores if not score.is_baseline], rows, strict=True):
        same = [one for one in scores if (one.task, one.metric) == (score.task, score.metric) and one.is_baseline]
        assert row[0] == score.task and int(row[4].replace(",", "")) == score.n
        if score.value is None:
            assert row[3].startswith("not computed: ")
            continue
        assert float(row[3].split(" ")[0]) == pytest.approx(score.value, rel=0.01)
        others = [one.value for one in same if one.system != TRUTH and one.value is not None]
        if score.higher_is_better and others:
            assert float(row[6].split(" ")[0]) == pytest.approx(max(others), rel=0.01)


def test_a_score_that_is_not_computed_says_why(workspace: Workspace) -> None:
    scores = [one for one in read_table(workspace.table("evaluate", Score.TABLE), Score) if not one.is_baseline][:1]
    empty = replace(scores[0], value=None, ci_low=None, ci_high=None, why_empty="no weights | of <b>panns")
    ((_, _, _, value, *_),) = cells(score_table([empty]))
    assert value == "not computed: no weights \\| of \\<b\\>panns"


def test_a_score_of_several_seeds_has_their_spread(workspace: Workspace) -> None:
    scores = [one for one in read_table(workspace.table("evaluate", Score.TABLE), Score) if not one.is_baseline][:1]
    seeded = replace(scores[0], value=0.5, ci_low=0.4, ci_high=0.6, n_seeds=3, seed_sd=0.02)
    ((_, _, _, value, *_),) = cells(score_table([seeded]))
    assert value == "0.5 ± 0.02 over 3 seeds (0.4 to 0.6)"


def test_the_overview_has_the_models_main_values_by_task(workspace: Workspace) -> None:
    scores = read_table(workspace.table("evaluate", Score.TABLE), Score)
    lines = score_overview(scores)
    tasks = [cell.strip() for cell in lines[0].strip("|").split(" | ")][1:]
    own = {(one.task, one.metric): one for one in scores if not one.is_baseline and one.value is not None}
    ((_, *values),) = [row for row in cells(lines) if row[0].startswith("events on time, within 100 ms")]
    for task, value in zip(tasks, values, strict=True):
        score = own.get((task, "EventF1@100ms"))
        assert (value == "") == (score is None)
        assert score is None or float(value) == pytest.approx(score.value, rel=0.01)
    assert not any("50 ms" in line for line in lines) and score_overview([]) == []
    missing = sum(one.value is None for one in scores if not one.is_baseline)
    assert lines[-1].startswith(f"{missing} value") or not missing


def test_captions_and_names_stay_text(workspace: Workspace) -> None:
    results = [{"stage": "mine", "done": 1, "new": 1, "quarantined": 0}]
    text = pipeline_markdown(results, CONFIG, workspace, "http://127.0.0.1:8080/run1/report/report.html")
    pictures = re.findall(r"!\[[^\]]*\]\((.{5})", text)
    assert len(pictures) == 3 and set(pictures) == {"data:"}
    assert "<script>" not in text and "http://evil" not in text
    for title in ("## Stages", "## Scores", "## Training", "## New audio", "## Captions", "## Quarantine"):
        assert title in text


def test_damaged_files_are_said_and_fail_nothing(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space = Workspace(shutil.copytree(workspace.root, tmp_path / "w"))
    space.table("train", TrainMetric.TABLE).write_bytes(b"damaged")
    space.table("mine", Quarantine.TABLE).write_bytes(b"damaged")
    for path in (space.root / "augment").rglob("*.flac"):
        path.write_bytes(b"fLaC damaged")
    results = [{"stage": "train", "done": 1, "new": 1, "quarantined": 0}]
    text = pipeline_markdown(results, CONFIG, space, "")
    for what in ("train", "augment", "quarantine"):
        assert f"{what} cannot be shown: " in text
    assert "## Scores" in text
    assert "train cannot be shown in the UI" in caplog.text
    assert stage_section("evaluate", space, CONFIG)[0].startswith("| task")


def test_the_second_run_says_what_changed(workspace: Workspace, tmp_path: Path) -> None:
    results = [{"stage": "mine", "done": 5, "new": 5, "quarantined": 1}]
    now = numbers_of(results, workspace)
    assert now["mine: done"] == 5 and now["mine: quarantined"] == 1
    rows = read_table(workspace.table("train", TrainMetric.TABLE), TrainMetric)
    assert now["train: loss"] == rows[-1].loss and now["train: steps"] == rows[-1].step
    space = Workspace(tmp_path)
    assert changes_since_last(now, space) == [] and space.path(NUMBERS).exists()
    assert changes_since_last(now, space) == ["Nothing changed since the last run."]
    later = {**now, "mine: done": 8.0, "new | one": 1.0}
    del later["mine: quarantined"]
    lines = changes_since_last(later, space)
    assert "| mine: done | 5 | 8 | +3 |" in lines and "| mine: quarantined | 1 |  |  |" in lines
    assert any(line.startswith("| new \\| one |  | 1 |") for line in lines) and len(lines) == 5
    assert changes({}, {}) == ["Nothing changed since the last run."]


def test_broken_numbers_of_the_last_run_fail_nothing(tmp_path: Path) -> None:
    (tmp_path / NUMBERS).write_text("{broken")
    lines = pipeline_page.shown("changes", lambda: changes_since_last({}, Workspace(tmp_path)))
    assert lines[0].startswith("changes cannot be shown: ") and lines[0].endswith("; this run writes it again")
    assert changes_since_last({}, Workspace(tmp_path)) == ["Nothing changed since the last run."]


def test_a_table_needs_rows() -> None:
    assert table(("a", "b"), []) == []
    assert table(("a", "b"), [["1", "2"]]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
