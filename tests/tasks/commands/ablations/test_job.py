"""SPEC M12: five named configurations on one run's features, each trained once, scored on the same clips."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data_contracts import AblationScore, ManifestRow, read_table, write_table
from model.checkpoint import read_info
from tasks.commands.ablations.job import run_ablations
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.pipeline import find_step, steps_before
from tasks.steps import run_step

RUN = ["full", "m-1", "no-sum", "mmaudio-s1", "mmaudio-s3"]
CONFIG = {
    "ingest": {"corpus": {"kind": "builtin", "video_clips": 12, "audio_clips": 2}},
    "llm": {"backend": "rules", "paraphrases": 0},
    "train": {"steps": 2, "batch_size": 4, "log_every": 1, "checkpoint_every": 1},
    "evaluate": {"clips": 2, "adverb_pairs": 1, "steps": 2},
    "ablations": {"tasks": ["ac-vta", "fe"], "variants": RUN},
}


def _two_materials(workspace: Workspace) -> None:
    """A corpus this small has one material in its test split; AC-VTA takes its reference from another."""
    path = workspace.table("manifest", "manifest")
    rows = read_table(path, ManifestRow)
    changed = next(number for number, row in enumerate(rows) if row.split == "test" and row.subset == "vta")
    other = {"attributes_json": '{"material":"another"}', "group_id": "another", "caption": "Something else"}
    rows[changed] = dataclasses.replace(rows[changed], **other)
    write_table(path, ManifestRow, rows)


@pytest.mark.parametrize(("field", "value"), [("variants", ["m-9"]), ("tasks", ["tta"]), ("tasks", ["x"])])
def test_unknown_names_are_refused(field: str, value: list[str]) -> None:
    with pytest.raises(ValueError, match=rf"{value[0]}"):
        PipelineConfig.model_validate({"ablations": {field: value}})


@pytest.mark.tools
@pytest.mark.slow
def test_m12_every_configuration_is_trained_and_scored_and_a_rerun_does_nothing(tmp_path: Path) -> None:
    config = PipelineConfig.model_validate({"workspace": str(tmp_path), **CONFIG})
    workspace = Workspace(tmp_path)
    for step in steps_before("precompute"):
        run_step(step, config, workspace)
    _two_materials(workspace)
    for name in ("precompute", "train"):
        run_step(find_step(name), config, workspace)
    words: list[str] = []
    text = run_ablations(config, workspace, lambda done, total, word: words.append(word))
    rows = read_table(workspace.path("ablations", "ablations.parquet"), AblationScore)
    assert {row.variant for row in rows} == set(RUN) and {row.task for row in rows} == {"ac-vta", "fe"}
    assert {row.n for row in rows if row.metric == "likeness-corpus-cnn"} == {2} and {row.steps for row in rows} == {2}
    assert all(f"| {name} |" in text for name in RUN)
    trained = {path.parent.parent.name for path in tmp_path.glob("ablations/weights/*/train/checkpoint.safetensors")}
    assert trained == {"m-1", "mmaudio"}
    networks = {
        name: read_info(tmp_path / f"ablations/weights/{name}/train/checkpoint.safetensors").network for name in trained
    }
    assert not networks["m-1"].input_embedding and networks["mmaudio"].absent == "learned"
    sounds = {
        name: sorted(path.read_bytes() for path in tmp_path.glob(f"ablations/{name}/generate/audio/ac-vta*.flac"))
        for name in RUN
    }
    # Three trained networks, three sounds; after two steps the gates are still too near zero for sampling to show.
    assert len({tuple(sounds[name]) for name in ("full", "m-1", "mmaudio-s1")}) == 3
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("ablations/*/generate/audio/*.flac")}
    words.clear()
    assert run_ablations(config, workspace, lambda done, total, word: words.append(word)) == text
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("ablations/*/generate/audio/*.flac")}
    assert not any("step" in word for word in words)
    # A table of other settings has a training of its own and leaves the run's where it is.
    kept = (tmp_path / "train/checkpoint.safetensors").read_bytes()
    settings = {"variants": ["full"], "tasks": ["fe"]}
    shorter = config.model_copy(
        update={
            "train": config.train.model_copy(update={"steps": 1}),
            "ablations": config.ablations.model_copy(update=settings),
        }
    )
    run_ablations(shorter, workspace, lambda done, total, word: None)
    assert (tmp_path / "train/checkpoint.safetensors").read_bytes() == kept
    assert read_info(tmp_path / "ablations/weights/full/train/checkpoint.safetensors").step == 1
    assert run_step(find_step("train"), config, workspace).new == 0
