"""HTS-AT's names: what becomes of each, and what stays for a strict load to refuse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.judges.htsat import htsat_maker, htsat_tensors
from model.weights.files import TensorFile, build
from tests.model.judges.audio_layouts import htsat, relative_places, tensors
from tests.model.judges.small_judges import AUDIO, sound
from tests.model.judges.towers import slow_htsat


def test_a_sound_is_what_loops_over_windows_give() -> None:
    """Both stages have a block whose windows are moved across the edges."""
    weights = tensors(AUDIO)
    file = TensorFile(Path("x.pth"), weights, {})
    network = htsat_maker(file, "", 480, "small")().eval()
    network.load_state_dict(htsat_tensors(weights, "", ""))
    samples = sound(400_000)
    with torch.no_grad():
        made = network(samples[None])[0]
    torch.testing.assert_close(made, slow_htsat(weights, samples, 480), rtol=1e-3, atol=1e-4)


def test_relative_positions_are_those_of_loops_whether_or_not_the_file_has_them() -> None:
    weights = {name: value for name, value in tensors(AUDIO).items() if not name.endswith("relative_position_index")}
    made = htsat_tensors(weights, "", "")
    places = [value for name, value in made.items() if name.endswith("relative_position_index")]
    assert len(places) == 4 and all(torch.equal(one, relative_places()) for one in places)
    assert set(made) == set(htsat_tensors(tensors(AUDIO), "", ""))


def test_names_below_the_prefix_are_mapped_and_unknown_ones_kept() -> None:
    one = torch.zeros(3)
    mapped = htsat_tensors(
        {"a.layers.0.blocks.1.new": one, "a.extra": one, "b.norm.weight": one, "a.head.bias": one}, "a.", "t."
    )
    root = "t.network.audio_encoder."
    assert set(mapped) == {f"{root}layers.0.blocks.1.new", f"{root}extra"}
    split = htsat_tensors({"layers.0.blocks.0.attn.qkv.bias": torch.arange(6.0)}, "", "")
    names = [
        f"network.audio_encoder.layers.0.blocks.0.attention.self.{name}.bias" for name in ("query", "key", "value")
    ]
    assert [split[name].tolist() for name in names] == [[0, 1], [2, 3], [4, 5]]


def test_a_file_of_another_network_names_the_first_tensor_that_it_lacks() -> None:
    file = TensorFile(Path("x.pth"), {"a.b": torch.zeros(1)}, {})
    with pytest.raises(WeightsError, match=r"x\.pth is not laion-clap: it has no tensor a\.spectrogram_extractor"):
        htsat_maker(file, "a.", 480, "laion-clap")


def test_sizes_that_no_network_has_are_one_line() -> None:
    shapes = htsat(10, (1, 1), (3, 1), window=64)  # three heads cannot share ten channels
    made = tensors(shapes)
    with pytest.raises(WeightsError, match=r"x\.pth do not fit their layout: .*not a multiple"):
        build(htsat_maker(TensorFile(Path("x.pth"), made, {}), "", 480, "small"), made, Path("x.pth"))
    bare = {name: value for name, value in made.items() if not name.startswith("layers.")}
    with pytest.raises(WeightsError, match=r"has no tensor layers\.0\.blocks\.0\.attn"):
        htsat_maker(TensorFile(Path("x.pth"), bare, {}), "", 480, "small")


def test_making_the_network_imports_nothing_while_the_meta_device_is_the_default() -> None:
    """Modules that make tensors when they are imported would keep them without data."""
    make = htsat_maker(TensorFile(Path("x.pth"), tensors(AUDIO), {}), "", 480, "small")
    before = set(sys.modules)
    with torch.device("meta"):
        make()
    assert set(sys.modules) == before
