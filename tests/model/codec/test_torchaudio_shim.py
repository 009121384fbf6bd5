"""The torchaudio shim: dac's import works in a fresh interpreter, with or without CUDA libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_dac_imports_in_a_fresh_interpreter() -> None:
    code = (
        "from model.codec.torchaudio_shim import prepare_torchaudio as p; p(); p(); import dac; print(dac.DAC.__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.strip() == "DAC"


def imports(file: Path) -> set[str]:
    """The packages that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ["dac", "audiotools"])
def test_only_the_blocks_import_dac_so_that_no_codec_forgets_the_shim(package: str) -> None:
    files = [file for folder in ("model", "tasks", "flows") for file in (ROOT / folder).rglob("*.py")]
    users = {str(file.relative_to(ROOT)) for file in files if package in imports(file)}
    assert users <= {"model/codec/blocks.py"}


def test_files_that_import_transformers_prepare_torchaudio_first() -> None:
    for file in (ROOT / "model").rglob("*.py"):
        text = file.read_text("utf-8")
        for place in range(len(text)):
            if text.startswith("from transformers import", place):
                assert "prepare_torchaudio()" in text[max(0, place - 80) : place], file
