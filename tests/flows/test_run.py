"""What a command does with a config: it looks first, and starts Prefect only when there is work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from flows import cli, run, tools
from flows.stages import STAGE_FLOWS
from tasks import pipeline
from tasks.config import PipelineConfig, store
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire
from tasks.steps import first_stale_before, run_step
from tests.flows.steps import First, Second, Single, tiny_step
from tests.tasks.engine.damage import delete, flip
from tests.tasks.engine.test_marker import WithFiles
from tests.tasks.engine.tiny import TinyStage


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line]


def test_status_says_what_hangs_on_a_stale_stage_and_who_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tiny_step("first", lambda _: First())
    second = tiny_step("second", lambda _: Second())
    monkeypatch.setattr(pipeline, "STEPS", (first, second))
    space = Workspace(tmp_path)
    store(PipelineConfig(workspace=str(tmp_path)), space)
    for one in (first, second):
        run_step(one, PipelineConfig(), space)
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(line.endswith("do nothing") for line in lines[1:])
    changed = tiny_step("first", lambda _: First(count=41))
    monkeypatch.setattr(pipeline, "STEPS", (changed, second))
    with acquire(tmp_path, "train of w"):
        assert cli.exit_code(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("process 1") and lines[2].endswith("do nothing (not counting what first has yet to make)")
    assert lines[3].startswith("in use by train of w (process")
    assert first_stale_before(second, PipelineConfig(), space) == "first"
    assert first_stale_before(changed, PipelineConfig(), space) == ""


def test_the_second_run_finds_nothing_to_do_and_starts_no_prefect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never() -> None:
        raise AssertionError("Prefect was started")

    monkeypatch.setattr(run, "is_finished", lambda *given: True)
    monkeypatch.setattr(run, "_prefect", never)
    monkeypatch.setattr("flows.weights.prepare_captions", lambda config: never())
    assert cli.exit_code(["demo", "--workspace", str(tmp_path / "w")]) == 0
    out = capsys.readouterr().out
    assert "nothing to do" in out and "report.html" in out


def test_status_says_what_a_rerun_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = TinyStage(bad=(1, 2))
    steps = (
        tiny_step("tiny", lambda config: stage),
        tiny_step("single", lambda config: Single()),
    )
    monkeypatch.setattr(pipeline, "STEPS", steps)
    space = Workspace(tmp_path)
    store(PipelineConfig(workspace=str(tmp_path)), space)
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    assert "process 40" in capsys.readouterr().out
    run_step(steps[0], PipelineConfig(), space)
    before = sorted(path for path in tmp_path.rglob("*"))
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["tiny", "38", "0", "2", "do", "nothing"]
    assert lines[2].split() == ["single", "0", "1", "0", "process", "1"]
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_damaged_files_of_items_are_counted_and_made_again_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = tiny_step("tiny", lambda _: WithFiles())
    monkeypatch.setattr(pipeline, "STEPS", (step,))
    space = Workspace(tmp_path)
    store(PipelineConfig(workspace=str(tmp_path)), space)
    run_step(step, PipelineConfig(), space)
    flip(space.path("tiny", "files", "item-0003.txt"), keep_time=True)
    delete(space.path("tiny", "files", "item-0004.txt"))
    assert cli.exit_code(["status", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("do nothing")
    assert cli.exit_code(["status", str(tmp_path), "--verify"]) == 0
    assert "do nothing; 2 files missing or damaged, `run tiny CONFIG --verify-files`" in capsys.readouterr().out
    assert run_step(step, PipelineConfig(), space, verify_files=True).new == 2
    assert cli.exit_code(["status", str(tmp_path), "--verify"]) == 0
    assert "; 0 files missing or damaged\n" in capsys.readouterr().out


def test_the_flag_to_verify_files_reaches_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []
    monkeypatch.setattr(run, "_prefect", nullcontext)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setattr(run, "is_finished", lambda *given: True)
    monkeypatch.setattr("flows.pipeline.pipeline", lambda **given: seen.append(given) or {})
    monkeypatch.setattr("flows.placement.steps_on_pool", lambda config: set())
    monkeypatch.setitem(STAGE_FLOWS, "mine", lambda **given: seen.append(given))
    for stage in ("all", "mine"):
        arguments = ["run", stage, "demo", "-w", str(tmp_path), "--set", "llm.backend=rules", "--verify-files"]
        assert cli.exit_code([*arguments, "--set", "mine.parser=rules"]) == 0
    assert [given["verify_files"] for given in seen] == [True, True]
    assert cli.exit_code(["run", "ablations", "demo", "-w", str(tmp_path), "--verify-files"]) == 2


@pytest.mark.parametrize(
    ("url", "on_pool", "code"),
    [
        ("http://127.0.0.1:9/api", {"train", "generate", "judge", "score"}, 0),
        ("http://127.0.0.1:9/api", {"train"}, 2),
        ("http://127.0.0.1:9/api", set(), 2),
        ("", {"train", "generate", "judge", "score"}, 2),  # a run's own server has no pools
    ],
)
def test_a_gpu_is_looked_for_where_the_stage_will_run(
    url: str, on_pool: set[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr(run, "server_url", lambda: url)
    monkeypatch.setattr(run, "_prefect", nullcontext)
    monkeypatch.setattr("flows.pipeline.pipeline", lambda **given: {})
    monkeypatch.setattr("flows.placement.steps_on_pool", lambda config: on_pool)
    asked = ["llm.backend=rules", "mine.parser=rules", "train.device=cuda", "evaluate.device=cuda:0"]
    arguments = [part for setting in asked for part in ("--set", setting)]
    assert cli.exit_code(["run", "all", "demo", "-w", str(tmp_path / "w"), *arguments]) == code
    assert code == 0 or "is not there: this machine has 0 GPUs" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_prefects_log_is_sent_before_the_runs_own_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.logging.handlers import APILogWorker

    happened: list[str] = []

    @contextmanager
    def own(*_: object) -> Iterator[str]:
        yield "http://127.0.0.1:1/api"
        happened.append("server ends")

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(run, "server_url", lambda: "")
    monkeypatch.setattr(run, "own_server", own)
    monkeypatch.setattr(APILogWorker, "drain_all", lambda timeout: happened.append(f"log is sent within {timeout} s"))
    with run._prefect():
        happened.append("run")
    assert happened == ["run", "log is sent within 5.0 s", "server ends"]


def test_a_missing_program_is_one_line_before_prefect_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never() -> None:
        raise AssertionError("Prefect was started")

    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "_prefect", never)
    for stage in ("augment", "all"):
        arguments = ["run", stage, "demo", "--workspace", str(tmp_path / "w"), "--set", "augment.backend=tool"]
        assert cli.exit_code(arguments) == 2
        (line,) = errors(capsys)
        assert "sox and ffmpeg not found" in line
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [("llm.backend=endpoint", "OPENAI_BASE_URL is not set"), ("mine.parser=spacy", "fetch-parser")],
)
def test_what_writes_captions_is_asked_for_before_anything_runs(
    setting: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(run, "_prefect", lambda: pytest.fail("Prefect was started"))
    code = cli.exit_code(["run", "all", "demo", "-w", str(tmp_path / "w"), "--set", setting])
    line = errors(capsys)[0]
    assert code in (1, 2) and message in line, line
    assert not (tmp_path / "w").exists()


def test_a_stage_without_items_has_no_quarantine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(PipelineConfig(workspace=str(tmp_path)), Workspace(tmp_path))
    assert cli.exit_code(["retry-quarantine", str(tmp_path), "train"]) == 2
    assert "stage train has no items" in errors(capsys)[0]
    assert cli.exit_code(["status", str(tmp_path / "config.yaml")]) == 2
    assert "is a file" in errors(capsys)[0]


def test_the_chosen_stages_and_the_wait_reach_the_flow_and_nothing_to_do_is_of_those(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[dict[str, object]] = []
    opened: list[Workspace | None] = []

    @contextmanager
    def prefect(workspace: Workspace | None) -> Iterator[None]:
        opened.append(workspace)
        yield

    monkeypatch.setattr(run, "_prefect", prefect)
    monkeypatch.setattr(run, "_require_needs", lambda *given: None)
    monkeypatch.setattr("flows.pipeline.pipeline", lambda **given: seen.append(given) or {})
    monkeypatch.setattr("flows.placement.steps_on_pool", lambda config: set())
    arguments = ["run", "all", "demo", "-w", str(tmp_path), "--until", "augment", "--only", "mine", "--wait", "1.5"]
    assert cli.exit_code(arguments) == 0
    chosen = {"until": "augment", "only": ("mine",), "wait_minutes": 1.5}
    assert seen[0].items() >= chosen.items() and opened == [None]  # the flow waits, so the workspace may be in use
    assert "report:" not in capsys.readouterr().out
    monkeypatch.setattr(run, "is_finished", lambda config, workspace, steps: [s.name for s in steps] == ["mine"])
    assert cli.exit_code(arguments) == 0 and len(seen) == 1
    assert capsys.readouterr().out == "nothing to do: every chosen stage is finished\n"
