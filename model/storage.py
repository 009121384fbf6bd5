"""How feature values are stored: fp16, or bf16 for encoders whose values exceed fp16's 65,504. Source: SPEC T3.

numpy has no bf16, so its bits are stored as 16-bit integers: the upper half of a float32, rounded to even by torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from data_contracts import ContractError

StorageName = Literal["fp16", "bf16"]
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Storage:
    """One 16-bit format. `label` names it in headers, `dtype` is numpy's type of the file."""

    name: StorageName
    label: str
    dtype: np.dtype[Any]

    def pack(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Returns the values as they are stored. Raises ContractError when one is not finite in the format."""
        if self.name == "fp16":
            with np.errstate(over="ignore"):
                packed = np.ascontiguousarray(values, self.dtype)
            finite = bool(np.isfinite(packed).all())
        else:
            tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(torch.bfloat16)
            packed = tensor.view(torch.int16).numpy().view(self.dtype)
            finite = bool(torch.isfinite(tensor).all())
        if not finite:
            raise ContractError(f"a value is not finite in {self.name} (largest {np.abs(values).max()})")
        return packed

    def tensor(self, packed: npt.NDArray[Any]) -> torch.Tensor:
        """Returns the packed values as a float16 or bfloat16 tensor on the same memory."""
        if self.name == "fp16":
            return torch.from_numpy(packed)
        return torch.from_numpy(packed.view(np.int16)).view(torch.bfloat16)

    def unpack(self, packed: npt.NDArray[Any]) -> Values:
        """Returns float32 values of what `pack` made: exact."""
        if self.name == "fp16":
            return packed.astype(np.float32)
        return (packed.astype("<u4") << np.uint32(16)).view(np.float32)

    def rounded(self, values: npt.NDArray[Any]) -> Values:
        """Returns the float32 values that a file of this format gives back."""
        return self.unpack(self.pack(values))


FP16: Final = Storage("fp16", "<f2", np.dtype("<f2"))
BF16: Final = Storage("bf16", "bfloat16", np.dtype("<u2"))
STORAGES: Final[dict[str, Storage]] = {"fp16": FP16, "bf16": BF16}


def storage_of(label: str) -> Storage:
    """Returns the format that a header names. Raises ContractError for another."""
    for storage in STORAGES.values():
        if storage.label == label:
            return storage
    raise ContractError(f"features of format {label!r}; this release reads {', '.join(STORAGES)}; run precompute again")
