"""Weights of the judge `corpus-cnn` as one safetensors file, whose header has the sizes, the classes and their sums."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors.torch import save_file
from torch import Tensor

from data_contracts import WeightsError
from model.codec.weights_file import tensors_sha256
from model.judges.corpus_cnn_network import CorpusCNNConfig
from model.weights.files import read_tensors

NAME: Final = "corpus-cnn"
FORMAT: Final = "foleygenex-judge-2"
_KEY: Final = "judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundClass:
    """A class of sounds: its name in words, the kind of event, and the material that is struck, or `none`."""

    name: str
    kind: str
    material: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeHeader:
    """What a file says of itself. `training` has the settings, the steps made and the accuracy on held-out objects."""

    name: str
    config: CorpusCNNConfig
    classes: tuple[SoundClass, ...]
    tensors_sha256: str
    training: dict[str, Any]


def save_judge(path: Path, tensors: dict[str, Tensor], header: JudgeHeader) -> None:
    """Writes tensors and header; `tensors_sha256` is computed here. The caller replaces the file atomically."""
    kept = {key: value.detach().cpu().contiguous() for key, value in sorted(tensors.items())}
    values = dataclasses.asdict(dataclasses.replace(header, tensors_sha256=tensors_sha256(kept)))
    save_file(kept, str(path), metadata={_KEY: json.dumps({"format": FORMAT, **values}, sort_keys=True)})


def read_judge(path: Path) -> tuple[dict[str, Tensor], JudgeHeader]:
    """Returns tensors and header. Raises WeightsError when the file is missing, foreign or damaged."""
    file = read_tensors(path)
    values = file.metadata.get(_KEY)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise WeightsError(f"{path} is no judge of this project in the format {FORMAT}")
    try:
        header = JudgeHeader(
            name=values["name"],
            config=CorpusCNNConfig(**values["config"]),
            classes=tuple(SoundClass(**one) for one in values["classes"]),
            tensors_sha256=values["tensors_sha256"],
            training=dict(values["training"]),
        )
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{path}: its header is not that of a judge ({error})") from error
    if (found := tensors_sha256(file.tensors)) != header.tensors_sha256:
        raise WeightsError(f"{path}: SHA-256 is {found[:12]}, the header says {header.tensors_sha256[:12]}: damaged")
    return file.tensors, header
