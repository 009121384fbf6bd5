"""One recording changed as the pipeline changes it, and what was measured of the change. Source: SPEC A2-A5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from data_contracts.adverbs import CHANGES, Change
from data_contracts.errors import UsageError
from foleygenex.media import Audio, AudioSource, source_file
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.ends import prepare_source
from tasks.augment.make import make_change
from tasks.augment.recipe import AugmentContext
from tasks.engine.settings import settings_from
from tasks.media.audio import peak_of, read_audio

EFFECTS: Final[Mapping[str, Change]] = {
    change.variant or change.level: change for change in CHANGES if change.operation != "original"
}
"""By name: faster, slower, far, crescendo, decrescendo."""

_ROOMS: Final = "python"  # in place of a run's dataset version: the simulated rooms that far audio draws from


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AugmentedAudio(Audio):
    """Changed audio, mono (T,). `recipe` has the change's parameters, `measured` its effect on the samples, and
    `description` is the change in one sentence."""

    description: str
    recipe: dict[str, Any]
    measured: dict[str, Any]


def augment(
    audio: AudioSource, effect: str, *, seed: int = 0, settings: Mapping[str, Any] | None = None
) -> AugmentedAudio:
    """Returns audio that is played `faster` (1.3) or `slower` (0.7), moved `far` away, or a `crescendo` or
    `decrescendo`; the same samples for the same seed.

    As in a run, samples over full scale are lowered by one gain, a DC offset and silence at both ends are removed,
    and at most 8 s are kept. `settings` are those of `augment.*` (docs/settings.md), e.g. `{"dynamics_db": 30}`.
    Raises UsageError for an unknown effect or setting, and ItemError when the file cannot be read, is silent or too
    short, or the effect cannot be measured (`effect_missing`).
    """
    if effect not in EFFECTS:
        raise UsageError(f"effect {effect!r} is unknown; choose one of {', '.join(EFFECTS)}")
    config = settings_from(AugmentConfig, dict(settings or {}), (), "settings")
    with TemporaryDirectory() as folder:
        samples_T, rate_hz = read_audio(source_file(audio, Path(folder), "audio"))
    full_scale_T = samples_T / np.float32(max(1.0, peak_of(samples_T)))
    source = prepare_source(full_scale_T, rate_hz, config)
    context = AugmentContext(config=config, rooms=RoomBank(config=config, dataset_version=_ROOMS))
    recipe, made = make_change(EFFECTS[effect], source.samples_T, rate_hz, seed, context)
    return AugmentedAudio(
        samples=made.samples_T,
        rate_hz=rate_hz,
        description=recipe.describe(),
        recipe=recipe.record(made.measured),
        measured=dict(made.measured),
    )
