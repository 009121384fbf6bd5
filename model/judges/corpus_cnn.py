"""The judge `corpus-cnn`: a small network that this project trained on its built-in corpus.

It knows strikes on eight materials, six other sounds, and general sounds such as noise. A changed level changes nothing
it says. Silent audio is like nothing: its embedding is zero. Metrics made with it carry its name, never that of a
published judge. Legend: T samples, D embedding width, K classes. Source: SPEC E1, E2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import torch
from torch import Tensor

from model.judges.checks import check_sounds
from model.judges.corpus_cnn_file import SoundClass, read_judge
from model.judges.corpus_cnn_levels import RATE_HZ, RelativeLevels
from model.judges.corpus_cnn_network import CorpusCNN, log2_pitch
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.silence import is_silent
from model.weights.files import build

WEIGHTS: Final = Path(__file__).parent / "weights" / "corpus_cnn.safetensors"
SHORTEST_S: Final = 0.5
SILENCE: Final = SoundClass(name="silence", kind="silence", material="none")
STRIKE: Final = "strike"
_CERTAIN: Final = 20.0  # logit above all others: a probability of 1 - 4e-8 with 20 classes


@dataclass(frozen=True, slots=True)
class CorpusCNNJudge:
    """Make one with `CorpusCNNJudge.load`. `classes` are those of the logits; the last one is silence."""

    levels: RelativeLevels
    network: CorpusCNN
    spec: JudgeSpec
    classes: tuple[SoundClass, ...]
    device: torch.device

    @classmethod
    def load(cls, path: Path = WEIGHTS, device: torch.device | str = "cpu") -> Self:
        """Loads a judge's weights, strictly; by default the embedded ones.

        Raises WeightsError when the file is missing, damaged or no judge of this project.
        """
        tensors, header = read_judge(path)
        network = build(lambda: CorpusCNN(header.config), tensors, path)
        classes = (*header.classes, SILENCE)
        spec = JudgeSpec(
            name=header.name,
            weights_sha256=header.tensors_sha256,
            embedded=True,
            kinds=frozenset({"audio"}),
            licence="Apache-2.0",
            is_commercial=True,
            rate_hz=RATE_HZ,
            classes=tuple(one.name for one in classes),
        )
        return cls(RelativeLevels().to(device), network.to(device), spec, classes, torch.device(device))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of events, in the order of the output `kind`."""
        return tuple(dict.fromkeys(one.kind for one in self.classes))

    @property
    def materials(self) -> tuple[str, ...]:
        """The materials, in the order of the output `material`; `none` for what is no strike."""
        return tuple(dict.fromkeys(one.material for one in self.classes))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns what it says of each sound (T) at 16 kHz, at least 0.5 s long. Raises as `AudioJudge.judge_audio`.

        `embedding` (D), `logits` (K), `kind` and `material` (logarithms of probabilities, sums over the classes), and
        scalars: `count` of events, `rate_hz` (events per second), of strikes `pitch_hz` (the lowest mode) and
        `distance_m`; both are NaN where the likeliest class is no strike.
        """
        check_sounds(self.spec, sounds, seeds, least=round(SHORTEST_S * RATE_HZ))
        return [self._silent() if is_silent(sound) else self._judged(sound) for sound in sounds]

    def _judged(self, sound_T: Tensor) -> Outputs:
        said = self.network(self.levels(sound_T.to(self.device)[None]))
        heard_K = said.logits_BL[0].cpu()
        logits_K = torch.cat([heard_K, heard_K.amax()[None] - _CERTAIN])
        is_strike = self.classes[int(logits_K.argmax())].kind == STRIKE
        count = said.log_events_BE[0].cpu().exp().sum()
        unknown = torch.tensor(torch.nan)
        return {
            "embedding": said.embedding_BD[0].cpu(),
            **self._classes(logits_K),
            "count": count,
            "rate_hz": count * (RATE_HZ / len(sound_T)),
            "pitch_hz": log2_pitch(said.pitch_BP)[0].cpu().exp2() if is_strike else unknown,
            "distance_m": said.log2_distance_B[0].cpu().exp2() if is_strike else unknown,
        }

    def _silent(self) -> Outputs:
        logits_K = torch.zeros(len(self.classes))
        logits_K[-1] = _CERTAIN
        nothing, unknown = torch.tensor(0.0), torch.tensor(torch.nan)
        return {
            "embedding": torch.zeros(self.network.embedding.out_features),
            **self._classes(logits_K),
            "count": nothing,
            "rate_hz": nothing,
            "pitch_hz": unknown,
            "distance_m": unknown,
        }

    def _classes(self, logits_K: Tensor) -> Outputs:
        """Returns the logits, and the logarithms of the probabilities of each kind and each material."""
        log_share_K = logits_K.log_softmax(0)
        kinds = [one.kind for one in self.classes]
        materials = [one.material for one in self.classes]
        return {
            "logits": logits_K,
            "kind": _summed(log_share_K, kinds, self.kinds),
            "material": _summed(log_share_K, materials, self.materials),
        }


def _summed(log_share_K: Tensor, owners: Sequence[str], names: Sequence[str]) -> Tensor:
    """Returns, for each name, the logarithm of the sum of the shares that it owns."""
    places = [[number for number, owner in enumerate(owners) if owner == name] for name in names]
    return torch.stack([log_share_K[place].logsumexp(0) for place in places])
