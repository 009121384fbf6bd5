"""Names and shapes of the tensors of the judges' originals, in short: one line per judge.

`python -m benchmarks.evaluation names --imagebind CHECKOUT ...`, with the checkouts of `... originals`.
EfficientAT's and Resemblyzer's lines come from their published files, where these are on this machine.
`tests/model/judges/test_published_files.py` has the lines of all of them.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.original_code import Listing, listing
from benchmarks.original_judges import ORIGINALS, given_originals
from benchmarks.real_data import resemblyzer_weights, tagger_weights
from model.weights.files import read_tensors


def of_file(path: Path) -> Listing:
    """Returns the listing of a published file."""
    return listing({name: value.shape for name, value in read_tensors(path).tensors.items()})


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per judge: tensors, numbers and the hash of all names and shapes."""
    for judge, checkouts in given_originals(arguments, "names", __doc__):
        network = ORIGINALS[judge].network(*checkouts)
        _print(judge, listing({name: value.shape for name, value in network.state_dict().items()}))
    for judge, path in (("mn04", tagger_weights()), ("resemblyzer", resemblyzer_weights())):
        if path is not None and path.is_file():
            _print(judge, of_file(path))
    return 0


def _print(judge: str, found: Listing) -> None:
    print(f"{judge:14} {found.tensors:6} {found.numbers:12} {found.sha256}", flush=True)
