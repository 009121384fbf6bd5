"""Which device the network, the codec and the encoders run on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from data_contracts import UsageError
from data_contracts.quantities import counted
from model.config import AskedPrecision, Precision

_own_gpu: list[int] = []


def use_gpu(index: int) -> None:
    """Makes `auto` and `cuda` mean this GPU in this process: several processes then use one each."""
    _own_gpu[:] = [index]


def choose_device(asked: str) -> torch.device:
    """Returns the device for `auto` (a GPU, else the CPU) or a name. Raises UsageError when it is not there.

    The GPU of `auto` and `cuda` is the first one, or the one of `use_gpu`.
    """
    if asked == "auto" and not torch.cuda.is_available():
        return torch.device("cpu")
    if asked in ("auto", "cuda") and _own_gpu:
        return torch.device("cuda", _own_gpu[0])
    if asked == "auto":
        return torch.device("cuda")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise UsageError(f"device {asked!r} is unknown; use auto, cpu, cuda or cuda:1") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        number = counted(torch.cuda.device_count(), "GPU")
        raise UsageError(f"device {asked} is not there: this machine has {number}; use cpu or auto")
    return device


def gpu_count() -> int:
    """Returns how many GPUs this process sees."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def choose_precision(asked: AskedPrecision, device: torch.device) -> Precision:
    """Returns what `auto` is on the device: bf16 on a GPU and on a CPU with AVX512-BF16 or AMX, else fp32.

    Other CPUs emulate products of bf16, which takes several times as long as fp32.
    """
    if asked != "auto":
        return asked
    if device.type != "cpu":
        return "bf16"
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "fp32"


def half_precision(device: torch.device) -> AbstractContextManager[None]:
    """Autocast to fp16 on a GPU (features are stored as fp16); nothing elsewhere."""
    return torch.autocast("cuda", torch.float16) if device.type == "cuda" else nullcontext()
