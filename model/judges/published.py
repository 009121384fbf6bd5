"""Specs of published judges: licence and restrictions come from the catalogue of weights."""

from __future__ import annotations

from collections.abc import Iterable

from model.judges.protocols import JudgeSpec, Kind, Loading
from model.weights.catalogue import COMPONENTS


def published_spec(
    name: str,
    sha256: str,
    kinds: Iterable[Kind],
    *,
    rate_hz: int | None = None,
    fps: float | None = None,
    classes: tuple[str, ...] = (),
    loading: Loading = "plain",
) -> JudgeSpec:
    """Returns the spec of the judge whose weights are the catalogue's component `name`."""
    component = COMPONENTS[name]
    return JudgeSpec(
        name=name,
        weights_sha256=sha256,
        embedded=False,
        kinds=frozenset(kinds),
        licence=component.licence,
        is_commercial=component.is_commercial,
        rate_hz=rate_hz,
        fps=fps,
        classes=classes,
        loading=loading,
    )
