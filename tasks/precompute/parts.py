"""Encoded clips between their encoding and the packed files: one small file each, named by what it was made from.

A part's key is the hash of the input's content and of the encoder. So a part is never stale, two workers that make the
same one write the same bytes, and the records of the packed store serve as parts for the next run.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np

from data_contracts import ContractError, to_json
from data_contracts.files import atomic_path
from model.features import HEADER, FeatureStore, field_shapes
from model.specs import ClipSpec, CodecSpec, FeatureSpecs, SyncSpec, TextSpec
from model.storage import FP16, Storage, Values
from tasks.engine.workspace import hash_text

FIELDS: Final = {"latents": ("latent_mean", "latent_std"), "videos": ("clip", "sync"), "texts": ("text",)}


def part_key(
    content: str, clip_s: float, *specs: CodecSpec | TextSpec | ClipSpec | SyncSpec, storage: Storage = FP16
) -> str:
    """Returns the key of a part: what it was made from (a hash or a text), for how long a clip, by what, stored how."""
    stored = () if storage == FP16 else (storage.name,)
    return hash_text(content, to_json(clip_s), to_json([dataclasses.asdict(spec) for spec in specs]), *stored)[:24]


@dataclass(frozen=True, slots=True)
class PartKeys:
    """Keys for one set of encoders, one clip length and one storage format."""

    specs: FeatureSpecs
    clip_s: float
    storage: Storage = FP16

    def latent(self, audio_sha256: str) -> str:
        """Returns the key of an audio file's latent."""
        return part_key(audio_sha256, self.clip_s, self.specs.codec, storage=self.storage)

    def video(self, video_sha256: str) -> str:
        """Returns the key of a video's features."""
        return part_key(video_sha256, self.clip_s, self.specs.clip, self.specs.sync, storage=self.storage)

    def text(self, text: str) -> str:
        """Returns the key of a sentence's token states."""
        return part_key(text, 0.0, self.specs.text, storage=self.storage)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts folder, and behind it the packed store of an earlier run. `kind` is latents, videos or texts."""

    folder: Path
    shapes: dict[str, tuple[int, int]]
    packed: FeatureStore | None
    packed_rows: dict[str, dict[str, int]] = field(default_factory=dict)
    storage: Storage = FP16

    @classmethod
    def open(cls, stage_folder: Path, specs: FeatureSpecs, clip_s: float, storage: Storage = FP16) -> Self:
        """Opens the parts of a stage folder. A store that cannot be read is no source; its parts are made again."""
        packed = _open_packed(stage_folder)
        rows = (
            {}
            if packed is None
            else {
                kind: {key: number for number, key in enumerate(keys)} for kind, keys in packed.header["keys"].items()
            }
        )
        return cls(stage_folder / "parts", field_shapes(specs, clip_s), packed, rows, storage)

    def has(self, kind: str, key: str) -> bool:
        """Tells whether the part need not be made."""
        return key in self.packed_rows.get(kind, {}) or self._path(kind, key).is_file()

    def write(self, kind: str, key: str, arrays: Sequence[Values]) -> None:
        """Writes a part at once. Raises ContractError when an array has not the shape that the specs ask for."""
        for name, array in zip(FIELDS[kind], arrays, strict=True):
            if array.shape != self.shapes[name]:
                raise ContractError(f"part {kind} {key}: {name} is {array.shape}; expected {self.shapes[name]}")
        with atomic_path(self._path(kind, key)) as temporary:
            temporary.write_bytes(b"".join(self.storage.pack(array).tobytes() for array in arrays))

    def read(self, kind: str, key: str) -> list[Values] | None:
        """Returns a part's arrays in the order of FIELDS, or None when it has to be made."""
        number = self.packed_rows.get(kind, {}).get(key)
        if number is not None and self.packed is not None:
            return [self.packed.record(name, number) for name in FIELDS[kind]]
        path = self._path(kind, key)
        if not path.is_file():
            return None
        values = np.frombuffer(path.read_bytes(), self.storage.dtype)
        sizes = [int(np.prod(self.shapes[name])) for name in FIELDS[kind]]
        if values.size != sum(sizes):
            return None  # not one of ours; made again
        pieces = np.split(values, np.cumsum(sizes)[:-1])
        return [
            self.storage.unpack(piece).reshape(self.shapes[name])
            for piece, name in zip(pieces, FIELDS[kind], strict=True)
        ]

    def clear(self) -> None:
        """Removes the part files; the packed store has them all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / f"{key}.{'f16' if self.storage == FP16 else 'bf16'}"


def _open_packed(stage_folder: Path) -> FeatureStore | None:
    if not (stage_folder / HEADER).is_file():
        return None
    try:
        return FeatureStore.open_records(stage_folder)
    except ContractError:
        return None
