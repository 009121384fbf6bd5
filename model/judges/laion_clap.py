"""LAION-CLAP (HTS-AT base, no fusion), the judge of CLAP_T and CLAP_A (SPEC E1): sound and text in one space.

Legend: B sounds or texts, T samples, L tokens, D = 512.
The file is `music_speech_audioset_epoch_15_esc_89.98.pt`; its names become those of transformers' CLAP towers. 10 s at
48 kHz: shorter sounds are repeated as often as they fit, then get zeros; of longer ones the seed draws a part. Texts
are RoBERTa's tokens, at most 77. Embeddings have unit length. Source: Wu et al. 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges.byte_pairs import BytePairs
from model.judges.checks import check_sounds
from model.judges.htsat import Htsat, htsat_maker, htsat_tensors
from model.judges.layout import shape
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.judges.sounds import crop, repeat_and_pad
from model.weights.digests import digest_of
from model.weights.files import TensorFile, build, read_tensors
from model.weights.names import layer_count

NAME: Final = "laion-clap"
RATE_HZ: Final = 48_000
SAMPLES: Final = 480_000
HOP: Final = 480
TOKENS: Final = 77
SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_TEXT_EPS: Final = 1e-5  # roberta-base's; transformers' default for CLAP is 1e-12
_AUDIO, _TEXT = "audio_branch.", "text_branch."
_UNUSED: Final = ("audio_transform.", "text_transform.", "logit_scale_")
_CONSTANTS: Final = ("embeddings.position_ids", "embeddings.token_type_ids")


class LaionClapNetwork(nn.Module):
    """Both towers with their projections; unit vectors come out."""

    def __init__(self, audio: Htsat, text: Any) -> None:
        super().__init__()
        joint = text.config.projection_dim
        self.audio, self.text = audio, text
        self.audio_projection = _projection(audio.width, joint)
        self.text_projection = _projection(text.config.hidden_size, joint)

    def of_sounds(self, sounds_BT: Tensor) -> Tensor:
        """Returns (B, D)."""
        return functional.normalize(self.audio_projection(self.audio(sounds_BT)), dim=-1)

    def of_tokens(self, ids_BL: Tensor) -> Tensor:
        """Returns (B, D) of ids without padding."""
        return functional.normalize(self.text_projection(self.text(input_ids=ids_BL).pooler_output), dim=-1)


def _projection(wide: int, joint: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(wide, joint), nn.ReLU(), nn.Linear(joint, joint))


@dataclass(frozen=True, slots=True)
class LaionClapJudge:
    """Unit embeddings of sounds and texts; make one with `LaionClapJudge.load`."""

    network: LaionClapNetwork
    tokens: BytePairs
    spec: JudgeSpec
    device: torch.device

    @classmethod
    def load(cls, paths: Sequence[Path], device: torch.device | str = "cpu") -> Self:
        """Loads the published checkpoint, `vocab.json` and `merges.txt` of roberta-base, in this order.

        Raises WeightsError when a file is missing, damaged or does not fit.
        """
        checkpoint, vocabulary, merges = paths
        network = network_from(read_tensors(checkpoint))
        tokens = BytePairs.load(vocabulary, merges, network.text.config.vocab_size, SPECIAL)
        spec = published_spec(NAME, digest_of(list(paths)), ("audio", "text"), rate_hz=RATE_HZ, loading="centred")
        return cls(network.to(device), tokens, spec, torch.device(device))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (512), of unit length, of each sound. Raises as `AudioJudge.judge_audio`."""
        check_sounds(self.spec, sounds, seeds, least=1)
        fitted = (_fitted(sound, seed) for sound, seed in zip(sounds, seeds, strict=True))
        return [{"embedding": self.network.of_sounds(sound.to(self.device)[None])[0].cpu()} for sound in fitted]

    @torch.inference_mode()
    def judge_text(self, texts: Sequence[str]) -> list[Outputs]:
        """Returns `embedding` (512), of unit length, of each text; what is past 77 tokens is not read."""
        ids = (torch.tensor([self._ids(text)], device=self.device) for text in texts)
        return [{"embedding": self.network.of_tokens(ids_BL)[0].cpu()} for ids_BL in ids]

    def _ids(self, text: str) -> list[int]:
        return [self.tokens.id("<s>"), *self.tokens(text)[: TOKENS - 2], self.tokens.id("</s>")]


def _fitted(sound_T: Tensor, seed: int) -> Tensor:
    return crop(sound_T, SAMPLES, seed) if len(sound_T) > SAMPLES else repeat_and_pad(sound_T, SAMPLES)


def _renamed(file: TensorFile) -> dict[str, Tensor]:
    """Returns the published tensors under the network's names; unknown ones keep theirs, so that a strict load names
    them. Position numbers, which only some files have, are made anew."""
    others = {
        name.replace(_TEXT, "text.", 1): value
        for name, value in file.tensors.items()
        if not name.startswith((_AUDIO, *_UNUSED)) and name.removeprefix(_TEXT) not in _CONSTANTS
    }
    positions = torch.arange(shape(file, f"{_TEXT}embeddings.position_embeddings.weight", 2, NAME)[0])[None]
    constants = {"text.embeddings.position_ids": positions, "text.embeddings.token_type_ids": 0 * positions}
    return {**others, **constants, **htsat_tensors(file.tensors, _AUDIO, "audio.")}


def network_from(file: TensorFile) -> LaionClapNetwork:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    prepare_torchaudio()
    from transformers import ClapTextConfig, ClapTextModel

    make_audio = htsat_maker(file, _AUDIO, HOP, NAME)
    vocabulary, width = shape(file, f"{_TEXT}embeddings.word_embeddings.weight", 2, NAME)
    config = ClapTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layer_count(file.tensors, f"{_TEXT}encoder.layer."),
        num_attention_heads=max(1, width // 64),
        intermediate_size=shape(file, f"{_TEXT}encoder.layer.0.intermediate.dense.weight", 2, NAME)[0],
        max_position_embeddings=shape(file, f"{_TEXT}embeddings.position_embeddings.weight", 2, NAME)[0],
        layer_norm_eps=_TEXT_EPS,
        projection_dim=shape(file, "text_projection.0.weight", 2, NAME)[0],
    )
    return build(lambda: LaionClapNetwork(make_audio(), ClapTextModel(config)), _renamed(file), file.path)
