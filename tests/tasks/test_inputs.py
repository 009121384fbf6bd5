"""What a step depends on besides earlier stages: what changes its items changes this, what does not does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks import inputs
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, find_step

RULES = {"llm": {"backend": "rules"}, "mine": {"parser": "rules"}}


def known(step: str, folder: Path, **settings: Any) -> Any:
    found = find_step(step)
    config = PipelineConfig.model_validate({**RULES, **settings})
    return inputs.known_inputs(found.group, found.outside, config, Workspace(folder))


def test_every_step_with_the_built_in_corpus_is_known_and_settings_of_the_machine_do_not_count(tmp_path: Path) -> None:
    for step in STEPS:
        assert known(step.name, tmp_path) == known(step.name, tmp_path, workers=7, runner="serial", shard_size=9)
        assert known(step.name, tmp_path) is not None
        assert known(step.name, tmp_path) != known(step.name, tmp_path, dataset_version="2")


def test_only_a_steps_own_settings_count_and_all_of_them_for_the_report(tmp_path: Path) -> None:
    other = {"train": {"steps": 3}}
    changed = [step.name for step in STEPS if known(step.name, tmp_path) != known(step.name, tmp_path, **other)]
    assert changed == ["train", "report"]


def test_the_lists_of_other_corpora_have_to_be_read(tmp_path: Path) -> None:
    table = {"corpus": {"kind": "table", "path": "clips.csv"}}
    assert known("ingest", tmp_path, ingest=table) is None
    assert known("ingest", tmp_path, ingest={"corpora": [{"kind": "builtin", "name": "a"}, table["corpus"]]}) is None
    assert known("mine", tmp_path, ingest=table) is not None


def test_the_writer_of_captions_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "a")
    first = known("recaption", tmp_path, llm={"backend": "auto"})
    monkeypatch.setenv("OPENAI_MODEL", "b")
    assert known("recaption", tmp_path, llm={"backend": "auto"}) != first


def test_files_outside_of_the_workspace_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path / "weights"))
    start = tmp_path / "start.safetensors"
    assert known("train", tmp_path, train={"init_from": str(start)}) is None  # looking at the stage says what is wrong
    start.write_bytes(b"1")
    first = known("train", tmp_path, train={"init_from": str(start)})
    start.write_bytes(b"12")
    assert None is not first != known("train", tmp_path, train={"init_from": str(start)})
    assert known("train", tmp_path, train={"init_from": "builtin"}) not in (None, known("train", tmp_path))
    codec = {"codec": f"dac-vae:{start}"}
    first = known("precompute", tmp_path, precompute=codec)
    start.write_bytes(b"123")
    assert known("precompute", tmp_path, precompute=codec) != first
    first = known("precompute", tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "clip.safetensors").write_bytes(b"1")
    assert known("precompute", tmp_path) != first
    given = {"checkpoints": ["trained", str(start)]}
    first = known("generate", tmp_path, evaluate=given)
    start.write_bytes(b"1234")
    assert known("generate", tmp_path, evaluate=given) != first
    first = known("report", tmp_path)
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations" / "scores.parquet").write_bytes(b"1")
    assert known("report", tmp_path) != first


@pytest.mark.parametrize("file", ["stage.py", "prompts.md", "words.txt"])
def test_the_code_of_the_stages_and_what_it_reads_of_the_package_count(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tasks", "model", "data_contracts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("version = 1\n")
    monkeypatch.setattr(inputs, "_ROOT", tmp_path)
    hashes = set()
    for name in ("tasks", "tasks", "model", "data_contracts"):
        inputs.code_hash.cache_clear()
        hashes.add(inputs.code_hash())
        (tmp_path / name / "stage.pyc").write_text(f"version = {len(hashes) + 1}\n")
        inputs.code_hash.cache_clear()
        assert inputs.code_hash() in hashes
        (tmp_path / name / file).write_text(f"version = {len(hashes) + 1}\n")
    inputs.code_hash.cache_clear()
    assert len(hashes) == 4


def test_a_step_that_is_not_described_is_not_known(tmp_path: Path) -> None:
    assert inputs.known_inputs("train", None, PipelineConfig(), Workspace(tmp_path)) is None
