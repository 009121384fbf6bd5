"""The evaluation benchmark: its parts run, and what they compare is the same distance."""

from __future__ import annotations

import math
import mmap
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import coverage, evaluated_clips, evaluation, frechet_speed, original_metrics
from tasks.evaluate.metrics.frechet import feature_distance


def test_every_part_is_a_module_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluation.main(["speed of light"])
    assert "invalid choice: 'speed of light'" in capsys.readouterr().err
    assert evaluation.main(["fd", "--rows", "120", "--width", "16", "--repeat", "1"]) == 0
    said = capsys.readouterr().out
    assert "120 x 16 against as many, 2 threads" in said and "relative difference" in said
    assert evaluation.main(["coverage", "--sets", "2", "--only", "share 0.8"]) == 0
    said = capsys.readouterr().out
    assert "share 0.8 to 0.99: mean" in said and "of 21 cells" in said and "FD" not in said


def test_both_routes_give_the_same_distance_and_the_cost_is_that_of_the_call() -> None:
    generated, reference = (frechet_speed.features(200, 24, seed, 0.1 * seed) for seed in (1, 2))
    assert generated.dtype == np.float32 and generated.min() == 0 and not np.array_equal(generated, reference)
    ours = frechet_speed.cost(lambda: feature_distance(generated, reference))
    assert ours.value == pytest.approx(frechet_speed.with_matrix_root(generated, reference), rel=1e-6)
    assert ours.wall_s > 0 and ours.peak_bytes >= 0


def test_the_peak_is_seen_while_the_call_runs() -> None:
    def held() -> float:
        with mmap.mmap(-1, 64_000_000) as memory:  # NumPy could reuse what the process has freed but kept
            memory[:: mmap.PAGESIZE] = b"1" * len(range(0, len(memory), mmap.PAGESIZE))
            time.sleep(0.5)  # long enough to be seen on a busy machine
            return float(len(memory))

    assert 30e6 < frechet_speed.cost(held).peak_bytes < 200e6


def test_the_formulas_are_compared_with_what_a_checkout_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(original_metrics, "SETS", ((60, 40, 16), (20, 50, 32)))

    class Theirs:
        compute_fd = staticmethod(frechet_speed.with_matrix_root)
        compute_kl = staticmethod(lambda _generated, _reference: {"kl_softmax": 1.0})
        compute_isc = staticmethod(lambda *_, **__: {"inception_score_mean": 1.0, "inception_score_std": 0.1})

    rows = {name: (ours, theirs) for name, ours, theirs in original_metrics.compared(Theirs)}
    assert len(rows) == 8
    for name, (ours, theirs) in rows.items():
        if name.startswith("FD"):
            assert ours == pytest.approx(theirs, rel=1e-6)
    assert rows["KL, 13 clips"][0] > 1 and rows["IS mean, 13 clips"][0] > 1


def test_cells_cover_the_sizes_groups_and_correlations_once() -> None:
    found = Counter((name, n, groups, alike) for name, n, groups, alike, _ in coverage.cells(1))
    assert set(found.values()) == {1}
    assert {(n, groups) for _, n, groups, _ in found} == set(coverage.SIZES)
    assert all(alike == 0 or groups < n for _, n, groups, alike in found)


def test_the_exact_coverage_of_few_clips_is_that_of_all_outcomes_one_by_one() -> None:
    found = coverage.exact_coverage(4, (0.6, 0.6), steps=1)
    bounds = [coverage.share_interval([1.0] * hits + [0.0] * (4 - hits), range(4)) for hits in range(5)]
    chances = {hits: math.comb(4, hits) * 0.6**hits * 0.4 ** (4 - hits) for hits in range(5)}
    covered = sum(chance for hits, chance in chances.items() if bounds[hits][0] <= 0.6 <= bounds[hits][1])
    assert found.mean == found.lowest == found.highest == pytest.approx(covered)
    rows = [sum(chances[hits] for hits in range(a, b)) for a in range(5) for b in range(a + 1, 6)]
    assert found.possible == any(0.92 <= one <= 0.97 for one in rows)
    assert coverage.exact_coverage(1, (0.5, 0.5), steps=1).possible == 0  # one outcome has 50 %, both have 100 %


def test_the_coverage_of_an_interval_that_is_too_narrow_is_low(monkeypatch: pytest.MonkeyPatch) -> None:
    full = coverage.share_coverage(16, 16, 0.0, shares=(0.5, 0.8), sets=100, seed=1)
    monkeypatch.setattr(coverage, "share_interval", lambda values, groups: (np.mean(values), np.mean(values) + 0.1))
    assert coverage.share_coverage(16, 16, 0.0, shares=(0.5, 0.8), sets=100, seed=1) < 0.6 < full
    monkeypatch.setattr(coverage, "mean_interval", lambda *_: (None, None))
    assert coverage.mean_coverage("spread", 16, 16, 0.0, sets=3) == 0
    assert coverage.distance_coverage(24, 12, 0.3, sets=4) > 0


def test_folders_of_clips_have_the_same_names_and_differ_by_noise(tmp_path: Path) -> None:
    reference, generated = evaluated_clips.write_folders(tmp_path, 2)
    names = sorted(path.name for path in reference.iterdir())
    assert names == sorted(path.name for path in generated.iterdir()) == ["clip00000.flac", "clip00001.flac"]
    (first, rate_hz), (second, _) = (soundfile.read(folder / names[0]) for folder in (reference, generated))
    assert len(first) == evaluated_clips.SECONDS * rate_hz
    noise_db = 10 * np.log10(np.mean(np.square(second - first)) / np.mean(np.square(first)))
    assert noise_db == pytest.approx(-20, abs=0.2)


def test_a_command_is_measured_and_a_failing_one_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    run = evaluated_clips.timed(["-c", "x = bytearray(60_000_000); print(len(x))"])
    assert run.code == 0 and run.wall_s > 0 and run.peak_bytes > 60e6
    assert "60000000" not in capfd.readouterr().out
    assert evaluated_clips.timed(["-c", "raise SystemExit('no such folder')"]).code == 1
    assert "no such folder" in capfd.readouterr().err


def test_the_command_is_run_twice_on_the_same_folders(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[list[str]] = []

    def run(arguments: list[str]) -> evaluated_clips.Run:
        asked.append(arguments)
        return evaluated_clips.Run(wall_s=2.0, cpu_s=1.0, peak_bytes=10**9, code=3 * (len(asked) == 4))

    monkeypatch.setattr(evaluated_clips, "timed", run)
    assert evaluation.main(["clips", "--clips", "1", "--judges", "none"]) == 0
    assert asked[0] == asked[1] and "evaluate" in asked[0] and asked[0][-3] == "none"
    assert "second run  1 clips of 8 s, judges none: 2.0 s, 0.5 clips/s" in capsys.readouterr().out
    assert evaluation.main(["clips", "--clips", "1"]) == 3
