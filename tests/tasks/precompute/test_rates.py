"""Rates timed on this machine: one per embedded component, none for the others."""

from __future__ import annotations

import pytest

from tasks.precompute import rates as rates_module
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.rates import _seconds, measured_rates

PUBLISHED = {
    "codec": "mmaudio-44k", "text_encoder": "clip-dfn5b", "image_encoder": "clip-dfn5b", "sync_encoder": "synchformer",
}  # fmt: skip


@pytest.mark.parametrize("name", ["codec", "text_encoder", "image_encoder", "sync_encoder"])
def test_a_published_component_is_not_timed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(rates_module, "_seconds", lambda run: 0.25)
    monkeypatch.setattr(rates_module, "load_codec", lambda name: None)
    for maker in ("_audio", "_images", "_motion", "_text"):
        monkeypatch.setattr(rates_module, maker, lambda config: lambda: None)
    fields = {"codec": "latents", "text_encoder": "text", "image_encoder": "clip", "sync_encoder": "sync"}
    rates = measured_rates(PrecomputeConfig(**{name: PUBLISHED[name]}))
    assert rates.keys() == set(fields.values()) - {fields[name]}
    assert all("timed now" in rate.device for rate in rates.values())
    per_s = {field: rate.per_s for field, rate in rates.items()}
    assert per_s == {field: 32 * 4.0 if field == "text" else 4.0 for field in rates}  # texts are timed in batches of 32
    assert measured_rates(PrecomputeConfig(**PUBLISHED)) == {}


def test_the_time_is_the_shorter_of_two_runs_after_a_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 3.0, 10.0, 11.0])
    monkeypatch.setattr(rates_module.time, "perf_counter", lambda: next(clock))
    runs: list[int] = []
    assert _seconds(lambda: runs.append(1)) == 1.0
    assert len(runs) == 3  # the first loads weights and is not timed
