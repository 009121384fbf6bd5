"""`foleygenex generate` from the command line: exit codes 0, 1, 2 and one line per error, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import cli
from model import checkpoint
from tests.tasks.commands.generate.toys import put_toys, write_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("generate"))


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    put_toys(monkeypatch)


def call(files: Path, text: str, out: str) -> int:
    """Runs `generate` on a line of arguments in which @name is a file of the fixture."""
    arguments = [str(files / word[1:]) if word.startswith("@") else word.replace("_", " ") for word in text.split()]
    return cli.exit_code(["generate", *arguments, "--checkpoint", str(files / "c.safetensors"), "--out", out])


WRONG = [
    ("vta", "o.wav", "needs --video"),
    ("vta --video @none.mp4", "o.wav", "does not exist"),
    ("vta --video @empty.mp4", "o.wav", "0 bytes"),
    ("vta --video @broken.wav", "o.wav", "cannot be decoded"),
    ("vta --video @old.wav", "o.wav", "has no video stream"),
    ("vta --video @silent.mp4 --duration 9", "o.wav", "longer than the source"),
    ("vta --video @silent.mp4 --window 0:1", "o.wav", "takes no --window"),
    ("vta --video @silent.mp4 --long maybe", "o.wav", "--long 'maybe'"),
    ("tta --text __", "o.wav", "needs --text"),
    ("tta", "o.wav", "needs --text"),
    ("tta --text rain --steps 0", "o.wav", "steps"),
    ("tta --text rain --set volume=2", "o.wav", "volume"),
    ("tta --text rain --set volume", "o.wav", "expected name=value"),
    ("tta --text rain --precision int4", "o.wav", "--precision"),
    ("tta --text rain --cfg 0.2", "o.wav", "cfg"),
    ("tta --text rain --seed -4", "o.wav", "seed"),
    ("tta --text rain --duration nan", "o.wav", "--duration"),
    ("tta --text rain", "o.mp3", "must end in one of"),
    ("tta --text rain", "o.mp4", "needs --video for its frames"),
    ("tc-vta --video @silent.mp4", "o.wav", "needs --text"),
    ("ac-vta --video @silent.mp4", "o.wav", "needs --reference-audio"),
    ("ac-vta --video @silent.mp4 --reference-audio @nan.wav", "o.wav", "NaN"),
    ("ac-vta --video @silent.mp4 --reference-audio @mute.wav", "o.wav", "silent"),
    ("ac-vta --video @silent.mp4 --reference-audio @blip.wav", "o.wav", "too short"),
    ("fe --video @silent.mp4 --window 1:2", "o.wav", "has no audio"),
    ("fe --video @silent.mp4 --window 1:4", "o.wav", "has no audio"),
    ("fe --video @silent.mp4 --reference-audio @mute.wav", "o.wav", "is silent"),
    ("fe --video @sounding.mp4", "o.wav", "needs either"),
    ("edit --original @old.wav --window 1:9", "o.wav", "reaches past"),
    ("edit --original @old.wav --window 1.2:1", "o.wav", "before END"),
    ("edit --original @old.wav --window now", "o.wav", "START:END"),
    ("edit --window 0:1", "o.wav", "needs the audio to edit"),
    ("hum --text rain", "o.wav", "'hum' is unknown"),
    ("jobs", "folder", "needs a table"),
    ("jobs @none.csv", "folder", "No such file"),
    ("tta table.csv --text rain", "o.wav", "takes no table"),
    ("tta --text rain --variant m-9", "o.wav", "'m-9' is unknown"),
]


@pytest.mark.parametrize(("arguments", "out", "message"), WRONG)
def test_wrong_input_is_one_line_exit_code_2_and_leaves_nothing(
    files: Path, tmp_path: Path, monkeypatch, capsys, arguments: str, out: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(files, arguments, out) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("error: ") and message in lines[0], lines
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", ["missing", "foreign"])
def test_a_checkpoint_that_cannot_be_used_is_one_line(files: Path, tmp_path: Path, capsys, broken: str) -> None:
    path = tmp_path / "c.safetensors"
    if broken == "foreign":
        path.write_bytes(b"no weights")
    out = tmp_path / "o.wav"
    code = cli.exit_code(["generate", "tta", "--text", "rain", "--checkpoint", str(path), "--out", str(out)])
    lines = capsys.readouterr().err.splitlines()
    assert code == 2 and len(lines) == 1 and str(path) in lines[0] and not out.exists()


def test_encoders_of_another_training_are_refused(files: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    from dataclasses import replace

    from tasks.commands.generate import session
    from tests.tasks.commands.generate.toys import SPECS, ToyText

    other = ToyText()
    object.__setattr__(other, "spec", replace(SPECS.text, weights_sha256="9" * 64))
    monkeypatch.setattr(session, "load_text_encoder", lambda *_: other)
    assert call(files, "tta --text rain", str(tmp_path / "o.wav")) == 2
    assert "text: the checkpoint uses toy-text" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_sound_and_many(files: Path, tmp_path: Path, capsys) -> None:
    assert call(files, "vta --video @silent.mp4 --steps 2", str(tmp_path / "o.mkv")) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"o.mkv", "o.mkv.json"}
    (tmp_path / "jobs.csv").write_text("task,text,duration\ntta,rain,1\ntta,,1\n")
    jobs = ["generate", "jobs", str(tmp_path / "jobs.csv"), "--checkpoint", str(files / "c.safetensors")]
    jobs += ["--steps", "2"]
    capsys.readouterr()
    assert cli.exit_code([*jobs, "--out", str(tmp_path / "many")]) == 1
    printed = capsys.readouterr()
    assert "1 made, 0 already there, 1 failed" in printed.out
    assert printed.err.count("\n") == 1 and "1 of 2 jobs failed" in printed.err and "failures.csv" in printed.err
    (tmp_path / "jobs.csv").write_text("task,text,duration\ntta,rain,1\ntta,wind,1\n")
    assert cli.exit_code([*jobs, "--out", str(tmp_path / "many")]) == 0
    assert not (tmp_path / "many" / "failures.csv").exists()


def test_a_folder_of_videos(files: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "videos" / name).write_bytes((files / "silent.mp4").read_bytes())
    command = ["generate", "vta", "--video", str(tmp_path / "videos"), "--out", str(tmp_path / "out"), "--steps", "2"]
    assert cli.exit_code([*command, "--checkpoint", str(files / "c.safetensors")]) == 0
    assert {path.name for path in (tmp_path / "out").glob("*.mp4")} == {"a.mp4", "b.mp4"}


def test_without_a_checkpoint_the_built_in_one_is_used_and_named(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkpoint, "BUILTIN_FILE", files / "c.safetensors")
    assert cli.exit_code(["generate", "tta", "--text", "rain", "--steps", "2", "--out", str(tmp_path / "o.wav")]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'o.wav'}\n"
    level, named = printed.err.splitlines()
    assert level.startswith("level ") and level.endswith(" dBFS")
    assert named == "the built-in checkpoint was trained on rendered sounds; --checkpoint names another"
    assert cli.exit_code(["generate", "tta", "--steps", "2", "--out", str(tmp_path / "p.wav")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_named_checkpoint_and_an_installation_without_the_built_in_one(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkpoint, "BUILTIN_FILE", tmp_path / "none.safetensors")
    assert call(files, "tta --text rain --steps 2", str(tmp_path / "o.wav")) == 0
    (level,) = capsys.readouterr().err.splitlines()
    assert level.startswith("level ")
    assert cli.exit_code(["generate", "tta", "--text", "rain", "--out", str(tmp_path / "p.wav")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no built-in checkpoint" in line and "none.safetensors is missing" in line and "--checkpoint" in line
    assert cli.exit_code(["app"]) == 2
    assert "has no built-in checkpoint" in capsys.readouterr().err
