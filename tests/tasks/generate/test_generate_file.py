"""From files to a sound track (SPEC G1-G7), with small stand-ins for codec and encoders."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from data_contracts import FoleyGenExError, MismatchError, UsageError
from model.checkpoint import save_checkpoint
from model.network import build_network
from tasks.generate import inputs, job
from tasks.generate.job import GenerateOptions, generate_file, parse_window
from tasks.video_io import probe_video, write_video
from tests.model.fakes import TOY, toy_specs

SPECS = toy_specs()
RATE, HOP = SPECS.codec.sample_rate_hz, SPECS.codec.hop


@dataclass(frozen=True)
class ToyCodec:
    """Latent = the means of four parts of a frame; decoding repeats them."""

    spec = SPECS.codec

    def encode(self, audio_BT):
        mean = audio_BT.unflatten(-1, (-1, 4, HOP // 4)).mean(-1)
        return mean, torch.full_like(mean, 0.01)

    def decode(self, latent_BNF):
        return latent_BNF.repeat_interleave(HOP // 4, dim=-1).flatten(1)


@dataclass(frozen=True)
class ToyText:
    spec = SPECS.text

    def encode(self, texts):
        return torch.stack([torch.full((5, 12), float(len(text) % 7)) for text in texts])


@dataclass(frozen=True)
class ToyImage:
    spec = SPECS.clip
    size: int = 16

    def encode(self, frames_BHWC):
        return torch.from_numpy(frames_BHWC.astype(np.float32).mean((1, 2, 3)) / 255)[:, None].repeat(1, 10)


@dataclass(frozen=True)
class ToySync:
    spec = SPECS.sync
    size: int = 16

    def encode(self, frames_THWC):
        return torch.from_numpy(frames_THWC.astype(np.float32).mean((1, 2, 3)) / 255)[:, None].repeat(1, 6)


@pytest.fixture(autouse=True)
def _parts(monkeypatch):
    monkeypatch.setattr(job, "load_codec", lambda _: ToyCodec())
    monkeypatch.setattr(inputs, "load_text_encoder", lambda _: ToyText())
    monkeypatch.setattr(inputs, "load_image_encoder", lambda _: ToyImage())
    monkeypatch.setattr(inputs, "load_sync_encoder", lambda _: ToySync())


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    network = build_network(TOY, SPECS, seed=1)
    g = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=g))
    network.set_latent_stats(torch.zeros(4), torch.full((4,), 0.1))
    save_checkpoint(folder / "c.safetensors", network.state_dict(), network=TOY, specs=SPECS, clip_s=2.0, step=1)
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 255, (50, 1, 1, 3), np.uint8), 32, 1).repeat(32, 2)
    write_video(folder / "silent.mp4", frames, 25.0)
    sound = (0.3 * np.sin(np.arange(96_000) * 0.02)).astype(np.float32)
    write_video(folder / "sounding.mp4", frames, 25.0, sound, 48_000)
    write_video(folder / "long.mp4", np.concatenate([frames, frames]), 25.0)
    sf.write(folder / "reference.wav", 0.2 * rng.standard_normal(900), RATE)
    sf.write(folder / "old.wav", 0.2 * rng.standard_normal(2000), RATE)
    (folder / "broken.wav").write_bytes(b"not a sound")
    return folder


def options(files: Path, task: str, out: Path, **changes) -> GenerateOptions:
    given = {
        "tta": {"text": "a dog barks", "duration_s": 2.0},
        "vta": {"video": files / "silent.mp4"},
        "tc-vta": {"video": files / "silent.mp4", "text": "a dog barks"},
        "ac-vta": {"video": files / "silent.mp4", "reference_audio": files / "reference.wav"},
        "fe": {"video": files / "sounding.mp4", "window": (0.8, 2.0)},
        "edit": {"reference_audio": files / "old.wav", "window": (0.52, 1.2), "text": "a cat"},
    }[task]
    values = {"task": task, "checkpoint": files / "c.safetensors", "out": out, "steps": 2, **given, **changes}
    return GenerateOptions(**values)


@pytest.mark.parametrize("task", ["tta", "vta", "tc-vta", "ac-vta", "fe", "edit"])
def test_each_task_writes_a_sound_of_the_right_length_and_repeats_itself(files, tmp_path, task):
    first = generate_file(options(files, task, tmp_path / "a.wav"))
    second = generate_file(options(files, task, tmp_path / "b.wav"))
    samples, rate = sf.read(first)
    assert (len(samples), rate) == (2000, RATE)
    assert first.read_bytes() == second.read_bytes()
    other = generate_file(options(files, task, tmp_path / "c.wav", seed=1))
    assert other.read_bytes() != first.read_bytes()


@pytest.mark.tools
def test_mp4_keeps_the_picture_bit_for_bit(files, tmp_path):
    out = generate_file(options(files, "vta", tmp_path / "out.mp4"))
    assert probe_video(out).has_audio
    assert _picture_hash(out) == _picture_hash(files / "silent.mp4")


def test_flac_is_written(files, tmp_path):
    assert sf.info(generate_file(options(files, "tta", tmp_path / "out.flac"))).format == "FLAC"


def test_g5_the_continued_segment_is_heard_as_it_was(files, tmp_path):
    out = generate_file(options(files, "fe", tmp_path / "a.wav", video=files / "silent.mp4", window=None,
                                reference_audio=files / "reference.wav"))  # fmt: skip
    given = torch.from_numpy(sf.read(files / "reference.wav", dtype="float32")[0][:880])[None]
    expected = ToyCodec().decode(ToyCodec().encode(given)[0])[0].numpy()
    assert np.allclose(sf.read(out)[0][:880], expected, atol=1e-4)


def test_g6_the_sound_outside_the_window_stays(files, tmp_path):
    out = sf.read(generate_file(options(files, "edit", tmp_path / "a.wav")))[0]
    given = torch.from_numpy(sf.read(files / "old.wav", dtype="float32")[0])[None]
    expected = ToyCodec().decode(ToyCodec().encode(given)[0])[0].numpy()
    assert np.allclose(out[:520], expected[:520], atol=1e-4)
    assert np.allclose(out[1200:], expected[1200:], atol=1e-4)
    assert not np.allclose(out[520:1200], expected[520:1200], atol=1e-3)


def test_g4_the_surrogate_repeats_the_targets_frames(files, tmp_path):
    generator_inputs = inputs.Inputs(
        options(files, "ac-vta", tmp_path / "a.wav", duration_s=0.6), SPECS, 2.0, ToyCodec()
    )
    request = generator_inputs.request()
    assert request.reference_NF.shape == (22, 4)  # 0.9 s in whole video frames
    assert torch.equal(request.reference_sync_SD[:15], request.sync_SD)
    assert torch.equal(request.reference_sync_SD[15:22], request.sync_SD[:7])


def test_a_longer_video_gets_the_trained_length_unless_asked(files, tmp_path, caplog):
    video = files / "long.mp4"
    assert len(sf.read(generate_file(options(files, "vta", tmp_path / "a.wav", video=video)))[0]) == 2000
    assert "only the first 2 s of 4.0 s" in caplog.text
    longer = generate_file(options(files, "vta", tmp_path / "b.wav", video=video, duration_s=3.0))
    assert len(sf.read(longer)[0]) == 3000


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("vta", {"video": None}, "task vta needs --video"),
        ("vta", {"video": Path("none.mp4")}, "--video: none.mp4 does not exist"),
        ("tta", {"text": "  "}, "task tta needs --text"),
        ("tc-vta", {"text": None}, "task tc-vta needs --text"),
        ("ac-vta", {"text": "x"}, "task ac-vta takes no --text"),
        ("ac-vta", {"reference_audio": None}, "needs --reference-audio"),
        ("ac-vta", {"reference_audio": "broken.wav"}, "--reference-audio: broken.wav"),
        ("edit", {"window": None}, "task edit needs --window"),
        ("edit", {"window": (1.0, 9.0)}, "--window 1:9 reaches past the sound's end at 2 s"),
        ("edit", {"window": (1.2, 1.0)}, "is not inside the sound"),
        ("edit", {"reference_audio": None}, "task edit needs the sound to edit"),
        ("edit", {"reference_audio": None, "video": "silent.mp4"}, "silent.mp4 has no sound track"),
        ("fe", {"window": None}, "task fe needs either"),
        ("fe", {"window": (0.5, 1.0)}, "give START:2"),
        ("vta", {"duration_s": 9.0}, "--duration 9 s is longer than the source, which has 2.00 s"),
        ("vta", {"duration_s": 0.1}, "too short"),
        ("tta", {"duration_s": 1e9}, "outside 0..60"),
        ("tta", {"seed": -1}, "--seed -1"),
        ("tta", {"out": Path("x.ogg")}, "must end in one of .wav, .flac, .mp4"),
        ("tta", {"out": Path("x.mp4")}, "needs --video for its picture"),
        ("sing", {}, "task 'sing' is unknown"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_option(files, tmp_path, task, changes, message):
    changes = {
        name: files / value if isinstance(value, str) and "." in value else value for name, value in changes.items()
    }
    base = options(files, task if task != "sing" else "tta", tmp_path / "a.wav")
    with pytest.raises(UsageError) as caught:
        generate_file(replace(base, task=task, **changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_codec_is_refused(files, tmp_path, monkeypatch):
    other = ToyCodec()
    object.__setattr__(other, "spec", replace(SPECS.codec, weights_sha256="d" * 64))
    monkeypatch.setattr(job, "load_codec", lambda _: other)
    with pytest.raises(MismatchError, match="--codec"):
        generate_file(options(files, "tta", tmp_path / "a.wav"))


def test_a_missing_checkpoint_says_how_to_get_one(files, tmp_path):
    with pytest.raises(FoleyGenExError, match="foleygenex run train"):
        generate_file(options(files, "tta", tmp_path / "a.wav", checkpoint=tmp_path / "none"))


def test_windows_are_parsed():
    assert parse_window("2.0:3.5") == (2.0, 3.5)
    for text in ("2", "a:b", ""):
        with pytest.raises(UsageError, match="START:END"):
            parse_window(text)


def _picture_hash(path: Path) -> str:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "hash", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
