"""MMAudio's weights behind an InputEmbedding, and back: the same tensors, the same function, gradients everywhere."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import WeightsError
from model.config import NetworkConfig
from model.mmaudio.adapter import adapt, extract, trained_differences
from model.mmaudio.layout import read_layout
from model.network import Network
from tests.model.mmaudio.files import small_specs, small_weights


@pytest.fixture(scope="module")
def theirs() -> dict[str, torch.Tensor]:
    return small_weights("v1")


def extended(theirs: dict[str, torch.Tensor]) -> NetworkConfig:
    return dataclasses.replace(read_layout(theirs, "file").network, input_embedding=True)


def projected(network: Network, x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    return network.audio_input_proj[0](network.input_embed(x, reference))


def test_m4_extracting_returns_the_very_tensors(theirs) -> None:
    config = extended(theirs)
    back = extract(adapt(theirs, config), config)
    assert back.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in back.items())


def test_m4_the_first_layer_starts_as_mmaudios_whatever_the_reference(theirs) -> None:
    config = extended(theirs)
    network = Network(config, small_specs())
    network.load_state_dict(adapt(theirs, config), strict=True)
    x, reference = torch.randn(2, 30, 40), torch.randn(2, 30, 40)
    with torch.no_grad():
        found = projected(network, x, reference)
        weight, bias = theirs["audio_input_proj.0.weight"], theirs["audio_input_proj.0.bias"]
        expected = torch.nn.functional.conv1d(x.transpose(1, 2), weight, bias, padding=weight.shape[-1] // 2)
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-5)


def test_m4_the_reference_and_the_positions_have_gradients_from_the_first_step(theirs) -> None:
    config = extended(theirs)
    network = Network(config, small_specs())
    network.load_state_dict(adapt(theirs, config))
    projected(network, torch.randn(1, 20, 40), torch.randn(1, 20, 40)).square().sum().backward()
    gradients = (
        network.input_embed.proj.weight.grad[:40, 40:],  # the reference's columns
        network.input_embed.conv_pos_embed.conv1d[2].weight.grad,
        network.audio_input_proj[0].weight.grad[:, 40:],  # the channels that are not used yet
    )
    assert all(float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_the_seed_changes_only_what_the_start_does_not_depend_on(theirs) -> None:
    config = extended(theirs)
    one, two = adapt(theirs, config, seed=1), adapt(theirs, config, seed=2)
    changed = {name for name, value in one.items() if not torch.equal(value, two[name])}
    assert changed and all(name.startswith("input_embed.") for name in changed)
    assert trained_differences(one) == trained_differences(two) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("input_embed.proj.weight", "projection is not the identity"),
        ("input_embed.conv_pos_embed.conv1d.2.weight", "positions are trained"),
        ("audio_input_proj.0.weight", "further channels are used"),
    ],
)
def test_each_trained_difference_is_named(theirs, name: str, words: str) -> None:
    config = extended(theirs)
    weights = adapt(theirs, config)
    weights[name] = weights[name] + 0.1
    assert any(words in found for found in trained_differences(weights))
    with pytest.raises(WeightsError, match=f"{words}.*--drop-input-embedding"):
        extract(weights, config)
    assert extract(weights, config, drop_input_embedding=True).keys() == theirs.keys()


def test_without_an_embedding_nothing_is_added(theirs) -> None:
    config = read_layout(theirs, "file").network
    assert adapt(theirs, config).keys() == theirs.keys()
    halves = {name: value.half() for name, value in theirs.items()}
    assert all(value.dtype == torch.float32 for value in adapt(halves, config).values())


def test_all_zero_absent_features_cannot_be_extracted(theirs) -> None:
    config = dataclasses.replace(extended(theirs), absent="zero")
    with pytest.raises(WeightsError, match="all-zero absent features"):
        extract(adapt(theirs, config), config)
