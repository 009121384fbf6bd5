"""The table of materials: physically possible, drawable and describable."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.corpus.captions import Sides, strike_caption
from tasks.corpus.drawing import SHAPES
from tasks.corpus.materials import MATERIALS, SIZES, Material
from tasks.corpus.modal import RATE_HZ

each_material = pytest.mark.parametrize("material", MATERIALS.values(), ids=lambda material: material.name)


@each_material
def test_ranges_are_ordered_and_audible(material: Material) -> None:
    for low, high in (material.f0_hz, material.t60_s, material.noise_band_hz):
        assert 0 < low < high
    assert material.noise_band_hz[1] < RATE_HZ / 2
    assert material.f0_hz[1] < 0.45 * RATE_HZ  # the lowest mode survives in every object
    assert 0 < material.noise_share < 1 and 0 < material.contact_s < 0.01


@each_material
def test_pitch_falls_with_size_over_the_whole_range(material: Material) -> None:
    pitches = [material.pitch_hz(size) for size in np.linspace(*SIZES, 20)]
    assert (np.diff(pitches) < 0).all()
    assert (pitches[-1], pitches[0]) == pytest.approx(material.f0_hz)
    middle = material.pitch_hz(float(np.sqrt(np.prod(SIZES))))
    assert middle == pytest.approx(np.sqrt(np.prod(material.f0_hz)))


@each_material
def test_mode_ratios_count_from_the_lowest_mode_up(material: Material) -> None:
    assert material.ratios[0] == 1.0
    assert list(material.ratios) == sorted(set(material.ratios))


@each_material
def test_every_shape_can_be_drawn_and_every_colour_shown(material: Material) -> None:
    assert material.shape in SHAPES
    assert len(set(material.colours)) == len(material.colours) >= 2
    assert all(0 <= value <= 255 for colour in material.colours for value in colour)


@each_material
def test_every_verb_has_its_forms_in_captions(material: Material) -> None:
    for seed in range(60):
        caption = strike_caption(material, material.objects[0], Sides(), np.random.default_rng(seed))
        assert f"{material.adjective} {material.objects[0]}" in caption.lower()


def test_names_are_keys_and_objects_belong_to_one_material_by_name() -> None:
    assert [material.name for material in MATERIALS.values()] == list(MATERIALS)
    described = [f"{material.adjective} {thing}" for material in MATERIALS.values() for thing in material.objects]
    assert len(described) == len(set(described))


def test_metal_rings_longest_and_stone_shortest() -> None:
    by_ring = sorted(MATERIALS.values(), key=lambda material: material.t60_s[0])
    assert (by_ring[0].name, by_ring[-1].name) == ("stone", "metal")
