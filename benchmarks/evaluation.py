"""What evaluation costs and how far it can be trusted: `python -m benchmarks.evaluation PART [OPTIONS]`.

`fd`: the Fréchet distance against SciPy's matrix root. `coverage`: how often the intervals contain the truth.
`clips`: the command on 1,000 clips, twice. `recordings`: the command on real recordings against themselves.
`formulas`: FD, KL and IS beside av-benchmark's code. `originals`: judges beside the code of their originals. `names`:
names and shapes of the originals' tensors. `judges`: what a clip costs each judge.
`unwanted`: speech and music found, and false alarms.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from typing import Final

PARTS: Final[Mapping[str, str]] = {
    "fd": "benchmarks.frechet_speed",
    "coverage": "benchmarks.coverage",
    "clips": "benchmarks.evaluated_clips",
    "recordings": "benchmarks.evaluated_recordings",
    "formulas": "benchmarks.original_metrics",
    "originals": "benchmarks.original_judges",
    "names": "benchmarks.original_names",
    "judges": "benchmarks.judges",
    "unwanted": "benchmarks.unwanted_sound",
}
"""Part -> module with `main(arguments) -> exit code`."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    given, rest = parser.parse_known_args(arguments)
    return int(import_module(PARTS[given.part]).main(rest))


if __name__ == "__main__":
    raise SystemExit(main())
