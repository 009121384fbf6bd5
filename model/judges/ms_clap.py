"""MS-CLAP 2023 (SPEC E1): sound and text in one space, from `CLAP_weights_2023.pth`.

Legend: B sounds or texts, T samples, L tokens, D = 1024.
HTS-AT and GPT-2 with a projection each; names become those of transformers' networks. 7 s at 44.1 kHz: shorter sounds
are repeated and cut; of longer ones the seed draws a part (the original draws without one). The mel filters are made
for 32 kHz, in the original too. A text ends in ` <|endoftext|>`; its vector is the state at the last token, which is
found as the original does: by the number of ids that are not 0, the id of `!`. The original pads texts to 77 tokens and
cuts none; here a text is cut after as many tokens as GPT-2 has positions (1024). Embeddings are not normalised.
Source: Elizalde et al. 2024.
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
from model.judges.sounds import crop, tile
from model.weights.digests import digest_of
from model.weights.files import TensorFile, build, read_tensors
from model.weights.names import layer_count

NAME: Final = "ms-clap"
RATE_HZ: Final = 44_100
SAMPLES: Final = 7 * RATE_HZ
HOP: Final = 320
END, PAD = "<|endoftext|>", "!"
_AUDIO, _TEXT = "audio_encoder.base.htsat.", "caption_encoder.base."
_PROJECTIONS: Final = {
    "audio_encoder.projection.": "audio_projection.",
    "caption_encoder.projection.": "text_projection.",
}
_UNUSED: Final = (".attn.bias", ".attn.masked_bias")  # GPT-2's causal mask, in older files


class MsClapNetwork(nn.Module):
    """Both towers with their projections."""

    def __init__(self, audio: Htsat, text: Any, joint: int) -> None:
        super().__init__()
        self.audio, self.text = audio, text
        self.audio_projection = _Projection(audio.width, joint)
        self.text_projection = _Projection(text.config.n_embd, joint)

    def of_sounds(self, sounds_BT: Tensor) -> Tensor:
        """Returns (B, D)."""
        embedding: Tensor = self.audio_projection(self.audio(sounds_BT))
        return embedding

    def of_tokens(self, ids_BL: Tensor, last: int) -> Tensor:
        """Returns (B, D) of ids without padding, from the state at the place `last`."""
        states_BLD = self.text(input_ids=ids_BL, use_cache=False).last_hidden_state
        embedding: Tensor = self.text_projection(states_BLD[:, last])
        return embedding


class _Projection(nn.Module):
    """A linear layer, plus a second one of its GELU, then a norm."""

    def __init__(self, wide: int, joint: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(wide, joint, bias=False)
        self.linear2 = nn.Linear(joint, joint, bias=False)
        self.layer_norm = nn.LayerNorm(joint)

    def forward(self, x: Tensor) -> Tensor:
        first = self.linear1(x)
        out: Tensor = self.layer_norm(first + self.linear2(functional.gelu(first)))
        return out


@dataclass(frozen=True, slots=True)
class MsClapJudge:
    """Embeddings of sounds and texts; make one with `MsClapJudge.load`."""

    network: MsClapNetwork
    tokens: BytePairs
    spec: JudgeSpec
    device: torch.device

    @classmethod
    def load(cls, paths: Sequence[Path], device: torch.device | str = "cpu") -> Self:
        """Loads the published checkpoint, `vocab.json` and `merges.txt` of gpt2, in this order.

        Raises WeightsError when a file is missing, damaged or does not fit.
        """
        checkpoint, vocabulary, merges = paths
        network = network_from(read_tensors(checkpoint))
        tokens = BytePairs.load(vocabulary, merges, network.text.config.vocab_size, (END, PAD))
        spec = published_spec(NAME, digest_of(list(paths)), ("audio", "text"), rate_hz=RATE_HZ, loading="whole")
        return cls(network.to(device), tokens, spec, torch.device(device))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (1024) of each sound. Raises as `AudioJudge.judge_audio`."""
        check_sounds(self.spec, sounds, seeds, least=1)
        fitted = (_fitted(sound, seed) for sound, seed in zip(sounds, seeds, strict=True))
        return [{"embedding": self.network.of_sounds(sound.to(self.device)[None])[0].cpu()} for sound in fitted]

    @torch.inference_mode()
    def judge_text(self, texts: Sequence[str]) -> list[Outputs]:
        """Returns `embedding` (1024) of each text; what is past 1024 tokens is not read."""
        return [{"embedding": self._of_text(text).cpu()} for text in texts]

    def _of_text(self, text: str) -> Tensor:
        ids = self.tokens(f"{text} {END}")[: self.network.text.config.n_positions]
        last = sum(number != self.tokens.id(PAD) for number in ids) - 1
        return self.network.of_tokens(torch.tensor([ids], device=self.device), last)[0]


def _fitted(sound_T: Tensor, seed: int) -> Tensor:
    return crop(sound_T, SAMPLES, seed) if len(sound_T) > SAMPLES else tile(sound_T, SAMPLES)


def _renamed(file: TensorFile) -> dict[str, Tensor]:
    """Returns the published tensors under the network's names; unknown ones keep theirs, so that a strict load names
    them."""
    named = htsat_tensors(file.tensors, _AUDIO, "audio.")
    for name, value in file.tensors.items():
        if name.startswith(_AUDIO) or name == "logit_scale" or name.endswith(_UNUSED):
            continue
        new = name.replace(_TEXT, "text.", 1)
        for old, target in _PROJECTIONS.items():
            new = new.replace(old, target, 1)
        named[new] = value
    return named


def network_from(file: TensorFile) -> MsClapNetwork:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    prepare_torchaudio()
    from transformers import GPT2Config, GPT2Model

    make_audio = htsat_maker(file, _AUDIO, HOP, NAME)
    vocabulary, width = shape(file, f"{_TEXT}wte.weight", 2, NAME)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=shape(file, f"{_TEXT}wpe.weight", 2, NAME)[0],
        n_embd=width,
        n_layer=layer_count(file.tensors, f"{_TEXT}h."),
        n_head=max(1, width // 64),
    )
    joint = shape(file, "audio_encoder.projection.linear1.weight", 2, NAME)[0]
    return build(lambda: MsClapNetwork(make_audio(), GPT2Model(config), joint), _renamed(file), file.path)
