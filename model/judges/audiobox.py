"""Audiobox-Aesthetics: four scores of a sound, about 1 to 10 each, without a reference.

Legend: T samples. Content enjoyment (CE), content usefulness (CU), production complexity (PC), production quality (PQ).
The network is that of the package `audiobox-aesthetics` (extra `eval`), a WavLM with four heads; it is given tensors,
so that neither its downloads nor its audio reader run. As its own predictor: mono at 16 kHz, windows of 10 s side by
side, the last one padded and masked; a sound's score is the mean over windows, weighted by their length.
Source: Audiobox Aesthetics (Tjandra et al. 2025).
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_contracts import UsageError, WeightsError
from model.judges.checks import check_sounds
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import build, read_config, read_tensors

NAME: Final = "audiobox-aesthetics"
RATE_HZ: Final = 16_000
AXES: Final = ("CE", "CU", "PC", "PQ")

_WINDOW_T: Final = 10 * RATE_HZ
_LEAST_T: Final = 400  # what WavLM makes one frame of


@dataclass(frozen=True, slots=True)
class AudioboxJudge:
    """Scores of sounds; make one with `AudioboxJudge.load`. `ranges`: mean and deviation of each axis in training."""

    network: nn.Module
    ranges: Mapping[str, tuple[float, float]]
    spec: JudgeSpec
    device: torch.device

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> Self:
        """Loads a folder with the hub's `config.json` and `model.safetensors`.

        Raises UsageError when the extra `eval` is not installed, WeightsError when the files are missing or do not fit.
        """
        network_class = _network_class()
        weights = folder / "model.safetensors"
        tensors, config = read_tensors(weights).tensors, read_config(folder / "config.json")
        ranges = _ranges(config, folder)
        known = {field.name for field in dataclasses.fields(network_class)}
        settings = {name: value for name, value in config.items() if name in known}

        def constructed() -> nn.Module:
            try:
                return network_class(**settings)
            except (KeyError, TypeError, ValueError) as error:
                raise WeightsError(f"{folder / 'config.json'} does not describe {NAME} ({error!r})") from error

        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", ".*weight_norm.* is deprecated", FutureWarning)
            network = build(constructed, tensors, weights, on="cpu")  # its draws need memory
        spec = published_spec(NAME, digest(weights), ("audio",), rate_hz=RATE_HZ, classes=AXES, loading="whole")
        return cls(network.to(device), ranges, spec, torch.device(device))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `axes` (4), in the order of `AXES`, of each sound (T) at 16 kHz.

        Raises ContractError, and ItemError `too_short` below 400 samples (25 ms).
        """
        check_sounds(self.spec, sounds, seeds, least=_LEAST_T)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask", UserWarning)
            return [{"axes": self._axes(sound)} for sound in sounds]

    def _axes(self, sound_T: Tensor) -> Tensor:
        windows = torch.split(sound_T, _WINDOW_T)
        scores = torch.stack([self._window_axes(window) for window in windows])
        weights = torch.tensor([len(window) / _WINDOW_T for window in windows])
        return (scores * weights[:, None]).sum(0) / weights.sum()

    def _window_axes(self, window_T: Tensor) -> Tensor:
        padded = functional.pad(window_T, (0, _WINDOW_T - len(window_T)))[None, None].to(self.device)
        mask = (torch.arange(_WINDOW_T, device=self.device) < len(window_T))[None, None]
        found = self.network({"wav": padded, "mask": mask})
        scaled = [found[axis][0].cpu() * self.ranges[axis][1] + self.ranges[axis][0] for axis in AXES]
        return torch.stack(scaled)


def _network_class() -> Any:
    try:
        from audiobox_aesthetics.model.aes import AesMultiOutput
    except ImportError as error:
        raise UsageError(
            f"judge {NAME}: its package is not installed ({error}); pip install 'foleygenex[eval]'"
        ) from error
    return AesMultiOutput


def _ranges(config: Mapping[str, Any], folder: Path) -> dict[str, tuple[float, float]]:
    try:
        found = config["target_transform"]
        return {axis: (float(found[axis]["mean"]), float(found[axis]["std"])) for axis in AXES}
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{folder / 'config.json'} is not of {NAME}: target_transform has no mean and std of {', '.join(AXES)}"
        ) from error
