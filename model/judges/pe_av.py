"""PE-AV (Perception Encoder Audio-Visual): joint embeddings of sounds, videos and texts.

Legend: T samples, F frames, H = W pixels, C = 3 colours, E width of the joint embedding.
Audio: 48 kHz, reflected to whole hops of 40 ms. Video: 16 frames spread evenly over it, squashed to 336 x 336, as the
`-16-frame` models are trained. Text: the tokenizer's ids. The networks are transformers', but for the frame encoder
(`model.judges.pe_av_frames`). The file's encoder of both modalities together and its heads are not built. Sounds and
videos share one space; a text has one embedding for sounds and another for videos. Everything is float32.
Source: PE-AV (Vyas et al. 2025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor, nn

from data_contracts import ContractError, WeightsError
from model.codec.torchaudio_shim import prepare_torchaudio  # transformers imports torchaudio, too
from model.frames import Fit, Frames
from model.judges.checks import check_sounds, check_video
from model.judges.pe_av_frames import FrameEncoder, frame_sizes
from model.judges.protocols import JudgeSpec, Kind, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_config, read_tensors

NAME: Final = "pe-av"
FPS: Final = 25.0
FRAMES: Final = 16

_WRAPPER: Final = "video_model.video_encoder.embedder.vision_model."
_FRAME_ENCODER: Final = f"{_WRAPPER}timm_model."
_NOT_BUILT: Final = (
    "audio_model.text_model.",  # the same as text_model
    "video_model.text_model.",
    "audio_video_encoder.",
    "audio_video_head.",
    "text_audio_video_head.",
    "audio_plus_text_head.",
    "video_plus_text_head.",
)
_SCALES: Final = ("_logit_scale", "_logit_bias")


class PeAvNetwork(nn.Module):
    """The three encoders and their heads, under the names that the published file has."""

    def __init__(self, config: Any, frames: FrameEncoder) -> None:
        super().__init__()
        self.image = frames.image
        prepare_torchaudio()
        from transformers import AutoModel, PeAudioEncoder
        from transformers.models.pe_audio.modeling_pe_audio import PeAudioContrastiveHead

        def head(width: int) -> nn.Module:
            made: nn.Module = PeAudioContrastiveHead(width, text)
            return made

        text, parts = config.text_config.hidden_size, config.audio_video_config
        auto: Any = AutoModel  # untyped
        self.text_model = auto.from_config(config.text_config)
        self.audio_model = nn.ModuleDict(
            {
                "audio_encoder": PeAudioEncoder(parts.audio_config),
                "audio_head": head(parts.audio_config.hidden_size),
                "text_audio_head": head(text),
            }
        )
        self.video_model = nn.ModuleDict(
            {
                "video_encoder": _video_encoder(parts.video_config, frames),
                "video_head": head(parts.video_config.hidden_size),
                "text_video_head": head(text),
            }
        )

    def audio(self, samples_1T: Tensor) -> Tensor:
        """Returns (E) of samples whose number is a multiple of the hop."""
        states = self.audio_model["audio_encoder"](input_values=samples_1T[None]).pooler_output
        embedding: Tensor = self.audio_model["audio_head"](states)[0]
        return embedding

    def video(self, pixels_FCHW: Tensor) -> Tensor:
        """Returns (E)."""
        states = self.video_model["video_encoder"](pixel_values_videos=pixels_FCHW[None]).pooler_output
        embedding: Tensor = self.video_model["video_head"](states)[0]
        return embedding

    def text(self, ids_1L: Tensor) -> tuple[Tensor, Tensor]:
        """Returns (E) to compare with sounds, and (E) to compare with videos."""
        first = self.text_model(input_ids=ids_1L, output_hidden_states=True).hidden_states[-1][:, 0]
        return self.audio_model["text_audio_head"](first)[0], self.video_model["text_video_head"](first)[0]


class _WrappedFrames(nn.Module):
    """What transformers expects in a video encoder: a classifier, whose logits are the frame's vector."""

    def __init__(self, frames: FrameEncoder) -> None:
        super().__init__()
        self.timm_model = frames

    def forward(self, pixels_NCHW: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.timm_model(pixels_NCHW))


@dataclass(frozen=True, slots=True)
class PeAvJudge:
    """Joint embeddings of audio, video and text; make one with `PeAvJudge.load`."""

    network: PeAvNetwork
    tokenizer: Any
    hop: int
    spec: JudgeSpec
    device: torch.device
    fit: ClassVar[Fit] = "squash"

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> Self:
        """Loads a folder with the hub's `config.json`, `model.safetensors` and `tokenizer.json`.

        Raises WeightsError when files are missing, damaged, refused, or do not fit.
        """
        weights = folder / "model.safetensors"
        file, config, tokenizer = read_tensors(weights), _config(folder), _tokenizer(folder / "tokenizer.json")
        network = network_from(file, config)
        codec = config.audio_video_config.audio_config.dac_config
        kinds: tuple[Kind, ...] = ("audio", "video", "text")
        rate_hz = int(codec.sampling_rate)
        spec = published_spec(NAME, digest(weights), kinds, rate_hz=rate_hz, fps=FPS, loading="whole")
        return cls(network.to(device), tokenizer, int(codec.hop_length), spec, torch.device(device))

    @property
    def size(self) -> int:
        """Height and width of the frames it takes, in pixels."""
        return self.network.image

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (E) of each sound (T) at 48 kHz.

        Raises ContractError, and ItemError `too_short` below one hop (40 ms).
        """
        check_sounds(self.spec, sounds, seeds, least=self.hop)
        return [{"embedding": self.network.audio(self._whole_hops(sound)[None]).cpu()} for sound in sounds]

    @torch.inference_mode()
    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        """Returns `embedding` (E) of frames (F, 336, 336, 3) at 25 per second, of which 16 are used.

        Raises ContractError, and ItemError `too_short` below 16 frames.
        """
        check_video(self.spec, frames_FHWC, self.size, least=FRAMES)
        chosen = frames_FHWC[[index * (len(frames_FHWC) - 1) // (FRAMES - 1) for index in range(FRAMES)]]
        pixels = torch.from_numpy(chosen).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return {"embedding": self.network.video(pixels).cpu()}

    @torch.inference_mode()
    def judge_text(self, texts: Sequence[str]) -> list[Outputs]:
        """Returns per text `embedding` (E), to compare with sounds, and `video_embedding` (E), with videos.

        Raises ContractError for an empty text.
        """
        return [self._text(text) for text in texts]

    def _text(self, text: str) -> Outputs:
        if not text.strip():
            raise ContractError(f"judge {self.spec.name}: a text is empty; give it the caption")
        ids = torch.tensor([self.tokenizer.encode(text).ids], device=self.device)
        with_sounds, with_videos = self.network.text(ids)
        return {"embedding": with_sounds.cpu(), "video_embedding": with_videos.cpu()}

    def _whole_hops(self, sound_T: Tensor) -> Tensor:
        padded = np.pad(sound_T.cpu().numpy(), (0, -len(sound_T) % self.hop), mode="reflect")
        return torch.from_numpy(padded).to(self.device)


def network_from(file: TensorFile, config: Any) -> PeAvNetwork:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    built = replace(file, tensors=built_part(file.tensors))
    sizes = frame_sizes(built, _FRAME_ENCODER)
    return _with_computed_buffers(build(lambda: PeAvNetwork(config, FrameEncoder(sizes)), built.tensors, built.path))


def built_part(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of the encoders of text, audio and video, and of their heads.

    transformers has written the frame encoder's names with and without `timm_model.`; they are returned with it.
    Unknown names stay as they are, so that a strict load names them.
    """
    kept: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if not name.startswith(_NOT_BUILT) and not name.endswith(_SCALES):
            short = name.startswith(_WRAPPER) and not name.startswith(_FRAME_ENCODER)
            kept[name.replace(_WRAPPER, _FRAME_ENCODER, 1) if short else name] = value
    return kept


def _video_encoder(config: Any, frames: FrameEncoder) -> nn.Module:
    """Returns transformers' encoder with our frame encoder; it is made with a tiny one, since its own is timm's."""
    prepare_torchaudio()
    from transformers import PeVideoEncoder, ViTConfig

    one = ("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers", "image_size", "patch_size")
    sizes: dict[str, Any] = {**dict.fromkeys(one, 1), "num_labels": frames.head.out_features}
    config.vision_config = ViTConfig(**sizes)
    encoder: nn.Module = PeVideoEncoder(config)
    encoder.get_submodule("embedder").vision_model = _WrappedFrames(frames)
    return encoder


def _with_computed_buffers(network: PeAvNetwork) -> PeAvNetwork:
    """Builds the modules again whose buffers are computed and in no file: on the meta device they got no values."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if any(buffer.is_meta for buffer in child.buffers(recurse=False)):
                setattr(module, name, type(child)(config=child.config))
    return network


def _config(folder: Path) -> Any:
    _import_models()
    prepare_torchaudio()
    from transformers import PeAudioVideoConfig

    path = folder / "config.json"
    values = read_config(path)
    if values.get("model_type") != PeAudioVideoConfig.model_type:
        raise WeightsError(f"{path} describes {values.get('model_type')!r}; expected model_type pe_audio_video")
    try:
        return PeAudioVideoConfig.from_dict(values)
    except Exception as error:  # transformers' own checks raise several kinds
        raise WeightsError(f"{path} does not describe a PE-AV ({' '.join(str(error).split())})") from error


def _import_models() -> None:
    """Imports transformers' modules before the meta device is the default: what they compute at import has values."""
    prepare_torchaudio()
    from transformers import AutoModel, ModernBertModel, PeAudioEncoder, PeVideoEncoder, ViTForImageClassification

    _ = AutoModel, ModernBertModel, PeAudioEncoder, PeVideoEncoder, ViTForImageClassification


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    if not path.is_file():
        raise WeightsError(f"{path} is missing; `foleygenex weights fetch {NAME}` fetches it")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exceptions
        raise WeightsError(f"{path} cannot be read as a tokenizer ({error})") from error
    tokenizer.no_padding()  # a file may keep the settings of its last use
    tokenizer.no_truncation()
    return tokenizer
