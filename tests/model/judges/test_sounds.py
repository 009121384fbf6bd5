"""Loading of sounds as the originals load them: channels, mean, rate, length."""

from __future__ import annotations

import math

import librosa
import pytest
import torch

from data_contracts import ContractError
from model.judges.protocols import JudgeSpec, Loading
from model.judges.sounds import crop, prepare, repeat_and_pad, resample, resample_by_librosa, tile
from tests.model.judges.small_judges import sound


def spec(loading: Loading = "plain", rate_hz: int | None = 16_000) -> JudgeSpec:
    return JudgeSpec(
        name="any",
        weights_sha256="",
        embedded=False,
        kinds=frozenset(("audio",)),
        licence="MIT",
        is_commercial=True,
        rate_hz=rate_hz,
        loading=loading,
    )


def slow_resample(samples: torch.Tensor, old: int, new: int) -> list[float]:
    """Band-limited interpolation with a Hann window of 6 zero crossings, roll-off 0.99, sample by sample."""
    cutoff = min(old, new) * 0.99
    made = []
    for place in range(math.ceil(new * len(samples) / old)):
        total = 0.0
        for index, value in enumerate(samples.tolist()):
            t = max(-6.0, min(6.0, (index / old - place / new) * cutoff))
            sinc = 1.0 if t == 0 else math.sin(math.pi * t) / (math.pi * t)
            total += value * sinc * math.cos(math.pi * t / 12) ** 2 * cutoff / old
        made.append(total)
    return made


@pytest.mark.parametrize(("old", "new"), [(3, 2), (2, 3), (441, 160)])
def test_resampling_is_torchaudios_formula(old: int, new: int) -> None:
    samples = sound(90)
    torch.testing.assert_close(
        resample(samples, old, new), torch.tensor(slow_resample(samples, old, new)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("rate_hz", [44_100, 22_050, 8_000])
def test_where_the_original_uses_librosa_its_resampler_is_used(rate_hz: int) -> None:
    samples = sound(rate_hz)
    made = prepare(torch.stack([samples, samples]), rate_hz, spec("librosa"), seconds=0.9)
    expected = torch.from_numpy(librosa.resample(samples.numpy(), orig_sr=rate_hz, target_sr=16_000))[:14_400]
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-6)
    assert float((made - prepare(samples[None], rate_hz, spec(), seconds=0.9)).abs().max()) > 1e-3
    assert resample_by_librosa(samples, 16_000, 16_000) is samples and len(resample_by_librosa(samples[:0], 8, 16)) == 0


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    samples = sound(50)
    assert resample(samples, 16_000, 16_000) is samples
    assert len(resample(samples[:0], 44_100, 16_000)) == 0


def test_channels_are_averaged_and_the_mean_goes_before_the_rate_changes() -> None:
    channels = torch.stack([sound(400, 1), sound(400, 2) + 1.0])
    mono = channels.mean(dim=0)
    assert torch.equal(prepare(channels, 16_000, spec()), mono)
    assert torch.equal(prepare(channels, 16_000, spec("centred")), mono - mono.mean())
    expected = resample(mono - mono.mean(), 24_000, 16_000)
    assert torch.equal(prepare(channels, 24_000, spec("centred")), expected)


def test_sounds_are_cut_to_the_evaluated_length_unless_the_original_takes_whole_files() -> None:
    channels = sound(32_000)[None]
    assert len(prepare(channels, 16_000, spec(), seconds=1.5)) == 24_000
    assert len(prepare(channels, 16_000, spec("whole"), seconds=1.5)) == 32_000
    assert len(prepare(channels, 16_000, spec(), seconds=9.0)) == 32_000  # nothing is padded
    centred = prepare(channels, 16_000, spec("centred"), seconds=1.0)
    assert torch.equal(centred, (channels[0] - channels[0].mean())[:16_000])  # the mean of the whole file


def test_other_arrays_and_judges_without_audio_are_refused() -> None:
    with pytest.raises(ContractError, match=r"any: got audio \(9,\) torch.float32; expected \(channels, samples\)"):
        prepare(torch.zeros(9), 16_000, spec())
    with pytest.raises(ContractError, match=r"torch.int16; expected"):
        prepare(torch.zeros(1, 9, dtype=torch.int16), 16_000, spec())
    with pytest.raises(ContractError, match="judge any: takes no audio"):
        prepare(torch.zeros(1, 9), 16_000, spec(rate_hz=None))


def test_a_crop_is_a_part_that_its_seed_chooses() -> None:
    samples = torch.arange(100.0)
    starts = {int(crop(samples, 90, seed)[0]) for seed in range(200)}
    assert starts == set(range(11))  # each place, the first and last too
    part = crop(samples, 90, 7)
    assert torch.equal(part, crop(samples, 90, 7)) and torch.equal(part, samples[int(part[0]) :][:90])
    assert torch.equal(crop(samples, 100, 1), samples) and torch.equal(crop(samples, 200, 1), samples)
    assert len(crop(samples, 10, 2**63 - 1)) == 10


def test_shorter_sounds_are_repeated_and_padded_or_tiled() -> None:
    samples = torch.tensor([1.0, 2.0, 3.0])
    assert repeat_and_pad(samples, 8).tolist() == [1, 2, 3, 1, 2, 3, 0, 0]
    assert repeat_and_pad(samples, 5).tolist() == [1, 2, 3, 0, 0]
    assert tile(samples, 8).tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert tile(samples, 3).tolist() == repeat_and_pad(samples, 3).tolist() == [1, 2, 3]
