"""The sidecar says what a file was made from; a file counts as finished only while nothing of it has changed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from data_contracts.files import hash_file
from model.generate import Sampling
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.outputs import sidecar_path
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.sidecar import finished, settings
from tasks.commands.generate.single import Generation, generate_file
from tasks.evaluate.sampling import SamplingSettings
from tests.tasks.commands.generate.toys import options, sidecar


def test_the_sidecar_says_what_the_audio_was_made_from(files: Path, tmp_path: Path) -> None:
    out = generate_file(options(files, "ac-vta", tmp_path / "a.wav", seed=7))
    found = sidecar(out)
    assert found["options"]["seed"] == 7 and found["options"]["task"] == "ac-vta"
    assert set(found["inputs"]) == {"video", "reference_audio"}
    assert found["placeholders"] == ["toy", "toy-text", "toy-clip", "toy-sync"]
    assert "placeholders" in found["note"] and "toy-sync" in found["note"]
    assert len(found["checkpoint_sha256"]) == len(found["sha256"]) == 64


def test_g6_the_sampling_is_chosen_by_name_and_said_in_the_sidecar(files: Path, tmp_path: Path) -> None:
    sounds = {}
    for name, chosen in {"a": {}, "b": {"edit_noise": 0.0}, "c": {"edit_noise": 1.0}}.items():
        given = options(files, "edit", tmp_path / f"{name}.wav", sampling=SamplingSettings(**chosen))
        sounds[name] = generate_file(given).read_bytes()
        assert sidecar(given.out)["sampling"]["edit_noise"] == chosen.get("edit_noise", 0.5)
    assert len(set(sounds.values())) == 3


def test_inputs_are_named_without_their_folder_and_hashed(files: Path, tmp_path: Path) -> None:
    found = sidecar(generate_file(options(files, "vta", tmp_path / "a.wav")))
    assert found["inputs"]["video"] == {"name": "silent.mp4", "sha256": hash_file(files / "silent.mp4")}
    assert str(files) not in json.dumps(found)
    assert found["sampling"] == asdict(Sampling()) and found["sha256"] == hash_file(tmp_path / "a.wav")


def is_finished(given: GenerateOptions, session: InferenceSession) -> bool:
    return finished(given, settings(given, session, Generation(given, session).sampling)) is not None


def test_a_file_is_finished_until_it_or_its_sidecar_changes(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    given = options(files, "tta", tmp_path / "a.wav")
    assert not is_finished(given, session)
    out = generate_file(given, session)
    content, beside = out.read_bytes(), sidecar_path(out)
    text = beside.read_text()
    assert is_finished(given, session)
    for path, damage in (
        (out, content[:-1]),
        (out, content + b"x"),
        (beside, b"{broken"),
        (beside, b"[]"),
        (beside, b"{}"),
    ):
        kept = path.read_bytes()
        path.write_bytes(damage)
        assert not is_finished(given, session), damage[:10]
        path.write_bytes(kept)
    assert is_finished(given, session) and beside.read_text() == text
    for path in (out, beside):
        kept = path.read_bytes()
        path.unlink()
        assert not is_finished(given, session)
        path.write_bytes(kept)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "another"}, {"seed": 1}, {"steps": 3}, {"cfg_scale": 2.0}, {"duration_s": 1.9}, {"long": "off"},
        {"keep_source": False},
        {"out": Path("a.flac")},
    ],
)  # fmt: skip
def test_a_changed_option_asks_for_the_file_again(
    files: Path, session: InferenceSession, tmp_path: Path, changes: dict[str, Any]
) -> None:
    given = options(files, "tta", tmp_path / "a.wav")
    generate_file(given, session)
    changed = replace(given, **changes)
    sampling = session.generator.sampling
    assert settings(changed, session, sampling) != settings(given, session, sampling)
    assert not is_finished(changed, session) and is_finished(given, session)


def test_a_changed_input_checkpoint_or_sampling_asks_for_the_file_again(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes((files / "silent.mp4").read_bytes())
    given = options(files, "vta", tmp_path / "a.wav", video=video)
    generate_file(given, session)
    assert is_finished(given, session)
    assert not is_finished(given, replace(session, checkpoint_sha256="0" * 64))
    noisier = replace(session.generator, sampling=Sampling(edit_noise=0.1))
    assert not is_finished(given, replace(session, generator=noisier))
    assert not is_finished(given, replace(session, generator=replace(session.generator, precision="bf16")))
    video.write_bytes((files / "other.mp4").read_bytes())
    assert not is_finished(given, session)


def test_the_sidecar_says_how_much_of_the_prompt_was_read(files: Path, tmp_path: Path) -> None:
    for task, changes, count in (("tta", {"text": "a dog " * 4}, 8), ("tc-vta", {}, 3), ("ac-vta", {}, None)):
        found = sidecar(generate_file(options(files, task, tmp_path / "a.wav", **changes)))
        assert (found["prompt_tokens"], found["prompt_tokens_read"]) == (count, 5)


def test_where_an_input_lies_does_not_matter(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    given = options(files, "vta", tmp_path / "a.wav")
    generate_file(given, session)
    (tmp_path / "moved").mkdir()
    moved = tmp_path / "moved" / "silent.mp4"
    moved.write_bytes((files / "silent.mp4").read_bytes())
    assert is_finished(replace(given, video=moved), session)


def test_without_a_negative_prompt_nothing_changes_and_with_one_the_sidecar_says_it(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    plain = generate_file(options(files, "tta", tmp_path / "a.wav"), session)
    blank = generate_file(options(files, "tta", tmp_path / "b.wav", negative="  "), session)
    assert plain.read_bytes() == blank.read_bytes()
    assert sidecar(plain)["key"] == sidecar(blank)["key"] and "negative" not in sidecar(blank)["options"]
    given = generate_file(options(files, "tta", tmp_path / "c.wav", negative=" wind "), session)
    assert given.read_bytes() != plain.read_bytes()
    assert sidecar(given)["options"]["negative"] == "wind" and sidecar(given)["key"] != sidecar(plain)["key"]


def test_what_the_network_sees_of_the_video_is_part_of_the_key(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    given = options(files, "fe", tmp_path / "a.wav")
    plain = settings(given, session, Sampling())["options"]
    other = settings(replace(given, context_video="blank"), session, Sampling())["options"]
    later = settings(options(files, "vta", tmp_path / "b.wav", video_from_s=0.5), session, Sampling())["options"]
    assert other == {**plain, "context_video": "blank"} and later["video_from_s"] == 0.5
    assert not {"context_video", "video_from_s"} & plain.keys(), "files of earlier releases stay finished"
