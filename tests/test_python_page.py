"""The examples of docs/python.md run as they are, with the built-in checkpoint, in a folder with a short video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foleygenex
from tasks.media.video_writer import write_video
from tests.conftest import REPOSITORY
from tests.tasks.sounds import RATE, strikes, write_wav

PAGE = (REPOSITORY / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page names, of 1.3 s."""
    folder = tmp_path_factory.mktemp("page")
    frames = np.random.default_rng(0).integers(0, 255, (33, 48, 64, 3), np.uint8)
    write_video(folder / "silent.mp4", frames, 25.0)
    for name, times in (("bell", [0.1]), ("recording", [0.1, 0.3, 0.7, 1.0])):
        write_wav(folder / f"{name}.wav", strikes(1.3, times))
    for name, times in (("knock", [0.2, 0.7]), ("tap", [0.4, 0.9])):
        for place in ("generated", "truth"):
            write_wav(folder / place / f"{name}.wav", strikes(1.3, times))
    return folder


def test_the_examples_run_and_give_what_they_say(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for number, example in enumerate(EXAMPLES):
        exec(compile(example, f"docs/python.md, example {number}", "exec"), names)
    out = capsys.readouterr().out
    assert "16000 8.0" in out and "volume loud loudly 12 18" in out and "\ntask vta takes no window\n" in out
    assert {"hits", "wood", "bell", "rain", "longer", "edited", "flash", "far", "faster", "strong"} <= names.keys()
    audio = {name: value for name, value in names.items() if isinstance(value, foleygenex.Audio)}
    assert all(np.isfinite(one.samples).all() and np.abs(one.samples).max() > 0 for one in audio.values())
    for name in ("hits", "wood", "bell", "longer"):
        assert audio[name].duration_s == pytest.approx(1.32, abs=0.01), name
    assert audio["edited"].samples.shape == names["recording"].samples.shape
    assert audio["faster"].duration_s < 0.8 * audio["recording"].duration_s == pytest.approx(0.8 * 1.3, abs=1e-3)
    for name in ("sounding.mp4", "sounding.mp4.json", "edited.wav"):
        assert (folder / name).stat().st_size > 0
    assert names["scores"].summary()["EventF1@50ms"] == 1.0
    assert foleygenex.Audio.read("edited.wav").rate_hz == names["model"].rate_hz == RATE


def test_every_public_name_is_on_the_page_and_every_task_has_an_example() -> None:
    assert {name for name in foleygenex.__all__ if name not in PAGE} == {"Cue"}
    assert set(re.findall(r'generate\("([a-z-]+)"', "".join(EXAMPLES))) == {
        "vta",
        "tc-vta",
        "ac-vta",
        "fe",
        "tta",
        "edit",
    }
