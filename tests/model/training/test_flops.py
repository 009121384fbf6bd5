"""FLOPs of a step and of a device: the two sides of MFU (SPEC T1)."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from model.config import PRESETS, TrainingConfig
from model.paper_specs import paper_specs
from model.training import Trainer, flops
from model.training.flops import forward_flops, matmul_speed, named_peak, peak_flops, training_flops
from tests.model.fakes import TOY, fake_store, toy_specs

CONFIG = TrainingConfig(
    steps=8, batch_size=8, lr=2e-3, warmup_steps=3, schedule="cosine", log_every=4, validate_every=8,
    checkpoint_every=2, seed=3,
)  # fmt: skip


def trainer(tmp_path, **changes) -> Trainer:
    return Trainer(TOY, dataclasses.replace(CONFIG, **changes), fake_store(), tmp_path)


def test_flops_of_the_network_agree_with_mmaudios():
    """Measured on the original: 78.4 + 4.0 GFLOP per sample for `small`; ours adds the InputEmbedding and saves adaLN
    work by computing it once per distinct sync row."""
    assert forward_flops(PRESETS["small"], paper_specs(), 8.0) == pytest.approx(82.4e9, rel=0.08)


def test_flops_grow_a_little_faster_than_the_length():
    short, long = (training_flops(TOY, toy_specs(), seconds) for seconds in (2.0, 4.0))
    assert 1.9 * short < long < 2.6 * short


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989.4),
        ("NVIDIA A100-SXM4-80GB", 312),
    ],
)
def test_peaks_are_known_by_the_devices_name(name, tera):
    assert named_peak(name, bf16=True) == pytest.approx(tera * 1e12)
    assert named_peak(name, bf16=False) == pytest.approx(tera * 0.5e12)


def test_an_unknown_peak_is_none_and_no_mfu_is_made_up(tmp_path):
    assert named_peak("Some GPU", bf16=True) is None
    assert peak_flops(torch.device("cpu"), bf16=False) is None
    row = next(iter(trainer(tmp_path).run()))
    assert row.mfu is None
    assert row.peak_memory_gib > 0.05
    assert row.samples_per_s == pytest.approx(8 * row.steps_per_s)
    json.dumps(row.to_dict(), allow_nan=False)


def test_mfu_is_the_models_flops_over_the_devices_peak(tmp_path, monkeypatch):
    one = trainer(tmp_path)
    monkeypatch.setattr("model.training.loop.peak_flops", lambda device, bf16: 1e12)
    row = next(iter(one.run()))
    flops = training_flops(TOY, one.source.specs, one.source.clip_s)
    assert row.mfu == pytest.approx(row.samples_per_s * flops / 1e12)


def test_a_backward_pass_counts_twice_and_a_wider_network_more() -> None:
    once = forward_flops(TOY, toy_specs(), 2.0)
    assert training_flops(TOY, toy_specs(), 2.0) == 3 * once
    wider = dataclasses.replace(TOY, width=64)
    assert 2 * once < forward_flops(wider, toy_specs(), 2.0) < 5 * once


def test_counting_draws_no_random_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    forward_flops(TOY, toy_specs(), 1.0)
    assert torch.equal(torch.rand(2), expected)


def test_the_speed_of_matrix_products_is_that_of_the_best_one(monkeypatch):
    """Four products that take 4 (to warm up), 2, 1 and 3 s, each with half of that in processor seconds."""
    starts = [0.0, 10.0, 20.0, 30.0]
    clock = [time_s for start, took in zip(starts, (4, 2, 1, 3), strict=True) for time_s in (start, start + took)]
    wall, cpu = iter(clock), iter([time_s / 2 for time_s in clock])
    monkeypatch.setattr(flops.time, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(flops.time, "process_time", lambda: next(cpu))
    speed = matmul_speed(torch.device("cpu"), side=8, repeat=3)
    assert speed.per_s == pytest.approx(2 * 8**3) and speed.per_cpu_s == pytest.approx(4 * 8**3)


def test_products_too_fast_for_the_clock_are_no_division_by_zero(monkeypatch):
    monkeypatch.setattr(flops.time, "process_time", lambda: 1.0)
    speed = matmul_speed(torch.device("cpu"), torch.bfloat16, side=8, repeat=1)
    assert speed.per_s > 0 and speed.per_cpu_s > 0
