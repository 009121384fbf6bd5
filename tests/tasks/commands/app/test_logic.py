"""What the page does without the page: forms to options, results in one line, hidden fields left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile as sf

from data_contracts import UsageError
from data_contracts.generation import TASKS
from tasks.commands.app.logic import (
    FIELDS,
    PageForm,
    example_files,
    fields_of,
    options_of,
    run,
)
from tasks.commands.generate.session import InferenceSession
from tasks.media.video import probe_video
from tests.tasks.commands.generate.toys import put_toys, write_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("app"))


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    put_toys(monkeypatch)


@pytest.fixture
def session(files: Path) -> InferenceSession:
    return InferenceSession.open(files / "c.safetensors")


def filled(files: Path, task: str) -> PageForm:
    """Returns a form in which every field is filled in, as after trying all tasks in turn."""
    return PageForm(
        task=task, video=str(files / "sounding.mp4"), text="a dog barks", original=str(files / "old.wav"),
        reference_audio=str(files / "reference.wav"), window="0.52:1.2", duration_s=0, steps=2,
    )  # fmt: skip


def test_the_page_offers_what_each_task_must_have():
    for task in TASKS:
        assert fields_of(task) <= set(FIELDS) and set(TASKS[task].inputs) <= fields_of(task)


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_does_not_show_is_left_out(files, task):
    options = options_of(filled(files, task), files / "c.safetensors", Path("x.wav"))
    for field in FIELDS:
        if field not in fields_of(task):
            assert getattr(options, field) is None, field
    assert options.duration_s is None


@pytest.mark.parametrize("task", TASKS)
def test_every_task_gives_audio_and_with_a_video_a_video(files, session, tmp_path, task):
    form = filled(files, task)
    if task == "fe":
        form = replace(form, window="")
    if task == "edit":
        form = replace(form, reference_audio=None)
    result = run(form, session, tmp_path)
    assert not result.failed, result.message
    assert TASKS[task].title in result.message and "seed 0" in result.message
    assert len(sf.read(result.audio)[0]) == 2000
    assert (result.video is not None) == ("video" in fields_of(task))
    if result.video is not None:
        assert probe_video(result.video).has_audio and result.video.suffix == ".mp4"
    assert result.audio.with_name("audio.wav.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "vta", "video": None}, "task vta needs video"),
        ({"task": "tta", "text": "  "}, "task tta needs text"),
        ({"task": "tta", "duration_s": 9e9}, "duration"),
        ({"task": "edit", "window": "now"}, "START:END"),
        ({"task": "edit"}, "give one of them"),
        ({"task": "vta", "seed": 1.5}, "not a whole number"),
        ({"task": "dance"}, "'dance' is unknown"),
    ],
)
def test_a_problem_is_one_line_and_no_file(files, session, tmp_path, changes, message):
    result = run(replace(filled(files, "vta"), **changes), session, tmp_path)
    assert result.failed and message in result.message and "\n" not in result.message
    assert result.audio is None and result.video is None


def test_the_note_names_the_placeholders(session):
    assert "placeholders" in session.note and "toy-sync" in session.note


def test_examples_can_be_made_by_their_tasks(tmp_path):
    forms = example_files(tmp_path)
    assert {form.task for form in forms} == set(TASKS)
    for form in forms:
        options_of(form, Path("c"), Path("x.wav")).check()


def test_without_gradio_there_is_one_line_that_says_how_to_get_it(monkeypatch):
    import builtins

    from tasks.commands.app import page

    real = builtins.__import__

    def without(name, *rest):
        if name == "gradio":
            raise ImportError("No module named 'gradio'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'foleygenex\[app\]'"):
        page.gradio()
