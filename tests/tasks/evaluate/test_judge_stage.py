"""The judge stage: its items, their keys, and that scores and tables are made of what was said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from data_contracts import ClipScore, Generated, Judgement, WeightsError, read_table, write_table
from model.generate import Request
from tasks.engine import run_stage, stage_state
from tasks.engine.workspace import Workspace
from tasks.evaluate import asked_judges, baselines, judge_stage, judging
from tasks.evaluate.judge_plan import JUDGED_GROUPS, JudgeInput
from tasks.evaluate.judge_stage import JudgeStage, planned_inputs
from tasks.evaluate.judged_cases import JudgedCases
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.score_stage import ScoreStage
from tasks.evaluate.stage import EvaluateStage
from tests.tasks.evaluate.conftest import Scores
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.oracle import CONFIG, Killed, copy_of, die_after

OURS = "corpus-cnn"
JUDGED = CONFIG.model_copy(update={"judges": (OURS,)})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    one = FakeJudge()
    monkeypatch.setattr("model.judges.JUDGES", {OURS: lambda path, device: one})
    monkeypatch.setattr(judging, "JUDGES", {OURS: None})
    asked_judges.loaded.cache_clear()
    return one


@pytest.fixture
def workspace(prepared: Workspace, scored: Scores, oracle: list[Request], fake: FakeJudge, tmp_path: Path) -> Workspace:
    assert scored and oracle is not None and fake is not None
    return copy_of(prepared, tmp_path / "copy", "generate")


def test_an_item_is_one_sound_and_one_judge(workspace: Workspace) -> None:
    items = JudgeStage(JUDGED).items(workspace)
    inputs = [JudgeInput.from_dict(item.payload["input"]) for item in items]
    assert len({item.item_id for item in items}) == len(items)
    assert {item.payload["weights_sha256"] for item in items} == {"a" * 64}
    assert {one.source for one in inputs} == {"generated", "row", "codec", "pasted", "noise", "clicks", "silence"}
    made = [row for row in read_table(workspace.table("generate", "generated"), Generated) if row.task != "tta"]
    parts = {(row.audio_sha256, row.scored_from_s, row.scored_to_s) for row in made}  # equal audio is judged once
    assert {(one.content, one.from_s, one.to_s) for one in inputs if one.source == "generated"} == parts
    assert {row.case_group for row in made} == set(JUDGED_GROUPS)


def test_inputs_survive_json_and_names_tell_them_apart(workspace: Workspace) -> None:
    inputs = planned_inputs(JUDGED, workspace)
    assert [JudgeInput.from_dict(one.to_dict()) for one in inputs] == inputs
    assert len({one.name for one in inputs}) == len(inputs)


def test_only_what_changed_is_judged_again(workspace: Workspace, fake: FakeJudge) -> None:
    summary = run_stage(JudgeStage(JUDGED), workspace)
    assert summary.quarantined == 0 and summary.rows == summary.new > 20
    assert run_stage(JudgeStage(JUDGED), workspace).new == 0
    path = workspace.table("generate", "generated")
    rows = read_table(path, Generated)
    changed = [
        Generated(**(row.to_dict() | {"audio_sha256": f"{number:064d}"})) if row.task == "fe" else row
        for number, row in enumerate(rows)
    ]
    write_table(path, Generated, changed)
    fake.heard.clear()
    assert run_stage(JudgeStage(JUDGED), workspace).new == sum(row.task == "fe" for row in rows) == sum(fake.heard)
    fake.weights_sha256 = "b" * 64
    asked_judges.loaded.cache_clear()
    assert run_stage(JudgeStage(JUDGED), workspace).new == summary.new


def test_a_killed_run_ends_with_the_same_files(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy_of(workspace, tmp_path / "other", "generate")
    with monkeypatch.context() as patch:
        patch.setattr(judge_stage, "_row", die_after(9, judge_stage._row))
        with pytest.raises(Killed):
            run_stage(JudgeStage(JUDGED), other)
    run_stage(JudgeStage(JUDGED), other, shard_size=5)
    run_stage(JudgeStage(JUDGED), workspace)
    tables = [read_table(one.table("judge", "judgements"), Judgement) for one in (workspace, other)]
    assert tables[0] == tables[1] and tables[0]
    for row in tables[0]:
        assert workspace.path(row.outputs_path).read_bytes() == other.path(row.outputs_path).read_bytes()


def test_a_sound_that_is_too_short_is_quarantined_with_its_reason(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tasks.evaluate.fake_judges.SHORTEST_S", 2.5)  # longer than a reference of 2 s
    summary = run_stage(JudgeStage(JUDGED), workspace)
    assert summary.reasons == {"not_judged": summary.quarantined} and summary.quarantined > 0
    assert run_stage(ScoreStage(JUDGED), workspace).quarantined == 0


def test_a_judge_that_refuses_every_sound_leaves_a_reason_in_the_table(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tasks.evaluate.fake_judges.SHORTEST_S", 100.0)
    config = JUDGED.model_copy(update={"accept_quarantined": 1.0})
    assert run_stage(JudgeStage(config), workspace).rows == 0
    run_stage(ScoreStage(config), workspace)
    rows = [row for row in EvaluateStage(config=config).make(workspace) if row.metric in (f"FD-{OURS}", f"IS-{OURS}")]
    assert {row.why_empty for row in rows} == {f"not computed: judge {OURS} says nothing of these clips"}


def test_scores_and_tables_are_made_of_what_was_said(workspace: Workspace) -> None:
    for stage in (JudgeStage(JUDGED), ScoreStage(JUDGED)):
        run_stage(stage, workspace)
    rows = read_table(workspace.table("score", "clip_scores"), ClipScore)
    judged = JudgedCases.open(JUDGED, workspace)
    case = next(case for case in judged.cases.values() if case.group == "ac-vta")
    sounds = judged.planner.systems(case, judged.made[case.item_id])
    table = {row.input: row for row in read_table(workspace.table("judge", "judgements"), Judgement)}

    def embedding(one: JudgeInput) -> np.ndarray:
        return load(workspace.path(table[one.name].outputs_path).read_bytes())["embedding"].astype(np.float64)

    reference = embedding(judged.planner.reference(case))
    made = embedding(sounds[MODEL, "trained"])
    expected = made @ reference / np.linalg.norm(made) / np.linalg.norm(reference)
    (score,) = [r for r in rows if (r.parent_id, r.system, r.metric) == (case.item_id, MODEL, f"likeness-{OURS}")]
    assert score.value == pytest.approx(expected, abs=1e-6) and score.checkpoint == "trained"
    scores = {(s.task, s.metric, s.system): s for s in EvaluateStage(config=JUDGED).make(workspace)}
    likeness = scores["vta", f"likeness-{OURS}", baselines.TRUTH]
    assert likeness.value == pytest.approx(1.0) and likeness.weights_sha256 == "a" * 64
    assert scores["vta", f"FD-{OURS}", MODEL].n == 3 and scores["vta", f"FD-{OURS}", MODEL].n_reference == 3
    assert (scores["vta", f"FD-{OURS}", MODEL].value or 0) < (scores["vta", f"FD-{OURS}", "silence"].value or 0)
    assert all(score.seconds for score in scores.values() if score.n)
    empty = scores["all", "FD_VGG", MODEL]
    assert empty.value is None and empty.why_empty == "not computed: this release has no judge vggish"


def test_a_score_depends_on_the_judgements_of_its_cases(workspace: Workspace) -> None:
    run_stage(JudgeStage(JUDGED), workspace)
    before = {item.item_id: item.payload["judged_sha256"] for item in ScoreStage(JUDGED).items(workspace)}
    assert all(bool(hashes) == item.startswith("clip-") for item, hashes in before.items())
    path = workspace.table("judge", "judgements")
    rows = read_table(path, Judgement)
    chosen = next(row for row in rows if row.source == "generated")
    write_table(path, Judgement, [
        Judgement(**(row.to_dict() | {"outputs_sha256": "9" * 64})) if row == chosen else row for row in rows
    ])  # fmt: skip
    after = {item.item_id: item.payload["judged_sha256"] for item in ScoreStage(JUDGED).items(workspace)}
    assert sum(before[name] != after[name] for name in before) == 1


def test_without_judges_the_stage_is_empty_and_the_reasons_are_kept(workspace: Workspace) -> None:
    none = CONFIG.model_copy(update={"judges": ("none",)})
    assert run_stage(JudgeStage(none), workspace).rows == 0
    why_not = JudgedCases.open(none, workspace).why_not
    assert why_not[OURS] == f"not computed: judge {OURS} was not asked for"


def forget_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this a machine without the judge's weights."""

    def absent(path: str, device: object) -> FakeJudge:
        raise WeightsError("corpus-cnn is not downloaded; fetch it")

    monkeypatch.setattr("model.judges.JUDGES", {OURS: absent})
    asked_judges.loaded.cache_clear()


def test_finished_stages_stay_finished_where_the_weights_are_absent(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = (JudgeStage(JUDGED), ScoreStage(JUDGED), EvaluateStage(config=JUDGED))
    for stage in stages:
        run_stage(stage, workspace)
    tables = [path.read_bytes() for path in sorted(workspace.root.glob("*/*.parquet"))]
    forget_weights(monkeypatch)
    for stage in stages:
        state = stage_state(stage, workspace)
        assert state.finished, state
        assert run_stage(stage, workspace).new == 0
    assert [path.read_bytes() for path in sorted(workspace.root.glob("*/*.parquet"))] == tables


@pytest.mark.parametrize("kept", [None, "{", '{"corpus-cnn": {"name": 1}}'])
def test_a_judge_that_is_asked_and_absent_is_an_error_before_anything_is_dropped(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, kept: str | None
) -> None:
    forget_weights(monkeypatch)
    if kept is not None:
        workspace.path(*asked_judges.FILE).parent.mkdir()
        workspace.path(*asked_judges.FILE).write_text(kept)
    with pytest.raises(WeightsError, match="is not downloaded"):
        run_stage(JudgeStage(JUDGED), workspace)
    assert not workspace.table("judge", "judgements").exists()


def test_new_sounds_need_the_weights_and_what_was_judged_stays(
    workspace: Workspace, fake: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_stage(JudgeStage(JUDGED), workspace)
    path = workspace.table("generate", "generated")
    rows = read_table(path, Generated)
    new = {row.item_id: row.to_dict() | {"audio_sha256": f"{n:064d}"} for n, row in enumerate(rows) if row.task == "fe"}
    write_table(path, Generated, [Generated(**new.get(row.item_id, row.to_dict())) for row in rows])
    with monkeypatch.context() as patch:
        forget_weights(patch)
        assert stage_state(JudgeStage(JUDGED), workspace).pending == len(new)
        with pytest.raises(WeightsError, match="is not downloaded"):
            run_stage(JudgeStage(JUDGED), workspace)
    asked_judges.loaded.cache_clear()
    assert run_stage(JudgeStage(JUDGED), workspace).new == len(new)


def test_the_device_of_another_machine_changes_no_key(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    items = JudgeStage(JUDGED).items(workspace)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert JudgeStage(JUDGED.model_copy(update={"device": "cuda:1"})).items(workspace) == items
