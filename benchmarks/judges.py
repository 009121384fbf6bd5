"""What the published judges cost for 8 s, against a matrix product of as many operations: part `judges` of
`python -m benchmarks.evaluation`, with the options of `benchmarks.parts`."""

from __future__ import annotations

from typing import Final

from benchmarks import parts
from model.judges import JUDGES as REGISTERED

JUDGES: Final = tuple(name for name in parts.WORKLOADS if name.split(" ")[0] in REGISTERED and name != "synchformer")
"""The workloads of registered judges; `synchformer` alone is the encoder of its frames, which `precompute` uses."""


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per judge."""
    return parts.main(["--component", *JUDGES, *(arguments or [])])
