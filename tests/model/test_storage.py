"""16-bit storage of features: round trips, relative errors, and values that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_contracts import ContractError
from model.storage import BF16, FP16, STORAGES, Storage, storage_of

VALUES = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=6), elements=st.floats(-1e4, 1e4, width=32))
EACH = pytest.mark.parametrize("storage", STORAGES.values(), ids=list(STORAGES))


@EACH
@given(values=VALUES)
def test_what_was_rounded_once_is_stored_exactly(storage: Storage, values: np.ndarray) -> None:
    rounded = storage.rounded(values)
    assert rounded.shape == values.shape and rounded.dtype == np.float32
    assert np.array_equal(storage.rounded(rounded), rounded)
    assert np.array_equal(storage.unpack(storage.pack(values)), rounded)


@EACH
@given(values=VALUES)
def test_a_tensor_of_the_packed_values_is_16_bits_wide_on_the_same_memory(storage: Storage, values: np.ndarray) -> None:
    packed = storage.pack(values)
    tensor = storage.tensor(packed)
    assert tensor.dtype == {"fp16": torch.float16, "bf16": torch.bfloat16}[storage.name]
    assert tensor.data_ptr() == packed.ctypes.data or not packed.size
    assert np.array_equal(tensor.float().numpy(), storage.unpack(packed))


@EACH
@given(values=VALUES)
def test_two_bytes_are_stored_per_value(storage: Storage, values: np.ndarray) -> None:
    packed = storage.pack(values)
    assert packed.nbytes == 2 * values.size
    assert packed.dtype == storage.dtype and packed.dtype.byteorder in "<=|"


@given(values=VALUES)
def test_the_formats_are_torchs(values: np.ndarray) -> None:
    tensor = torch.from_numpy(values)
    assert np.array_equal(FP16.rounded(values), tensor.half().float().numpy())
    assert np.array_equal(BF16.rounded(values), tensor.bfloat16().float().numpy())


@EACH
def test_order_is_kept_and_signs_survive(storage: Storage) -> None:
    rising = np.linspace(-500, 500, 1001, dtype=np.float32)
    stored = storage.rounded(rising)
    assert (np.diff(stored) >= 0).all()
    assert np.array_equal(np.sign(stored), np.sign(rising))


@EACH
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_values_that_are_not_finite_are_refused(storage: Storage, value: float) -> None:
    with pytest.raises(ContractError, match=f"not finite in {storage.name}"):
        storage.pack(np.array([1.0, value], np.float32))


def test_bf16_stores_what_fp16_cannot() -> None:
    large = np.array([1e5, -3e38], np.float32)
    assert BF16.rounded(large) == pytest.approx(large, rel=2**-8)
    with pytest.raises(ContractError, match="largest 3"):
        FP16.pack(large)


@EACH
def test_a_label_in_a_header_names_its_format(storage: Storage) -> None:
    assert storage_of(storage.label) is storage


def test_an_unknown_label_says_which_are_read_and_what_to_do() -> None:
    with pytest.raises(ContractError, match=r"'f8'; this release reads fp16, bf16; run precompute again"):
        storage_of("f8")
