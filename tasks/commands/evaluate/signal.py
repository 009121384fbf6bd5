"""The metrics of single clips that need no judge: events, onsets, levels, and what is wrong with the audio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from tasks.commands.evaluate.clips import Clip, SystemSounds
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
    """Returns, for a generated system, LUFS, and 1 or 0 for each clip that is silent, clipped, a copy of another
    generated clip, or has the reference's own audio in it."""
    facts = [clip.generated_facts[system] for clip in clips]
    copies = duplicates([one.peaks_N for one in facts])
    taken = pasted([one.peaks_N for one in facts], [clip.reference_facts.peaks_N for clip in clips])
    # Audio with very few peaks has no fingerprint that could agree; silence is nobody's copy.
    audible = {place: one.sha256 for place, one in enumerate(facts) if not one.silent}
    times, true = Counter(audible.values()), {clip.reference_facts.sha256 for clip in clips}
    copies |= {place for place, sha256 in audible.items() if times[sha256] > 1}
    taken |= {place for place, sha256 in audible.items() if sha256 in true}
    return {
        "lufs": {place: one.lufs for place, one in enumerate(facts) if one.lufs is not None},
        "silent": {place: float(one.silent) for place, one in enumerate(facts)},
        "clipped": {place: float(one.clipped) for place, one in enumerate(facts)},
        "duplicate": {place: float(place in copies) for place in range(len(clips))},
        "reference pasted": {place: float(place in taken) for place in range(len(clips))},
    }
