"""`foleygenex app`: what is missing is said in one line before a page is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from flows import cli
from tasks.commands.app import page


def test_a_missing_checkpoint_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["app", "--checkpoint", str(tmp_path / "none.safetensors")]) in (1, 2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "none.safetensors does not exist" in lines[0]


def test_without_gradio_the_command_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise UsageError("the page needs Gradio: pip install 'foleygenex[app]'")

    monkeypatch.setattr(page, "gradio", missing)
    assert cli.exit_code(["app", "--checkpoint", str(tmp_path / "c")]) == 2
    assert "pip install 'foleygenex[app]'" in capsys.readouterr().err
