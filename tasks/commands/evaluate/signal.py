"""The metrics of single clips that need no judge: events, onsets, levels, and what is wrong with the audio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from tasks.commands.evaluate.clips import Clip, SystemSounds
from tasks.commands.evaluate.facts import AudioFacts
from tasks.engine.progress import OnProgress
from tasks.evaluate.baselines import TRUTH
from tasks.evaluate.clip_metrics import ScoredPart, Target, inside, measure_part, score_clip
from tasks.evaluate.judge_cache import JudgeCache, cache_key
from tasks.evaluate.metrics.quality import duplicates, pasted
from tasks.evaluate.sounds import Sound

_VERSION: Final = 1  # of the metrics of a pair
_KEPT: Final = 192  # measured sounds in memory, 0.7 MB each: the noises come round again

ClipValues = dict[str, dict[int, float]]
"""Metric -> clip's position -> value. A metric that is undefined for a clip is absent."""


class SignalScorer:
    """Scores sounds against the reference, from the cache where the pair is there."""

    def __init__(self, cache: JudgeCache) -> None:
        self._cache = cache
        self._part = lru_cache(_KEPT)(_measured)

    def score(
        self, clips: Sequence[Clip], systems: Sequence[SystemSounds], on_progress: OnProgress
    ) -> list[ClipValues]:
        """Returns the values of each system; the one that is called truth is what all are compared with."""
        truths = next(system for system in systems if system.name == TRUTH).sounds
        found: list[ClipValues] = [{} for _ in systems]
        for place, clip in enumerate(clips):
            on_progress(place, len(clips), "signal metrics")
            for values, system in zip(found, systems, strict=True):
                for metric, value in self._pair(clip, truths[place], system.sounds[place]).items():
                    values.setdefault(metric, {})[place] = value
        on_progress(len(clips), len(clips), "signal metrics")
        return found

    def _pair(self, clip: Clip, truth: Sound, sound: Sound) -> dict[str, float]:
        events_s = None if clip.events_s is None else inside(clip.events_s, 0.0, clip.duration_s)
        key = cache_key(
            "pair",
            version=_VERSION,
            truth=truth.content,
            sound=sound.content,
            duration_s=round(clip.duration_s, 6),
            events_s=events_s,
        )
        if (known := self._cache.get(key)) is None:
            target = Target(truth=self._part(truth), events_s=events_s)
            known = {name: np.array([value]) for name, value in score_clip(target, self._part(sound)).items()}
            self._cache.put(key, known)
        return {name: float(value[0]) for name, value in known.items()}


def _measured(sound: Sound) -> ScoredPart:
    samples_T, rate_hz = sound.samples()
    return measure_part(samples_T, rate_hz, 0.0, sound.duration_s)


def quality(clips: Sequence[Clip], system: str) -> ClipValues:
    """Returns, for a generated system or the reference (`TRUTH`), LUFS, and 1 or 0 for each clip that is silent,
    clipped, or a copy of another clip of the system; for a generated one also whether a reference's audio is in it."""
    true = [clip.reference_facts for clip in clips]
    facts = true if system == TRUTH else [clip.generated_facts[system] for clip in clips]
    found: ClipValues = {
        "lufs": {place: one.lufs for place, one in enumerate(facts) if one.lufs is not None},
        "silent": {place: float(one.silent) for place, one in enumerate(facts)},
        "clipped": {place: float(one.clipped) for place, one in enumerate(facts)},
        "duplicate": _flags(facts, _copies(facts)),
    }
    return found if system == TRUTH else {**found, "reference pasted": _flags(facts, _taken(facts, true))}


def _flags(facts: Sequence[AudioFacts], places: Collection[int]) -> dict[int, float]:
    """Returns 1 for the clips at these places, 0 for the others."""
    return {place: float(place in places) for place in range(len(facts))}


def _copies(facts: Sequence[AudioFacts]) -> frozenset[int]:
    """Returns the places of the clips that share audio with another one, or are the same file; silence is no copy."""
    times = Counter(one.sha256 for one in facts)
    same = {place for place, one in enumerate(facts) if not one.silent and times[one.sha256] > 1}
    return duplicates([one.peaks_N for one in facts]) | same


def _taken(facts: Sequence[AudioFacts], true: Sequence[AudioFacts]) -> frozenset[int]:
    """Returns the places of the clips that share audio with a reference, or are the same file; silence is no copy."""
    known = {one.sha256 for one in true}
    same = {place for place, one in enumerate(facts) if not one.silent and one.sha256 in known}
    return pasted([one.peaks_N for one in facts], [one.peaks_N for one in true]) | same
