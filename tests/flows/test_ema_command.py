"""`foleygenex ema`: what is asked reaches the averaging; what cannot be is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import cli
from tasks.train import average


def test_width_step_and_output_are_passed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    monkeypatch.setattr(
        average, "write_average", lambda workspace, sigma, out, *, step: f"{workspace.root} {sigma} {out} {step}"
    )
    command = ["ema", str(tmp_path), "--sigma", "0.1", "--out", "a.safetensors", "--step", "7"]
    assert cli.exit_code(command) == 0
    assert capsys.readouterr().out.strip() == f"{tmp_path} 0.1 a.safetensors 7"


@pytest.mark.parametrize("out", ["a.pth", "a"])
def test_another_format_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    assert cli.exit_code(["ema", str(tmp_path), "--sigma", "0.1", "--out", out]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "must end in .safetensors" in lines[0]
