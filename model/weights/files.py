"""Reads a weights file that somebody else wrote: tensors and plain metadata, never code.

Three kinds of files are read: safetensors, and PyTorch's zip and legacy files with `weights_only=True`. An archive that
holds code (torch.package, TorchScript) or Python objects is refused, because loading it would run what is inside.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from data_contracts import WeightsError
from data_contracts.files import hash_file

_WRAPPERS: Final = ("state_dict", "generator", "model")
_OLD_NAMES: Final = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class TensorFile:
    """What one file holds. `metadata` is empty where the file has none."""

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

    Raises WeightsError when the file is missing, damaged, or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(f"weights {path} are missing; `foleygenex weights` lists every part and how to fetch it")
    tensors, metadata = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    return TensorFile(path, {_old_name(name): tensor for name, tensor in tensors.items()}, metadata)


def build(network: Callable[[], NetworkT], tensors: Mapping[str, Tensor], path: Path) -> NetworkT:
    """Returns the network with exactly these tensors (strict), float32, frozen, in evaluation mode.

    It is built without memory and takes the file's tensors over, so a large file is held once.
    Raises WeightsError naming the first tensors that are missing, unexpected or of another shape.
    """
    with torch.device("meta"):
        built = network()
    try:
        built.load_state_dict(dict(tensors), strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"weights {path} do not fit their layout: {_short(error)}") from error
    return built.float().eval().requires_grad_(False)


def read_json(path: Path) -> dict[str, Any]:
    """Returns a JSON object. Raises WeightsError when the file is missing or is none."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing; `foleygenex weights` lists every part and how to fetch it") from error
    except (ValueError, OSError) as error:
        raise WeightsError(f"{path} is no readable JSON ({error})") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path} holds a {type(values).__name__}; expected an object of settings")
    return values


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hash of a file as hexadecimal digits, read in pieces.

    Gigabytes are hashed once per process, as long as size and time of the file stay the same.
    """
    state = path.stat()
    return _digest(path, algorithm, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, _size: int, _mtime_ns: int) -> str:
    return hash_file(path, algorithm)


def digest_of(paths: list[Path]) -> str:
    """Returns one file's SHA-256, or the SHA-256 over several files' hashes, in the order given."""
    digests = [digest(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            texts = file.metadata() or {}
            return {key: file.get_tensor(key) for key in file.keys()}, {  # noqa: SIM118  a reader, not a dict
                key: _plain(text) for key, text in texts.items()
            }
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights {path} are no readable safetensors file ({error})") from error


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_torch(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _refuse_code(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"weights {path} hold Python objects besides tensors; loading them could run code, so the file is refused. "
            "Save its state_dict as safetensors"
        ) from error
    except Exception as error:  # on bytes of another kind an unpickler may stumble over anything
        raise WeightsError(f"weights {path} are damaged or no PyTorch file ({_short(error)})") from error
    return _unwrap(path, loaded)


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
        for wrapper in _WRAPPERS:
            if isinstance(loaded.get(wrapper), Mapping):
                loaded = loaded[wrapper]
                break
    if not isinstance(loaded, Mapping) or not loaded or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(f"weights {path} hold no state_dict: expected names with tensors")
    return {str(key): value for key, value in loaded.items()}, metadata


def _old_name(name: str) -> str:
    for new, old in _OLD_NAMES.items():
        if name.endswith(f".{new}"):
            return name.removesuffix(new) + old
    return name


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 400 else text[:400] + " ..."
