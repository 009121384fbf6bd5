"""The judges' workloads: their operations follow from the published sizes."""

from __future__ import annotations

import pytest

from benchmarks import evaluation
from benchmarks.judges import JUDGES
from benchmarks.parts import WORKLOADS, count


def test_vggish_takes_the_operations_of_its_layers() -> None:
    """Eight patches; a convolution of 3 x 3 costs 18 operations per place, input channel and output channel."""
    sides = ((96 * 64, 1, 64), (48 * 32, 64, 128), (24 * 16, 128, 256), (24 * 16, 256, 256))
    sides += ((12 * 8, 256, 512), (12 * 8, 512, 512))
    convolutions = sum(18 * places * fan * out for places, fan, out in sides)
    layers = 2 * (512 * 24 * 4096 + 4096 * 4096 + 4096 * 128)
    mel = 2 * 798 * 257 * 64  # the front end's frames, frequencies and bands
    assert count(WORKLOADS["vggish"]) == 8 * (convolutions + layers) + mel


def test_passt_takes_the_operations_of_its_transformer() -> None:
    """2 + 12 x 99 tokens through twelve blocks of width 768; patches, mel filters and heads cost below 1 % more."""
    tokens = 2 + 12 * 99
    block = 2 * tokens * (4 + 8) * 768**2 + 4 * tokens**2 * 768
    assert 12 * block < count(WORKLOADS["passt"]) < 1.01 * 12 * block


def test_the_part_prints_a_line_per_judge(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(JUDGES) <= set(WORKLOADS)
    assert evaluation.main(["judges", "--count", "--component", "vggish"]) == 0
    assert capsys.readouterr().out.split() == ["vggish", "14", "GFLOP", "per", "8", "s", "clip"]
