"""av-benchmark's feature caches: PyTorch files that hold, per clip, one tensor or several by name; never code.

Legend: P patches, S segments, D width of an embedding, K = 527 classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor

from data_contracts import ContractError, UsageError, WeightsError
from data_contracts.files import atomic_path
from model.weights.files import load_plain

Side = Literal["audio", "video", "text"]
Entry = dict[str, Tensor]
"""What a cache holds of one clip, by the name of a judge's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFile:
    """One file of a cache: whose output it holds. `shape`: of a clip's tensor, None where a side is free."""

    name: str
    judge: str
    side: Side
    output: str
    shape: tuple[int | None, ...]


_PANNS: Final = {"2048": (2048,), "logits": (527,), "clipwise_output": (527,)}
"""pann_features.pth is the one file that holds several tensors per clip."""
PANNS_FILE: Final = "pann_features.pth"
FILES: Final = (
    CacheFile(name=PANNS_FILE, judge="panns", side="audio", output="embedding", shape=(2048,)),
    CacheFile(name="vggish_features.pth", judge="vggish", side="audio", output="embedding", shape=(None, 128)),
    CacheFile(name="passt_features_embed.pth", judge="passt", side="audio", output="embedding", shape=(768,)),
    CacheFile(name="passt_logits.pth", judge="passt", side="audio", output="logits", shape=(527,)),
    CacheFile(name="imagebind_audio.pth", judge="imagebind", side="audio", output="embedding", shape=(1024,)),
    CacheFile(name="imagebind_video.pth", judge="imagebind", side="video", output="embedding", shape=(1024,)),
    CacheFile(name="synchformer_audio.pth", judge="synchformer", side="audio", output="segments", shape=(None, 6, 768)),
    CacheFile(name="synchformer_video.pth", judge="synchformer", side="video", output="segments", shape=(None, 8, 768)),
    CacheFile(name="clap_laion_audio.pth", judge="laion-clap", side="audio", output="embedding", shape=(512,)),
    CacheFile(name="clap_laion_text.pth", judge="laion-clap", side="text", output="embedding", shape=(512,)),
    CacheFile(name="clap_ms_audio.pth", judge="ms-clap", side="audio", output="embedding", shape=(1024,)),
    CacheFile(name="clap_ms_text.pth", judge="ms-clap", side="text", output="embedding", shape=(1024,)),
)


def read_cache(folder: Path, name: str) -> dict[str, Tensor] | None:
    """Returns clip -> tensor of a file of a cache, in the file's order; None where the file is not there.

    Of pann_features.pth it is the embedding. Raises ContractError naming the clip for anything but the tensors that
    av-benchmark writes.
    """
    file = next(one for one in FILES if one.name == name)
    if name == PANNS_FILE:
        found = read_panns(folder)
        return None if found is None else {clip: tensors["2048"] for clip, tensors in found.items()}
    path = folder / name
    return None if not path.is_file() else {clip: _checked(path, clip, one, file.shape) for clip, one in _loaded(path)}


def read_panns(folder: Path, name: str = PANNS_FILE) -> dict[str, Entry] | None:
    """Returns clip -> `2048` (2048), `logits` (527), `clipwise_output` (527); None where the file is not there."""
    path = folder / name
    if not path.is_file():
        return None
    found = {}
    for clip, tensors in _loaded(path):
        if not isinstance(tensors, Mapping) or not tensors.keys() >= {"2048", "logits"}:
            raise ContractError(f"{path}: clip {clip!r}: expected tensors 2048 and logits")
        kept = {output: shape for output, shape in _PANNS.items() if output in tensors}
        found[clip] = {key: _checked(path, f"{clip}, {key}", tensors[key], shape) for key, shape in kept.items()}
    return found


def require_cache(folder: Path) -> None:
    """Raises UsageError unless a folder is a cache: it has at least one of the files."""
    if not folder.is_dir() or not any((folder / file.name).is_file() for file in FILES):
        names = ", ".join(file.name for file in FILES)
        raise UsageError(f"{folder} has no cache of av-benchmark; expected files such as {names}")


def write_cache(folder: Path, name: str, clips: Mapping[str, Entry | Tensor]) -> Path:
    """Writes one file of a cache, tensors only, in the order given, and returns its path."""
    path = folder / name
    copied = {clip: _own(found) for clip, found in clips.items()}
    with atomic_path(path) as temporary:
        torch.save(copied, temporary)
    return path


def _own(found: Tensor | Entry) -> Tensor | Entry:
    """Returns tensors with storage of their own: of a view the whole tensor would be saved."""
    if isinstance(found, Tensor):
        return found.clone()
    return {name: tensor.clone() for name, tensor in found.items()}


def _loaded(path: Path) -> list[tuple[str, object]]:
    try:
        loaded = load_plain(path)
    except WeightsError as error:
        raise ContractError(str(error).removeprefix("weights ")) from error
    if not isinstance(loaded, Mapping) or not all(isinstance(name, str) for name in loaded):
        raise ContractError(f"{path}: expected a mapping of clips to tensors")
    return list(loaded.items())


def _checked(path: Path, clip: str, found: object, shape: tuple[int | None, ...]) -> Tensor:
    """Returns a tensor. Raises ContractError unless it is one of the expected shape with finite numbers."""
    wanted = tuple("n" if side is None else side for side in shape)
    if not isinstance(found, Tensor):
        raise ContractError(f"{path}: clip {clip!r} is {type(found).__name__}; expected a tensor {wanted}")
    fits = found.ndim == len(shape) and all(b in (None, a) for a, b in zip(found.shape, shape, strict=True))
    if not fits or not found.is_floating_point():
        raise ContractError(f"{path}: clip {clip!r} is {tuple(found.shape)} {found.dtype}; expected {wanted} of floats")
    if not bool(torch.isfinite(found).all()):
        raise ContractError(f"{path}: clip {clip!r} has values that are not finite")
    return found
