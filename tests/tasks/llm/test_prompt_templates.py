"""Prompt files: what each chat begins with, and a version that every edit changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.llm.prompt_templates import PromptTemplates, data_turn
from tests.tasks.llm.harness import shots_of

SHOTS = '{"caption": "A dog"}\n{"caption": "A loud dog"}\n{"caption": "A <b>"}\n{"caption": "A c"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "system.md").write_text("You edit captions.\n")
    (tmp_path / "loud.md").write_text(f"Make it loud.\n{SHOTS}Answer in JSON.\n")
    (tmp_path / "notes.txt").write_text("not a prompt")
    return tmp_path


def test_a_chat_begins_with_the_system_text_and_its_own_then_its_shots(folder: Path) -> None:
    templates = PromptTemplates.load(folder, 1)
    assert set(templates.by_name) == {"system", "loud"}
    messages = templates["loud"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert messages[0]["content"] == "You edit captions.\nMake it loud.\nAnswer in JSON."
    assert shots_of(messages) == [
        ({"caption": "A dog"}, {"caption": "A loud dog"}),
        ({"caption": "A <b>"}, {"caption": "A c"}),
    ]
    assert templates["system"] == ({"role": "system", "content": "You edit captions."},)


def test_shots_are_written_as_the_data_that_follows_them(folder: Path) -> None:
    """A model that sees its examples in another form than its task copies them badly."""
    messages = PromptTemplates.load(folder, 1)["loud"]
    assert messages[1] == data_turn({"caption": "A dog"})
    assert "<" not in messages[3]["content"]


def test_every_edit_changes_the_version_and_no_edit_does_not(folder: Path) -> None:
    def version(number: int = 1) -> str:
        return PromptTemplates.load(folder, number).version

    versions = [version(), version(2)]
    assert version() == versions[0]
    assert versions[0].startswith("1-") and versions[1].startswith("2-")
    for name, text in (("system.md", "Be better."), ("loud.md", "Louder."), ("new.md", ""), ("z.md", "x")):
        (folder / name).write_text(text)
        versions.append(version())
    (folder / "z.md").rename(folder / "y.md")
    versions.append(version())
    assert len(set(versions)) == len(versions)


def test_a_shot_without_an_answer_is_refused(folder: Path) -> None:
    (folder / "loud.md").write_text('{"caption": "A dog"}\n')
    with pytest.raises(ValueError, match="zip"):
        PromptTemplates.load(folder, 1)


def test_data_is_sorted_plain_at_every_depth_and_reads_back() -> None:
    fields = {"write": {"b": ["x\u202e", "<y>"], "a": 1}, "caption": " A  dog\n"}
    content = data_turn(fields)["content"]
    assert json.loads(content) == {"caption": "A dog", "write": {"a": 1, "b": ["x", "<y>"]}}
    assert content == data_turn(dict(reversed(fields.items())))["content"]
    assert not set(content) & set("<>\n")
