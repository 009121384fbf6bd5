"""`foleygenex convert mmaudio`, both ways, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from flows import cli
from model.checkpoint import load_checkpoint
from model.paper_specs import paper_specs
from tests.model.mmaudio.reference import Weights, state_dict


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Weights]:
    """An MMAudio v2 file for the real encoders, of small width."""
    path = tmp_path_factory.mktemp("mmaudio") / "small.pth"
    weights = state_dict(width=48, depth=2, fused=1, hidden=256, clip=1024, sync=768, text=1024, tokens=77, second=True)
    torch.save(weights, path)
    return path, weights


def test_there_and_back_again(
    published: tuple[Path, Weights], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, weights = published
    ours, back = tmp_path / "ours.safetensors", tmp_path / "back.pth"
    assert cli.exit_code(["convert", "mmaudio", str(path), str(ours)]) == 0
    assert "MMAudio v2, width 48, 1 joint + 1 fused blocks" in capsys.readouterr().out
    _, info = load_checkpoint(ours)
    assert info.specs == paper_specs("mmaudio-44k")
    assert (info.network.absent, info.network.input_embedding, info.network.mask_video) == ("learned", True, True)
    assert cli.exit_code(["convert", "mmaudio", str(ours), str(back), "--export"]) == 0
    returned = torch.load(back, weights_only=True)
    assert returned.keys() == weights.keys()
    assert all(torch.equal(returned[key], weights[key]) for key in weights)


def test_a_baseline_has_no_input_embedding(published: tuple[Path, Weights], tmp_path: Path) -> None:
    ours = tmp_path / "s1.safetensors"
    assert cli.exit_code(["convert", "mmaudio", str(published[0]), str(ours), "--variant", "mmaudio-s1"]) == 0
    _, info = load_checkpoint(ours)
    assert (info.network.input_embedding, info.training["variant"]) == (False, "mmaudio-s1")


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["other", "{file}", "o.safetensors"], "convert 'other' is unknown", 2),
        (["mmaudio", "none.pth", "o.safetensors"], "none.pth does not exist", 2),
        (["mmaudio", "{file}", "{file}"], "is the file to convert", 2),
        (["mmaudio", "{file}", "o.safetensors", "--variant", "m-9"], "variant 'm-9' is unknown", 2),
        (["mmaudio", "{file}", "o.safetensors", "--drop-input-embedding"], "belongs to --export", 2),
        (["mmaudio", "{file}", "o.bin", "--export"], "must end in .pth or .safetensors", 2),
        (["mmaudio", "{file}", "o.pth", "--export"], "is not a safetensors file", 2),
    ],
)
def test_wrong_usage_is_one_line(
    published: tuple[Path, Weights],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.exit_code(["convert", *(one.format(file=published[0]) for one in arguments)]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("error: ") and message in lines[0], lines
    assert list(tmp_path.iterdir()) == []
