"""Checkpoints: safetensors weights with a JSON header: network, specs, step and settings.

The latent statistics are tensors of the network (`latent_mean`, `latent_std`), so every checkpoint has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from data_contracts import WeightsError
from data_contracts.files import atomic_path, hash_file
from data_contracts.generation import BUILTIN
from model.config import NetworkConfig
from model.network import Network
from model.specs import FeatureSpecs
from model.weights.names import plain_names

FORMAT: Final = "foleygenex-checkpoint"
FORMAT_VERSION: Final = 2
BUILTIN_FILE: Final = Path(__file__).parent / "network" / "weights" / "builtin.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """A checkpoint's header. `clip_s` is the length of the training clips; `training` its settings, for the record.

    `history` are the segments of the training as `model.training.history` writes them: from which step on which
    settings and data counted.
    """

    network: NetworkConfig
    specs: FeatureSpecs
    clip_s: float
    step: int
    placeholders: list[str]
    code_version: str
    training: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    *,
    network: NetworkConfig,
    specs: FeatureSpecs,
    clip_s: float,
    step: int,
    training: dict[str, Any] | None = None,
    history: Sequence[dict[str, Any]] = (),
) -> str:
    """Writes a checkpoint atomically and returns its SHA-256. Equal weights give equal bytes."""
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "network": network.to_dict(),
        "specs": specs.to_dict(),
        "clip_s": clip_s,
        "step": step,
        "placeholders": specs.placeholders(),
        "code_version": code_version(),
        "training": training or {},
        "history": list(history),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"foleygenex": json.dumps(header, sort_keys=True)})
    return hash_file(path)


def checkpoint_file(name: Path) -> Path:
    """Returns the file of a checkpoint that is given by its path or as `builtin`.

    Raises WeightsError when this installation has no built-in checkpoint.
    """
    if name != Path(BUILTIN):
        return name
    if not BUILTIN_FILE.is_file():
        raise WeightsError(
            f"this installation has no built-in checkpoint ({BUILTIN_FILE} is missing); install the package again, or "
            "train a checkpoint with `foleygenex demo` and name it with --checkpoint"
        )
    return BUILTIN_FILE


def is_builtin(path: Path) -> bool:
    """Whether a checkpoint, given by its path or as `builtin`, is the one that is part of the package."""
    return path == Path(BUILTIN) or path.absolute() == BUILTIN_FILE.absolute()


def read_info(path: Path) -> CheckpointInfo:
    """Returns a checkpoint's header. Raises WeightsError when the file is missing or is not one of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (FileNotFoundError, IsADirectoryError) as error:
        raise WeightsError(f"checkpoint {path} does not exist; train one with `foleygenex run train CONFIG`") from error
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"checkpoint {path} is not a safetensors file ({error})") from error
    header = json.loads(metadata.get("foleygenex", "{}"))
    found = (header.get("format"), header.get("version"))
    if not header:
        raise WeightsError(f"checkpoint {path} is not of this project; `foleygenex convert` reads MMAudio's")
    if found != (FORMAT, FORMAT_VERSION):
        raise WeightsError(
            f"checkpoint {path}: format {found}; this release reads {(FORMAT, FORMAT_VERSION)}; train again: "
            "`foleygenex run train CONFIG --workspace FOLDER`"
        )
    try:
        return CheckpointInfo(
            network=NetworkConfig.from_dict(header["network"]),
            specs=FeatureSpecs.from_dict(header["specs"]),
            clip_s=header["clip_s"],
            step=header["step"],
            placeholders=header["placeholders"],
            code_version=header["code_version"],
            training=header["training"],
            history=header.get("history", []),
        )
    except (AttributeError, KeyError, TypeError) as error:  # other keys, or values of another kind
        raise WeightsError(
            f"checkpoint {path} has a header of another release ({type(error).__name__}: {error}); train again: "
            "`foleygenex run train CONFIG --workspace FOLDER`"
        ) from error


def is_checkpoint(path: Path) -> bool:
    """Tells whether a file is a checkpoint of this project, of any version."""
    try:
        with safe_open(path, framework="pt") as file:
            return "foleygenex" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_weights(path: Path) -> dict[str, Tensor]:
    """Returns a checkpoint's tensors, on the CPU, under plain names. Raises WeightsError when it cannot be read."""
    try:
        return plain_names(load_file(path), f"checkpoint {path}")
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"checkpoint {path} cannot be read ({error})") from error


def load_checkpoint(path: Path) -> tuple[Network, CheckpointInfo]:
    """Returns the network (CPU, eval) and its header; every weight must be present and fit. Raises WeightsError."""
    info = read_info(path)
    with torch.device("meta"):  # without drawing weights that are overwritten: 1 s instead of 20 for `medium`
        network = Network(info.network, info.specs)
    network.to_empty(device="cpu")
    try:
        network.load_state_dict(read_weights(path), strict=True)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise WeightsError(f"checkpoint {path} does not fit its own header: {problem}") from error
    return network.eval().requires_grad_(False), info


def code_version() -> str:
    """Returns the installed version of this package."""
    try:
        return version("foleygenex")
    except PackageNotFoundError:
        return "unknown"
