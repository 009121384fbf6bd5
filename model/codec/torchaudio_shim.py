"""Lets torchaudio, which descript-audio-codec imports, load beside a CPU-only torch.

torchaudio's wheels carry CUDA libraries and fail at import where torch has no CUDA. Its Python code needs none of
them, so its extension module is replaced by an empty one before the first import.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import torch


def prepare_torchaudio() -> None:
    """Makes `import torchaudio` work; call before the first import of dac or audiotools. Safe to call again."""
    if torch.version.cuda is not None or "torchaudio" in sys.modules:
        return
    extension: Any = types.ModuleType("torchaudio._extension")
    extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
    extension._IS_ALIGN_AVAILABLE = False
    extension._check_cuda_version = lambda: None
    extension.fail_if_no_align = lambda function: function
    sys.modules["torchaudio._extension"] = extension
