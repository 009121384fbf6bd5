"""Writes precomputed features, the files that `model.features` reads (SPEC T3).

Legend: N audio latent frames, F latent channels, V video frames, S sync positions, L text tokens, D width.
File names contain their content's hash and the header is replaced last, so a store is always complete: a killed writer
leaves the old one as it was.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_contracts import ContractError
from data_contracts.files import atomic_path
from model.features import FIELDS, FORMAT, FORMAT_VERSION, HEADER, field_shapes
from model.specs import FeatureSpecs
from model.storage import FP16, Storage


class FeatureWriter:
    """Appends records one at a time, so memory does not grow with them; `finish` replaces the store atomically."""

    def __init__(self, folder: Path, specs: FeatureSpecs, clip_s: float, storage: Storage = FP16) -> None:
        self.folder, self.specs, self.clip_s = folder, specs, clip_s
        self.shapes = field_shapes(specs, clip_s)
        folder.mkdir(parents=True, exist_ok=True)
        self._fields = {name: _FieldFile(folder, name, shape, storage) for name, shape in self.shapes.items()}
        self._stats = _ChannelStats(specs.codec.latent_dim)

    def add_latent(self, mean_NF: npt.NDArray[Any], std_NF: npt.NDArray[Any], *, in_stats: bool) -> int:
        """Appends a latent; `in_stats` rows make up `latent_stats`. Returns the record number.

        Raises ContractError on a wrong shape or on values that are not finite as stored (as every `add_*`).
        """
        if in_stats:
            self._stats.add(mean_NF)
        self._fields["latent_std"].add(std_NF)
        return self._fields["latent_mean"].add(mean_NF)

    def add_video(self, clip_VD: npt.NDArray[Any], sync_SD: npt.NDArray[Any]) -> int:
        """Appends a video's features. Returns the record number."""
        self._fields["sync"].add(sync_SD)
        return self._fields["clip"].add(clip_VD)

    def add_text(self, text_LD: npt.NDArray[Any]) -> int:
        """Appends a caption's token states. Returns the record number."""
        return self._fields["text"].add(text_LD)

    def finish(self, *, stats_from: str, keys: dict[str, list[str]], made_by: dict[str, Any] | None = None) -> None:
        """Names the files by their content, replaces the header, removes the files of the store before.

        The header gets `stats_from` (in words, which rows the latent statistics are from), `keys` (for latents, videos
        and texts what each record was computed from, so that a later run can reuse it) and `made_by` (the settings, so
        that a later stage can load the same codec and encoders by name).
        """
        fields = {name: field.close() for name, field in self._fields.items()}
        mean_F, std_F = self._stats.result()
        header = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "clip_s": self.clip_s,
            "specs": self.specs.to_dict(),
            "fields": fields,
            "latent_stats": {"mean": mean_F, "std": std_F, "rows": self._stats.clips, "from": stats_from},
            "keys": keys,
            "made_by": made_by or {},
        }
        with atomic_path(self.folder / HEADER) as temporary:
            temporary.write_text(json.dumps(header, sort_keys=True, indent=1) + "\n", "utf-8")
        current = {field["file"] for field in fields.values()}
        for name in FIELDS:
            for path in self.folder.glob(f"{name}-*.bin"):
                if path.name not in current:
                    path.unlink()


class _FieldFile:
    """One field's file during writing."""

    def __init__(self, folder: Path, name: str, shape: tuple[int, int], storage: Storage) -> None:
        self.folder, self.name, self.shape, self.count = folder, name, shape, 0
        self.storage = storage
        self._path = folder / f"{name}.bin.tmp"
        self._file = self._path.open("wb")
        self._digest = hashlib.sha256()

    def add(self, record: npt.NDArray[Any]) -> int:
        if record.shape != self.shape:
            raise ContractError(f"features {self.name}: got a record {record.shape}; expected {self.shape}")
        try:
            data = self.storage.pack(record).tobytes()
        except ContractError as error:
            raise ContractError(f"features {self.name}: {error}") from error
        self._file.write(data)
        self._digest.update(data)
        self.count += 1
        return self.count - 1

    def close(self) -> dict[str, Any]:
        self._file.close()
        sha256 = self._digest.hexdigest()
        file = f"{self.name}-{sha256[:12]}.bin"
        self._path.replace(self.folder / file)
        return {
            "file": file,
            "shape": [self.count, *self.shape],
            "dtype": self.storage.label,
            "sha256": sha256,
        }


class _ChannelStats:
    """Mean and deviation per channel, accumulated in float64 one clip at a time."""

    def __init__(self, channels: int) -> None:
        self.clips = 0
        self._frames = 0
        self._sum_F = np.zeros(channels)
        self._squares_F = np.zeros(channels)

    def add(self, mean_NF: npt.NDArray[Any]) -> None:
        values_NF = mean_NF.astype(np.float64)
        self.clips += 1
        self._frames += len(values_NF)
        self._sum_F += values_NF.sum(axis=0)
        self._squares_F += (values_NF**2).sum(axis=0)

    def result(self) -> tuple[list[float], list[float]]:
        if not self._frames:
            raise ContractError(
                "features: no latent is in the statistics, so none can be normalised; add training clips"
            )
        mean_F = self._sum_F / self._frames
        std_F = np.sqrt(np.maximum(self._squares_F / self._frames - mean_F**2, 1e-12))
        return mean_F.tolist(), std_F.tolist()
