"""output_metrics.json from caches: equal to plain loops over the same features, keys in av-benchmark's order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg

from data_contracts import ItemError, UsageError
from model.judges.synchformer import SynchformerJudge
from tasks.evaluate.av_benchmark import scores as module
from tasks.evaluate.av_benchmark.scores import (
    KEYS,
    CacheScores,
    cache_scores,
    matched,
    read_output_metrics,
    write_output_metrics,
)
from tasks.evaluate.metrics.frechet import feature_distance
from tests.tasks.evaluate.av_benchmark.caches import write_random_cache

NAMES = [f"clip{number:02d}" for number in range(12)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("caches")
    made = write_random_cache(root / "made", NAMES, seed=0)
    return made, write_random_cache(root / "true", list(reversed(NAMES)), seed=1, sides=("audio", "video", "text"))


def cheap_distance(made: np.ndarray, true: np.ndarray) -> float:
    """Stands for the Fréchet distance, which takes seconds at 2048 columns."""
    return float(np.abs(made.mean(0) - true.mean(0)).sum())


@pytest.fixture(scope="module", autouse=True)
def _cheap() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "feature_distance", cheap_distance)
        yield


@pytest.fixture(scope="module")
def found(folders: tuple[Path, Path]) -> CacheScores:
    return cache_scores(*folders)


def load(folder: Path, name: str, names: list[str] | None = None, key: str | None = None) -> np.ndarray:
    stored = torch.load(folder / name, weights_only=True)
    return np.stack([(stored[n] if key is None else stored[n][key]).numpy() for n in names or stored])


def frechet(made: np.ndarray, true: np.ndarray) -> float:
    """The plain way: SciPy's matrix root of the product."""
    first, second = np.cov(made, rowvar=False), np.cov(true, rowvar=False)
    root = linalg.sqrtm(first @ second + 0j).real
    gap = made.mean(0) - true.mean(0)
    return float(gap @ gap + np.trace(first + second - 2 * root))


def test_vggish_counts_every_patch_as_a_row(
    folders: tuple[Path, Path], found: CacheScores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "feature_distance", feature_distance)
    made, true = (load(folder, "vggish_features.pth").reshape(-1, 128).astype(np.float64) for folder in folders)
    alone = [tmp_path / "made", tmp_path / "true"]
    for folder, source in zip(alone, folders, strict=True):
        folder.mkdir()
        shutil.copy(source / "vggish_features.pth", folder)
    assert cache_scores(*alone).values == {"FD-VGG": pytest.approx(frechet(made, true), rel=1e-5)}
    assert (found.n, found.n_reference, found.unmatched) == (12, 12, ())


@pytest.mark.parametrize(("key", "name", "inner"), [
    ("KL-PANNS-softmax", "pann_features.pth", "logits"), ("KL-PASST-softmax", "passt_logits.pth", None),
])  # fmt: skip
def test_kl_is_the_sum_over_classes_of_matched_clips(
    folders: tuple[Path, Path], found: CacheScores, key: str, name: str, inner: str | None
) -> None:
    made, true = (torch.from_numpy(load(folder, name, NAMES, inner)) for folder in folders)
    total = 0.0
    for ours, theirs in zip(made, true, strict=True):
        p, q = theirs.double().softmax(0), ours.double().softmax(0)
        total += float((p * (p.log() - q.log())).sum())
    assert found.values[key] == pytest.approx(total / 12, rel=1e-6)


def test_inception_scores_follow_the_files_order(folders: tuple[Path, Path], found: CacheScores) -> None:
    logits = torch.from_numpy(load(folders[0], "passt_logits.pth")).double()
    p = logits[np.random.RandomState(2020).permutation(12)].softmax(1)
    parts = [p[i * 12 // 10 : (i + 1) * 12 // 10] for i in range(10)]
    values = [float((one * (one.log() - one.mean(0).log())).sum(1).mean().exp()) for one in parts]
    assert found.values["ISC-PASST-mean"] == pytest.approx(np.mean(values), rel=1e-9)
    assert found.values["ISC-PASST-std"] == pytest.approx(np.std(values), rel=1e-6)


@pytest.mark.parametrize(("key", "audio", "other"), module._CLOSE)
def test_cosines_are_means_over_matched_clips(
    folders: tuple[Path, Path], found: CacheScores, key: str, audio: str, other: str
) -> None:
    made, true = (torch.from_numpy(load(f, n, NAMES)) for f, n in zip(folders, (audio, other), strict=True))
    assert found.values[key] == pytest.approx(torch.cosine_similarity(made, true, dim=-1).mean().item(), rel=1e-5)


def test_desync_without_weights_says_so(found: CacheScores) -> None:
    assert "DeSync" not in found.values and "synchformer is not downloaded" in found.why_empty["DeSync"]


def test_clips_too_short_for_desync_cost_that_number_alone(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_short(_judge: SynchformerJudge, video: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        raise ItemError("too_short", "13 segments of 0.64 s")

    monkeypatch.setattr(module, "load_judge", lambda name: object.__new__(SynchformerJudge))
    monkeypatch.setattr(SynchformerJudge, "offset_logits", too_short)
    found = cache_scores(*folders)
    assert found.why_empty == {"DeSync": "not computed: 13 segments of 0.64 s"} and len(found.values) == len(KEYS) - 1


def test_a_cache_without_clips_has_no_number(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    found = cache_scores(write_random_cache(tmp_path / "empty", [], seed=0), folders[1])
    assert found.values == {} and found.why_empty.keys() == set(KEYS)
    assert found.why_empty["FD-VGG"].startswith("not computed: no clip")


def test_keys_are_in_av_benchmarks_order_and_the_file_has_its_form(found: CacheScores, tmp_path: Path) -> None:
    assert list(found.ordered()) == [key for key in KEYS if key != "DeSync"]
    path = tmp_path / "output_metrics.json"
    write_output_metrics(path, dict(reversed(found.values.items())))
    assert path.read_text() == json.dumps(found.ordered(), indent=4)
    assert read_output_metrics(path) == found.ordered()


@pytest.mark.parametrize("text", ["", "[1]", '{"FD-VGG": "x"}', '{"FD-VGG": true}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "output_metrics.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"output_metrics\.json"):
        read_output_metrics(path)


def test_whole_names_come_before_cut_ones() -> None:
    video = "zxpo56cpUBU_000007"
    generated = [f"{video}-0", f"Y{video}_0", f"000000014_{video}-0", video, "0" * 20, "other"]
    found = matched(generated, [video, "0" * 20, "0" * 18])
    assert found == {**dict.fromkeys(generated[:4], video), "0" * 20: "0" * 20}


def test_clips_without_a_reference_are_counted_and_do_not_enter_pairs(tmp_path: Path) -> None:
    made = write_random_cache(tmp_path / "made", [*NAMES, "extra"], seed=0)
    true = write_random_cache(tmp_path / "true", NAMES[2:], seed=1)
    found = cache_scores(made, true)
    assert found.unmatched == ("clip00", "clip01", "extra") and (found.n, found.n_reference) == (13, 10)
    whole = cache_scores(made, write_random_cache(tmp_path / "b", NAMES[2:], seed=1))
    assert whole.values == found.values
    assert found.why_empty["IB-Score"].endswith("true has no imagebind_video.pth")


def test_unpaired_sets_have_no_metric_of_pairs(folders: tuple[Path, Path]) -> None:
    found = cache_scores(*folders, paired=False)
    assert not {key for key in found.values if key.startswith("KL") or key.endswith("Score")}
    assert "FD-PASST" in found.values and "unpaired" in found.why_empty["IB-Score"]


def test_a_missing_file_empties_its_keys_alone(folders: tuple[Path, Path], tmp_path: Path) -> None:
    made = write_random_cache(tmp_path / "made", NAMES, seed=0)
    (made / "pann_features.pth").unlink()
    (made / "passt_logits.pth").unlink()
    found = cache_scores(made, folders[1])
    assert set(found.values) == {"FD-VGG", "IB-Score", "LAION-CLAP-Score", "MS-CLAP-Score"}
    assert found.why_empty["FD-PANN"].endswith("made has no pann_features.pth")
    assert (found.n, found.n_reference, found.unmatched) == (12, 12, ())


def test_no_clip_in_common_is_a_reason_not_a_crash(folders: tuple[Path, Path], tmp_path: Path) -> None:
    made = write_random_cache(tmp_path / "made", [f"x{name}" for name in NAMES], seed=0)
    found = cache_scores(made, folders[1])
    assert "none of the generated cache has a reference of its name" in found.why_empty["KL-PANNS-softmax"]
    assert {"FD-VGG", "FD-PANN", "ISC-PANNS-mean"} <= found.values.keys()
