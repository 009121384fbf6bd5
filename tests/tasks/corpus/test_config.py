"""Settings of the corpus: an encoding that Python knows, and counts that make a corpus."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tasks.corpus.config import CorpusConfig


@pytest.mark.parametrize(
    ("name", "canonical"), [("UTF8", "utf-8"), ("latin-1", "iso8859-1"), ("utf_16_le", "utf-16-le")]
)
def test_an_encoding_has_one_name_whatever_it_was_called(name: str, canonical: str) -> None:
    assert CorpusConfig(encoding=name).encoding == canonical
    assert CorpusConfig(encoding=canonical) == CorpusConfig(encoding=name)


def test_an_unknown_encoding_is_refused_with_some_that_are_known() -> None:
    with pytest.raises(ValidationError, match=r"'klingon' is no text encoding; name one such as utf-8, cp1252"):
        CorpusConfig(encoding="klingon")


@pytest.mark.parametrize("values", [{"video_clips": 1}, {"audio_clips": -1}, {"kind": "youtube"}, {"unknown": 1}])
def test_settings_that_make_no_corpus_are_refused(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.raises(ValidationError, match=name):
        CorpusConfig.model_validate(values)
