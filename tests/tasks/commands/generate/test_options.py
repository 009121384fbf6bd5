"""What may be asked for is decided before any weights are loaded, and every refusal names the option."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import ItemError, UsageError
from data_contracts.generation import FILE_INPUTS, TASKS, Input
from tasks.commands.generate.options import SUFFIXES, GenerateOptions, naming, parse_window, with_option_names
from tasks.commands.generate.outputs import AUDIO_SUFFIXES
from tests.tasks.commands.generate.toys import options

VALUES: dict[Input, Any] = {
    "video": "silent.mp4",
    "text": "a bell",
    "original": "old.wav",
    "reference_audio": "reference.wav",
    "reference_video": "other.mp4",
    "surrogate": "crop",
    "window": (0.5, 1.0),
}


def value(files: Path, name: Input) -> Any:
    """A value that the input may have."""
    return files / VALUES[name] if name in FILE_INPUTS else VALUES[name]


def refusal(checked: GenerateOptions) -> str:
    """The message of a refusal, which is one line."""
    with pytest.raises(UsageError) as caught:
        checked.check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_needs_is_enough(files: Path, tmp_path: Path, task: str, suffix: str) -> None:
    checked = options(files, task, tmp_path / f"out{suffix}")
    if suffix in AUDIO_SUFFIXES or checked.video is not None:
        checked.check()
    else:
        assert refusal(checked) == f"--out out{suffix}: a {suffix} needs --video for its frames; use .wav or .flac"


@pytest.mark.parametrize(("task", "name"), [(task, name) for task in TASKS for name in TASKS[task].inputs])
def test_an_input_that_a_task_needs_cannot_be_left_out(files: Path, tmp_path: Path, task: str, name: Input) -> None:
    without = replace(options(files, task, tmp_path / "out.wav"), **{name: None})
    assert refusal(without) == f"task {task} needs --{name.replace('_', '-')}"


@pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task in TASKS for name in get_args(Input) if not TASKS[task].takes(name)]
)
def test_an_input_that_a_task_ignores_is_refused(files: Path, tmp_path: Path, task: str, name: Input) -> None:
    too_much = replace(options(files, task, tmp_path / "out.wav"), **{name: value(files, name)})
    assert refusal(too_much) == f"task {task} takes no --{name.replace('_', '-')}"


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u200d\ufeff", "\u00ad \u2060", "\ufe0f", "\u3164\u2800", "\u202e\u2069", "\ue000"]
)
def test_a_prompt_of_invisible_characters_is_none(files: Path, tmp_path: Path, text: str) -> None:
    assert options(files, "tta", tmp_path / "out.wav", text=text).prompt is None
    assert refusal(options(files, "tta", tmp_path / "out.wav", text=text)) == "task tta needs --text"


@pytest.mark.parametrize("text", ["a bell", "鐘", "🔔", "नमस्ते", "می\u200cخواهم", "42", "!", "\u200bx"])
def test_a_prompt_in_any_script_is_taken_as_it_is(files: Path, tmp_path: Path, text: str) -> None:
    checked = options(files, "tta", tmp_path / "out.wav", text=f" {text}\n")
    checked.check()
    assert checked.prompt == text


@pytest.mark.parametrize("name", FILE_INPUTS)
@pytest.mark.parametrize(("file", "problem"), [("none", "none does not exist"), ("empty.mp4", "empty.mp4 has 0 bytes")])
def test_a_file_that_is_not_there_is_named_with_its_option(
    files: Path, tmp_path: Path, name: Input, file: str, problem: str
) -> None:
    task = "ac-vta" if name.startswith("reference") else "edit" if name == "original" else "vta"
    message = refusal(replace(options(files, task, tmp_path / "out.wav"), **{name: files / file}))
    assert message.startswith(f"--{name.replace('_', '-')}: ") and problem in message


@pytest.mark.parametrize("name", FILE_INPUTS)
def test_an_input_is_never_the_output(files: Path, tmp_path: Path, name: Input) -> None:
    task = "ac-vta" if name.startswith("reference") else "edit" if name == "original" else "vta"
    own = tmp_path / "own.wav"
    own.write_bytes(b"mine")
    (tmp_path / "other_name.wav").symlink_to(own)
    message = refusal(replace(options(files, task, own), **{name: tmp_path / "other_name.wav"}))
    assert f"is the file that was given as --{name.replace('_', '-')}; it would be lost" in message
    assert own.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("sing", {}, "task 'sing' is unknown; choose one of vta, tc-vta, ac-vta, fe, tta, edit"),
        ("tta", {"text": " \t "}, "task tta needs --text"),
        ("edit", {"original": None}, "task edit needs the audio to edit: --original, or --video with audio"),
        ("edit", {"reference_audio": "reference.wav"}, "follows --text or imitates --reference-audio; give one"),
        ("edit", {"reference_video": "other.mp4"}, "--reference-video is the video of --reference-audio; give both"),
        ("ac-vta", {"surrogate": "mirror"}, "--surrogate 'mirror' is unknown; choose one of crop, blank, repeat, true"),
        ("ac-vta", {"surrogate": "true"}, "--surrogate true and --reference-video belong together"),
        ("ac-vta", {"surrogate": "crop", "reference_video": "other.mp4"}, "belong together"),
        ("fe", {"window": None}, "task fe needs either --reference-audio (the segment to continue) or --window"),
        ("fe", {"reference_audio": "reference.wav"}, "task fe needs either"),
        ("tta", {"duration_s": 0.0}, "--duration 0 s is outside 0..1800"),
        ("tta", {"duration_s": 1801.0}, "--duration 1801 s is outside 0..1800"),
        ("tta", {"duration_s": float("nan")}, "--duration nan s is outside"),
        ("tta", {"seed": -1}, "--seed -1 is outside 0..2^63-1"),
        ("tta", {"seed": 2**63}, "--seed 9223372036854775808 is outside"),
        ("tta", {"steps": 0}, "--steps 0 and --cfg 4.5 must both be at least 1"),
        ("tta", {"cfg_scale": 0.5}, "--steps 2 and --cfg 0.5 must both be at least 1"),
        ("tta", {"cfg_scale": float("inf")}, "must both be at least 1"),
        ("tta", {"cfg_scale": float("nan")}, "must both be at least 1"),
        ("tta", {"long": "on"}, "--long 'on' is unknown; choose one of auto, off"),
        ("tta", {"out": "x.ogg"}, "--out x.ogg: the name must end in one of .wav, .flac, .mp4, .mov, .mkv"),
        ("tta", {"out": "none"}, "--out none: the name must end in"),
    ],
)
def test_every_other_refusal(files: Path, tmp_path: Path, task: str, changes: dict[str, Any], message: str) -> None:
    given = {
        name: files / found if isinstance(found, str) and Path(found).suffix else found
        for name, found in changes.items()
    }
    base = options(files, task if task in TASKS else "tta", tmp_path / "out.wav")
    if "out" in changes:
        given["out"] = Path(changes["out"])
    assert message in refusal(replace(base, **{"task": task, **given}))


def test_a_folder_that_takes_no_files_is_refused_before_anything_is_generated(files: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "out.wav: nothing can be written there (" in refusal(options(files, "tta", folder / "out.wav"))
    options(files, "tta", tmp_path / "new" / "folder" / "out.wav").check()
    assert not (tmp_path / "new").exists()


def test_a_folder_is_no_output(files: Path, tmp_path: Path) -> None:
    (tmp_path / "out.wav").mkdir()
    assert "out.wav is a folder; give the name of a file in it" in refusal(options(files, "tta", tmp_path / "out.wav"))


def test_a_video_whose_codec_the_container_cannot_hold_is_refused(files: Path, tmp_path: Path) -> None:
    video = tmp_path / "uncompressed.mkv"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width = stream.height = 32
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode())
    options(files, "vta", tmp_path / "out.mkv", video=video).check()
    message = refusal(options(files, "vta", tmp_path / "out.mp4", video=video))
    assert message.startswith("--out: a .mp4 file cannot") and "rawvideo" in message and "write .mkv" in message
    broken = options(files, "vta", tmp_path / "out.mp4", video=files / "broken.wav")
    assert refusal(broken).startswith("--video: broken.wav")


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_window_is_read_as_it_is_written(first: float, second: float) -> None:
    text = f"{first!r}:{second!r}"
    if first < second:
        assert parse_window(text) == parse_window(f" {first!r} : {second!r} ") == (first, second)
    else:
        with pytest.raises(UsageError, match="START must be at least 0 and before END"):
            parse_window(text)


@pytest.mark.parametrize("text", ["", "2", "a:b", ":", "1:", ":1", "1:2:3", "1-2"])
def test_other_text_is_no_window(text: str) -> None:
    with pytest.raises(UsageError, match="expected START:END in seconds") as caught:
        parse_window(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["-1:2", "2:inf", "nan:2", "1:nan"])
def test_a_window_is_finite_and_not_before_the_start(text: str) -> None:
    with pytest.raises(UsageError, match="START must be at least 0 and before END"):
        parse_window(text)


@given(st.text(max_size=20))
def test_a_prompt_of_blanks_is_none(text: str) -> None:
    found = GenerateOptions(task="tta", checkpoint=Path("c"), out=Path("o.wav"), text=text).prompt
    assert found in (None, text.strip()) and found != ""
    if text.isascii():
        assert (found is None) == (not any(c.isprintable() and not c.isspace() for c in text))


def test_files_are_listed_by_option_and_only_those_given(files: Path, tmp_path: Path) -> None:
    for task in TASKS:
        checked = options(files, task, tmp_path / "out.wav")
        assert checked.files() == {name: getattr(checked, name) for name in FILE_INPUTS if getattr(checked, name)}


def test_only_a_files_own_problem_becomes_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"^--video: it is broken$"), naming("--video"):
        raise ItemError("unreadable_video", "it is broken")
    with pytest.raises(ZeroDivisionError), naming("--video"):
        _ = 1 / 0


def test_a_negative_prompt_needs_guidance(files: Path, tmp_path: Path) -> None:
    given = options(files, "tta", tmp_path / "out.wav", negative="wind", cfg_scale=1.0)
    assert refusal(given) == "--negative acts through guidance, which --cfg 1 switches off; give --cfg above 1"
    replace(given, cfg_scale=1.5).check()
    replace(given, negative="  ").check()


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("--seed 3 and --reference-audio a.wav", "<seed> 3 and <reference-audio> a.wav"),
        ("(--video), `--out`: --cfg.", "(<video>), `<out>`: <cfg>."),
        ("a--b, ---, -- and ---seed stay", "a--b, ---, -- and ---seed stay"),
    ],
)
def test_options_in_a_message_get_other_names(message: str, named: str) -> None:
    assert with_option_names(message, lambda name: f"<{name}>") == named


def test_what_only_a_continuation_or_a_video_has_is_refused_elsewhere(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    options(files, "vta", out, video_from_s=0.5).check()
    options(files, "fe", out, context_video="crop").check()
    assert "is audio alone, of task vta" in refusal(options(files, "fe", out, video_from_s=0.5))
    assert "is audio alone" in refusal(options(files, "vta", out.with_suffix(".mkv"), video_from_s=0.5))
    assert refusal(options(files, "vta", out, context_video="crop")).startswith("task vta continues no audio")
