"""Reads weights files that somebody else wrote: tensors and plain metadata, never code.

Three kinds of files are read: safetensors, and PyTorch's zip and legacy files with `weights_only=True`. An archive with
code (torch.package, TorchScript) or Python objects is refused, because loading it would run what is inside. NumPy's
numbers and arrays are plain data: published checkpoints (PANNs, LAION-CLAP) have some beside their weights.
"""

from __future__ import annotations

import json
import pickle
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import torch
from numpy._core import multiarray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from data_contracts import WeightsError
from model.weights.names import plain_names, unwrapped

_HOW_TO_GET: Final = "`foleygenex weights` lists all known weights and how to fetch them"
_MADE_BY: Final = ("scalar", "_reconstruct")  # what NumPy's pickled numbers and arrays call
_OLD_NAMES: Final = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
_NUMPY: Final[list[Callable[..., Any] | tuple[Callable[..., Any], str]]] = [
    *((getattr(multiarray, name), f"numpy.core.multiarray.{name}") for name in _MADE_BY),  # NumPy 1's path
    *((getattr(multiarray, name), f"numpy._core.multiarray.{name}") for name in _MADE_BY),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("bool", "uint8", "int32", "int64", "float32", "float64")),
]
_LOADING: Final = threading.Lock()  # torch's list of safe names is one for all threads, and leaving it empties it

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class TensorFile:
    """The content of one file. `metadata` is empty where the file has none."""

    path: Path
    tensors: dict[str, Tensor]
    metadata: dict[str, Any]

    @property
    def kwargs(self) -> dict[str, Any]:
        """The constructor arguments that the file's author stored, if any."""
        found = self.metadata.get("kwargs", {})
        return dict(found) if isinstance(found, Mapping) else {}

    @property
    def random(self) -> bool:
        """Whether the file says that its weights were never trained."""
        return bool(self.metadata.get("random", False))


def read_tensors(path: Path) -> TensorFile:
    """Returns the tensors of a file, weight-norm names in their older spelling (`weight_g`, `weight_v`).

    A wrapper around the state dict and prefixes of DDP and `torch.compile` are taken off (`model.weights.names`).

    Raises WeightsError when the file is missing, damaged, or has anything but tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(f"weights {path} are missing; {_HOW_TO_GET}")
    tensors, metadata = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    named = plain_names(tensors, f"weights {path}")
    return TensorFile(path, {_old_name(name): tensor for name, tensor in named.items()}, metadata)


def build(network: Callable[[], NetworkT], tensors: Mapping[str, Tensor], path: Path, *, on: str = "meta") -> NetworkT:
    """Returns the network with exactly these tensors (strict), float32, frozen, in evaluation mode.

    It is built on the meta device and takes over the file's tensors, so that memory is needed once. `on` names another
    device for networks whose constructor computes.
    Raises WeightsError naming the first tensors that are missing, unexpected or of another shape, or what is wrong with
    the network's sizes.
    """
    try:
        with torch.device(on):
            built = network()
        built.load_state_dict(dict(tensors), strict=True, assign=True)
    except (RuntimeError, ValueError) as error:  # ValueError: sizes that no such network can have
        raise WeightsError(f"weights {path} do not fit their layout: {_short(error)}") from error
    return built.float().eval().requires_grad_(False)


def read_config(path: Path) -> dict[str, Any]:
    """Returns a JSON object. Raises WeightsError when the file is missing or not a JSON object."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing; {_HOW_TO_GET}") from error
    except (ValueError, OSError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path} is a JSON {type(values).__name__}; expected an object of settings")
    return values


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            texts = file.metadata() or {}
            return {key: file.get_tensor(key) for key in file.keys()}, {  # noqa: SIM118  a reader, not a dict
                key: _plain(text) for key, text in texts.items()
            }
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights {path} cannot be read as safetensors ({error})") from error


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_torch(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return _unwrap(path, load_plain(path))


def load_plain(path: Path) -> Any:
    """Returns what a PyTorch file holds, nested as it is: tensors and plain values, never code; memory-mapped.

    Raises WeightsError when it is damaged, is no PyTorch file, or holds anything else.
    """
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _refuse_code(path)
    try:
        with _LOADING, torch.serialization.safe_globals(_NUMPY):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        if "Unsupported operand" in str(error):
            raise WeightsError(
                f"weights {path} were saved with a newer pickle protocol, which can only be read by running what is "
                "inside: refused. Save its state_dict as safetensors"
            ) from error
        raise WeightsError(
            f"weights {path} contain Python objects besides tensors; loading them could run code: refused. "
            "Save its state_dict as safetensors"
        ) from error
    except Exception as error:  # an unpickler may raise anything for bytes of another kind
        raise WeightsError(f"weights {path} are damaged or no PyTorch file ({_short(error)})") from error


def _refuse_code(path: Path) -> None:
    """Raises WeightsError for archives whose loading runs code: torch.package and TorchScript."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith((".py", "extern_modules")) for name in names):
        raise WeightsError(
            f"weights {path} are a torch.package archive, which runs code when loaded; it is refused. "
            "Save its state_dict as safetensors"
        )


def _unwrap(path: Path, loaded: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    metadata: dict[str, Any] = {}
    if isinstance(loaded, Mapping):
        stored = loaded.get("metadata")
        metadata = dict(stored) if isinstance(stored, Mapping) else {}
        loaded = unwrapped(loaded)
    if not isinstance(loaded, Mapping) or not any(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsError(f"weights {path} contain no state_dict: expected a mapping of names to tensors")
    if odd := [str(name) for name, value in loaded.items() if not isinstance(value, Tensor)]:
        raise WeightsError(f"weights {path} have {', '.join(odd[:3])} beside the tensors; save its state_dict alone")
    return {str(key): value for key, value in loaded.items()}, metadata


def _old_name(name: str) -> str:
    for new, old in _OLD_NAMES.items():
        if name.endswith(f".{new}"):
            return name.removesuffix(new) + old
    return name


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 400 else text[:400] + " ..."
