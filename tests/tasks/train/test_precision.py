"""`precision: auto` is what it was at the workspace's first training and generation, whatever machine computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tasks.engine.choices import read_choices
from tasks.engine.workspace import Workspace
from tasks.evaluate import batch_generator
from tasks.evaluate.config import EvaluateConfig
from tasks.train import job
from tasks.train.config import TrainConfig

CPU = torch.device("cpu")


def train_precision(space: Workspace, asked: str, *, is_main: bool = True) -> str:
    ranks = SimpleNamespace(is_main=is_main, device=CPU)
    config = job._with_precision(TrainConfig.model_validate({"precision": asked}), space, ranks)  # type: ignore[arg-type]
    return str(config.precision)


def generate_precision(space: Workspace, asked: str) -> str:
    config = EvaluateConfig.model_validate({"precision": asked})
    return str(batch_generator._precision(config, space, CPU))


def use(monkeypatch: pytest.MonkeyPatch, native: str) -> None:
    """Makes this machine one that would choose a precision."""
    for module in (job, batch_generator):
        monkeypatch.setattr(module, "choose_precision", lambda asked, _: native if asked == "auto" else asked)


@pytest.mark.parametrize(
    ("precision", "setting"), [(train_precision, "train.precision"), (generate_precision, "evaluate.precision")]
)
def test_another_machine_keeps_the_first_ones_precision(
    precision: Callable[[Workspace, str], str], setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Workspace(tmp_path)
    use(monkeypatch, "bf16")
    assert precision(space, "fp32") == "fp32" and read_choices(space) == {}
    assert precision(space, "auto") == "bf16"
    assert read_choices(space)[setting].value == "bf16"
    use(monkeypatch, "fp32")
    assert precision(space, "auto") == "bf16" and precision(space, "fp32") == "fp32"


def test_only_the_main_rank_stores_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path)
    use(monkeypatch, "bf16")
    assert train_precision(space, "auto", is_main=False) == "bf16" and read_choices(space) == {}
    train_precision(space, "auto")
    use(monkeypatch, "fp32")
    assert train_precision(space, "auto", is_main=False) == "bf16"
