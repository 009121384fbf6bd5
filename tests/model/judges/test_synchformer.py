"""Synchformer whole (SPEC E1, DeSync): front end, and every component against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import ContractError, ItemError, WeightsError
from model.encoders import load_sync_encoder
from model.judges import load_judge
from model.judges.synchformer import SynchformerJudge, segment_mels
from model.judges.synchformer_network import OFFSETS_S
from tests.model.encoders.synchformer import PATCH, PREFIX, SIDE, WIDTH, slow_window
from tests.model.judges.small_judges import load_small, sound, write_small
from tests.model.judges.synchformer import slow_audio, slow_logits, slow_mel, tiny


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> SynchformerJudge:
    found = load_small("synchformer", tmp_path_factory.mktemp("judge"))
    assert isinstance(found, SynchformerJudge)
    return found


def frames(number: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (number, SIDE * PATCH, SIDE * PATCH, 3), np.uint8)


def segments(number: int, tokens: int, seed: int) -> torch.Tensor:
    return torch.randn(number, tokens, WIDTH, generator=torch.Generator().manual_seed(seed))


def test_the_mel_spectrogram_is_what_loops_over_frames_and_bands_give() -> None:
    audio = sound(10_240 + 2 * 5_120 + 100)
    found = segment_mels(audio)
    assert found.shape == (3, 66, 128)
    for segment in range(3):
        expected = slow_mel(audio[5_120 * segment : 5_120 * segment + 10_240].numpy())
        torch.testing.assert_close(found[segment], expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(found[:, 65], torch.full((3, 128), 4.2677393 / (2 * 4.5689974)))  # the frame of zeros


def test_a_tone_is_in_the_band_of_its_frequency() -> None:
    tone = torch.sin(2 * np.pi * 1000 * torch.arange(10_240) / 16_000)
    band = int(segment_mels(tone)[0, 30].argmax())
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 130) / 2595) - 1)
    assert edges[band] < 1000 < edges[band + 2]


def test_audio_segments_are_what_loops_over_tokens_give(judge: SynchformerJudge) -> None:
    audio = sound(10_240 + 5_120)
    (outputs,) = judge.judge_audio([audio], seeds=[0])
    assert outputs["segments"].shape == (2, 6, WIDTH) and outputs["segments"].dtype == torch.float32
    for segment in range(2):
        expected = slow_audio(tiny(), audio[5_120 * segment : 5_120 * segment + 10_240].numpy())
        torch.testing.assert_close(outputs["segments"][segment], expected, rtol=1e-3, atol=1e-3)


def test_video_segments_are_what_loops_and_the_encoder_give(judge: SynchformerJudge, tmp_path: Path) -> None:
    video = frames(24)
    found = judge.judge_video(video)["segments"]
    assert found.shape == (2, 8, WIDTH) and found.dtype == torch.float32
    torch.testing.assert_close(found[1], slow_window(_visual(), video[8:24]), rtol=1e-3, atol=1e-4)
    path = write_small("synchformer", tmp_path)
    assert torch.equal(found.flatten(0, 1), load_sync_encoder(f"synchformer:{path}").encode(video))


def _visual() -> dict[str, torch.Tensor]:
    return {name.removeprefix(PREFIX): value for name, value in tiny().items() if name.startswith(PREFIX)}


def test_logits_are_those_of_the_first_and_the_last_14_segments(judge: SynchformerJudge) -> None:
    video, audio = segments(16, 8, 1), segments(16, 6, 2)
    found = judge.offset_logits(video, audio)
    assert found.shape == (2, 21) and found.dtype == torch.float32
    torch.testing.assert_close(found[0], slow_logits(tiny(), video[:14], audio[:14]), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[1], slow_logits(tiny(), video[2:], audio[2:]), rtol=1e-3, atol=1e-4)
    both = judge.offset_logits(video[:14], audio[:14])
    torch.testing.assert_close(both[0], both[1])


def test_a_segment_that_only_one_of_the_two_has_is_not_used(judge: SynchformerJudge) -> None:
    video, audio = segments(16, 8, 1), segments(16, 6, 2)
    expected = judge.offset_logits(video[:15], audio[:15])
    assert torch.equal(judge.offset_logits(video, audio[:15]), expected)
    assert torch.equal(judge.offset_logits(video[:15], audio), expected)


def test_the_offsets_are_every_fifth_of_a_second_from_minus_two_to_two(judge: SynchformerJudge) -> None:
    np.testing.assert_allclose(OFFSETS_S, np.linspace(-2, 2, 21), atol=1e-12)
    assert judge.spec.classes[0] == "-2.0 s" and judge.spec.classes[10] == "+0.0 s" and len(judge.spec.classes) == 21


@pytest.mark.parametrize(("samples", "number"), [(10_240, 1), (15_359, 1), (15_360, 2), (128_000, 24), (80_000, 14)])
def test_segments_of_10240_start_every_5120_samples(samples: int, number: int) -> None:
    assert len(segment_mels(torch.zeros(samples))) == number


def test_the_spec_says_how_frames_are_taken(judge: SynchformerJudge) -> None:
    assert (judge.spec.fps, judge.fit, judge.size) == (25.0, "crop", SIDE * PATCH)


def test_the_visual_part_alone_is_refused(tmp_path: Path) -> None:
    torch.save(_visual(), tmp_path / "visual.pth")
    with pytest.raises(WeightsError, match=r"not synchformer: it has no tensor vfeat_extractor\.\* \(the visual part"):
        load_judge(f"synchformer:{tmp_path / 'visual.pth'}")


def test_short_and_malformed_videos_and_segments_are_refused(judge: SynchformerJudge) -> None:
    with pytest.raises(ItemError, match="15 frames at 25 per second; it needs at least 16"):
        judge.judge_video(frames(15))
    with pytest.raises(ContractError, match=r"expected \(n, 16, 16, 3\), uint8"):
        judge.judge_video(np.zeros((16, 8, 8, 3), np.uint8))
    with pytest.raises(ItemError, match=r"13 segments of 0.64 s; it needs at least 14 \(4.8 s\)"):
        judge.offset_logits(segments(13, 8, 1), segments(13, 6, 2))
    with pytest.raises(ContractError, match="24 segments of video, 14 of audio; cut both"):
        judge.offset_logits(segments(24, 8, 1), segments(14, 6, 2))
