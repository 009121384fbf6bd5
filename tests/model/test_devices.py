"""Devices by name, and half precision where it is of use."""

from __future__ import annotations

import pytest
import torch

from data_contracts import UsageError
from model.devices import choose_device, choose_precision, half_precision


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert choose_device("auto").type == expected


def test_a_gpus_number_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cuda") == torch.device("cuda")
    with pytest.raises(UsageError, match=r"cuda:2 .*2 GPUs; use cpu or auto"):
        choose_device("cuda:2")


def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(UsageError, match=r"'gpu' is unknown; use auto, cpu, cuda or cuda:1"):
        choose_device("gpu")


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx2": True}, "fp32")],
)
def test_auto_is_bf16_where_the_cpu_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, instructions: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    assert choose_precision("auto", torch.device("cpu")) == expected


def test_auto_is_bf16_on_a_gpu_and_a_precision_by_name_is_itself() -> None:
    assert choose_precision("auto", torch.device("cuda")) == "bf16"
    assert choose_precision("fp32", torch.device("cuda")) == "fp32"
    assert choose_precision("bf16", torch.device("cpu")) == "bf16"


def test_a_cpu_computes_in_full_precision() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    with half_precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
