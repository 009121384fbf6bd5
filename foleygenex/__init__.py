"""FoleyGenEx from Python: generate audio for video, change audio, mine captions, score folders (docs/python.md).

    import foleygenex
    model = foleygenex.load("builtin")
    audio = model.generate("vta", video="silent.mp4")
    audio.write("sound.wav")

Importing this loads no library; each function loads what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from foleygenex.own_packages import bind_own_packages

if TYPE_CHECKING:
    from data_contracts.errors import FoleyGenExError, ItemError, MismatchError, UsageError, WeightsError
    from foleygenex.augmentation import AugmentedAudio, augment
    from foleygenex.captions import mine_captions
    from foleygenex.folders import FolderScores, score_folders
    from foleygenex.generation import GeneratedAudio, Model, load
    from foleygenex.media import Audio, Video
    from tasks.language.cues import Cue

__all__ = [
    "Audio",
    "AugmentedAudio",
    "Cue",
    "FolderScores",
    "FoleyGenExError",
    "GeneratedAudio",
    "ItemError",
    "MismatchError",
    "Model",
    "UsageError",
    "Video",
    "WeightsError",
    "augment",
    "load",
    "mine_captions",
    "score_folders",
]

_MODULES = {
    "data_contracts.errors": ("FoleyGenExError", "ItemError", "MismatchError", "UsageError", "WeightsError"),
    "foleygenex.augmentation": ("AugmentedAudio", "augment"),
    "foleygenex.captions": ("mine_captions",),
    "foleygenex.folders": ("FolderScores", "score_folders"),
    "foleygenex.generation": ("GeneratedAudio", "Model", "load"),
    "foleygenex.media": ("Audio", "Video"),
    "tasks.language.cues": ("Cue",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

HIDDEN_BY = bind_own_packages()
"""What keeps this project's packages from being found, in one line; empty where nothing does."""


def __getattr__(name: str) -> Any:
    """Imports what is asked for. Raises ImportError with HIDDEN_BY."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'foleygenex' has no attribute {name!r}")
    if HIDDEN_BY:
        raise ImportError(HIDDEN_BY)
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Returns the public names."""
    return sorted({*globals(), *__all__})
