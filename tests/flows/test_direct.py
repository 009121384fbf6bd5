"""A stage without Prefect: the same tables as by the engine alone, with the lock, the lines and what the others say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from data_contracts import UsageError
from data_contracts.files import hash_file
from flows import cli
from flows.direct import run_directly
from tasks import pipeline
from tasks.config import PipelineConfig, load_stored
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire
from tasks.steps import run_step
from tests.conftest import REPOSITORY
from tests.flows.steps import First, Second, tiny_step
from tests.tasks.engine.tiny import TinyRow, TinyStage

TINY = tiny_step("tiny", lambda _: TinyStage(bad=(7,)))


@pytest.fixture(autouse=True)
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none.toml"))
    monkeypatch.setattr(pipeline, "STEPS", (TINY,))


def test_a_folder_may_be_named_as_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.exit_code(["run", "tiny", "demo", "-w", "2024"]) == 0
    assert (tmp_path / "2024" / "tiny").is_dir()


@pytest.mark.parametrize("runner", ["threads", "processes", "serial"])
def test_every_runner_writes_what_the_engine_writes(runner: str, tmp_path: Path) -> None:
    config = PipelineConfig.model_validate({"runner": runner, "shard_size": 15})
    alone, space = Workspace(tmp_path / "alone"), Workspace(tmp_path / "w")
    expected = run_step(TINY, config, alone)
    summary = run_directly(TINY, config, space)
    assert replace(summary, note="") == replace(expected, note="") and summary.new == 40
    tables = [hash_file(one.table("tiny", TinyRow.TABLE)) for one in (alone, space)]
    assert tables[0] == tables[1]
    assert run_directly(TINY, config, space).new == 0
    assert run_directly(TINY, config, space, retry=True).new == 1
    assert load_stored(space).runner == runner


def test_a_workspace_in_use_is_left_alone(tmp_path: Path) -> None:
    with acquire(tmp_path, "train of w"), pytest.raises(UsageError, match="in use by train of w"):
        run_directly(TINY, PipelineConfig(), Workspace(tmp_path))
    assert not (tmp_path / "tiny").exists()


def test_an_earlier_stage_that_is_not_up_to_date_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tiny_step("first", lambda _: First()), tiny_step("second", lambda _: Second())
    monkeypatch.setattr(pipeline, "STEPS", (first, second))
    assert cli.exit_code(["run", "second", "demo", "-w", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert (
        "first is not up to date, second reads what it wrote last" in said
        and "second: 40 of 40 items done (40 now)" in said
    )


def test_each_command_of_a_process_prints_its_lines_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for new in (40, 0, 0):
        assert cli.exit_code(["run", "tiny", "demo", "-w", str(tmp_path)]) == 0
        assert capsys.readouterr().err.count(f"tiny: 39 of 40 items done ({new} now)") == 1


def test_a_stage_without_a_server_runs_without_prefect(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom flows import cli\nfrom tasks import pipeline\nfrom tests.flows.test_direct import TINY\n"
        f"pipeline.STEPS = (TINY,)\ncode = cli.exit_code(['run', 'tiny', 'demo', '-w', {str(tmp_path)!r}])\n"
        "sys.exit(code or 'prefect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "39 of 40 items done (40 now)" in done.stderr, done.stderr
    assert "Prefect" not in done.stderr
