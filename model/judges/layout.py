"""Sizes of a published network, read from the shapes in its file."""

from __future__ import annotations

from data_contracts import WeightsError
from model.judges.audioset import AUDIOSET_LABELS
from model.weights.files import TensorFile


def shape(file: TensorFile, name: str, dims: int, network: str) -> tuple[int, ...]:
    """Returns the shape of a tensor that the network must have.

    Raises WeightsError when the file lacks it or it has another number of dimensions.
    """
    if name not in file.tensors:
        raise WeightsError(f"{file.path} is not {network}: it has no tensor {name}")
    found = tuple(file.tensors[name].shape)
    if len(found) != dims:
        raise WeightsError(f"{file.path} is not {network}: {name} has shape {found}, expected {dims} dimensions")
    return found


def audioset_classes(file: TensorFile, name: str, network: str) -> int:
    """Returns how many classes a layer's weight has. Raises WeightsError unless they are AudioSet's."""
    classes = shape(file, name, 2, network)[0]
    if classes != len(AUDIOSET_LABELS):
        raise WeightsError(
            f"{file.path}: {name} is for {classes} classes, {network} needs AudioSet's {len(AUDIOSET_LABELS)}"
        )
    return classes
