"""The six tasks from files and arrays: equal to the command's file, described alike, every problem by its argument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

import foleygenex
from tasks.commands.generate.single import generate_file
from tasks.media.frames import read_frames
from tests.tasks.commands.generate.toys import RATE, options, put_toys, sidecar, write_files

TASKS = ("tta", "vta", "tc-vta", "ac-vta", "fe", "edit")
ARGUMENTS = ("video", "text", "original", "reference_audio", "window", "duration_s", "steps")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("python"))


@pytest.fixture
def model(files: Path, monkeypatch: pytest.MonkeyPatch) -> foleygenex.Model:
    put_toys(monkeypatch)
    return foleygenex.load(files / "c.safetensors")


def arguments(files: Path, task: str, **changes: Any) -> dict[str, Any]:
    given = options(files, task, Path("out.wav"), **changes)
    return {name: value for name in ARGUMENTS if (value := getattr(given, name)) is not None}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_gives_the_samples_and_the_description_of_the_commands_file(
    model: foleygenex.Model, files: Path, tmp_path: Path, task: Any
) -> None:
    found = model.generate(task, **arguments(files, task))
    file = generate_file(options(files, task, tmp_path / "a.wav"))
    samples, rate_hz = sf.read(file, dtype="float32")
    assert (found.rate_hz, found.path) == (rate_hz, None) and found.samples.dtype == np.float32
    np.testing.assert_allclose(np.clip(found.samples, -1, 1), samples, atol=1 / 32768)
    written = sidecar(file)
    known = written.keys() - {"file", "format", "sha256", "key"}
    assert found.sidecar.keys() == known
    assert {name: written[name] for name in known} == {**found.sidecar, "options": written["options"]}
    assert found.duration_s == pytest.approx(written["duration_s"], abs=1 / rate_hz)


def test_arrays_give_what_their_files_give(model: foleygenex.Model, files: Path) -> None:
    frames = read_frames(files / "silent.mp4", fps=25.0, size=16, start_s=0.0, duration_s=2.0, fit="crop")
    samples, rate_hz = sf.read(files / "reference.wav", dtype="float32")
    video = foleygenex.Video(frames=frames, fps=25.0)
    reference = foleygenex.Audio(samples=samples, rate_hz=rate_hz)
    by_file = model.generate("ac-vta", video=files / "silent.mp4", reference_audio=files / "reference.wav", steps=2)
    by_array = model.generate("ac-vta", video=video, reference_audio=reference, steps=2)
    np.testing.assert_allclose(by_array.samples, by_file.samples, atol=1e-4)
    old = foleygenex.Audio.read(files / "old.wav")
    edited = [model.generate("edit", original=one, window=(0.5, 1.0), steps=2) for one in (old, files / "old.wav")]
    np.testing.assert_array_equal(edited[0].samples, edited[1].samples)
    stereo = foleygenex.Audio(samples=np.stack([old.samples] * 2, axis=1), rate_hz=old.rate_hz)
    both = model.generate("edit", original=stereo, window=(0.5, 1.0), steps=2)
    np.testing.assert_array_equal(both.samples, edited[0].samples)


def test_a_file_is_written_on_request_with_its_sidecar(model: foleygenex.Model, files: Path, tmp_path: Path) -> None:
    video = foleygenex.Video(frames=np.zeros((50, 16, 16, 3), np.uint8), fps=25.0)
    for name, source in (("a.mp4", files / "silent.mp4"), ("b.wav", files / "silent.mp4"), ("c.mkv", video)):
        found = model.generate("vta", video=source, steps=1, out=tmp_path / name)
        assert found.path == tmp_path / name and found.path.stat().st_size > 0
        assert found.sidecar == sidecar(found.path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{n}{end}" for n in ("a.mp4", "b.wav", "c.mkv") for end in ("", ".json")
    }
    with pytest.raises(foleygenex.UsageError, match=r"frames in memory are written without loss, to \.mkv"):
        model.generate("vta", video=video, out=tmp_path / "d.mp4")


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("vta", {}, "^task vta needs video$"),
    ("tta", {"text": "rain", "window": (0.0, 1.0)}, "^task tta takes no window$"),
    ("tta", {"text": "rain", "duration_s": -1.0}, "^duration_s -1 s is outside"),
    ("tta", {"text": "rain", "cfg_scale": 0.5}, "steps 25 and cfg_scale 0.5 must"),
    ("edit", {"text": "rain", "window": (0.0, 1.0)}, "original, or video with audio"),
    ("fe", {"video": "silent.mp4"}, "either reference_audio .* or window START:END"),
    ("vta", {"video": "none.mp4"}, "^video: .*none.mp4.* does not exist"),
    ("ac-vta", {"video": "silent.mp4", "reference_audio": "mute.wav"}, "^reference_audio mute.wav is silent"),
    ("tta", {"text": "rain", "negative": "wind", "cfg_scale": 1.0}, "^negative acts .*, which cfg_scale 1 "),
    ("vta", {"video": foleygenex.Audio(samples=np.ones(800), rate_hz=8000)}, "^video: video.wav: has no video stream"),
    ("tta", {"text": 5}, "^text 5 is no text$"),
    ("tta", {"text": "rain", "negative": ["wind"]}, "^negative .'wind'. is no text$"),
    ("sing", {"text": "rain"}, "task 'sing' is unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "given", "words"), WRONG)
def test_problems_name_the_argument(
    model: foleygenex.Model, files: Path, task: Any, given: dict[str, Any], words: str
) -> None:
    given = {
        name: files / value if "." in str(value) and isinstance(value, str) else value for name, value in given.items()
    }
    with pytest.raises(foleygenex.UsageError, match=words) as caught:
        model.generate(task, **given)
    assert " --" not in str(caught.value) and "\n" not in str(caught.value)


def test_each_step_is_told_and_what_that_raises_ends_it(model: foleygenex.Model) -> None:
    steps: list[tuple[int, int]] = []
    model.generate("tta", text="rain", steps=3, duration_s=1.0, on_step=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(ZeroDivisionError):
        model.generate("tta", text="rain", steps=3, duration_s=1.0, on_step=lambda *_: 1 / 0)


def test_samples_of_another_kind_are_refused(model: foleygenex.Model) -> None:
    integers = foleygenex.Audio(samples=np.zeros(900, np.int16), rate_hz=RATE)  # type: ignore[arg-type]
    with pytest.raises(foleygenex.UsageError, match="type int16"):
        model.generate("edit", original=integers, window=(0.1, 0.2))


def test_what_is_loaded_says_what_it_is(model: foleygenex.Model) -> None:
    assert (model.name, model.rate_hz, model.clip_s) == ("c.safetensors", RATE, 2.0)
    assert model.placeholders == ["toy", "toy-text", "toy-clip", "toy-sync"] and "placeholders" in model.note


def test_interpretations_are_chosen_when_loading(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_toys(monkeypatch)
    chosen = foleygenex.load(str(files / "c.safetensors"), sampling={"edit_noise": 0.25})
    found = chosen.generate("edit", original=files / "old.wav", window=(0.5, 1.0), steps=1)
    assert found.sidecar["sampling"]["edit_noise"] == 0.25


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"checkpoint": "bultin"}, "UsageError", "^checkpoint bultin is no file, and no network has this name"),
        ({"checkpoint": "gone/c.safetensors"}, "WeightsError", "`foleygenex run train CONFIG`"),
        ({"checkpoint": "mmaudio-small-16k"}, "UsageError", "GB that are not on this machine.*; give accept_licence"),
        ({"precision": "int4"}, "UsageError", "^precision 'int4' is unknown"),
        ({"sampling": {"edit_nose": 1}}, "UsageError", "edit_nose: unknown setting; did you mean edit_noise?"),
    ],
)
def test_what_cannot_be_loaded_is_said(
    given: dict[str, Any], error: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLEYGENEX_CACHE", str(tmp_path))
    with pytest.raises(getattr(foleygenex, error), match=words):
        foleygenex.load(**given)
