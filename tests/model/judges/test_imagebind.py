"""ImageBind (SPEC E1, IB-score): front ends, and both towers against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from data_contracts import ContractError, ItemError
from model.judges.imagebind import ImageBindJudge, clip_mels, frame_pairs
from tests.model.judges.imagebind import EMBED, PATCH, SIDE, slow_audio, slow_vision, tiny
from tests.model.judges.small_judges import load_small, sound
from tests.model.judges.test_kaldi import slow_fbank

SIZE = SIDE * PATCH


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> ImageBindJudge:
    found = load_small("imagebind", tmp_path_factory.mktemp("judge"))
    assert isinstance(found, ImageBindJudge)
    return found


def shifted(samples: int) -> torch.Tensor:
    """Audio with a constant offset."""
    return sound(samples) + 0.1


def frames(number: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (number, height, width, 3), np.uint8)


def slow_clips(audio: np.ndarray) -> list[np.ndarray]:
    """ImageBind's loader: three clips of one array, the mean of each removed in place."""
    audio, latest = audio.copy(), max(len(audio) - 32_000, 0)
    clips = []
    for start in (0, latest // 2, latest):
        audio[start : start + 32_000] -= audio[start : start + 32_000].mean()
        clips.append(audio[start : start + 32_000].copy())
    return clips


@pytest.mark.parametrize("samples", [128_000, 48_000, 8_000, 400])
def test_the_front_end_is_three_clips_of_kaldi_energies(samples: int) -> None:
    audio = shifted(samples)
    before = audio.clone()
    found = clip_mels(audio)
    assert found.shape == (3, 128, 204) and torch.equal(audio, before)
    for clip, mel in zip(slow_clips(audio.numpy()), found, strict=True):
        rows = slow_fbank(clip[:720], 16_000, 128)  # the first frames; the loop is slow
        expected = torch.from_numpy((rows.T + 4.268) / 9.138).float()
        torch.testing.assert_close(mel[:, : len(rows)], expected, rtol=1e-3, atol=1e-3)
        filled = 1 + (len(clip) - 400) // 160
        torch.testing.assert_close(mel[:, filled:], torch.full((128, 204 - filled), 4.268 / 9.138))


def test_audio_is_the_mean_of_what_loops_over_three_clips_give(judge: ImageBindJudge) -> None:
    audio = shifted(100_000)
    (outputs,) = judge.judge_audio([audio], seeds=[0])
    expected = torch.stack([slow_audio(tiny(), mel) for mel in clip_mels(audio)]).mean(0)
    assert outputs["embedding"].shape == (EMBED,) and outputs["embedding"].dtype == torch.float32
    torch.testing.assert_close(outputs["embedding"], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(SIZE, 13), (13, SIZE), (SIZE, SIZE)])
def test_video_is_the_mean_of_pairs_at_three_places(judge: ImageBindJudge, height: int, width: int) -> None:
    video = frames(3, height, width)
    found = judge.judge_video(video)["embedding"]
    clips = []
    for place in (0, 3, 5) if height != width else (0, 0, 0):  # ceil((13 - 8) / 2) = 3
        top, left = (place, 0) if height > width else (0, place)
        cut = video[:, top : top + SIZE, left : left + SIZE]
        clips += [slow_vision(tiny(), cut[0], cut[1]), slow_vision(tiny(), cut[1], cut[2])]
    torch.testing.assert_close(found, torch.stack(clips).mean(0), rtol=1e-3, atol=1e-4)


def test_eight_seconds_give_four_frames_and_nine_clips() -> None:
    pairs = frame_pairs(frames(4, SIZE, 14), SIZE)
    assert pairs.shape == (9, 3, 2, SIZE, SIZE)
    assert torch.equal(pairs[0, :, 1], pairs[3, :, 0])  # a frame is the second of one pair and the first of the next


def test_each_audio_clip_has_the_length_of_the_files_factor(judge: ImageBindJudge) -> None:
    mels = clip_mels(sound(40_000))
    torch.testing.assert_close(judge.network.audio(mels).norm(dim=1), torch.full((3,), 20.0))
    loud = judge.network.modality_postprocessors["audio"][1].log_logit_scale
    assert math.isclose(float(loud), math.log(20), rel_tol=1e-6)


def test_the_spec_says_how_frames_are_taken(judge: ImageBindJudge) -> None:
    assert (judge.spec.fps, judge.fit, judge.size) == (0.5, "short_side", SIZE)
    assert judge.spec.licence == "CC BY-NC-SA 4.0"


def test_short_and_malformed_videos_are_refused(judge: ImageBindJudge) -> None:
    with pytest.raises(ItemError, match=r"got 1 frame at 0\.5 per second; it needs at least 2"):
        judge.judge_video(frames(1))
    with pytest.raises(ContractError, match="the short side 8, uint8"):
        judge.judge_video(frames(2, SIZE + 1, SIZE + 1))
