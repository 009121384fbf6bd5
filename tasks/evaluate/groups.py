"""Groups of clips that are alike (an object, a recording, a source video), as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from data_contracts.errors import ContractError

Indices = npt.NDArray[np.intp]


def group_index(groups: Sequence[Hashable], rows: int) -> Indices:
    """Returns (N,) each row's group as a number from 0, in the order of first appearance.

    Raises ContractError unless there is one group per row.
    """
    if len(groups) != rows:
        raise ContractError(f"{len(groups)} groups for {rows} rows; expected one per row")
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    return np.array([places[group] for group in groups], np.intp)
