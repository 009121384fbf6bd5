"""av-benchmark's output_metrics.json from its caches: the same keys in the same order, the same numbers.

Clips are matched by their whole name; a generated clip without such a reference is matched as av-benchmark does, which
cuts names of 20, 21 and 30 characters to the 18 of a VGGSound clip.

Legend: N clips, D width of an embedding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data_contracts import ContractError, ItemError, UsageError, WeightsError
from data_contracts.files import atomic_path
from model.judges import load_judge
from model.judges.synchformer import SynchformerJudge
from tasks.evaluate.av_benchmark.caches import PANNS_FILE, read_cache, read_panns, require_cache
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.divergence import inception_score, kl_per_clip
from tasks.evaluate.metrics.frechet import feature_distance
from tasks.evaluate.metrics.similarity import cosines, desync_per_clip

KEYS: Final = (
    "FD-VGG", "FD-PANN", "FD-PASST", "KL-PANNS-softmax", "KL-PASST-softmax", "ISC-PANNS-mean", "ISC-PANNS-std",
    "ISC-PASST-mean", "ISC-PASST-std", "IB-Score", "DeSync", "LAION-CLAP-Score", "MS-CLAP-Score",
)  # fmt: skip
"""The keys of output_metrics.json, in its order."""
OUTPUT: Final = "output_metrics.json"
_CUT: Final = {20: slice(0, 18), 21: slice(1, 19), 30: slice(10, 28)}
_CLOSE: Final = (
    ("IB-Score", "imagebind_audio.pth", "imagebind_video.pth"),
    ("LAION-CLAP-Score", "clap_laion_audio.pth", "clap_laion_text.pth"),
    ("MS-CLAP-Score", "clap_ms_audio.pth", "clap_ms_text.pth"),
)

Floats = npt.NDArray[np.float32]
ClipT = TypeVar("ClipT")


@dataclass(slots=True, kw_only=True)
class CacheScores:
    """The values by key, why the others are missing, and the clips of the generated cache without a reference."""

    values: dict[str, float] = field(default_factory=dict)
    why_empty: dict[str, str] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    n: int = 0
    n_reference: int = 0

    def ordered(self) -> dict[str, float]:
        """Returns the values in the order of output_metrics.json."""
        return {key: self.values[key] for key in KEYS if key in self.values}


def matched(generated: Iterable[str], reference: Iterable[str]) -> dict[str, str]:
    """Returns generated clip -> reference clip, in the order of the generated ones; whole names come first."""
    known = set(reference)
    found = {}
    for name in generated:
        cut = name[_CUT[len(name)]] if len(name) in _CUT else name
        if (match := name if name in known else cut) in known:
            found[name] = match
    return found


def cache_scores(generated: Path, reference: Path, *, paired: bool = True) -> CacheScores:
    """Returns what av-benchmark's evaluate.py gives for two caches, and a reason for every key that has no value.

    FD-VGG, FD-PANN and IS-PANNS are of every clip of each side, the others of the matched ones. `paired`: False for
    sets of different clips. Raises UsageError for a folder that is no cache, ContractError for a damaged file.
    """
    require_cache(generated)
    require_cache(reference)
    scores = CacheScores()
    _vggish(scores, generated, reference)
    _panns(scores, generated, reference, paired=paired)
    _passt(scores, generated, reference, paired=paired)
    if paired:
        for key, audio, other in _CLOSE:
            _cosine(scores, key, (generated, audio), (reference, other))
        _desync(scores, generated, reference)
    for key in KEYS:
        if key not in scores.values:
            scores.why_empty.setdefault(key, "not computed: needs matched clips (unpaired)")
    return scores


def write_output_metrics(path: Path, values: Mapping[str, float]) -> None:
    """Writes values as av-benchmark does: one flat object, indented by 4, keys in its order."""
    ordered = {key: values[key] for key in KEYS if key in values}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(ordered, indent=4), "utf-8")


def read_output_metrics(path: Path) -> dict[str, float]:
    """Returns the numbers of an output_metrics.json. Raises UsageError when it is missing, or not such a file."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(found, dict) or not all(type(value) in (int, float) for value in found.values()):
        raise UsageError(f"{path}: expected an object of numbers, as av-benchmark writes it")
    return {key: float(value) for key, value in found.items()}


def _vggish(scores: CacheScores, generated: Path, reference: Path) -> None:
    keys = ["FD-VGG"]
    if sides := _sides(
        scores, keys, read_cache, (generated, "vggish_features.pth"), (reference, "vggish_features.pth")
    ):
        made, true = sides
        _both(scores, made, true)
        _put(scores, keys, lambda: [feature_distance(_rows(made), _rows(true))])


def _panns(scores: CacheScores, generated: Path, reference: Path, *, paired: bool) -> None:
    keys = ["FD-PANN", "KL-PANNS-softmax", "ISC-PANNS-mean", "ISC-PANNS-std"]
    sides = _sides(scores, keys, read_panns, (generated, PANNS_FILE), (reference, PANNS_FILE))
    if sides is None:
        return
    both = _both(scores, *sides)
    wide, true_wide = ({name: one["2048"] for name, one in side.items()} for side in sides)
    logits, true_logits = ({name: one["logits"] for name, one in side.items()} for side in sides)
    _put(scores, keys[:1], lambda: [feature_distance(_stacked(wide), _stacked(true_wide))])
    _put(scores, keys[2:], lambda: _inception(_stacked(logits)))
    if paired:
        _put(scores, keys[1:2], lambda: [_kl(*_pairs(both, logits, true_logits))])


def _passt(scores: CacheScores, generated: Path, reference: Path, *, paired: bool) -> None:
    keys = ["FD-PASST", "KL-PASST-softmax", "ISC-PASST-mean", "ISC-PASST-std"]
    found = {}
    for name in ("passt_features_embed.pth", "passt_logits.pth"):
        sides = _sides(scores, keys, read_cache, (generated, name), (reference, name))
        if sides is None:
            return
        both = _both(scores, *sides)
        found[name] = _pairs(both, *sides) if paired else sides
    (made, true), (logits, true_logits) = found.values()
    _put(scores, keys[:1], lambda: [feature_distance(_stacked(made), _stacked(true))])
    _put(scores, keys[2:], lambda: _inception(_stacked(logits)))
    if paired:
        _put(scores, keys[1:2], lambda: [_kl(logits, true_logits)])


def _cosine(scores: CacheScores, key: str, audio: tuple[Path, str], other: tuple[Path, str]) -> None:
    if sides := _sides(scores, [key], read_cache, audio, other):
        made, true = _pairs(_both(scores, *sides), *sides)
        _put(scores, [key], lambda: [float(np.mean(cosines(_stacked(made), _stacked(true))))])


def _desync(scores: CacheScores, generated: Path, reference: Path) -> None:
    keys = ["DeSync"]
    sides = _sides(scores, keys, read_cache, (generated, "synchformer_audio.pth"), (reference, "synchformer_video.pth"))
    if sides is None:
        return
    made, true = _pairs(_both(scores, *sides), *sides)

    def compute() -> list[float]:
        judge = load_judge("synchformer")
        assert isinstance(judge, SynchformerJudge)
        logits = {name: judge.offset_logits(true[name], made[name]) for name in made}
        return [float(np.mean(desync_per_clip(_stacked(logits))))]

    _put(scores, keys, compute)


def _sides(
    scores: CacheScores,
    keys: list[str],
    read: Callable[[Path, str], dict[str, ClipT] | None],
    generated: tuple[Path, str],
    reference: tuple[Path, str],
) -> tuple[dict[str, ClipT], dict[str, ClipT]] | None:
    """Returns both sides' clips of a file of the caches; None where a side has none, which is noted for the keys."""
    found = []
    for folder, name in (generated, reference):
        clips = read(folder, name)
        if clips is None:
            scores.why_empty |= dict.fromkeys(keys, f"not computed: {folder} has no {name}")
            return None
        found.append(clips)
    made, true = found
    return made, true


def _pairs(
    both: Mapping[str, str], made: Mapping[str, Tensor], true: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns both sides of the matched clips, by the generated clip's name."""
    return {name: made[name] for name in both}, {name: true[other] for name, other in both.items()}


def _put(scores: CacheScores, keys: list[str], compute: Callable[[], list[float]]) -> None:
    try:
        scores.values |= dict(zip(keys, compute(), strict=True))
    except (ContractError, ItemError, WeightsError) as error:
        scores.why_empty |= dict.fromkeys(keys, f"not computed: {error}")


def _both(scores: CacheScores, made: Mapping[str, object], true: Mapping[str, object]) -> dict[str, str]:
    """Returns the matched clips of a file, and notes the numbers of clips of the first file that both caches have."""
    found = matched(made, true)
    if not scores.n:
        scores.n, scores.n_reference = len(made), len(true)
        scores.unmatched = tuple(name for name in made if name not in found)
    return found


def _inception(logits_NK: Floats) -> list[float]:
    found = inception_score(logits_NK)
    return [found.mean, found.deviation]


def _kl(made: Mapping[str, Tensor], true: Mapping[str, Tensor]) -> float:
    return float(np.mean(kl_per_clip(_stacked(made), _stacked(true))))


def _rows(clips: Mapping[str, Tensor]) -> Floats:
    return torch.cat(_tensors(clips)).numpy()


def _stacked(clips: Mapping[str, Tensor]) -> Floats:
    return torch.stack(_tensors(clips)).numpy()


def _tensors(clips: Mapping[str, Tensor]) -> list[Tensor]:
    if not clips:
        raise UndefinedMetricError("no clip, or none of the generated cache has a reference of its name")
    return list(clips.values())
