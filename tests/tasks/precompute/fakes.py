"""Small fast encoders and a small manifest, for the laws of the stage."""

from dataclasses import dataclass

import numpy as np
import torch

from data_contracts import ManifestRow, write_table
from data_contracts.files import hash_file
from model.specs import ClipSpec, CodecSpec, SyncSpec, TextSpec
from tasks.engine.workspace import Workspace
from tasks.media.audio import write_flac
from tasks.media.video_writer import write_video
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.encoders import Encoders

CLIP_S = 2.0
RATE_HZ = 16000
CONFIG = PrecomputeConfig(clip_s=CLIP_S)


@dataclass(frozen=True)
class FakeCodec:
    """Latent = mean and peak of each hop."""

    spec = CodecSpec(
        name="fake",
        sample_rate_hz=RATE_HZ,
        channels=1,
        hop=640,
        latent_dim=2,
        std_form="softplus",
        weights_sha256="1" * 64,
        placeholder=True,
    )

    def encode(self, audio_BT):
        frames_BNT = audio_BT.unflatten(1, (-1, 640))
        mean_BNF = torch.stack([frames_BNT.mean(-1), frames_BNT.abs().amax(-1)], dim=-1)
        return mean_BNF, torch.full_like(mean_BNF, 0.1)

    def decode(self, latent_BNF):
        return latent_BNF[..., 1].repeat_interleave(640, dim=1)


@dataclass(frozen=True)
class FakeText:
    """Token states from the letters."""

    spec = TextSpec(name="fake", tokens=4, dim=3, weights_sha256="2" * 64, placeholder=True)

    def encode(self, texts):
        states = torch.zeros(len(texts), 4, 3)
        for index, text in enumerate(texts):
            states[index, : min(4, len(text.split()))] = float(sum(map(ord, text)) % 97) / 10
        return states

    def token_count(self, text):
        return len(text.split())


@dataclass(frozen=True)
class FakeImage:
    """Mean colour."""

    spec = ClipSpec(name="fake", rate_hz=2.0, dim=3, weights_sha256="3" * 64, placeholder=True)
    size = 32
    fit = "crop"

    def encode(self, frames_BHWC):
        return torch.from_numpy(frames_BHWC.mean(axis=(1, 2), dtype=np.float64)).float() / 255


@dataclass(frozen=True)
class FakeSync:
    """Mean colour at 25 fps."""

    spec = SyncSpec(name="fake", dim=3, weights_sha256="4" * 64, placeholder=True)
    size = 32
    fit = "crop"

    def encode(self, frames_THWC):
        return torch.from_numpy(frames_THWC.mean(axis=(1, 2), dtype=np.float64)).float() / 255


FAKES = Encoders(codec=FakeCodec(), text=FakeText(), image=FakeImage(), sync=FakeSync())


def make_workspace(root, count=6):
    """Writes sounds, videos (every second row) and the manifest; rows 0 and 2 share a caption."""
    workspace = Workspace(root)
    write_manifest(workspace, [make_row(workspace, number) for number in range(count)])
    return workspace


def write_manifest(workspace, rows):
    write_table(workspace.table("manifest", "manifest"), ManifestRow, rows)


def make_row(workspace, number, **changes):
    rng = np.random.default_rng(number)
    audio = workspace.stage("ingest") / f"a{number}.flac"
    write_flac(audio, rng.uniform(-0.5, 0.5, int(RATE_HZ * 1.5)).astype(np.float32), RATE_HZ)
    video = None
    if number % 2 == 0:
        video = workspace.stage("ingest") / f"v{number}.mp4"
        write_video(video, rng.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8), 25.0)
    values = {
        "item_id": f"row-{number}",
        "parent_id": f"row-{number}",
        "clip_id": f"row-{number}",
        "group_id": f"row-{number}",
        "subset": "vta" if video else "tta",
        "split": "test" if number == 4 else "train",
        "caption": "a shared caption" if number in (0, 2) else f"caption number {number}",
        "paraphrases": (f"paraphrase of {number}",),
        "caption_source": "original",
        "audio_path": workspace.relative(audio),
        "audio_sha256": hash_file(audio),
        "sample_rate_hz": RATE_HZ,
        "duration_s": 1.5,
        "video_path": workspace.relative(video) if video else None,
        "event_times_s": None,
        "attributes_json": "{}",
        "dimension": None,
        "level": None,
        "recipe_json": "{}",
        "licence": "CC0-1.0",
        "seed": number,
        "lineage_json": "{}",
    }
    return ManifestRow(**{**values, **changes})
