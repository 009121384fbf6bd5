"""Imports the code of originals beside packages that do not install here, and compares its outputs with ours."""

from __future__ import annotations

import hashlib
import math
import sys
import tempfile
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

Row = tuple[str, float]
"""What was computed, and the relative difference of both results."""
CONSTANTS: Final = (".position_ids", ".token_type_ids", ".attn.bias", ".attn.masked_bias")
"""Ends of names that are no weights: whether a file has them depends on the release of transformers that wrote it."""


class Listing(NamedTuple):
    """The names and shapes of a network's tensors in short: how many tensors and numbers, and a hash of all lines."""

    tensors: int
    numbers: int
    sha256: str


def listing(shapes: Mapping[str, Sequence[int]]) -> Listing:
    """Returns the listing of names and shapes, in any order, without the names that end as `CONSTANTS`."""
    kept = {name: tuple(shape) for name, shape in shapes.items() if not name.endswith(CONSTANTS)}
    lines = sorted(f"{name} {'x'.join(map(str, shape))}" for name, shape in kept.items())
    sha256 = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return Listing(len(kept), sum(math.prod(shape) for shape in kept.values()), sha256)


def empty_module(name: str, **content: Any) -> None:
    """Puts a module in the place of one that is not installed."""
    parts = name.split(".")
    for length in range(1, len(parts)):
        sys.modules.setdefault(".".join(parts[:length]), types.ModuleType(parts[length - 1]))
    module = types.ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


def package(name: str, folder: object, **content: Any) -> None:
    """Makes a folder importable without running its `__init__`, which imports more than is needed."""
    empty_module(name, **content)
    sys.modules[name].__path__ = [str(folder)]  # type: ignore[attr-defined]


def drawn(network: nn.Module) -> nn.Module:
    """Moves all weights away from the values that hide mistakes (zeros and ones); Fourier and mel matrices stay."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "_extractor." not in name:
                parameter.add_(0.03 * torch.randn_like(parameter))
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(-20.0 + torch.randn_like(buffer) if "bn0" in name else 0.3 * torch.randn_like(buffer))
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand_like(buffer))
    return network.eval().requires_grad_(False)


def difference(found: Tensor, expected: Tensor) -> float:
    """Returns the norm of the difference relative to the expected norm."""
    return float((found - expected).norm() / expected.norm())


def loaded(tensors: Mapping[str, Tensor], load: Callable[[Path], Any]) -> Any:
    """Returns what `load` makes of a file with these tensors."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(dict(tensors), path)
        return load(path)
