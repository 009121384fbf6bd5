"""The commands of the tutorial and of the pages on fine-tuning and on the paper's scale run as shown, on a few clips.

They run in this process, one after another; `run all` stands for its stages, so that Prefect is not started.
NOT_RUN lists what needs a network. `torchrun` is run by tests/model/training/test_ranks.py.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data_contracts import Clip, read_table
from flows import cli, run
from tasks.pipeline import STEPS
from tasks.precompute.config import PrecomputeConfig
from tests.conftest import REPOSITORY
from tests.pages import commands, write_configs
from tests.tasks.test_pipeline import TINY

pytestmark = pytest.mark.slow
NOT_RUN = (["make", "setup"], [".", ".venv/bin/activate"])
SMALL = {  # in place of the paper's settings that need a GPU, an endpoint or downloads
    **TINY,
    "train": {
        **TINY["train"],
        "preset": "tiny",
        "device": "cpu",
        "precision": "fp32",
        "warmup_steps": 1,
        "ema_snapshot_every": 1,
    },
    "precompute": PrecomputeConfig().model_dump(exclude={"device"}),
}
STAGES = [step.name for step in STEPS]
FEATURE_STAGES = STAGES[: STAGES.index("precompute") + 1]


def overrides(settings: dict[str, Any], before: str = "") -> list[str]:
    """Returns nested settings as `--set NAME=VALUE ...`."""
    found: list[str] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            found += overrides(value, f"{before}{name}.")
        else:
            found += ["--set", f"{before}{name}={str(value).lower() if isinstance(value, bool) else value}"]
    return found


def execute(words: Sequence[str], settings: dict[str, Any]) -> None:
    """Runs one command of a page in the current folder, with smaller settings where it takes any."""
    if words[0] == "python":
        assert words[1] == "-c"
        exec(compile(words[2], "page", "exec"), {})
        return
    assert words[0] == "foleygenex", words
    name, extra = words[1], []
    if name in ("run", "plan", "doctor"):
        extra = overrides(settings)
    elif name == "generate":
        extra = ["--steps", "1"]
    assert cli.exit_code([*words[1:], *extra]) == 0, words


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "server_url", lambda: "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages' commands run; the tutorial's workspace is used by the other pages too."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def tutorial(folder: Path) -> Path:
    """Runs the tutorial's commands and returns its workspace."""
    write_configs("tutorial.md", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(run, "server_url", lambda: "")
        for words in commands("tutorial.md"):
            if words not in NOT_RUN:
                execute(words, TINY)
    return folder / "first"


def test_the_tutorial_ends_with_a_report_and_audio(tutorial: Path) -> None:
    assert (tutorial / "report" / "report.html").stat().st_size > 50_000
    for name in ("fast.wav", "slow.wav", "builtin.mp4", "mine.mp4", "metal.mp4", "like-another.mp4", "edited.wav"):
        assert (tutorial.parent / name).stat().st_size > 1000, name
    assert {words[2] for words in commands("tutorial.md") if words[:2] == ["foleygenex", "run"]} == {
        "all", *STAGES
    }  # fmt: skip


def prepared(tutorial: Path, name: str) -> None:
    """Gives another page's workspace the tutorial's features, which cost the most."""
    for stage in FEATURE_STAGES:
        shutil.copytree(tutorial / stage, tutorial.parent / name / stage, dirs_exist_ok=True)


def test_a_fine_tuning_starts_from_the_built_in_checkpoint(tutorial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run all` is the data stages of three own clips, and the training on the tutorial's features."""
    folder = tutorial.parent
    monkeypatch.chdir(folder)
    write_configs("finetune.md", folder)
    with (folder / "clips.csv").open("w", newline="") as file:
        rows = [["video", "caption"], ["builtin.mp4", "fast hits"], ["mine.mp4", "hits"], ["metal.mp4", "loud hits"]]
        csv.writer(file).writerows(rows)
    shutil.copy(folder / "builtin.mp4", folder / "silent.mp4")
    small = {"mine": TINY["mine"], "train": {**TINY["train"], "warmup_steps": 0, "continue_steps": 1}}
    for words in commands("finetune.md"):
        if words[:3] == ["foleygenex", "run", "all"]:
            execute(["foleygenex", "run", "ingest", words[3]], small)
            assert len(read_table(folder / "tuned" / "ingest" / "clips.parquet", Clip)) == 3
            prepared(tutorial, "tuned")
            words = ["foleygenex", "run", "train", words[3]]
        execute(words, small)
    for name in ("tuned/train/checkpoint.safetensors", "tuned.mp4"):
        assert (folder / name).exists()


def test_the_papers_commands_run_on_a_few_clips(tutorial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but `torchrun`, in whose place `run train` trains; the data stages find the tutorial's items done."""
    folder = tutorial.parent
    monkeypatch.chdir(folder)
    prepared(tutorial, "workspace-paper")
    done = []
    for words in commands("paper_scale.md"):
        if words[0] == "cp":
            shutil.copy(REPOSITORY / words[1], folder / words[2])
        elif words[0] == "torchrun":
            execute(["foleygenex", "run", "train", words[-1]], SMALL)
        else:
            execute(words, SMALL)
        done.append(words)
    assert [words[2] for words in done if words[:2] == ["foleygenex", "run"]] == [
        name for name in STAGES if name != "train"
    ]
    assert (folder / "other.safetensors").exists()
    assert (folder / "workspace-paper" / "report" / "report.html").exists()
