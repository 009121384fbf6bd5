"""`foleygenex weights`: the list, the checks of hashes, and fetching with and without a network (DESIGN section 5)."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from data_contracts import UsageError, WeightsError
from flows.cli import exit_code
from model.paper_specs import CODECS
from model.weights import catalogue
from model.weights.catalogue import PARTS, Part, WeightFile
from model.weights.locate import check, find, require, weights_folder
from tasks.commands.weights import rows, text
from tasks.weights import fetch as fetching
from tasks.weights.fetch import fetch, parts_named

CONTENT = b"weights"
GOOD = WeightFile(repo="someone/model", path="sub/w.pth", sha256=hashlib.sha256(CONTENT).hexdigest())
SILENT = WeightFile(repo="someone/model", path="sub/silent.pth")
MD5 = WeightFile(repo="someone/model", path="old.pth", md5=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())


def part(*files: WeightFile) -> Part:
    return Part(name="thing", use="codec", purpose="test", licence="MIT", files=files)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    return tmp_path / "weights"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A hub that delivers what the test put there."""
    files: dict[str, bytes] = {}

    def download(repo: str, path: str, *, revision: str, local_dir: Path) -> str:
        place = local_dir / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(files[f"{repo}/{path}@{revision}"])
        return str(place)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr(fetching, "hub_reachable", lambda _: True)
    return files


def put(file: WeightFile, content: bytes = CONTENT) -> Path:
    place = weights_folder() / file.place
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def test_every_published_codec_and_encoder_of_the_paper_is_in_the_catalogue() -> None:
    assert set(CODECS) <= set(PARTS) and {"clip-dfn5b", "synchformer"} <= set(PARTS)
    for name, entry in PARTS.items():
        assert entry.licence and entry.purpose and entry.files and entry.name == name
        for file in entry.files:
            assert file.sha256 is None or len(file.sha256) == 64
            assert file.md5 is None or len(file.md5) == 32
            assert "/" in file.repo and (file.url is None or file.url.startswith("https://"))


def test_non_commercial_and_territorial_licences_are_said() -> None:
    assert "no commercial use" in PARTS["mmaudio-44k"].caveat
    assert "EU" in PARTS["tencent-dacvae"].caveat
    assert "apple-amlr" in PARTS["clip-dfn5b"].licence


def test_the_list_has_published_and_embedded_parts_with_source_hash_and_command() -> None:
    listed = {row.name: row for row in rows()}
    assert {row.kind for row in listed.values()} == {"published", "embedded"}
    assert not listed["mmaudio-44k"].there and listed["embedded_16k"].there and listed["motion"].there
    assert "unknown, recorded at first use" in listed["moss-dacvae"].files[0].hash
    assert listed["mmaudio-44k"].files[0].hash == "md5 fab020275fa44c6589820ce025191600"
    page = text(listed.values())
    for name in listed:
        assert name in page
    assert "foleygenex weights fetch clip-dfn5b" in page and "3.95 GB" in page


def test_json_is_the_same_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["weights", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [value["name"] for value in values] == [row.name for row in rows()]
    assert exit_code(["weights", "list", "synchformer"]) == 0
    assert "950 MB" in capsys.readouterr().out


def test_path_says_the_folder_and_its_default_is_in_the_cache(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exit_code(["weights", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    monkeypatch.delenv("FOLEYGENEX_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert weights_folder() == Path("/somewhere/foleygenex/weights")


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["weights", "burn"],
        ["weights", "fetch"],
        ["weights", "fetch", "nothing"],
        ["weights", "list", "x"],
    ):
        assert exit_code(arguments) == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_offline_each_file_gets_one_line_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert exit_code(["weights", "fetch", "mmaudio-44k"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3 and all("the model hub cannot be reached" in line for line in lines)


def test_a_fetched_file_is_checked_placed_and_recorded(hub: dict[str, bytes], folder: Path) -> None:
    hub["someone/model/sub/w.pth@main"] = hub["someone/model/sub/silent.pth@main"] = CONTENT
    results = list(fetch([part(GOOD, SILENT)]))
    assert [result.path for result in results] == [folder / GOOD.place, folder / SILENT.place]
    assert (folder / GOOD.place).read_bytes() == CONTENT
    assert not (folder / ".incoming" / "someone/model").exists()
    assert [result.message.split(",")[0] for result in fetch([part(GOOD, SILENT)])] == [
        "already there",
        "already there",
    ]


def test_a_wrong_download_never_gets_its_final_name(hub: dict[str, bytes], folder: Path) -> None:
    hub["someone/model/sub/w.pth@main"] = b"something else"
    (result,) = fetch([part(GOOD)])
    assert result.path is None and "SHA-256" in result.message and not (folder / GOOD.place).exists()


def test_a_wrong_file_that_is_there_is_refused_and_kept(hub: dict[str, bytes]) -> None:
    hub["someone/model/sub/w.pth@main"] = CONTENT
    for file in (GOOD, MD5):
        place = put(file, b"mine")
        (result,) = fetch([part(file)])
        assert result.path is None and "expected" in result.message
        assert place.read_bytes() == b"mine"


def test_hub_trouble_and_files_elsewhere_are_one_line_each(hub: dict[str, bytes]) -> None:
    web = WeightFile(repo="web/x", path="x.pth", url="https://example.org/x.pth")
    first, second = fetch([part(SILENT, web)])
    assert first.path is second.path is None
    assert "did not deliver" in first.message and "curl -fL" in second.message
    assert "\n" not in first.message + second.message


def test_an_unpublished_hash_is_recorded_at_first_use_and_held_against_the_next() -> None:
    place = put(SILENT)
    assert check(SILENT, place) == hashlib.sha256(CONTENT).hexdigest()
    assert check(SILENT, place) == hashlib.sha256(CONTENT).hexdigest()
    put(SILENT, b"replaced")
    with pytest.raises(WeightsError, match="it was replaced"):
        check(SILENT, place)


def test_a_touched_file_is_hashed_again_and_accepted_while_its_content_is_the_same() -> None:
    place = put(SILENT)
    first = check(SILENT, place)
    os.utime(place, ns=(1, 1))
    assert check(SILENT, place) == first


def test_a_folder_that_cannot_be_written_costs_no_more_than_the_record(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(file))  # a file where the folder should be
    assert check(GOOD, file) == GOOD.sha256


def test_the_hubs_own_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = tmp_path / "cached.pth"
    cached.write_bytes(CONTENT)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: str(cached))
    assert find(GOOD) == cached
    own = put(GOOD)
    assert find(GOOD) == own  # your own copy comes first


def test_a_part_that_is_there_is_found_by_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.weights.locate.PARTS", {"thing": part(GOOD, SILENT)})
    put(GOOD)
    with pytest.raises(WeightsError, match=r"sub/silent\.pth from someone/model \(licence: MIT\)") as raised:
        require("thing")
    assert "foleygenex weights fetch thing" in str(raised.value)
    put(SILENT)
    assert require("thing") == [weights_folder() / GOOD.place, weights_folder() / SILENT.place]
    assert [found.name for found in parts_named(["meta_dacvae_plain", "clip_dfn5b"])] == ["meta-dacvae", "clip-dfn5b"]
    with pytest.raises(UsageError, match="known: moss-dacvae"):
        parts_named(["nothing"])


def test_a_downloaded_codec_loads_by_its_name_and_keeps_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way, with a small file in MOSS's place whose sizes are promised small, too."""
    import dataclasses

    from model.codec import codec as module
    from model.codec import load_codec
    from tests.model.codec import published

    file = catalogue.PARTS["moss-dacvae"].files[0]
    place = weights_folder() / file.place
    place.parent.mkdir(parents=True)
    torch.save({"state_dict": published.dac_vae(), "metadata": {"kwargs": published.DAC_KWARGS}}, place)
    small = dataclasses.replace(CODECS["moss-dacvae"], hop=24, latent_dim=6)
    monkeypatch.setattr(module, "CODECS", {"moss-dacvae": small})
    spec = load_codec("moss_dacvae").spec
    assert dataclasses.replace(spec, weights_sha256="") == small
    assert spec.weights_sha256 == hashlib.sha256(place.read_bytes()).hexdigest() == check(file, place)
