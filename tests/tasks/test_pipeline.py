"""The list of steps: what repeats it agrees with it, and every step tells whether it is finished by one rule."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks.cold_start import measure
from data_contracts import ContractError, UsageError
from data_contracts.stages import STAGE_TABLES
from flows.status import status_text
from tasks import pipeline, steps
from tasks.config import PipelineConfig, store, with_changes
from tasks.engine import Item, Shard, StageState, check_stage, run_stage
from tasks.engine.marker import marker_path, read_marker
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, chosen_steps, find_step, steps_before
from tasks.steps import is_finished, pipeline_states, require_quarantine, run_step, step_state
from tests.conftest import REPOSITORY
from tests.flows.steps import tiny_step
from tests.tasks.engine.damage import DAMAGES, flip
from tests.tasks.engine.test_marker import contents, file_bytes
from tests.tasks.engine.tiny import TinyStage

NAMES = [step.name for step in STEPS]
TINY = {
    "ingest": {"corpus": {"kind": "builtin", "video_clips": 5, "audio_clips": 2}},
    "mine": {"parser": "rules"},
    "llm": {"backend": "rules", "paraphrases": 1},
    "train": {"steps": 2, "batch_size": 2, "log_every": 1, "checkpoint_every": 1, "trackers": []},
    "evaluate": {"clips": 1, "adverb_pairs": 1, "steps": 1},
}


def test_whatever_repeats_the_steps_agrees_with_their_list() -> None:
    made = {step.name: step.make(PipelineConfig()).row_type for step in STEPS}
    assert list({**STAGE_TABLES, "report": None}.items()) == list(made.items())
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z, ]+?) \|", page, re.MULTILINE)
    named = [name for row in rows for name in row.split(", ") if name in NAMES]
    assert named == NAMES


def test_each_step_is_what_its_row_says() -> None:
    for step in STEPS:
        stage = step.make(PipelineConfig())
        assert (stage.name, stage.single) == (step.name, step.single)
        assert step.group is None or step.group in PipelineConfig.model_fields
        if step.example:
            PipelineConfig.load(None, [step.example])  # is a setting, with a value that it may have
            assert step.example.startswith(f"{step.group}.")
        assert step.description.endswith(".") and step.tags


def test_steps_are_found_by_name_and_in_their_order() -> None:
    assert [step.name for step in steps_before("mine")] == ["ingest"] and steps_before("ingest") == ()
    with pytest.raises(UsageError, match=r"unknown stage 'mines'; known are ingest, mine, .*, report"):
        find_step("mines")


def test_steps_are_chosen_by_the_last_one_and_by_name() -> None:
    assert chosen_steps() == STEPS
    assert [step.name for step in chosen_steps("mine")] == ["ingest", "mine"]
    assert [step.name for step in chosen_steps("train", ["train", "mine"])] == ["mine", "train"]  # in their order
    with pytest.raises(UsageError, match=r"stage train comes after mine: it cannot be among `only`"):
        chosen_steps("mine", ["train"])
    for given in (("mines", ()), ("", ("mines",))):
        with pytest.raises(UsageError, match="unknown stage 'mines'"):
            chosen_steps(*given)


def test_a_step_without_its_input_waits(tmp_path: Path) -> None:
    states = pipeline_states(PipelineConfig.model_validate(TINY), Workspace(tmp_path))
    assert states[0] == StageState(name="ingest", pending=7)
    assert {state.note for state in states[1:-1]} == {"waiting for an earlier stage"}
    assert states[-1].pending == 1 and not any(state.finished for state in states)  # the report shows what there is
    assert list(tmp_path.iterdir()) == []


def test_status_before_the_features_imports_no_torch_and_makes_no_folder(tmp_path: Path) -> None:
    """A stage that never ran waits for the one before it: its module, with torch in it, is not needed to say so."""
    code = (
        "import json, sys; from pathlib import Path; from tasks.config import PipelineConfig; "
        "from tasks.engine.workspace import Workspace; from tasks.steps import pipeline_states; "
        f"config = PipelineConfig.model_validate({TINY!r}); "
        "states = pipeline_states(config, Workspace(Path(sys.argv[1]))); "
        "assert [state.note for state in states[1:-1]] == ['waiting for an earlier stage'] * (len(states) - 2); "
        "print(json.dumps(sorted({'torch', 'openai', 'sklearn'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
    assert list(tmp_path.iterdir()) == []


def test_after_an_unfinished_step_one_whose_input_cannot_be_read_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable(TinyStage):
        def items(self, workspace: Workspace) -> list[Item]:
            return json.loads("{broken")

    first, config, space = tiny_step("tiny", lambda _: TinyStage()), PipelineConfig(), Workspace(tmp_path)
    monkeypatch.setattr(pipeline, "STEPS", (first, tiny_step("second", lambda _: Unreadable())))
    state = pipeline_states(config, space)[1]
    assert (state.name, state.note) == ("second", "waiting for an earlier stage")
    run_step(first, config, space)
    with pytest.raises(json.JSONDecodeError):
        pipeline_states(config, space)


def test_a_step_that_waits_has_the_counts_of_its_last_run_while_its_files_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reading(TinyStage):
        name: ClassVar[str] = "second"

        def items(self, workspace: Workspace) -> list[Item]:
            if not workspace.table("tiny", "tinies").exists():
                raise ContractError("the first table is missing")
            return super().items(workspace)

    both = tiny_step("tiny", lambda _: TinyStage()), tiny_step("second", lambda _: Reading(bad=(1, 2)))
    config, space = PipelineConfig(), Workspace(tmp_path)
    monkeypatch.setattr(pipeline, "STEPS", both)
    for step in both:
        run_step(step, config, space)
    space.table("tiny", "tinies").unlink()
    waits = StageState(name="second", note="waiting for an earlier stage")
    assert pipeline_states(config, space)[1] == replace(waits, done=38, quarantined=2)
    space.table("second", "tinies").unlink()
    assert pipeline_states(config, space)[1] == waits


def test_only_a_step_with_items_has_a_quarantine_to_retry(tmp_path: Path) -> None:
    config = PipelineConfig.model_validate(TINY)
    for step in STEPS:
        if step.single:
            with pytest.raises(UsageError, match=f"stage {step.name} has no items, so no quarantine"):
                run_step(step, config, Workspace(tmp_path), retry=True)
        else:
            require_quarantine(step.make(config))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineConfig, Workspace]:
    """A workspace in which every step has run. Before each of them and while it runs, `status` has its table."""
    config, workspace = PipelineConfig.model_validate(TINY), Workspace(tmp_path_factory.mktemp("finished"))
    store(config, workspace)

    def look(*_: object) -> None:
        lines = [line for line in status_text(workspace.root).splitlines() if not line.startswith("chosen: ")]
        assert len(lines) == 1 + len(STEPS) and not any("cannot run" in line for line in lines), lines

    def looking(function: Callable[[Shard], int], shards: Sequence[Shard]) -> Iterator[int]:
        for shard in shards:
            look()
            yield function(shard)

    for step in STEPS:
        look()
        run_step(step, config, workspace, mapper=looking, on_progress=look)
    look()
    return config, workspace


@pytest.mark.slow
def test_markers_alone_say_that_every_step_is_finished(
    finished: tuple[PipelineConfig, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, workspace = finished
    expected = {step.name: step_state(step, config, workspace) for step in STEPS}
    monkeypatch.setattr(steps, "stage_state", lambda *_: pytest.fail("the items were listed"))
    assert {step.name: step_state(step, config, workspace) for step in STEPS} == expected
    assert all(state.finished for state in expected.values())


@pytest.mark.slow
def test_what_is_not_in_the_markers_is_looked_at(
    finished: tuple[PipelineConfig, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, workspace = finished
    changed = with_changes(config, ["train.steps=3", f"workspace={workspace.root}"])
    states = {state.name: state for state in pipeline_states(changed, workspace)}
    assert states["train"].pending == 1 and states["precompute"].finished
    gone = with_changes(config, [f"train.init_from={tmp_path}/gone.safetensors"])
    states = {state.name: state for state in pipeline_states(gone, workspace)}
    assert states["train"].note.startswith("cannot run: train.init_from") and not states["train"].finished
    marker = marker_path(workspace, "train")
    marker.rename(tmp_path / "aside")
    monkeypatch.setattr(steps, "stage_state", lambda *_: pytest.fail("the features were read"))
    assert step_state(find_step("train"), config, workspace) == StageState(name="train", pending=1)
    (tmp_path / "aside").rename(marker)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["status"], ["run", "train"], ["run", "all"], ["quarantine"]])
def test_commands_with_nothing_to_do_import_no_heavy_library(
    finished: tuple[PipelineConfig, Workspace], arguments: list[str]
) -> None:
    root = str(finished[1].root)
    config = [f"{root}/config.yaml", "--workspace"] if arguments[0] == "run" else []
    start = measure([*arguments, *config, root])
    assert start.code == 0 and not set(start.heavy) & {"torch", "prefect", "librosa", "pyroomacoustics"}, start


@pytest.mark.slow
def test_a_rerun_of_a_finished_pipeline_writes_nothing(finished: tuple[PipelineConfig, Workspace]) -> None:
    config, workspace = finished
    before = contents(workspace.root)
    assert is_finished(config, workspace)
    for step in STEPS:
        assert run_step(step, config, workspace).new == 0
        assert check_stage(step.make(config), workspace) == []
    assert contents(workspace.root) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_step_has_a_state_whatever_file_of_an_earlier_one_is_missing(
    finished: tuple[PipelineConfig, Workspace], name: str, tmp_path: Path
) -> None:
    config, workspace = finished
    marker = read_marker(find_step(name).make(config), workspace)
    assert marker is not None
    for file in marker["files"]:
        path, aside = workspace.path(name, file), tmp_path / "aside"
        path.rename(aside)
        assert len(pipeline_states(config, workspace)) == len(STEPS), file
        aside.rename(path)
    assert is_finished(config, workspace)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_damaged_output_of_every_step_is_noticed_and_healed(
    finished: tuple[PipelineConfig, Workspace], name: str, damage: Callable[[Path], None]
) -> None:
    config, workspace = finished
    step = find_step(name)
    marker = read_marker(step.make(config), workspace)
    assert marker is not None and marker["files"]
    before = file_bytes(workspace.path(name))
    for file in marker["files"]:
        damage(workspace.path(name, file))
        assert not step_state(step, config, workspace).finished, file
    run_step(step, config, workspace)
    assert step_state(step, config, workspace).finished
    after = file_bytes(workspace.path(name))
    assert {file: after[file] for file in marker["files"]} == {file: before[file] for file in marker["files"]}
    assert is_finished(config, workspace), "a later step has other inputs now"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "augment", "generate"])
def test_the_audio_and_video_of_items_are_healed_on_demand(
    finished: tuple[PipelineConfig, Workspace], name: str
) -> None:
    config, workspace = finished
    stage = find_step(name).make(config)
    media = [path for path in sorted(workspace.path(name).rglob("*")) if path.suffix in (".flac", ".mp4")]
    assert media
    before = [path.read_bytes() for path in media]
    broken = [media[0], media[-1]]
    for path in broken:
        flip(path, keep_time=True)
    assert run_stage(stage, workspace).new == 0
    assert sorted(check_stage(stage, workspace)) == broken
    assert 1 <= run_stage(stage, workspace, verify_files=True).new <= 2
    assert [path.read_bytes() for path in media] == before
