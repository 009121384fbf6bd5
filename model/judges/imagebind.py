"""ImageBind-huge for IB-score (SPEC E1): one embedding of an audio clip, one of a video, in a joint space.

Legend: T samples, B = 128 mel bands, M = 204 mel frames; F frames, H height, W width, C = 3 colours; E = 1024.
As av-benchmark uses it. Audio at 16 kHz: three clips of 2 s spread over the file, the mean of each removed; Kaldi's
log mel energies, padded with zeros to 204 frames, normalised; the three embeddings are averaged. Video: one frame in
two seconds, short side 224; two consecutive frames, cut at one of three places along the long side, are a clip; the
embeddings are averaged. Everything is float32 on every device.
av-benchmark reads the first channel of stereo audio here; judges are given the mean of the channels.
Source: ImageBind (Girdhar et al. 2023), av-benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Final, Self

import torch
from torch import Tensor
from torch.nn import functional

from model.frames import Fit, Frames
from model.judges.checks import check_sounds, check_video
from model.judges.imagebind_network import BANDS, MEL_FRAMES, ImageBindNetwork, ImageBindSizes, TowerSizes
from model.judges.kaldi import fbank, frame_length
from model.judges.layout import shape
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors
from model.weights.names import layer_count

NAME: Final = "imagebind"
RATE_HZ: Final = 16_000
FPS: Final = 0.5

_CLIPS, _CLIP_S = 3, 2
_MEL_MEAN, _MEL_STD = -4.268, 9.138
_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_VIDEO_CLIPS_AT_ONCE: Final = 9
_VISION_HEAD, _AUDIO_HEAD = 80, 64  # width of one head in the published file
_NOT_BUILT: Final = tuple(
    f"modality_{part}.{modality}."
    for part in ("preprocessors", "trunks", "heads", "postprocessors")
    for modality in ("text", "depth", "thermal", "imu")
)


@dataclass(frozen=True, slots=True)
class ImageBindJudge:
    """Joint embeddings of audio and video; make one with `ImageBindJudge.load`."""

    network: ImageBindNetwork
    spec: JudgeSpec
    device: torch.device
    fit: ClassVar[Fit] = "short_side"

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Loads `imagebind_huge.pth`, strictly but for the towers of text, depth, thermal and IMU data.

        Raises WeightsError when the file is missing, damaged, refused, or does not fit.
        """
        network = network_from(read_tensors(path))
        spec = published_spec(NAME, digest(path), ("audio", "video"), rate_hz=RATE_HZ, fps=FPS, loading="whole")
        return cls(network.to(device), spec, torch.device(device))

    @property
    def size(self) -> int:
        """Length of the short side of the frames it takes, in pixels."""
        return self.network.image

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (E) of each sound at 16 kHz.

        Raises ContractError, and ItemError `too_short` below 400 samples (25 ms).
        """
        check_sounds(self.spec, sounds, seeds, least=frame_length(RATE_HZ))
        return [{"embedding": self.network.audio(clip_mels(sound).to(self.device)).mean(0).cpu()} for sound in sounds]

    @torch.inference_mode()
    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        """Returns `embedding` (E) of frames (F, H, W, 3), the short side 224, at 0.5 per second.

        Raises ContractError, and ItemError `too_short` below 2 frames.
        """
        check_video(self.spec, frames_FHWC, self.size, least=2, square=False)
        clips = torch.split(frame_pairs(frames_FHWC, self.size), _VIDEO_CLIPS_AT_ONCE)
        return {"embedding": torch.cat([self.network.vision(part.to(self.device)) for part in clips]).mean(0).cpu()}


def clip_mels(sound_T: Tensor) -> Tensor:
    """Returns (3, B, M): the normalised mel energies of the three clips of a sound of at least 25 ms.

    Below 6 s the clips overlap, and the mean of what a clip shares with the one before was removed already: so does
    ImageBind's own loader, which works in place. A sound below 2 s is three times the clip.
    """
    sound_T, mels = sound_T.clone(), []
    latest_s = Fraction(max(len(sound_T) / RATE_HZ - _CLIP_S, 0))
    for number in range(_CLIPS):
        start_s = latest_s * number / (_CLIPS - 1)
        clip = sound_T[int(start_s * RATE_HZ) : int((start_s + _CLIP_S) * RATE_HZ)]
        clip -= clip.mean()
        mel_MB = fbank(clip, RATE_HZ, BANDS)
        mels.append(functional.pad(mel_MB.T, (0, MEL_FRAMES - len(mel_MB))))
    return (torch.stack(mels) - _MEL_MEAN) / _MEL_STD


def frame_pairs(frames_FHWC: Frames, size: int) -> Tensor:
    """Returns ((F - 1) * 3, C, 2, size, size): each two consecutive frames, cut at three places, normalised."""
    pixels_CFHW = torch.from_numpy(frames_FHWC).permute(3, 0, 1, 2).float() / 255
    mean, std = (torch.tensor(values)[:, None, None, None] for values in (_MEAN, _STD))
    normal = (pixels_CFHW - mean) / std
    height, width = normal.shape[2:]
    cuts = [normal[..., top : top + size, left : left + size] for top, left in _corners(height, width, size)]
    return torch.stack([cut[:, first : first + 2] for first in range(len(frames_FHWC) - 1) for cut in cuts])


def _corners(height: int, width: int, size: int) -> list[tuple[int, int]]:
    """Returns (top, left) of three squares along the long side: at its start, in its middle, at its end."""
    spare = max(height, width) - size
    places = (0, math.ceil(spare / 2), spare)
    return [(place, 0) if height > width else (0, place) for place in places]


def network_from(file: TensorFile) -> ImageBindNetwork:
    """Returns both towers with the weights of a published file, strictly; heads are as wide as in that file.

    Raises WeightsError when they do not fit.
    """
    tensors = {name: value for name, value in file.tensors.items() if not name.startswith(_NOT_BUILT)}
    _, positions, vision = shape(file, "modality_preprocessors.vision.pos_embedding_helper.pos_embed", 3, NAME)
    patch = shape(file, "modality_preprocessors.vision.rgbt_stem.proj.1.weight", 5, NAME)[-1]
    embed, audio = shape(file, "modality_heads.audio.2.weight", 2, NAME)
    sizes = ImageBindSizes(
        vision=_tower(tensors, "vision", vision, _VISION_HEAD),
        audio=_tower(tensors, "audio", audio, _AUDIO_HEAD),
        embed=embed,
        image=round((positions - 1) ** 0.5) * patch,
        patch=patch,
    )
    return build(lambda: ImageBindNetwork(sizes), tensors, file.path)


def _tower(tensors: Mapping[str, Tensor], modality: str, width: int, head: int) -> TowerSizes:
    depth = layer_count(tensors, f"modality_trunks.{modality}.blocks.")
    return TowerSizes(width=width, depth=depth, heads=max(1, width // head))
