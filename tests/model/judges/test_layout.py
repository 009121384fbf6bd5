"""Sizes from the shapes in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.judges.layout import shape
from model.weights.files import TensorFile

FILE = TensorFile(Path("some.pth"), {"a.0.weight": torch.zeros(2, 3), "a.1.weight": torch.zeros(3, 1)}, {})


def test_a_shape_is_read() -> None:
    assert shape(FILE, "a.0.weight", "vggish") == (2, 3)


def test_a_missing_tensor_names_file_network_and_tensor() -> None:
    with pytest.raises(WeightsError, match=r"some\.pth is not vggish: it has no tensor b\.weight"):
        shape(FILE, "b.weight", "vggish")
