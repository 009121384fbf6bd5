"""Where real recordings and published weights lie that are no part of this repository, for benchmarks and tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "FOLEYGENEX_REALDATA"


def recordings_folder() -> Path:
    """Returns the folder of real recordings: FOLEYGENEX_REALDATA, or `shared/data` beside the repository.

    It need not be there.
    """
    return Path(os.environ.get(VARIABLE) or Path(__file__).resolve().parents[2] / "shared" / "data")


def tagger_weights() -> Path:
    """Returns the published tagger's weights, in `weights` beside the folder of recordings. They need not be there."""
    return recordings_folder().parent / "weights" / "mn04" / "mn04_as_mAP_432.pt"


def resemblyzer_weights() -> Path | None:
    """Returns Resemblyzer's fetched weights (`foleygenex weights fetch resemblyzer`), None where they are not."""
    from model.weights.catalogue import COMPONENTS
    from model.weights.locate import find

    return find(COMPONENTS["resemblyzer"].files[0])
