"""Codec weights as one safetensors file with a descriptive header.

The header has the network's kind and sizes, the codec's name and the SHA-256 of all tensor bytes, so that a codec is
one file and a damaged one is detected.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from data_contracts import WeightsError
from model.codec.mel_vae import StackedMelConfig
from model.codec.network import DACVAEConfig

FORMAT: Final = "foleygenex-codec-3"
_OLD_FORMAT: Final = "foleygenex-codec-2"  # without a kind: a DAC-VAE

CodecConfig = StackedMelConfig | DACVAEConfig
KINDS: Final[dict[str, type[StackedMelConfig] | type[DACVAEConfig]]] = {
    "mel-vae": StackedMelConfig,
    "dac-vae": DACVAEConfig,
}


def save_weights(
    path: Path,
    tensors: dict[str, Tensor],
    config: CodecConfig,
    *,
    name: str,
    placeholder: bool,
    training: dict[str, Any],
) -> None:
    """Writes tensors and header to `path` (the caller replaces the file atomically). `training` goes to the header."""
    kept = {key: value.detach().to("cpu").contiguous() for key, value in sorted(tensors.items())}
    header = {
        "format": FORMAT,
        "kind": next(kind for kind, sizes in KINDS.items() if isinstance(config, sizes)),
        "name": name,
        "placeholder": placeholder,
        "config": dataclasses.asdict(config),
        "tensors_sha256": tensors_sha256(kept),
        "training": training,
    }
    save_file(kept, str(path), metadata={"codec": json.dumps(header, sort_keys=True)})


def read_codec_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], CodecConfig]:
    """Returns tensors, header and sizes. Raises WeightsError when the file is missing, foreign or damaged."""
    if not path.is_file():
        raise WeightsError(
            f"codec weights {path.name} are missing at {path}; the embedded ones come with the repository, "
            "`foleygenex run train-codec codec` makes new ones"
        )
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  a reader, not a dict
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"codec weights {path} are not a readable safetensors file ({error})") from error
    header = _header(path, metadata)
    found, declared = tensors_sha256(tensors), header["tensors_sha256"]
    if found != declared:
        raise WeightsError(f"codec weights {path}: SHA-256 is {found[:12]}, the header says {declared[:12]}: damaged")
    return tensors, header, _sizes(path, header)


def tensors_sha256(tensors: dict[str, Tensor]) -> str:
    """Returns the SHA-256 over names, types, shapes and bytes of all tensors, in name order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _header(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    try:
        header = json.loads(metadata["codec"])
        declared = header["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is not a codec of this project: its header has no codec description") from error
    if declared == _OLD_FORMAT:
        header["kind"] = "dac-vae"
    elif declared != FORMAT:
        raise WeightsError(f"{path}: format {declared!r}, this version reads {FORMAT!r}; use the matching version")
    return dict(header)


def _sizes(path: Path, header: dict[str, Any]) -> CodecConfig:
    """Returns the network's sizes in a header."""
    kind = header.get("kind")
    if kind not in KINDS:
        raise WeightsError(f"{path}: codec kind {kind!r} is unknown; this version reads {', '.join(KINDS)}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in header["config"].items()
    }
    try:
        return KINDS[kind](**values)
    except TypeError as error:
        raise WeightsError(f"{path}: the header's sizes are not those of a {kind} ({error})") from error
