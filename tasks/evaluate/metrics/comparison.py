"""Distances between sets with their numbers of rows: values of FD are ranked only where these are equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDistance:
    """An FD or KAD, and how many generated and reference rows it is of."""

    value: float
    n: int
    n_reference: int


def why_not_ranked(distances: Mapping[str, SetDistance]) -> str | None:
    """Returns why these systems' distances have no order, None where they have one.

    The FD of a set falls with its number of rows: a system with more clips would win by that alone.
    """
    if len({(one.n, one.n_reference) for one in distances.values()}) <= 1:
        return None
    counts = ", ".join(f"{name} {one.n} against {one.n_reference}" for name, one in distances.items())
    return f"not ranked: the numbers of rows differ ({counts}), and the distance falls with them"


def ranked(distances: Mapping[str, SetDistance]) -> list[str]:
    """Returns the systems' names, the smallest distance first. Raises ContractError where they have no order."""
    if (reason := why_not_ranked(distances)) is not None:
        raise ContractError(reason)
    return sorted(distances, key=lambda name: distances[name].value)
