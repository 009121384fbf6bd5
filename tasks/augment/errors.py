"""The one way an effect is refused."""

from __future__ import annotations

from data_contracts import ItemError


def effect_missing(what: str, found: float, wanted: str) -> ItemError:
    """Returns the error of an effect that did not happen: what was measured, the number found, what was wanted."""
    return ItemError("effect_missing", f"{what} is {found:.4g}; wanted {wanted}")
