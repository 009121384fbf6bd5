"""Autocast, gradient checkpointing and compilation leave the network what it is (issue item: training at scale)."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from model.config import NetworkConfig
from model.mmaudio.layout import plain
from model.network.inputs import TimestepEmbedder, time_embedding
from model.network.layers import rotary_table, rotate
from tests.model.fakes import TOY
from tests.model.networks import awake, features, span

FAST = dataclasses.replace(TOY, version="v2")


def _step(network, mask):
    return _velocity(network, mask, features(), _state(mask))


def _state(mask):
    return torch.randn(len(mask), mask.shape[1], 4, generator=torch.Generator().manual_seed(3))


def _velocity(network, mask, f, x):
    return network(x, torch.tensor([0.2, 0.9]), x * ~mask[..., None], mask, network.preprocess_conditions(f, mask))


@pytest.mark.parametrize("config", [TOY, FAST])
def test_the_time_embedding_is_fp32_under_autocast(config: NetworkConfig):
    embedder = time_embedding(config)
    t = torch.linspace(0, 1, 64)
    seen = []
    embedder.mlp[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    plain_result = embedder(t)
    with torch.autocast("cpu", torch.bfloat16):
        result = embedder(t)
    assert [one.dtype for one in seen] == [torch.float32] * 2
    assert torch.equal(*seen)
    assert torch.equal(result, plain_result)


def test_a_cast_to_bf16_leaves_the_frequencies_in_fp32():
    embedder = time_embedding(FAST)
    t = torch.linspace(0, 1, 64)
    before = embedder.sinusoids(t)
    cast = embedder.to(torch.bfloat16)
    assert cast.freqs.dtype == torch.float32
    assert torch.equal(cast.sinusoids(t), before)
    assert cast(t).dtype == torch.bfloat16


def test_frequencies_survive_a_network_made_without_memory():
    with torch.device("meta"):
        embedder = TimestepEmbedder(8, 16, max_period=1.0)
    made = embedder.to_empty(device="cpu")
    assert torch.equal(made.freqs, TimestepEmbedder(8, 16, max_period=1.0).freqs)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_sinusoids_are_mmaudios_formula(version):
    embedder = time_embedding(dataclasses.replace(TOY, version=version))
    count, period = (256, 10_000.0) if version == "v1" else (TOY.width, 1.0)
    t = torch.tensor([0.0, 0.37, 1.0])
    angle = t.double()[:, None] * 10_000.0 ** (-torch.arange(0, count, 2).double() / count) * (10_000.0 / period)
    expected = torch.cat([angle.cos(), angle.sin()], 1)
    error = float((embedder.sinusoids(t) - expected).abs().max())
    assert error < (1e-6 if version == "v1" else 2e-3)  # 10,000 radians in fp32


def test_rotary_tables_and_rotations_are_fp32_under_autocast():
    x = torch.randn(1, 400, 2, 16)
    table = rotary_table(400, 16, 1.0, torch.device("cpu"))
    expected = rotate(x, table)
    with torch.autocast("cpu", torch.bfloat16):
        inside = rotary_table(400, 16, 1.0, torch.device("cpu"))
        result = rotate(x, inside)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, table)
    assert torch.equal(result, expected)


def test_bf16_autocast_stays_near_fp32():
    network, mask = awake(), span(10, 50)
    with torch.no_grad():
        exact = _step(network, mask)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = _step(network, mask)
    assert float((rounded - exact).std() / exact.std()) < 0.02


@pytest.mark.parametrize("autocast", [False, True])
def test_gradient_checkpointing_gives_the_same_loss_and_gradients_bit_for_bit(autocast):
    network, mask = awake(dataclasses.replace(TOY, depth=4, fused_depth=2)), span(10, 50)
    results = []
    for on in (False, True):
        network.gradient_checkpointing = on
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = _step(network, mask).square().mean()
        loss.backward()
        results.append((loss.detach(), {name: p.grad for name, p in network.named_parameters()}))
    (loss, gradients), (again, others) = results
    assert torch.equal(loss, again)
    assert all(torch.equal(gradients[name], others[name]) for name in gradients if gradients[name] is not None)
    assert [name for name in gradients if gradients[name] is None] == [n for n in others if others[n] is None]


def test_gradient_checkpointing_keeps_less():
    network, mask = awake(dataclasses.replace(TOY, depth=6, fused_depth=5)), span(10, 50)
    kept = []
    for on in (False, True):
        network.gradient_checkpointing = on
        sizes = []

        def keep(value, sizes=sizes):
            sizes.append(value.numel())
            return value

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            _step(network, mask)
        kept.append(sum(sizes))
    assert kept[1] < 0.4 * kept[0]


@pytest.mark.parametrize(
    ("config", "per_segment", "checkpointing"),
    [
        (FAST, 8, False),
        pytest.param(TOY, 1, True, marks=pytest.mark.slow),
        pytest.param(plain(TOY), 8, False, marks=pytest.mark.slow),
    ],
)
def test_the_whole_step_compiles_into_one_graph(config, per_segment, checkpointing):
    torch._dynamo.reset()
    network, mask = awake(config, per_segment=per_segment), span(20, 70, 90)
    network.gradient_checkpointing = checkpointing
    compiled = torch.compile(_velocity, backend="aot_eager", fullgraph=True)
    results = []
    for step in (_velocity, compiled):
        network.zero_grad()
        velocity = step(network, mask, features(frames=48), _state(mask))
        velocity.square().mean().backward()
        results.append((velocity.detach(), [p.grad for p in network.parameters() if p.grad is not None]))
    (eager, gradients), (whole, others) = results
    assert float((whole - eager).abs().max()) < 1e-5
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(gradients, others, strict=True))
