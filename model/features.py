"""Precomputed features as flat binary files, memory-mapped (SPEC T3).

Legend: N audio latent frames, F latent channels, V video frames, S sync positions, L text tokens, D width, R records.
One file per field holds R records of one shape, fp16 or bf16 and no header; `features.json` names the files, their
shapes and hashes, and the encoders that made them. `model.feature_writer` writes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch

from data_contracts import ContractError, FeatureRow, read_table
from model.specs import FeatureSpecs
from model.storage import Storage, Values, storage_of

HEADER: Final = "features.json"
FORMAT: Final = "foleygenex-features"
FORMAT_VERSION: Final = 2
FIELDS: Final = ("latent_mean", "latent_std", "clip", "sync", "text")

Stored = npt.NDArray[Any]


def field_shapes(specs: FeatureSpecs, clip_s: float) -> dict[str, tuple[int, int]]:
    """Returns the record shape of each field: (N, F) twice, (V, D), (S, D), (L, D)."""
    latent = (specs.codec.frames(clip_s), specs.codec.latent_dim)
    return {
        "latent_mean": latent,
        "latent_std": latent,
        "clip": (specs.clip.length(clip_s), specs.clip.dim),
        "sync": (specs.sync.length(clip_s), specs.sync.dim),
        "text": (specs.text.tokens, specs.text.dim),
    }


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """A finished set of features in memory-mapped files. Batches are float32 tensors, or `in_16_bits`."""

    folder: Path
    header: dict[str, Any]
    specs: FeatureSpecs
    clip_s: float
    arrays: dict[str, Stored]
    rows: list[FeatureRow]
    widened: bool = True
    """Whether batches are float32; else they have the 16 bits of the files."""

    def in_16_bits(self) -> Self:
        """Returns the same features with batches in float16 or bfloat16, as stored.

        Training reads them so: half the bytes to read, copy and move to a device, where the cast to float32 is exact.
        """
        return replace(self, widened=False)

    @property
    def storage(self) -> Storage:
        """The format of the values in the files."""
        return storage_of(self.header["fields"]["text"]["dtype"])

    def record(self, name: str, number: int) -> Values:
        """Returns one record of a field, float32."""
        return self.storage.unpack(np.asarray(self.arrays[name][number]))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens the features and their table in `folder`.

        Raises ContractError when a file is missing, has the wrong size, or the table points past the records.
        """
        rows = read_table(folder / "features.parquet", FeatureRow)
        store = cls.open_records(folder, rows)
        _check_rows(rows, store)
        return store

    @classmethod
    def open_records(cls, folder: Path, rows: list[FeatureRow] | None = None) -> Self:
        """Like `open`, without the table: only the records."""
        header = _read_header(folder)
        try:
            _check_shapes(folder / HEADER, header)
            arrays = {name: _map(folder, name, field) for name, field in header["fields"].items()}
            specs = FeatureSpecs.from_dict(header["specs"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # other keys, or values of another kind
            raise ContractError(
                f"{folder / HEADER} is damaged or of another release ({type(error).__name__}: {error}); "
                "precompute again"
            ) from error
        return cls(folder, header, specs, header["clip_s"], arrays, rows or [])

    def latent_stats(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (mean_F, std_F) over clips and time; from VTA training rows if there are any, as in MMAudio."""
        stats = self.header["latent_stats"]
        return torch.tensor(stats["mean"]), torch.tensor(stats["std"])

    def latents(self, rows: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (mean_BNF, std_BNF) of latent records."""
        return self._gather("latent_mean", rows), self._gather("latent_std", rows)

    def clip(self, rows: Sequence[int]) -> torch.Tensor:
        """Returns (B, V, D) visual semantics of video records."""
        return self._gather("clip", rows)

    def sync(self, rows: Sequence[int]) -> torch.Tensor:
        """Returns (B, S, D) synchronisation features of video records."""
        return self._gather("sync", rows)

    def text(self, rows: Sequence[int]) -> torch.Tensor:
        """Returns (B, L, D) token states of text records."""
        return self._gather("text", rows)

    def _gather(self, name: str, rows: Sequence[int]) -> torch.Tensor:
        array = self.arrays[name]
        index = np.asarray(rows, np.int64)
        if len(index) and not 0 <= index.min() <= index.max() < len(array):
            raise ContractError(f"features {name}: record {index.max()} asked for; the file has {len(array)}")
        # Reading in the order of record numbers passes through the file once.
        order = np.argsort(index, kind="stable")
        batch = np.empty((len(index), *array.shape[1:]), array.dtype)
        for position in order:
            batch[position] = array[index[position]]
        values = self.storage.tensor(batch)
        return values.float() if self.widened else values


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / HEADER
    try:
        header = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ContractError(f"{path} is missing; run the precompute stage") from error
    except ValueError as error:
        raise ContractError(f"{path} is not valid JSON ({error}); remove {folder} and run precompute again") from error
    found = (header.get("format"), header.get("version")) if isinstance(header, dict) else None
    if found != (FORMAT, FORMAT_VERSION):
        raise ContractError(f"{path}: format {found}; this release reads {(FORMAT, FORMAT_VERSION)}; precompute again")
    return dict(header)


def _check_shapes(path: Path, header: dict[str, Any]) -> None:
    for name, shape in field_shapes(FeatureSpecs.from_dict(header["specs"]), header["clip_s"]).items():
        field = header["fields"].get(name)
        if field is None or tuple(field["shape"][1:]) != shape:
            raise ContractError(f"{path}: field {name} is {field}; the encoders' specs ask for records {shape}")


def _map(folder: Path, name: str, field: dict[str, Any]) -> Stored:
    path = folder / field["file"]
    shape = tuple(field["shape"])
    dtype = storage_of(field["dtype"]).dtype
    expected = math.prod(shape) * dtype.itemsize
    found = path.stat().st_size if path.is_file() else None
    if found != expected:
        raise ContractError(
            f"{path}: field {name} has {found} bytes, expected {expected}; remove {folder} and run precompute again"
        )
    if not shape[0]:
        return np.zeros(shape, dtype)  # an empty file cannot be mapped
    return np.asarray(np.memmap(path, dtype, "r", shape=shape))  # indexing a memmap itself is slower


def _check_rows(rows: list[FeatureRow], store: FeatureStore) -> None:
    counts = {name: len(array) for name, array in store.arrays.items()}
    for row in rows:
        video_ok = row.video_row is None or row.video_row < counts["clip"]
        text_ok = row.text_rows and max(row.text_rows) < counts["text"]
        if not (row.latent_row < counts["latent_mean"] and video_ok and text_ok):
            raise ContractError(
                f"{store.folder}: table features, row {row.item_id}: records {row.latent_row}, {row.video_row}, "
                f"{row.text_rows} are not all in the files ({counts}); remove {store.folder} and run precompute again"
            )
