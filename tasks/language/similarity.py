"""How similar the events of two captions are, by a sentence encoder: a floor under the validators' other checks.

The words that say a level are left out of both captions, since they differ by intent. Source: SPEC A6.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from tasks.language.cues import CuedCaption
from tasks.language.meaning import masked

if TYPE_CHECKING:
    import torch

    from model.encoders.minilm import MiniLM

_KEPT: Final = 1024


def event_similarity(before: CuedCaption, after: CuedCaption) -> float:
    """Returns the cosine of the two captions' sentence vectors by MiniLM, their cues left out: 1 for equal events.

    Raises WeightsError when the encoder's package is not installed.
    """
    return float(_vector(_events(before)) @ _vector(_events(after)))


def similarity_problems(before: CuedCaption, after: CuedCaption, least: float) -> list[str]:
    """Returns that two captions are less similar than `least`, when they are. With 0 nothing is computed."""
    if not least or (found := event_similarity(before, after)) >= least:
        return []
    return [f"tells of something else: similarity {found:.2f}, at least {least:.2f}"]


def _events(caption: CuedCaption) -> str:
    return " ".join(masked(caption).split())


@lru_cache(maxsize=_KEPT)
def _vector(text: str) -> torch.Tensor:
    return _encoder().sentences([text])[0]


@cache
def _encoder() -> MiniLM:
    from model.encoders.minilm import MiniLM  # imports torch, which the rules do without

    return MiniLM.load()
