"""Files are found where they may be, checked against their published or first hash, and never fetched."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.paper_specs import CODECS
from model.weights import digests
from model.weights.catalogue import COMPONENTS, WeightFile
from model.weights.locate import (
    available,
    check,
    find,
    located,
    location,
    recorded_sha256,
    require,
    user_cache,
    weights_folder,
)
from tests.model.weights.builders import catalogued, component, hub_file, md5, put, sha256, web_file

GOOD, BY_MD5, UNPUBLISHED = hub_file(sha256=sha256()), hub_file("old.pth", md5=md5()), hub_file("sub/silent.pth")


def test_the_folders_are_in_the_users_cache(cache: Path) -> None:
    assert user_cache() == cache
    assert weights_folder() == cache / "weights"
    assert location(hub_file("w.gguf", folder="llm")) == cache / "llm" / "w.gguf"
    assert not cache.exists()


def test_the_folder_of_published_weights_can_be_chosen(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", "~/mine")
    assert location(GOOD) == Path.home() / "mine" / "someone" / "model" / "sub" / "w.pth"
    assert location(hub_file("w.gguf", folder="llm")) == cache / "llm" / "w.gguf"


def test_the_hubs_own_cache_is_looked_into_after_the_projects_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "cached.pth"
    cached.write_bytes(b"weights")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: str(cached))
    assert find(GOOD) == cached
    assert find(web_file()) is None
    own = put(GOOD)
    assert find(GOOD) == own


@pytest.mark.parametrize("file", [GOOD, BY_MD5, UNPUBLISHED])
def test_the_right_content_is_accepted_and_recorded(file) -> None:
    assert recorded_sha256(file) is None
    assert check(file, put(file)) == sha256() == recorded_sha256(file)
    assert check(file, location(file)) == sha256()


@pytest.mark.parametrize(("file", "kind"), [(GOOD, "SHA-256"), (BY_MD5, "MD5")])
def test_other_content_is_refused_with_both_hashes_and_kept(file, kind: str) -> None:
    place = put(file, b"mine")
    expected = file.sha256 or file.md5
    with pytest.raises(WeightsError, match=rf"{kind} [0-9a-f]+, expected {expected}"):
        check(file, place)
    assert place.read_bytes() == b"mine"
    assert recorded_sha256(file) is None


def test_a_hash_that_nobody_published_is_the_one_of_the_first_use() -> None:
    place = put(UNPUBLISHED)
    check(UNPUBLISHED, place)
    put(UNPUBLISHED, b"replaced")
    with pytest.raises(WeightsError, match=r"it was replaced .*delete .*\.json"):
        check(UNPUBLISHED, place)


def test_a_touched_file_is_hashed_again_and_accepted_while_its_content_is_the_same() -> None:
    place = put(UNPUBLISHED)
    first = check(UNPUBLISHED, place)
    os.utime(place, ns=(1, 1))
    assert check(UNPUBLISHED, place) == first


def test_an_unchanged_file_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place = put(GOOD)
    check(GOOD, place)
    monkeypatch.setattr("model.weights.locate.digest", lambda *_: pytest.fail("hashed again"))
    assert check(GOOD, place) == sha256()


@pytest.mark.parametrize(("file", "change"), [(GOOD, {"sha256": "0" * 64}), (BY_MD5, {"md5": "0" * 32})])
def test_a_recorded_file_is_checked_again_when_another_hash_is_published(
    file: WeightFile, change: dict[str, str]
) -> None:
    """A release of this project may name a newer file."""
    place = put(file)
    check(file, place)
    with pytest.raises(WeightsError, match=r"expected 0000.*it is not the published file"):
        check(dataclasses.replace(file, **change), place)


@pytest.mark.parametrize("file", [GOOD, BY_MD5])
def test_a_later_process_does_not_hash_an_unchanged_file_to_load_it(
    file: WeightFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = put(file)
    check(file, place)
    monkeypatch.setattr(digests, "_KNOWN", {})  # as in another process
    monkeypatch.setattr(digests, "hash_file", lambda *_: pytest.fail("hashed again"))
    check(file, place)
    assert digests.digest(place) == sha256()
    if file.md5:
        assert digests.digest(place, "md5") == md5()
    os.utime(place, ns=(1, 1))
    with pytest.raises(pytest.fail.Exception, match="hashed again"):
        digests.digest(place)


@pytest.mark.parametrize("record", ["", "[1]", '{"sha256": 3}', "\x00"])
def test_a_damaged_record_is_made_anew(record: str) -> None:
    place = put(GOOD)
    check(GOOD, place)
    (path,) = (weights_folder() / ".seen").iterdir()
    path.write_text(record)
    assert check(GOOD, place) == sha256() == recorded_sha256(GOOD)


def test_a_folder_that_cannot_be_written_loses_only_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"weights")
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(file))  # a file where the folder should be
    assert check(GOOD, file) == sha256()
    assert recorded_sha256(GOOD) is None


def test_missing_files_are_named_with_source_licence_command_place_and_alternative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = component(GOOD, UNPUBLISHED, alternative="set codec=other")
    with catalogued(monkeypatch, made):
        put(GOOD)
        assert not available("thing")
        with pytest.raises(WeightsError) as raised:
            located("thing")
    message = str(raised.value)
    assert "it comes from someone/model (model hub), sub/silent.pth (licence: MIT)" in message
    assert "fetch it with `foleygenex weights fetch thing`" in message and str(location(UNPUBLISHED)) in message
    assert ", or set codec=other, or put it there as" in message and GOOD.path not in message


def test_many_missing_files_are_one_short_message(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [hub_file(f"{number}.bin") for number in range(16)]
    with catalogued(monkeypatch, component(*files)), pytest.raises(WeightsError, match="and 13 more") as raised:
        located("thing")
    assert ", 3.bin" not in str(raised.value)


def test_what_is_there_is_returned_in_the_catalogues_order(monkeypatch: pytest.MonkeyPatch) -> None:
    with catalogued(monkeypatch, component(UNPUBLISHED, GOOD)):
        places = [put(UNPUBLISHED), put(GOOD)]
        assert available("thing")
        assert located("thing") == require("thing") == places


def test_only_require_reads_the_content(monkeypatch: pytest.MonkeyPatch) -> None:
    with catalogued(monkeypatch, component(GOOD)):
        put(GOOD, b"mine")
        assert available("thing") and located("thing")
        with pytest.raises(WeightsError, match="move it away and run `foleygenex weights fetch thing`"):
            require("thing")


def test_a_file_of_another_size_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, rounded = hub_file("a", size_bytes=8, size_exact=True), hub_file("b", size_bytes=8)
    with catalogued(monkeypatch, component(exact, name="exact"), component(rounded, name="rounded")):
        put(exact), put(rounded)
        assert not available("exact") and available("rounded")
        put(exact, b"8 bytes.")
        assert available("exact")


def test_a_downloaded_codec_loads_by_its_name_and_keeps_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """From file to codec, with a small file in place of MOSS's."""
    from model.codec import codec as module
    from model.codec import load_codec
    from tests.model.codec import published

    file = COMPONENTS["moss-dacvae"].files[0]
    place = location(file)
    place.parent.mkdir(parents=True)
    torch.save({"state_dict": published.dac_vae(), "metadata": {"kwargs": published.DAC_KWARGS}}, place)
    small = dataclasses.replace(CODECS["moss-dacvae"], hop=24, latent_dim=6)
    monkeypatch.setattr(module, "CODECS", {"moss-dacvae": small})
    spec = load_codec("moss_dacvae").spec
    assert dataclasses.replace(spec, weights_sha256="") == small
    assert spec.weights_sha256 == hashlib.sha256(place.read_bytes()).hexdigest() == check(file, place)
