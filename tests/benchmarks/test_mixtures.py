"""Mixtures have the ratio that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.mixtures import mixed, rms


@pytest.mark.parametrize("ratio_db", [-5.0, 0.0, 10.0])
def test_a_mixture_has_the_ratio(ratio_db: float) -> None:
    rng = np.random.default_rng(1)
    wanted, under = 0.3 * rng.normal(size=4000), 0.01 * rng.normal(size=1500)
    mixture = mixed(wanted, under, ratio_db)
    background: np.ndarray = np.resize(under, 4000)
    assert 20 * np.log10(rms(mixture - background) / rms(background)) == pytest.approx(ratio_db, abs=1e-3)
    assert np.array_equal(mixed(wanted, np.zeros(10), ratio_db), wanted.astype(np.float32))
