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
from model.judges.audiobox import AudioboxJudge
from model.judges.corpus_cnn import WEIGHTS, CorpusCNNJudge
from model.judges.efficientat import EfficientATJudge
from model.judges.imagebind import ImageBindJudge
from model.judges.labels import LabelJudge
from model.judges.laion_clap import LaionClapJudge
from model.judges.ms_clap import MsClapJudge
from model.judges.panns import PannsJudge
from model.judges.passt import PasstJudge
from model.judges.pe_av import PeAvJudge
from model.judges.protocols import AudioJudge, Judge, JudgeSpec, Kind, Outputs, TextJudge, VideoJudge
from model.judges.resemblyzer import ResemblyzerJudge, webrtc_detector
from model.judges.synchformer import SynchformerJudge
from model.judges.vggish import VggishJudge
from model.weights.locate import require

Device = torch.device | str
Load = Callable[[str, Device], Judge]
"""Takes the path (empty: the downloaded or embedded files) and the device."""


def _file(name: str, path: str) -> Path:
    return Path(path) if path else require(name)[0]


def _folder(name: str, path: str) -> Path:
    return Path(path) if path else require(name)[0].parent


def _with_tokens(name: str, path: str) -> list[Path]:
    """Returns the checkpoint, vocab.json and merges.txt; the last two lie beside a checkpoint of your own."""
    if not path:
        return require(name)
    return [Path(path), Path(path).with_name("vocab.json"), Path(path).with_name("merges.txt")]


def _corpus_cnn(path: str, device: Device) -> CorpusCNNJudge:
    return CorpusCNNJudge.load(Path(path) if path else WEIGHTS, device)


def _mn04(path: str, device: Device) -> EfficientATJudge:
    return EfficientATJudge.load(_file("mn04", path), device)


def _resemblyzer_vad(path: str, device: Device) -> ResemblyzerJudge:
    return ResemblyzerJudge.load(_file("resemblyzer", path), device, detector=webrtc_detector())


JUDGES: Final[Mapping[str, Load]] = {
    "vggish": lambda path, device: VggishJudge.load(_file("vggish", path), device),
    "panns": lambda path, device: PannsJudge.load(_file("panns", path), device),
    "passt": lambda path, device: PasstJudge.load(_file("passt", path), device),
    "laion-clap": lambda path, device: LaionClapJudge.load(_with_tokens("laion-clap", path), device),
    "ms-clap": lambda path, device: MsClapJudge.load(_with_tokens("ms-clap", path), device),
    "audiobox-aesthetics": lambda path, device: AudioboxJudge.load(_folder("audiobox-aesthetics", path), device),
    "imagebind": lambda path, device: ImageBindJudge.load(_file("imagebind", path), device),
    "pe-av": lambda path, device: PeAvJudge.load(_folder("pe-av", path), device),
    "corpus-cnn": _corpus_cnn,
    "labels-corpus-cnn": lambda path, device: LabelJudge.load(_corpus_cnn(path, device), exclusive=True),
    "labels-mn04": lambda path, device: LabelJudge.load(_mn04(path, device), exclusive=False),
    "mn04": _mn04,
    "resemblyzer": lambda path, device: ResemblyzerJudge.load(_file("resemblyzer", path), device),
    "resemblyzer-vad": _resemblyzer_vad,
    "synchformer": lambda path, device: SynchformerJudge.load(_file("synchformer", path), device),
}


def load_judge(name: str, device: Device = "cpu") -> Judge:
    """Returns a judge. Raises UsageError (unknown name) or WeightsError (not loadable). Source: SPEC E1, E2."""
    asked, _, path = name.partition(":")
    load = JUDGES.get(asked.replace("_", "-"))
    if load is None:
        raise UsageError(f"judge {name!r} is unknown; known names: {', '.join(sorted(JUDGES))}; or NAME:PATH")
    return load(path, device)


__all__ = ["AudioJudge", "Judge", "JudgeSpec", "Kind", "Outputs", "TextJudge", "VideoJudge", "load_judge"]
