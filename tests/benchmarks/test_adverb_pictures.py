"""The pictures of what adverbs do: the shipped ones are those that the command draws, and show the change."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from benchmarks import adverb_pictures
from benchmarks.adverb_pictures import PICTURES, draw
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Returns level -> the picture."""
    paths = draw(tmp_path_factory.mktemp("pictures") / "new folder")
    assert [path.stem for path in paths] == list(PICTURES)
    return {path.stem: np.asarray(Image.open(path), np.float64) for path in paths}


@pytest.mark.parametrize("level", PICTURES)
def test_the_shipped_picture_is_the_one_that_is_drawn(level: str, drawn: dict[str, np.ndarray]) -> None:
    """But for last bits: resampling and convolution differ between machines."""
    path = REPOSITORY / "docs" / "adverbs" / f"{level}.png"
    assert path.stat().st_size < 100_000
    shipped = np.asarray(Image.open(path), np.float64)
    assert shipped.shape == drawn[level].shape
    assert np.abs(shipped - drawn[level]).mean() < 2, "python -m benchmarks.adverb_pictures docs/adverbs"


def halves(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height = adverb_pictures._HEIGHT
    return picture[:height], picture[-height:]


def test_each_picture_shows_its_change(drawn: dict[str, np.ndarray]) -> None:
    before, after = halves(drawn["very_fast"])
    width = before.shape[1]
    assert before[:, int(0.85 * width) :].mean() > 5 > after[:, int(0.85 * width) :].mean()  # the end is silent
    before, after = halves(drawn["far"])
    assert after.mean() < before.mean()  # quieter
    before, after = (
        half[:, : width // 3].mean() / half[:, -width // 3 :].mean() for half in halves(drawn["crescendo"])
    )
    assert after < 0.7 * before  # the beginning is quieter than the end
