"""What the page does without the page: forms to options, results in one line, hidden fields left out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile as sf

from data_contracts import UsageError
from data_contracts.generation import TASKS
from tasks.commands.app import logic
from tasks.commands.app.logic import (
    CANCELLED,
    FIELDS,
    FormResult,
    PageForm,
    Step,
    example_files,
    fields_of,
    generate,
    options_of,
    run,
)
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tasks.media.video import probe_video
from tests.tasks.commands.generate.toys import options, put_toys, write_files


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
    options = options_of(filled(files, task), files / "c.safetensors", Path("x"))
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
    assert result.audio.name == f"{task}-seed-0.wav"
    assert json.loads(result.sidecar.read_text())["file"] == result.audio.name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "vta", "video": None}, "“Video to audio” needs “Video”"),
        ({"task": "tta", "text": "  "}, "“Text to audio” needs “Prompt”"),
        ({"task": "tta", "duration_s": 9e9}, "“Seconds”"),
        ({"task": "edit", "window": "now"}, "START:END"),
        ({"task": "edit"}, "give one of them"),
        ({"task": "vta", "seed": 1.5}, "“Seed” 1.5 is not a whole number"),
        ({"task": "vta", "seed": None}, "“Seed” is empty; give a number"),
        ({"task": "vta", "cfg_scale": None}, "“Guidance” is empty; give a number"),
        ({"task": "vta", "negative": "wind", "cfg_scale": 1.0}, "“Sounds to avoid” acts through guidance"),
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
        options_of(form, Path("c"), Path("x")).check()


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


def text_form(**changes) -> PageForm:
    return replace(PageForm(task="tta", text="a dog barks", duration_s=2.0, steps=2), **changes)


def results(updates: Iterator[Step | FormResult]) -> list[FormResult]:
    return [update for update in updates if isinstance(update, FormResult)]


def test_variants_differ_in_their_seed_alone_and_equal_the_commands_files(files, session, tmp_path):
    found = results(generate(text_form(variants=3, seed=5), session, tmp_path, threading.Event()))
    assert [result.audio.name for result in found] == [f"tta-seed-{seed}.wav" for seed in (5, 6, 7)]
    for seed, result in zip((5, 6, 7), found, strict=True):
        alone = generate_file(options(files, "tta", tmp_path / f"{seed}.wav", seed=seed), session)
        assert result.audio.read_bytes() == alone.read_bytes()


def test_every_step_of_every_variant_is_told_before_its_result(session, tmp_path):
    updates = list(generate(text_form(variants=2), session, tmp_path, threading.Event()))
    assert [(u.variant, u.done, u.total) if isinstance(u, Step) else "result" for u in updates] == [
        (1, 1, 2), (1, 2, 2), "result", (2, 1, 2), (2, 2, 2), "result",
    ]  # fmt: skip


def test_cancelling_ends_the_sampling_at_the_next_step(session, tmp_path):
    stop = threading.Event()
    updates = generate(text_form(variants=4, steps=5000), session, tmp_path, stop)
    assert isinstance(next(updates), Step)
    stop.set()
    *steps, last = updates
    assert len(steps) < 4000 and last == FormResult(message=CANCELLED, failed=True)
    assert not list(tmp_path.rglob("*.wav")) and "foleygenex-page" not in {t.name for t in threading.enumerate()}


def test_what_is_cancelled_while_it_waits_does_not_begin(session, tmp_path):
    stop = threading.Event()
    stop.set()
    assert list(generate(text_form(), session, tmp_path, stop)) == [FormResult(message=CANCELLED, failed=True)]


def test_a_page_that_goes_away_ends_its_generation(session, tmp_path):
    updates = generate(text_form(steps=5000), session, tmp_path, threading.Event())
    next(updates)
    updates.close()
    assert "foleygenex-page" not in {thread.name for thread in threading.enumerate()}


def test_the_first_problem_ends_the_variants(session, tmp_path):
    (result,) = generate(text_form(text="", variants=4), session, tmp_path, threading.Event())
    assert result.failed and "needs “Prompt”" in result.message
    for count in (0, 5, None, 1.5):
        (result,) = generate(text_form(variants=count), session, tmp_path, threading.Event())
        assert result.failed and "“Variants”" in result.message


def test_a_problem_that_nobody_foresaw_is_told_and_the_page_goes_on(session, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("CUDA out of memory\nTried to allocate")

    monkeypatch.setattr(logic, "_run", broken)
    (result,) = generate(text_form(), session, tmp_path, threading.Event())
    assert result == FormResult(message="Unexpected problem: CUDA out of memory Tried to allocate", failed=True)


def test_the_negative_prompt_is_followed_in_every_task_and_a_blank_one_changes_nothing(session, tmp_path):
    plain, blank, given = (run(text_form(negative=text), session, tmp_path) for text in (None, "  ", "wind"))
    assert plain.audio.read_bytes() == blank.audio.read_bytes() != given.audio.read_bytes()
    assert json.loads(given.sidecar.read_text())["options"]["negative"] == "wind"


def test_a_message_shows_no_folder_of_the_page(files, session, tmp_path):
    result = run(PageForm(task="vta", video=str(files / "empty.mp4")), session, tmp_path)
    assert result.failed and "empty.mp4" in result.message and str(files) not in result.message
