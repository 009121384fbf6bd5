"""The comparison with the originals: what it feeds them, and how it imports parts of their packages."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import evaluation
from benchmarks.original_code import difference, drawn, listing, package
from benchmarks.original_judges import ORIGINALS, _segments, _settings, _torchaudio_mels, given_originals
from model.judges.imagebind import clip_mels
from model.judges.synchformer import segment_mels


@pytest.fixture(autouse=True)
def modules() -> object:
    """What a test puts among the modules is taken away again."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("an_original"):
            del sys.modules[name]


def test_torchaudios_front_ends_are_the_judges() -> None:
    audio = 0.2 * torch.randn(128_000, generator=torch.Generator().manual_seed(1))
    assert difference(clip_mels(audio), _torchaudio_mels(audio)) < 1e-5
    assert difference(segment_mels(audio).transpose(1, 2), _segments(audio)) < 1e-5


def test_a_package_is_imported_without_its_init(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("raise RuntimeError")
    (tmp_path / "part.py").write_text("value = 3")
    package("an_original", tmp_path, __version__="1")
    assert importlib.import_module("an_original.part").value == 3


def test_settings_have_attributes_that_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("A: {B: {C: 1}}")
    settings = _settings(str(tmp_path / "s.yaml"))
    settings.A.D = 2
    assert (settings.A.B.C, settings.A.D) == (1, 2)


def test_no_weight_stays_zero_or_one() -> None:
    network = drawn(torch.nn.LayerNorm(50))
    assert not (network.bias == 0).any() and not (network.weight == 1).any() and not network.weight.requires_grad
    norm = drawn(torch.nn.BatchNorm1d(50))
    assert norm.running_mean.any() and not (norm.running_var == 1).any() and not norm.training


def test_fourier_and_mel_matrices_stay_as_the_original_makes_them() -> None:
    network = drawn(torch.nn.ModuleDict({"logmel_extractor": torch.nn.Linear(2, 2), "layer": torch.nn.Linear(2, 2)}))
    torch.manual_seed(3)
    plain = torch.nn.ModuleDict({"logmel_extractor": torch.nn.Linear(2, 2)})
    before = plain["logmel_extractor"].weight.clone()
    assert torch.equal(drawn(plain)["logmel_extractor"].weight, before) and not network.training


@pytest.mark.parametrize("part", ["originals", "names"])
def test_without_a_checkout_it_says_which_there_are(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluation.main([part])
    said = capsys.readouterr().err
    assert "give the checkouts of at least one original" in said
    assert all(f"--{name} " in said for original in ORIGINALS.values() for name in original.checkouts)


def test_an_original_is_chosen_when_all_its_checkouts_are_given(tmp_path: Path) -> None:
    given = ["--torchlibrosa", str(tmp_path), "--clap", str(tmp_path / "c")]
    assert given_originals(given, "names", "") == [("laion-clap", [tmp_path / "c", tmp_path])]


def test_a_listing_is_of_names_and_shapes_in_any_order_without_constants() -> None:
    shapes = {"a.weight": (2, 3), "b.bias": (2,), "h.0.attn.bias": (1, 1, 4, 4), "scale": ()}
    found = listing(shapes)
    assert (found.tensors, found.numbers) == (3, 9)
    assert listing(dict(reversed(shapes.items()))) == found != listing({**shapes, "a.weight": (3, 2)})
    assert listing({**shapes, "a.position_ids": (1, 5)}) == found != listing({**shapes, "c": ()})
