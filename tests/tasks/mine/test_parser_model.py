"""The parser's model: loaded from checked files, as data, and named when it is missing."""

from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path

import pytest

from data_contracts import WeightsError
from model.weights.catalogue import CAPTION_PARSER, COMPONENTS
from model.weights.locate import located, location
from tasks.language.parse import load_parser
from tasks.mine.parser import ParseMiner


def test_the_parsers_model_loads_without_its_package_or_any_pickle(
    parser: ParseMiner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    assert load_parser().pipe_names == ["tok2vec", "tagger", "parser", "attribute_ruler"]
    assert not [name for name in sys.modules if name.startswith("en_core_web")]


def test_a_changed_file_of_the_parsers_model_is_not_loaded(
    parser: ParseMiner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = located(CAPTION_PARSER)[0].parent
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = location(COMPONENTS[CAPTION_PARSER].files[0]).parent
    shutil.copytree(folder, copy)
    (copy / "parser" / "model").write_bytes(b"changed")
    with pytest.raises(WeightsError, match=r"SHA-256.*foleygenex fetch-parser"):
        load_parser()
