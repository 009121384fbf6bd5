"""Names and shapes of the tensors of the judges' originals, in short: one line per judge.

`python -m benchmarks.evaluation names --imagebind CHECKOUT ...`, with the checkouts of `... originals`.
EfficientAT's and Resemblyzer's lines come from their published files, where these are on this machine.
`tests/model/judges/published_files.py` has the lines of all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

import torch

from benchmarks.original_audio_judges import (
    laion_clap_network,
    ms_clap_network,
    panns_network,
    passt_network,
    vggish_network,
)
from benchmarks.original_code import Listing, listing
from benchmarks.original_judges import imagebind_network, synchformer_network, timm_network
from benchmarks.real_data import resemblyzer_weights, tagger_weights
from model.weights.files import read_tensors

NETWORKS: Final[dict[str, tuple[tuple[str, ...], Callable[..., Any]]]] = {
    "imagebind": (("imagebind",), lambda checkout: _without_memory(partial(imagebind_network, checkout))),
    "synchformer": (("av-benchmark",), synchformer_network),
    "pe-av frames": (("timm",), timm_network),
    "vggish": (("av-benchmark",), vggish_network),
    "panns": (("av-benchmark", "torchlibrosa"), panns_network),
    "passt": (("passt",), passt_network),
    "laion-clap": (("clap", "torchlibrosa"), laion_clap_network),
    "ms-clap": (("ms-clap", "torchlibrosa"), ms_clap_network),
}
"""Judge -> the checkouts that its original needs, and what makes it at full size; in the order of
`original_judges.ORIGINALS`, because they replace modules of each other."""


def of_file(path: Path) -> Listing:
    """Returns the listing of a published file."""
    return listing({name: value.shape for name, value in read_tensors(path).tensors.items()})


def main(arguments: list[str]) -> int:
    """Prints one line per judge: tensors, numbers and the hash of all names and shapes."""
    parser = argparse.ArgumentParser("evaluation names", description=__doc__)
    for name in sorted({name for names, _ in NETWORKS.values() for name in names}):
        parser.add_argument(f"--{name}", type=Path, dest=name)
    given = vars(parser.parse_args(arguments))
    for judge, path in (("mn04", tagger_weights()), ("resemblyzer", resemblyzer_weights())):
        if path is not None and path.is_file():
            _print(judge, of_file(path))
    for judge, (names, make) in NETWORKS.items():
        if all(given[name] for name in names):
            network = make(*(given[name] for name in names))
            _print(judge, listing({name: value.shape for name, value in network.state_dict().items()}))
    return 0


def _without_memory(make: Callable[[], Any]) -> Any:
    """Makes a network on the meta device; its schedules, which are looked at, stay on the CPU."""
    with torch.device("meta"), mock.patch.object(torch, "linspace", partial(torch.linspace, device="cpu")):
        return make()


def _print(judge: str, found: Listing) -> None:
    print(f"{judge:14} {found.tensors:6} {found.numbers:12} {found.sha256}", flush=True)
