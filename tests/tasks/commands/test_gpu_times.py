"""Hours on GPUs: the FLOPs over the rate, shared by the GPUs that the config names."""

from __future__ import annotations

import re

import pytest

from tasks.commands import gpu_times
from tasks.commands.gpu_times import gpu_line
from tasks.config import PipelineConfig


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of 2 TFLOP per forward pass: counting a real one's takes seconds."""
    monkeypatch.setattr(gpu_times, "forward_flops", lambda *_: int(2e12))
    monkeypatch.setattr(gpu_times, "training_flops", lambda *_: int(6e12))


def hours(line: str, stage: str) -> tuple[float, float]:
    """Returns the seconds of a stage on one GPU and on several."""
    units = {"s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0}
    found = re.search(rf"{stage} ([\d.]+) (\w+) on one, ([\d.]+) (\w+) on", line)
    assert found, line
    one, unit, several, other = found.groups()
    return float(one) * units[unit], float(several) * units[other]


def config(**changes: object) -> PipelineConfig:
    return PipelineConfig.model_validate({"train": {"steps": 1000, "batch_size": 64}, **changes})


def test_several_gpus_share_the_work() -> None:
    line = gpu_line(config())
    assert "on 8" in line and "A100 at 40 % of its bf16 peak" in line
    for stage in ("train", "generate"):
        one, several = hours(line, stage)
        assert one == pytest.approx(8 * several, rel=0.02)
    assert hours(gpu_line(config(), tflops=100.0), "train")[0] == pytest.approx(6e12 * 64 * 1000 / 1e14, rel=0.01)
    assert "on 3" in gpu_line(config(gpus=3)) and "on 2" in gpu_line(config(train={"processes": 2}))


def test_a_given_rate_counts() -> None:
    slow, fast = (hours(gpu_line(config(), tflops=rate), "train")[0] for rate in (1.0, 10.0))
    assert slow == pytest.approx(10 * fast, rel=0.02)
    assert "at the given 10 TFLOP/s" in gpu_line(config(), tflops=10.0)


def test_generation_grows_with_steps_clips_guidance_and_checkpoints() -> None:
    def seconds(**evaluate: object) -> float:
        base = {"steps": 10, "clips": 100, "adverb_pairs": 1, "cfg_scale": 1.0}
        return hours(gpu_line(config(evaluate={**base, **evaluate}), tflops=100.0), "generate")[0]

    plain = seconds()
    assert seconds(cfg_scale=4.5) == pytest.approx(2 * plain, rel=0.02)
    assert seconds(steps=30) == pytest.approx(3 * plain, rel=0.02)
    assert seconds(checkpoints=["trained", "builtin"]) == pytest.approx(2 * plain, rel=0.02)
    assert seconds(clips=200) > 1.9 * plain
    assert seconds(seeds=[1, 2, 3]) == pytest.approx(3 * plain, rel=0.02)


def test_features_of_an_unknown_size_are_not_guessed() -> None:
    assert "unknown" in gpu_line(config(precompute={"codec": "none.safetensors"}))
