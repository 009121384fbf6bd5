"""Encoded clips before they are packed: one small file each, named by the hash of what it was made from.

A record's key is the hash of the input's content, the clip length, the encoder and the storage format. So a record is
never out of date, two workers that make the same one write the same bytes, and the next run takes records from the
packed store of the last one.
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


def record_key(
    content: str, clip_s: float, *specs: CodecSpec | TextSpec | ClipSpec | SyncSpec, storage: Storage = FP16
) -> str:
    """Returns a record's key, a hash of its content (a file's hash or a text), clip length, specs and format."""
    stored = () if storage == FP16 else (storage.name,)
    return hash_text(content, to_json(clip_s), to_json([dataclasses.asdict(spec) for spec in specs]), *stored)[:24]


@dataclass(frozen=True, slots=True)
class RecordKeys:
    """Keys for one set of encoders, one clip length and one storage format."""

    specs: FeatureSpecs
    clip_s: float
    storage: Storage = FP16

    def latent(self, audio_sha256: str) -> str:
        """Returns the key of an audio file's latent."""
        return record_key(audio_sha256, self.clip_s, self.specs.codec, storage=self.storage)

    def video(self, video_sha256: str) -> str:
        """Returns the key of a video's features."""
        return record_key(video_sha256, self.clip_s, self.specs.clip, self.specs.sync, storage=self.storage)

    def text(self, text: str) -> str:
        """Returns the key of a text's token states."""
        return record_key(text, 0.0, self.specs.text, storage=self.storage)


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """The folder of records, and the packed store of an earlier run. `kind` is latents, videos or texts."""

    folder: Path
    shapes: dict[str, tuple[int, int]]
    packed: FeatureStore | None
    packed_rows: dict[str, dict[str, int]] = field(default_factory=dict)
    storage: Storage = FP16

    @classmethod
    def open(cls, stage_folder: Path, specs: FeatureSpecs, clip_s: float, storage: Storage = FP16) -> Self:
        """Opens the records of a stage folder. The records of a packed store that cannot be read are made again."""
        packed, rows = _open_packed(stage_folder)
        return cls(stage_folder / "records", field_shapes(specs, clip_s), packed, rows, storage)

    def has(self, kind: str, key: str) -> bool:
        """Tells whether a record exists."""
        return key in self.packed_rows.get(kind, {}) or self._path(kind, key).is_file()

    def write(self, kind: str, key: str, arrays: Sequence[Values]) -> None:
        """Writes a record atomically. Raises ContractError when an array's shape is not that of the specs."""
        for name, array in zip(FIELDS[kind], arrays, strict=True):
            if array.shape != self.shapes[name]:
                raise ContractError(f"record {kind} {key}: {name} is {array.shape}; expected {self.shapes[name]}")
        with atomic_path(self._path(kind, key)) as temporary:
            temporary.write_bytes(b"".join(self.storage.pack(array).tobytes() for array in arrays))

    def read(self, kind: str, key: str) -> list[Values] | None:
        """Returns a record's arrays in the order of FIELDS, or None when it has to be made."""
        number = self.packed_rows.get(kind, {}).get(key)
        if number is not None and self.packed is not None:
            return [self.packed.record(name, number) for name in FIELDS[kind]]
        path = self._path(kind, key)
        if not path.is_file():
            return None
        values = np.frombuffer(path.read_bytes(), self.storage.dtype)
        sizes = [int(np.prod(self.shapes[name])) for name in FIELDS[kind]]
        if values.size != sum(sizes):
            return None  # damaged; made again
        pieces = np.split(values, np.cumsum(sizes)[:-1])
        return [
            self.storage.unpack(piece).reshape(self.shapes[name])
            for piece, name in zip(pieces, FIELDS[kind], strict=True)
        ]

    def clear(self) -> None:
        """Removes the record files, when the packed store has them all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / f"{key}.{'f16' if self.storage == FP16 else 'bf16'}"


def _open_packed(stage_folder: Path) -> tuple[FeatureStore | None, dict[str, dict[str, int]]]:
    """Returns the packed store and, for each kind, key -> record number. Nothing when the store cannot be used."""
    if not (stage_folder / HEADER).is_file():
        return None, {}
    try:
        store = FeatureStore.open_records(stage_folder)
        keys = store.header["keys"].items()
        return store, {kind: {key: number for number, key in enumerate(names)} for kind, names in keys}
    except (ContractError, AttributeError, KeyError, TypeError):
        return None, {}
