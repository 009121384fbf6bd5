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


def _imagebind(path: str, device: Device) -> Judge:
    from model.judges.imagebind import ImageBindJudge

    return ImageBindJudge.load(Path(path) if path else require("imagebind")[0], device)


def _synchformer(path: str, device: Device) -> Judge:
    from model.judges.synchformer import SynchformerJudge

    return SynchformerJudge.load(Path(path) if path else require("synchformer")[0], device)


JUDGES: Final[Mapping[str, Load]] = {
    "imagebind": _imagebind,
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
