"""Sizes of a published network, read from the shapes in its file."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from data_contracts import WeightsError
from model.weights.files import TensorFile


def shape(file: TensorFile, name: str, network: str) -> tuple[int, ...]:
    """Returns the shape of a tensor that the network must have. Raises WeightsError when the file lacks it."""
    if name not in file.tensors:
        raise WeightsError(f"{file.path} is not {network}: it has no tensor {name}")
    return tuple(file.tensors[name].shape)


def count_layers(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """Returns how many numbered modules there are below a prefix: 12 for `blocks.0.` ... `blocks.11.`."""
    rests = (name.removeprefix(prefix) for name in tensors if name.startswith(prefix))
    return len({rest.partition(".")[0] for rest in rests})
