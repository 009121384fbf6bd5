"""Messages of the command line in the page's words: no option, no folder of the page, one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data_contracts.generation import TASKS
from tasks.commands import generate
from tasks.commands.app.logic import FIELDS
from tasks.commands.app.words import LABELS, in_page_words, label, label_with_hint

NOT_ON_THE_PAGE = {"out", "long", "surrogate", "codec", "precision", "checkpoint", "duration-s"}
"""Options that the page chooses itself or takes when it starts."""


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("task vta needs --video", "“Video to audio” needs “Video”"),
        ("task ac-vta needs --reference-audio", "“Audio-controlled video to audio” needs “Reference audio”"),
        ("--cfg 0.5 must be\n  at least 1", "“Guidance” 0.5 must be at least 1"),
        ("give --long auto", "give long auto"),
        ("task 'dance' is unknown", "task 'dance' is unknown"),
        ("a task needs time", "a task needs time"),
        ("--video: /uploads/x/clip.mp4 has 0 bytes", "“Video”: clip.mp4 has 0 bytes"),
        ("a well-known -- dash", "a well-known -- dash"),
    ],
)
def test_options_tasks_and_files_have_the_names_of_the_page(message: str, words: str) -> None:
    assert in_page_words(message, [Path("/uploads/x/clip.mp4")]) == words


def test_every_option_that_a_message_can_name_has_a_label() -> None:
    folder = Path(generate.__file__).parent
    names = {
        name
        for path in folder.glob("*.py")
        if path.stem not in ("batch", "requests")  # tables of jobs, which the page has none of
        for name in re.findall(r"--([a-z][a-z-]*[a-z])", path.read_text("utf-8"))
    }
    assert {"video", "reference-audio", "window", "negative"} <= names
    assert names - LABELS.keys() - NOT_ON_THE_PAGE == set()


def test_every_field_has_a_label_and_no_two_the_same() -> None:
    assert {label(field) for field in FIELDS} <= set(LABELS.values()) and len(set(LABELS.values())) == len(LABELS)
    assert label_with_hint("text", is_optional=False) == "Prompt"
    assert label_with_hint("text", is_optional=True) == "Prompt (optional)"
    assert label_with_hint("window", is_optional=True) == "Window (in seconds, e.g. 2.0:3.5, optional)"


@pytest.mark.parametrize("task", TASKS)
def test_no_message_about_a_task_shows_its_short_name(task: str) -> None:
    assert in_page_words(f"task {task} takes no --text", []) == f"“{TASKS[task].title}” takes no “Prompt”"
