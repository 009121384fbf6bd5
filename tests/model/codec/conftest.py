"""Files in the published layouts, with random weights, and the codecs that they load as."""

from __future__ import annotations

import pytest

from model.codec import Codec, load_codec
from tests.model.codec import published


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return published.write_all(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def codecs(files: dict[str, str]) -> dict[str, Codec]:
    return {name: load_codec(asked) for name, asked in files.items()}
