"""Laws of the command line: one line per error, exit codes 0, 1, 2, quick help, and no work when all is done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data_contracts import ContractError, Row, UsageError
from flows import cli, run, runner, tools
from tasks import pipeline
from tasks.config import PipelineConfig, store
from tasks.engine import SingleItemStage, Stage
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire
from tasks.pipeline import Step, find_step
from tests.conftest import REPOSITORY
from tests.tasks.engine.tiny import TinyStage


class First(TinyStage):
    name: ClassVar[str] = "first"


class Second(TinyStage):
    name: ClassVar[str] = "second"


class Single(SingleItemStage):
    name: ClassVar[str] = "single"
    version: ClassVar[int] = 1

    def settings(self) -> dict[str, Any]:
        return {}

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        return {}

    def make(self, workspace: Workspace) -> list[Row]:
        return []


def step(name: str, make: Callable[[PipelineConfig], Stage]) -> Step:
    return Step(name=name, description="", make=make, group=None, tags=())


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing", "demo"], "unknown stage 'nothing'"),
        (["run", "all", "no-such-config.yaml"], "does not exist"),
        (["run", "all", "demo", "--set", "train.steps=-1"], "train.steps"),
        (["run", "all", "demo", "--set", "nonsense"], "expected name=value"),
        (["status", "no-such-workspace"], "does not exist"),
        (["retry-quarantine", "no-such-workspace", "mine"], "does not exist"),
        (["verify", "no-such-workspace"], "does not exist"),
        (["plan", "no-such-config.yaml"], "does not exist"),
        (["demo", "--llm", "magic"], "llm.backend"),
        (["generate", "hum", "--checkpoint", "c", "--out", "o.wav"], "hum"),
        (["generate", "edit", "--checkpoint", "c", "--out", "o.wav", "--window", "1-2"], "--window"),
        (["frobnicate"], "frobnicate"),
        (["run", "mine", "demo", "--workspace", "/dev/null/w"], "/dev/null is a file; give a folder with --workspace"),
        (["run"], "Missing argument"),
        (["status"], "Missing argument"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.exit_code(arguments) == 2
    lines = errors(capsys)
    assert len(lines) == 1 and lines[0].startswith("error: ") and message in lines[0], lines
    assert list(tmp_path.iterdir()) == []


def test_a_stage_without_items_has_no_quarantine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(PipelineConfig(workspace=str(tmp_path)), Workspace(tmp_path))
    assert cli.exit_code(["retry-quarantine", str(tmp_path), "train"]) == 2
    assert "stage train has no items" in errors(capsys)[0]
    assert cli.exit_code(["status", str(tmp_path / "config.yaml")]) == 2
    assert "is a file" in errors(capsys)[0]


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["status", str(tmp_path)]) == 2
    assert "nothing has run in it" in errors(capsys)[0]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ContractError("broken\ntable"), 1),
        (UsageError("bad"), 2),
        (ZeroDivisionError("oops"), 1),
        (OSError(28, "No space left on device", "w/t"), 1),
    ],
)
def test_errors_of_the_work_are_one_line(
    error: Exception, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(config: PipelineConfig) -> None:
        raise error

    monkeypatch.setattr(run, "run_all", broken)
    assert cli.exit_code(["run", "all", "demo", "--workspace", str(tmp_path / "w")]) == code
    lines = errors(capsys)
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert cli.exit_code(["--debug", "run", "all", "demo"]) == code
    assert any("Traceback" in line for line in errors(capsys))


def test_an_interrupt_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(config: PipelineConfig) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_all", interrupted)
    assert cli.exit_code(["run", "all", "demo"]) == 1
    assert "the same command continues" in errors(capsys)[0]


def test_status_says_what_hangs_on_a_stale_stage_and_who_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = step("first", lambda _: First())
    second = step("second", lambda _: Second())
    monkeypatch.setattr(pipeline, "STEPS", (first, second))
    space = Workspace(tmp_path)
    store(PipelineConfig(workspace=str(tmp_path)), space)
    for one in (first, second):
        pipeline.run_step(one, PipelineConfig(), space)
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(line.endswith("do nothing") for line in lines[1:])
    changed = step("first", lambda _: First(count=41))
    monkeypatch.setattr(pipeline, "STEPS", (changed, second))
    with acquire(tmp_path, "train of w"):
        assert cli.exit_code(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("process 1") and lines[2].endswith("do nothing, as far as known before first has run")
    assert lines[3].startswith("in use by train of w (process")
    assert runner.first_stale_before(second, PipelineConfig(), space) == "first"
    assert runner.first_stale_before(changed, PipelineConfig(), space) == ""


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys, flows.cli as c; c.exit_code(['--help']); "
        "heavy = {'torch', 'prefect', 'pandas', 'av', 'transformers'} & set(sys.modules); "
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("demo", "plan", "run", "status", "retry-quarantine", "generate", "verify", "fetch-llm"):
        assert command in done.stdout


def test_the_second_run_finds_nothing_to_do_and_starts_no_prefect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never() -> None:
        raise AssertionError("Prefect was started")

    monkeypatch.setattr(run, "is_finished", lambda config, workspace: True)
    monkeypatch.setattr(run, "_prepare_prefect", never)
    monkeypatch.setattr("flows.weights.prepare_captions", lambda config: never())
    assert cli.exit_code(["demo", "--workspace", str(tmp_path / "w")]) == 0
    out = capsys.readouterr().out
    assert "nothing to do" in out and "report.html" in out


def test_status_says_what_a_rerun_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = TinyStage(bad=(1, 2))
    steps = (
        step("tiny", lambda config: stage),
        step("single", lambda config: Single()),
    )
    monkeypatch.setattr(pipeline, "STEPS", steps)
    space = Workspace(tmp_path)
    store(PipelineConfig(workspace=str(tmp_path)), space)
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    assert "process 40" in capsys.readouterr().out
    pipeline.run_step(steps[0], PipelineConfig(), space)
    before = sorted(path for path in tmp_path.rglob("*"))
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["tiny", "38", "0", "2", "do", "nothing"]
    assert lines[2].split() == ["single", "0", "1", "0", "process", "1"]
    assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("stage", "settings", "needed"),
    [
        ("ingest", [], ()),
        ("augment", [], ()),  # in process
        ("augment", ["augment.speed_method=tempo"], ("sox",)),
        ("augment", ["augment.backend=tool"], ("sox", "ffmpeg")),
        ("mine", ["augment.backend=tool"], ()),
        ("train", ["augment.backend=tool"], ()),
    ],
)
def test_a_stage_asks_for_the_programs_that_it_starts(
    stage: str, settings: list[str], needed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = find_step(stage).make(PipelineConfig.load(None, settings))
    assert tuple(made.programs()) == needed
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    if needed:
        with pytest.raises(UsageError, match=f"stage {stage}: {' and '.join(needed)} not found.*apt-get install sox"):
            tools.require_programs(made)
    else:
        tools.require_programs(made)


def test_a_missing_program_is_one_line_before_prefect_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never() -> None:
        raise AssertionError("Prefect was started")

    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "_prepare_prefect", never)
    for stage in ("augment", "all"):
        arguments = ["run", stage, "demo", "--workspace", str(tmp_path / "w"), "--set", "augment.backend=tool"]
        assert cli.exit_code(arguments) == 2
        (line,) = errors(capsys)
        assert "sox and ffmpeg not found" in line
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("setting", "message"), [("llm.backend=endpoint", "set OPENAI_BASE_URL"), ("mine.parser=spacy", "fetch-parser")]
)
def test_what_writes_captions_is_asked_for_before_anything_runs(
    setting: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(run, "_prepare_prefect", lambda: pytest.fail("Prefect was started"))
    code = cli.exit_code(["run", "all", "demo", "-w", str(tmp_path / "w"), "--set", setting])
    line = errors(capsys)[0]
    assert code in (1, 2) and message in line, line
    assert not (tmp_path / "w").exists()
