"""Every metric of the catalogue and of the embedded judges on held-out scenes of the built-in corpus: the truth, its
round trip through the codec, another level, another clip, noise, clicks, silence. What breaks a law is listed with its
reason, and a test fails where a listed law holds after all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch

from benchmarks.codec_measures import round_trip
from benchmarks.real_data import resemblyzer_weights, tagger_weights
from model.codec import load_codec
from model.judges import AudioJudge, TextJudge, load_judge
from tasks.corpus.scenes import make_scenes
from tasks.evaluate import baselines
from tasks.evaluate.clip_metrics import ScoredPart, Target, measure_part, score_clip
from tasks.evaluate.columns import COLUMNS, Column, columns_of
from tasks.evaluate.judged import clip_values, feature_set, set_value
from tasks.evaluate.judging import Said
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.metrics.set_baselines import shuffled_order
from tasks.evaluate.tables import metric_named
from tasks.media.audio import resample
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import RATE_HZ, scene_audio

SECONDS, SEED = 4, 4_711  # of objects that no training has seen
LEVEL = "12 dB quieter"
WORTHLESS = (baselines.NOISE, baselines.CLICKS, baselines.SILENCE)
SYSTEMS = (baselines.TRUTH, baselines.CODEC_UPPER_BOUND, LEVEL, baselines.SHUFFLED, *WORTHLESS)
ELSEWHERE: Final[Mapping[str, str]] = {
    "Material right": "needs a trained classifier: test_material",
    "lufs": "a level: metrics/test_loudness", "level_difference_db": "a level: metrics/test_laws",
    "level_dbfs": "a level: metrics/test_laws", "silent": "of files: metrics/test_quality",
    "clipped": "of files: metrics/test_quality", "duplicate": "of files: metrics/test_quality",
    "reference pasted": "of files: metrics/test_quality",
}  # fmt: skip
"""Metrics that the laws say nothing about, and the test that does; the adverbs' are in test_adverbs."""
JUDGES = {
    "corpus-cnn": "corpus-cnn",
    "labels-corpus-cnn": "labels-corpus-cnn",
    "mn04": f"mn04:{tagger_weights()}",
    "resemblyzer": f"resemblyzer:{resemblyzer_weights() or 'absent'}",
}


@dataclass(frozen=True)
class Sounds:
    """The same clips of every system, in one order."""

    of: Mapping[str, list[Samples]]
    events_s: list[tuple[float, ...]]
    captions: list[str]


@cache
def sounds() -> Sounds:
    scenes = make_scenes(24, has_video=True, seed=SEED)[::2]
    truth = [scene_audio(scene)[: SECONDS * RATE_HZ] for scene in scenes]
    codec, rng, count = load_codec("embedded_16k"), np.random.default_rng(1), len(scenes)
    order, length = shuffled_order(range(count), 1), SECONDS * RATE_HZ
    made = {
        baselines.TRUTH: truth,
        baselines.CODEC_UPPER_BOUND: [round_trip(codec, one)[:length] for one in truth],
        LEVEL: [np.float32(0.25) * one for one in truth],
        baselines.SHUFFLED: [truth[place] for place in order],
        baselines.NOISE: [baselines.white_noise(length, rng) for _ in range(4)] * (count // 4),
        baselines.CLICKS: [baselines.clicks(length, RATE_HZ)] * count,
        baselines.SILENCE: [baselines.silence(length)] * count,
    }
    events = [tuple(time for time in scene.event_times_s if time < SECONDS) for scene in scenes]
    return Sounds(made, events, [scene.caption for scene in scenes])


@cache
def signal_values() -> dict[str, dict[str, float]]:
    """Metric -> system -> mean over the clips that have a value."""
    known: dict[int, ScoredPart] = {}

    def part(samples: Samples) -> ScoredPart:
        if id(samples) not in known:
            known[id(samples)] = measure_part(samples, RATE_HZ, 0.0, SECONDS)
        return known[id(samples)]

    found: dict[str, dict[str, list[float]]] = {}
    for system, made in sounds().of.items():
        for truth, one, events_s in zip(sounds().of[baselines.TRUTH], made, sounds().events_s, strict=True):
            target = Target(truth=part(truth), events_s=events_s)
            for metric, value in score_clip(target, part(one)).items():
                found.setdefault(metric, {}).setdefault(system, []).append(value)
    return {metric: {name: float(np.mean(v)) for name, v in values.items()} for metric, values in found.items()}


@cache
def heard(judge: str) -> tuple[AudioJudge, dict[str, list[Said]]]:
    """The judge, and what it says of each system's clips; each sound is judged once."""
    path = JUDGES[judge].partition(":")[2]
    if path and not Path(path).is_file():
        pytest.skip(f"the weights of {judge} are not in {path}")
    loaded = load_judge(JUDGES[judge])
    assert isinstance(loaded, AudioJudge) and loaded.spec.rate_hz is not None
    known: dict[int, Said] = {}
    for made in sounds().of.values():
        for one in made:
            if id(one) not in known:
                sound = resample(np.ascontiguousarray(one, np.float32), RATE_HZ, loaded.spec.rate_hz)
                outputs = loaded.judge_audio([torch.from_numpy(sound)], seeds=[0])[0]
                known[id(one)] = {output: value.numpy() for output, value in outputs.items()}
    return loaded, {system: [known[id(one)] for one in made] for system, made in sounds().of.items()}


@cache
def column_values(column: Column) -> dict[str, float]:
    """System -> the column's value."""
    judge, said = heard(column.judge)
    truth = said[baselines.TRUTH]
    if not column.is_per_clip:
        rows = {system: feature_set(one, column.output).rows for system, one in said.items()}
        owners = range(len(truth))
        return {s: set_value(column, made, rows[baselines.TRUTH], owners, 1) for s, made in rows.items()}
    other = truth
    if column.measure == "text":
        assert isinstance(judge, TextJudge)
        other = [{name: value.numpy() for name, value in one.items()} for one in judge.judge_text(sounds().captions)]
    return {s: float(np.mean(list(clip_values(column, judge, one, other).values()))) for s, one in said.items()}


def values_of(metric: str) -> dict[str, float]:
    column = next((one for one in COLUMNS if one.name == metric), None)
    return signal_values()[metric] if column is None else column_values(column)


SET_METRICS = [f"{name}-{judge}" for judge in ("corpus-cnn", "mn04") for name in ("FD", "KAD", "IS")]
PAIR_METRICS = [
    "EventF1@100ms", "EventF1@50ms", "EventOffset_s", "OnsetSyncAP", "OnsetSyncAcc", "KL-corpus-cnn",
    "likeness-corpus-cnn", "labels-corpus-cnn, caption", "KL-mn04", "likeness-mn04", "Resemblyzer",
]  # fmt: skip
BEST, TRIP, WORSE, OTHER, SAME = (
    "the truth is best",
    "the round trip is nearer than another clip",
    "the round trip is better than noise, clicks and silence",
    "another clip is better than noise, clicks and silence",
    "a level changes nothing",
)
_CLICKS = "a click every 0.2 s is within 0.1 s of every event"
EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("EventF1@100ms", OTHER): _CLICKS,
    ("EventF1@50ms", OTHER): _CLICKS,
    ("EventOffset_s", OTHER): _CLICKS,
    ("OnsetSyncAcc", WORSE): _CLICKS,
    ("OnsetSyncAcc", OTHER): _CLICKS,
    ("OnsetSyncAP", WORSE): "without any onset the average precision is 1",
    ("OnsetSyncAP", OTHER): "without any onset the average precision is 1",
    ("Resemblyzer", OTHER): "an encoder of voices: what is no voice is all alike",
    ("Resemblyzer", SAME): "quiet sounds are raised to -30 dBFS, louder ones stay, as in the original",
    ("KL-corpus-cnn", OTHER): "the network is sure of a wrong object, and of clicks it is not sure",
}
"""Laws that a metric breaks: it is not to be read alone, and `foleygenex evaluate` says so where it happens."""


def holds(metric: str, law: str) -> bool:
    """Returns whether a law holds for the values of a metric; a thousandth of their range is no difference."""
    values = values_of(metric)
    sign = 1 if metric_named(metric).higher_is_better else -1
    goodness = {system: sign * value for system, value in values.items()}
    slack = 1e-3 * (max(goodness.values()) - min(goodness.values()))
    worthless = [goodness[system] for system in WORTHLESS if system in goodness]
    truth, trip, other = (goodness[name] for name in (baselines.TRUTH, baselines.CODEC_UPPER_BOUND, baselines.SHUFFLED))
    return {
        BEST: max(goodness.values()) <= truth + slack,
        TRIP: trip > other,
        WORSE: trip > max(worthless),
        OTHER: other > max(worthless),
        SAME: abs(goodness[LEVEL] - truth) <= slack,
    }[law]


def laws(metric: str) -> tuple[str, ...]:
    """The laws for a metric: pairing does not matter to one of sets, and IS compares with nothing."""
    if metric in PAIR_METRICS:
        return BEST, TRIP, WORSE, OTHER, SAME
    return (WORSE, SAME) if metric.startswith("IS") else (BEST, WORSE, SAME)


@pytest.mark.parametrize("metric", [*PAIR_METRICS, *SET_METRICS])
def test_a_metric_ranks_the_truth_its_round_trip_other_clips_and_what_is_worth_nothing(metric: str) -> None:
    broken = {law for law in laws(metric) if not holds(metric, law)}
    assert broken == {law for name, law in EXCEPTIONS if name == metric}


@pytest.mark.parametrize("metric", [name for name in SET_METRICS if not name.startswith("IS")])
def test_which_clip_belongs_to_which_video_is_nothing_to_a_distance_of_sets(metric: str) -> None:
    values = values_of(metric)
    assert values[baselines.SHUFFLED] == pytest.approx(values[baselines.TRUTH], abs=1e-6)


@pytest.mark.parametrize("metric", ["unwanted speech-mn04", "unwanted music-mn04"])
def test_what_the_reference_has_is_not_unwanted_at_any_level_and_silence_has_nothing(metric: str) -> None:
    values = values_of(metric)
    assert [values[system] for system in (baselines.TRUTH, LEVEL, baselines.SILENCE)] == [0, 0, 0]


def test_every_metric_of_the_catalogue_and_of_the_embedded_judges_is_tested_here_or_elsewhere() -> None:
    tested = {*PAIR_METRICS, *SET_METRICS, *ELSEWHERE}
    of_judges = {column.name: column.measure for judge in JUDGES for column in columns_of(judge)}
    left = {name for name in (*METRICS, *of_judges) if name not in tested and not name.startswith("AdverbCheck")}
    assert {of_judges[name] for name in left} == {"frechet-infinity", "video", "speech", "music"}
    assert set(EXCEPTIONS) <= {(metric, law) for metric in (*PAIR_METRICS, *SET_METRICS) for law in laws(metric)}
