"""The torchaudio shim: dac's import works in a fresh interpreter, with or without CUDA libraries."""

from __future__ import annotations

import subprocess
import sys


def test_dac_imports_in_a_fresh_interpreter() -> None:
    code = (
        "from model.codec.torchaudio_shim import prepare_torchaudio as p; p(); p(); import dac; print(dac.DAC.__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.strip() == "DAC"
