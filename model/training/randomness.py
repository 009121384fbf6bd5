"""Random generators of training: one per purpose and step, so that a resumed run needs only the step number."""

from __future__ import annotations

import hashlib

import torch


def generator_for(seed: int, purpose: str, number: int) -> torch.Generator:
    """Returns a CPU generator that depends on the arguments alone: the same on every device and after any resume."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
