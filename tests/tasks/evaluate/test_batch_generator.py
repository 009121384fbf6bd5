"""Generation of one batch (SPEC G1-G5): conditions per task, rows, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from data_contracts import Generated, ItemError, ManifestRow, MismatchError, Quarantine, read_table, write_table
from data_contracts.files import hash_file
from data_contracts.generation import CASE_GROUPS, TASKS
from model.generate import Request
from model.variants import VARIANTS
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate import batch_generator
from tasks.evaluate.batch_generator import BatchGenerator
from tasks.evaluate.checkpoints import Weights
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.plan import Case, plan_cases
from tasks.media.audio import read_audio
from tests.tasks.evaluate.oracle import CLIP_S, CONFIG, ENCODERS, HOP, Oracle, copy_of, manifest

CONDITIONS = {
    "text_LD": "text",
    "clip_VD": "clip",
    "sync_SD": "sync",
    "reference_NF": "reference",
    "reference_sync_SD": "reference_sync",
}


@pytest.fixture
def cases(prepared: Workspace) -> dict[str, list[Case]]:
    planned = plan_cases(manifest(prepared), CONFIG, CLIP_S)
    return {name: [case for case in planned if case.group == name] for name in CASE_GROUPS}


@pytest.fixture
def generator(prepared: Workspace, oracle: list[Request], tmp_path: Path) -> BatchGenerator:
    workspace = copy_of(prepared, tmp_path / "copy")
    return BatchGenerator.open(CONFIG, workspace, VARIANTS["full"], weights_of(workspace))


def weights_of(workspace: Workspace, name: str = "trained") -> Weights:
    return Weights(name=name, path=workspace.path("train", "checkpoint.safetensors"), sha256="c" * 64)


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16"), (False, "fp32")])
def test_an_automatic_precision_is_the_cpus_own(
    prepared: Workspace,
    oracle: list[Request],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    native: bool,
    precision: str,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": native})
    caplog.set_level("INFO")
    config = CONFIG.model_copy(update={"precision": "auto"})
    workspace = copy_of(prepared, tmp_path / "copy")  # a workspace keeps what `auto` first was in it
    opened = BatchGenerator.open(config, workspace, VARIANTS["full"], weights_of(workspace))
    assert opened.generator.precision == precision
    assert f"computes in {precision} (evaluate.precision: auto)" in caplog.text


@pytest.mark.parametrize("group", CASE_GROUPS)
def test_g1_to_g5_each_case_group_gets_the_conditions_of_its_task(
    group: str, generator: BatchGenerator, cases: dict[str, list[Case]], oracle: list[Request]
) -> None:
    task = CASE_GROUPS[group].task
    generator.run("batch", cases[group][:2])
    for request, case in zip(oracle, cases[group][:2], strict=True):
        assert (request.task, request.seed, request.duration_s) == (task, case.seed, case.duration_s)
        given = {name for field, name in CONDITIONS.items() if getattr(request, field) is not None}
        wanted = {name for name in CONDITIONS.values() if TASKS[task].uses(name)}  # type: ignore[arg-type]
        assert given == (wanted if case.prompt else wanted - {"text"})


def test_g4_g5_conditions_have_the_length_of_their_part(
    generator: BatchGenerator, cases: dict[str, list[Case]], oracle: list[Request]
) -> None:
    for task in ("ac-vta", "fe"):
        generator.run("batch", cases[task][:1])
    control, extension = oracle
    assert control.reference_NF is not None and control.reference_NF.shape == (50, HOP)  # 2 s at 25 frames
    assert control.reference_sync_SD is not None and len(control.reference_sync_SD) == 50
    assert control.sync_SD is not None and len(control.sync_SD) == 150
    assert extension.reference_NF is not None and extension.reference_NF.shape == (75, HOP)


def test_a_reference_is_the_audio_at_its_time(
    generator: BatchGenerator, cases: dict[str, list[Case]], oracle: list[Request]
) -> None:
    case = cases["ac-vta"][0]
    generator.run("batch", [case])
    row = generator.manifest[str(case.reference_id)]
    audio, rate_hz = read_audio(generator.workspace.path(row.audio_path))
    start = round(case.reference_from_s * rate_hz)
    reference = oracle[0].reference_NF
    assert reference is not None
    torch.testing.assert_close(reference.flatten(), torch.from_numpy(audio[start : start + 2 * rate_hz]))


def test_rows_say_what_was_made_and_of_what(generator: BatchGenerator, cases: dict[str, list[Case]]) -> None:
    for task in ("ac-vta", "fe", "vta"):
        case = cases[task][0]
        (row,) = generator.run("batch", [case])
        path = generator.workspace.path(row.audio_path)
        assert row.audio_sha256 == hash_file(path) and row.checkpoint_sha256 == "c" * 64
        assert (row.item_id, row.parent_id, row.prompt, row.seed) == (
            case.item_id, case.parent_id, case.prompt, case.seed,
        )  # fmt: skip
        assert (row.case_id, row.case_group, row.checkpoint) == (case.item_id, task, "trained")
        assert (row.scored_from_s, row.scored_to_s, row.duration_s) == (
            case.scored_from_s, case.duration_s, case.duration_s,
        )  # fmt: skip
        assert row.reference_id == (None if task == "vta" else case.reference_id)
        audio, rate_hz = read_audio(path)
        assert len(audio) == round(case.duration_s * rate_hz)
        weights = json.loads(row.weights_json)
        assert weights["codec"] == {"name": "plain", "sha256": "5" * 64, "placeholder": True}


def test_files_and_rows_of_another_checkpoint_have_its_name(
    generator: BatchGenerator, cases: dict[str, list[Case]]
) -> None:
    case = cases["vta"][0]
    (own,) = generator.run("batch", [case])
    (other,) = changed(generator, weights=weights_of(generator.workspace, "builtin")).run("batch", [case])
    assert (other.checkpoint, other.item_id, other.case_id) == ("builtin", f"builtin-{case.item_id}", own.case_id)
    assert own.audio_path != other.audio_path and own.audio_sha256 == other.audio_sha256


def changed(generator: BatchGenerator, **values: Any) -> BatchGenerator:
    return dataclasses.replace(generator, **values)


def test_a_model_of_the_wrong_length_is_refused(
    generator: BatchGenerator, cases: dict[str, list[Case]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Oracle, "generate", lambda self, requests, **_: torch.zeros(len(requests), 7, HOP))
    with pytest.raises(MismatchError, match=r"batch-1: the model returned 7 frames for 8\.0 s; expected 200"):
        generator.run("batch-1", cases["vta"])


def test_audio_that_is_not_finite_is_the_items_error(
    generator: BatchGenerator, cases: dict[str, list[Case]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = torch.full((1, 200, HOP), float("nan"))
    monkeypatch.setattr(Oracle, "generate", lambda self, requests, **_: bad)
    with pytest.raises(ItemError, match="batch-1: the generated audio is not finite; train again") as caught:
        generator.run("batch-1", cases["vta"][:1])
    assert caught.value.reason == "nan_samples"


def test_a_clip_without_video_features_is_the_items_error(
    generator: BatchGenerator, cases: dict[str, list[Case]]
) -> None:
    case = cases["vta"][0]
    with pytest.raises(ItemError, match=f"{case.parent_id} has no video features"):
        changed(generator, videos={case.parent_id: None}).run("batch", [case])


def test_a_checkpoint_of_other_encoders_is_refused(
    prepared: Workspace, oracle: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert oracle == []
    specs = dataclasses.replace(ENCODERS.specs, text=dataclasses.replace(ENCODERS.specs.text, weights_sha256="7" * 64))

    class Loader:
        @staticmethod
        def load(path, *, device):  # type: ignore[no-untyped-def]
            return Oracle(Workspace(path.parent.parent), specs, [])

    monkeypatch.setattr(batch_generator, "Generator", Loader)
    with pytest.raises(MismatchError, match="text: the checkpoint uses fake"):
        BatchGenerator.open(CONFIG, prepared, VARIANTS["full"], weights_of(prepared))


def test_a_diverged_batch_is_quarantined_and_the_others_are_kept(
    prepared: Workspace, oracle: list[Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert oracle == []
    workspace = copy_of(prepared, tmp_path)
    original = Oracle.generate

    def diverged(self: Oracle, requests: list[Request], **options: Any) -> torch.Tensor:
        latents = original(self, requests, **options)
        return torch.full_like(latents, float("nan")) if requests[0].task == "fe" else latents

    monkeypatch.setattr(Oracle, "generate", diverged)
    run_stage(GenerateStage(CONFIG), workspace)
    quarantine = read_table(workspace.table("generate", "quarantine"), Quarantine)
    assert {row.reason for row in quarantine} == {"nan_samples"}
    tasks = {row.task for row in read_table(workspace.table("generate", "generated"), Generated)}
    assert tasks == {"vta", "tc-vta", "ac-vta", "tta"}


def test_a_row_that_left_the_manifest_is_not_generated(
    prepared: Workspace, oracle: list[Request], tmp_path: Path
) -> None:
    assert oracle == []
    workspace = copy_of(prepared, tmp_path)
    rows = [row for row in manifest(workspace) if row.item_id != "f0"]
    write_table(workspace.table("manifest", "manifest"), ManifestRow, rows)
    run_stage(GenerateStage(CONFIG, tasks=("vta",)), workspace)
    made = read_table(workspace.table("generate", "generated"), Generated)
    assert made and not any("f0" in (row.parent_id, row.reference_id) for row in made)
