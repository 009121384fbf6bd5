"""Sizes from the shapes in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.judges.layout import audioset_classes, shape
from model.weights.files import TensorFile

FILE = TensorFile(Path("some.pth"), {"a.0.weight": torch.zeros(2, 3), "a.1.weight": torch.zeros(3, 1)}, {})


def test_a_shape_is_read() -> None:
    assert shape(FILE, "a.0.weight", 2, "vggish") == (2, 3)


def test_a_missing_tensor_names_file_network_and_tensor() -> None:
    with pytest.raises(WeightsError, match=r"some\.pth is not vggish: it has no tensor b\.weight"):
        shape(FILE, "b.weight", 2, "vggish")


def test_a_tensor_of_other_dimensions_is_named_with_its_shape() -> None:
    with pytest.raises(WeightsError, match=r"is not passt: a\.0\.weight has shape \(2, 3\), expected 4 dimensions"):
        shape(FILE, "a.0.weight", 4, "passt")


def test_a_tagger_of_other_classes_is_not_given_audiosets_names() -> None:
    with pytest.raises(WeightsError, match=r"a\.0\.weight is for 2 classes, panns needs AudioSet's 527"):
        audioset_classes(FILE, "a.0.weight", "panns")
    full = TensorFile(Path("some.pth"), {"head.weight": torch.zeros(527, 1)}, {})
    assert audioset_classes(full, "head.weight", "panns") == 527
