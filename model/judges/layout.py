"""Sizes of a published network, read from the shapes in its file."""

from __future__ import annotations

from data_contracts import WeightsError
from model.weights.files import TensorFile


def shape(file: TensorFile, name: str, network: str) -> tuple[int, ...]:
    """Returns the shape of a tensor that the network must have. Raises WeightsError when the file lacks it."""
    if name not in file.tensors:
        raise WeightsError(f"{file.path} is not {network}: it has no tensor {name}")
    return tuple(file.tensors[name].shape)
