"""A small checkpoint, codec and encoders, files of many kinds, and what tests of generation and of the page share."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch

from model.checkpoint import save_checkpoint
from model.network import build_network
from tasks.commands.generate import session
from tasks.commands.generate.inputs import Inputs
from tasks.commands.generate.options import GenerateOptions
from tasks.media.samples import Samples
from tasks.media.video_writer import write_video
from tests.model.fakes import TOY, toy_specs

SPECS = toy_specs()
RATE, HOP = SPECS.codec.sample_rate_hz, SPECS.codec.hop


@dataclass(frozen=True)
class ToyCodec:
    """Latent = the means of four parts of a frame; decoding repeats them."""

    spec = SPECS.codec

    def to(self, _device):
        return self

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

    def token_count(self, text):
        return len(text.split())


@dataclass(frozen=True)
class ToyImage:
    spec = SPECS.clip
    size: int = 16
    fit: str = "crop"

    def encode(self, frames_BHWC):
        return torch.from_numpy(frames_BHWC.astype(np.float32).mean((1, 2, 3)) / 255)[:, None].repeat(1, 10)


@dataclass(frozen=True)
class ToySync:
    spec = SPECS.sync
    size: int = 16
    fit: str = "crop"

    def encode(self, frames_THWC):
        return torch.from_numpy(frames_THWC.astype(np.float32).mean((1, 2, 3)) / 255)[:, None].repeat(1, 6)


def put_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the loading of a checkpoint's codec and encoders by toys."""
    monkeypatch.setattr(session, "load_codec", lambda _: ToyCodec())
    monkeypatch.setattr(session, "load_text_encoder", lambda *_: ToyText())
    monkeypatch.setattr(session, "load_image_encoder", lambda *_: ToyImage())
    monkeypatch.setattr(session, "load_sync_encoder", lambda *_: ToySync())


def write_files(folder: Path) -> Path:
    """Writes the checkpoint `c.safetensors` (untrained, not zero), videos and audio files; returns the folder."""
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
    audio = (0.3 * np.sin(np.arange(96_000) * 0.02)).astype(np.float32)
    write_video(folder / "sounding.mp4", frames, 25.0, audio, 48_000)
    write_video(folder / "long.mp4", np.concatenate([frames, frames]), 25.0)
    sf.write(folder / "reference.wav", 0.2 * rng.standard_normal(900), RATE)
    sf.write(folder / "old.wav", 0.2 * rng.standard_normal(2000), RATE)
    write_video(folder / "other.mp4", np.concatenate([frames, frames])[::-1].copy(), 25.0)
    sf.write(folder / "mute.wav", np.zeros(900), RATE)
    sf.write(folder / "blip.wav", 0.2 * rng.standard_normal(20), RATE)
    broken = np.zeros(100, np.float32)
    broken[50] = np.nan
    sf.write(folder / "nan.wav", broken, RATE, subtype="FLOAT")
    (folder / "empty.mp4").touch()
    (folder / "broken.wav").write_bytes(b"not audio")
    return folder


def options(files: Path, task: str, out: Path, **changes) -> GenerateOptions:
    """Returns options with which each task can be done."""
    given = {
        "tta": {"text": "a dog barks", "duration_s": 2.0},
        "vta": {"video": files / "silent.mp4"},
        "tc-vta": {"video": files / "silent.mp4", "text": "a dog barks"},
        "ac-vta": {"video": files / "silent.mp4", "reference_audio": files / "reference.wav"},
        "fe": {"video": files / "sounding.mp4", "window": (0.8, 2.0)},
        "edit": {"original": files / "old.wav", "window": (0.52, 1.2), "text": "a cat"},
    }[task]
    values = {"task": task, "checkpoint": files / "c.safetensors", "out": out, "steps": 2, **given, **changes}
    return GenerateOptions(**values)


def jobs(files: Path, out: Path, **changes: Any) -> GenerateOptions:
    """Returns what a table of jobs starts from; `out` is a folder."""
    return GenerateOptions(task="jobs", checkpoint=files / "c.safetensors", out=out, steps=2, **changes)


def write_jobs(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes a table of jobs and returns its path."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def sidecar(out: Path) -> dict[str, Any]:
    """Reads the JSON beside a generated file."""
    content: dict[str, Any] = json.loads(out.with_name(out.name + ".json").read_text())
    return content


def round_trip(path: Path, samples: int) -> Samples:
    """Returns what the toy codec alone makes of the first samples of a file."""
    given = torch.from_numpy(sf.read(path, dtype="float32")[0][:samples])
    padded = torch.nn.functional.pad(given, (0, -len(given) % HOP))
    decoded: Samples = ToyCodec().decode(ToyCodec().encode(padded[None])[0])[0].numpy()[:samples]
    return decoded


def inputs(files: Path, opened: session.InferenceSession, task: str, **changes: Any) -> Inputs:
    """Returns the inputs of one generation with an opened checkpoint."""
    return Inputs(options(files, task, Path("out.wav"), **changes), opened)


def noise(path: Path, seconds: float) -> Path:
    """Writes noise and returns its path."""
    sf.write(path, 0.2 * np.random.default_rng(6).standard_normal(round(seconds * RATE)), RATE)
    return path
