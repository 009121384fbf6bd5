"""The command line: one line per error, exit codes 0, 1, 2, and quick help."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks.cold_start import measure
from data_contracts import ContractError, UsageError
from flows import cli, run
from flows.paper_table import paper_table
from tasks.config import PipelineConfig
from tasks.engine.progress import silent
from tests.conftest import REPOSITORY


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing", "demo"], "unknown stage 'nothing'; known are ingest"),
        (["run", "nothing", "demo"], "report, all, ablations, claims, train-codec, train-judge"),
        (["run", "nothing"], "unknown stage 'nothing'; known are ingest"),
        (["generate", "nothing"], "task 'nothing' is unknown; choose one of vta, "),
        (["export", "zip"], "export 'zip' is unknown; choose one of webdataset, datasets"),
        (["generate", "tta"], "Missing option '--out'"),
        (["run", "all", "no-such-config.yaml"], "does not exist"),
        (["run", "all", "demo", "--set", "train.steps=-1"], "train.steps"),
        (["run", "mine", "demo", "--until", "train"], "--until and --only are for all, not for mine"),
        (["run", "claims", "claims", "--only", "mine"], "--until and --only are for all, not for claims"),
        (["run", "train-codec", "codec", "--wait", "5"], "--wait is for what has a workspace, not for train-codec"),
        (["run", "all", "demo", "--set", "nonsense"], "expected name=value"),
        (["run", "claims", "claims", "--set", "claims.seeds=[-1]"], "claims.seeds"),
        (["run", "claims", "claims", "--set", "train.seed=-1"], "train.seed"),
        (["status", "no-such-workspace"], "does not exist"),
        (["retry-quarantine", "no-such-workspace", "mine"], "does not exist"),
        (["verify", "no-such-workspace"], "does not exist"),
        (["plan", "no-such-config.yaml"], "does not exist"),
        (["demo", "--llm", "magic"], "llm.backend"),
        (["generate", "hum", "--checkpoint", "c", "--out", "o.wav"], "choose one of vta, "),
        (["generate", "hum", "--checkpoint", "c", "--out", "o.wav"], "or jobs, with a table after it"),
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
    def broken(config: PipelineConfig, **given: bool) -> None:
        raise error

    monkeypatch.setattr(run, "run_all", broken)
    assert cli.exit_code(["run", "all", "demo", "--workspace", str(tmp_path / "w")]) == code
    lines = errors(capsys)
    assert len(lines) == 1 and lines[0].startswith("error: ")
    for arguments in (
        ["--debug", "run", "all", "demo"],
        ["run", "all", "--debug", "demo"],
        ["run", "all", "demo", "--debug"],
    ):
        assert cli.exit_code(arguments) == code
        assert any("Traceback" in line for line in errors(capsys))


@pytest.mark.parametrize("training", ["train-codec", "train-judge"])
def test_a_trainings_config_is_not_written_over(
    training: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "own.yaml"
    config.write_text("seed: 1\n")
    assert cli.exit_code(["run", training, str(config), "--out", str(config)]) == 2
    assert "is the config; it would be lost" in errors(capsys)[0]
    assert config.read_text() == "seed: 1\n"


def test_an_interrupt_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(config: PipelineConfig, **given: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_all", interrupted)
    assert cli.exit_code(["run", "all", "demo"]) == 1
    assert "the same command continues" in errors(capsys)[0]


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys, flows.cli as c; c.exit_code(['--help']); "
        "heavy = {'torch', 'prefect', 'pandas', 'av', 'transformers', 'librosa', 'pydantic'} & set(sys.modules); "
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("demo", "plan", "run", "status", "retry-quarantine", "generate", "verify", "fetch-llm", "doctor"):
        assert command in done.stdout


def test_the_list_of_stages_and_the_settings_load_no_network_and_ingest_no_signal_processing() -> None:
    code = (
        "import sys, tasks.pipeline; print({'torch', 'librosa', 'scipy', 'pandas', 'av'} & set(sys.modules))\n"
        "import tasks.ingest.stage; print({'torch', 'librosa', 'scipy', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY, text=True) == "set()\nset()\n"


def test_a_plan_imports_neither_network_nor_prefect() -> None:
    settings = ["mine.parser=rules", "llm.backend=rules", "ingest.corpus.video_clips=2", "ingest.corpus.audio_clips=2"]
    start = measure(["plan", "demo", *(part for one in settings for part in ("--set", one))])
    assert start.code == 0 and not set(start.heavy) & {"torch", "prefect", "librosa", "pyroomacoustics"}, start


def test_the_release_is_said_and_the_shell_can_complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.exit_code(["--version"]) == 0
    assert re.fullmatch(r"foleygenex \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)
    done = subprocess.run(
        [sys.executable, "-m", "flows", "--show-completion", "bash"],
        cwd=REPOSITORY, env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "complete" in done.stdout, done.stderr


def test_evaluate_with_a_table_prints_it_and_where_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flows.run._prefect", lambda workspace: nullcontext())
    monkeypatch.setattr("flows.paper_table.paper_table", paper_table.fn)
    monkeypatch.setattr("flows.paper_table.run_progress", lambda *named: nullcontext(silent))
    monkeypatch.setattr("flows.paper_table.create_markdown_artifact", lambda *given, **named: None)
    (tmp_path / "c.yaml").write_text("{}")
    asked = ["run", "evaluate", str(tmp_path / "c.yaml"), "-w", str(tmp_path / "w"), "--set", "evaluate.table=7"]
    assert cli.exit_code(asked) == 0
    shown = capsys.readouterr().out
    assert "Table 7: Comparison of audio-controlled" in shown
    assert shown.splitlines()[-1] == str(tmp_path / "w" / "tables" / "table-7.tex")
    assert cli.exit_code([*asked[:-1], "evaluate.table=8"]) == 2
    assert cli.exit_code([*asked, "--verify-files"]) == 2
    assert errors(capsys)[-1].endswith("--verify-files is for a stage or all, not for a table of the paper")
