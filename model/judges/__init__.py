"""Judges by name: the published networks of the paper's metrics, and the embedded ones under their own names.

No judge is replaced by another: an unknown name is a UsageError, a published one without its files is a WeightsError
that says where they come from. `NAME:PATH` reads a published judge from your own files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch

from data_contracts import UsageError
from model.judges.protocols import AudioJudge, Judge, JudgeSpec, Kind, Outputs, TextJudge, VideoJudge
from model.weights.locate import require

Device = torch.device | str
Load = Callable[[str, Device], Judge]
"""Takes the path (empty: the downloaded or embedded files) and the device."""


def _vggish(path: str, device: Device) -> Judge:
    from model.judges.vggish import VggishJudge

    return VggishJudge.load(_file("vggish", path), device)


def _panns(path: str, device: Device) -> Judge:
    from model.judges.panns import PannsJudge

    return PannsJudge.load(_file("panns", path), device)


def _passt(path: str, device: Device) -> Judge:
    from model.judges.passt import PasstJudge

    return PasstJudge.load(_file("passt", path), device)


def _laion_clap(path: str, device: Device) -> Judge:
    from model.judges.laion_clap import LaionClapJudge

    return LaionClapJudge.load(_with_tokens("laion-clap", path), device)


def _ms_clap(path: str, device: Device) -> Judge:
    from model.judges.ms_clap import MsClapJudge

    return MsClapJudge.load(_with_tokens("ms-clap", path), device)


def _audiobox(path: str, device: Device) -> Judge:
    from model.judges.audiobox import AudioboxJudge

    return AudioboxJudge.load(_folder("audiobox-aesthetics", path), device)


def _imagebind(path: str, device: Device) -> Judge:
    from model.judges.imagebind import ImageBindJudge

    return ImageBindJudge.load(_file("imagebind", path), device)


def _pe_av(path: str, device: Device) -> Judge:
    from model.judges.pe_av import PeAvJudge

    return PeAvJudge.load(_folder("pe-av", path), device)


def _synchformer(path: str, device: Device) -> Judge:
    from model.judges.synchformer import SynchformerJudge

    return SynchformerJudge.load(_file("synchformer", path), device)


def _file(name: str, path: str) -> Path:
    return Path(path) if path else require(name)[0]


def _folder(name: str, path: str) -> Path:
    return Path(path) if path else require(name)[0].parent


def _with_tokens(name: str, path: str) -> list[Path]:
    """Returns the checkpoint, vocab.json and merges.txt; the last two lie beside a checkpoint of your own."""
    if not path:
        return require(name)
    return [Path(path), Path(path).with_name("vocab.json"), Path(path).with_name("merges.txt")]


def _corpus_cnn(path: str, device: Device) -> AudioJudge:
    from model.judges.corpus_cnn import WEIGHTS, CorpusCNNJudge

    return CorpusCNNJudge.load(Path(path) if path else WEIGHTS, device)


def _mn04(path: str, device: Device) -> AudioJudge:
    from model.judges.efficientat import EfficientATJudge

    return EfficientATJudge.load(_file("mn04", path), device)


def _resemblyzer(path: str, device: Device) -> AudioJudge:
    from model.judges.resemblyzer import ResemblyzerJudge

    return ResemblyzerJudge.load(_file("resemblyzer", path), device)


def _resemblyzer_vad(path: str, device: Device) -> AudioJudge:
    from model.judges.resemblyzer import ResemblyzerJudge, webrtc_detector

    return ResemblyzerJudge.load(_file("resemblyzer", path), device, detector=webrtc_detector())


def _labels(audio: AudioJudge, *, exclusive: bool) -> Judge:
    from model.judges.labels import LabelJudge

    return LabelJudge.load(audio, exclusive=exclusive)


JUDGES: Final[Mapping[str, Load]] = {
    "vggish": _vggish,
    "panns": _panns,
    "passt": _passt,
    "laion-clap": _laion_clap,
    "ms-clap": _ms_clap,
    "audiobox-aesthetics": _audiobox,
    "imagebind": _imagebind,
    "pe-av": _pe_av,
    "corpus-cnn": _corpus_cnn,
    "labels-corpus-cnn": lambda path, device: _labels(_corpus_cnn(path, device), exclusive=True),
    "labels-mn04": lambda path, device: _labels(_mn04(path, device), exclusive=False),
    "mn04": _mn04,
    "resemblyzer": _resemblyzer,
    "resemblyzer-vad": _resemblyzer_vad,
    "synchformer": _synchformer,
}


def load_judge(name: str, device: Device = "cpu") -> Judge:
    """Returns a judge. Raises UsageError (unknown name) or WeightsError (not loadable). Source: SPEC E1, E2."""
    asked, _, path = name.partition(":")
    load = JUDGES.get(asked.replace("_", "-"))
    if load is None:
        raise UsageError(f"judge {name!r} is unknown; known names: {', '.join(sorted(JUDGES))}; or NAME:PATH")
    return load(path, device)


__all__ = ["AudioJudge", "Judge", "JudgeSpec", "Kind", "Outputs", "TextJudge", "VideoJudge", "load_judge"]
