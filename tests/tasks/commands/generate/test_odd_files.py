"""Files as people have them, through the embedded codec and encoders and a small untrained network (SPEC G1-G6)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
import torch

from benchmarks.seams import seam_rank
from model.checkpoint import save_checkpoint
from model.codec import load_codec
from model.config import preset
from model.encoders import load_image_encoder, load_sync_encoder, load_text_encoder
from model.network import build_network
from model.specs import FeatureSpecs
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tasks.media.audio import read_audio
from tasks.media.video import probe_video
from tests.tasks.sounds import tone

RATE = 16_000
VIDEOS = {
    "vfr.mp4": ["-vf", "select='not(mod(n,3))+lt(n,20)'", "-vsync", "vfr", "-c:v", "libx264", "-pix_fmt", "yuv420p"],
    "vp9_odd_size.webm": ["-vf", "scale=97:55", "-c:v", "libvpx-vp9", "-deadline", "realtime"],
    "fps12.avi": ["-r", "12", "-c:v", "mpeg4"],
    "fps60.mkv": ["-r", "60", "-c:v", "libx264", "-pix_fmt", "yuv444p"],
    "stream.ts": ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"],
    "tall.mov": ["-vf", "scale=48:160", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
}
AUDIO = {
    "stereo_48k.wav": ["-ar", "48000", "-ac", "2"],
    "phone_8k.mp3": ["-ar", "8000", "-ac", "1"],
    "44k.ogg": ["-ar", "44100", "-ac", "2"],
    "96k_24bit.flac": ["-ar", "96000", "-sample_fmt", "s32"],
    "surround.m4a": ["-ac", "6", "-c:a", "aac"],
    "video.mp4": ["-f", "lavfi", "-i", "color=red:size=64x48:duration=1.3", "-shortest"],
}


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60)


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of 1.6 s and audio files of 1.3 s, each odd in its own way, and an untrained checkpoint."""
    folder = tmp_path_factory.mktemp("odd")
    source = folder / "source.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=160x90:rate=30:duration=1.6", "-f", "lavfi", "-i",
           "sine=300:duration=1.6", "-c:v", "ffv1", "-c:a", "flac", source)  # fmt: skip
    for name, how in VIDEOS.items():
        ffmpeg("-i", source, *([] if name == "stream.ts" else ["-an"]), *how, folder / name)
    ffmpeg("-i", folder / "fps12.avi", "-c:v", "libx264", "-pix_fmt", "yuv420p", folder / "plain.mp4")
    ffmpeg("-i", folder / "plain.mp4", "-c", "copy", "-metadata:s:v", "rotate=270", folder / "turned.mp4")
    for name, how in AUDIO.items():
        ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.3*sin(880*t)|0.2*sin(1320*t):duration=1.3", *how, folder / name)
    return folder


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> InferenceSession:
    """The embedded codec and encoders around an untrained network whose output is not zero."""
    specs = FeatureSpecs(
        codec=load_codec("embedded_16k").spec,
        text=load_text_encoder("minilm").spec,
        clip=load_image_encoder("efficientnet_lite0").spec,
        sync=load_sync_encoder("motion").spec,
    )
    network = build_network(preset("tiny"), specs, seed=1)
    g = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=g))
    network.set_latent_stats(torch.zeros(specs.codec.latent_dim), torch.ones(specs.codec.latent_dim))
    path = tmp_path_factory.mktemp("checkpoint") / "untrained.safetensors"
    save_checkpoint(path, network.state_dict(), network=preset("tiny"), specs=specs, clip_s=2.0, step=0)
    return InferenceSession.open(path)


def make(session: InferenceSession, task: str, out: Path, **changes) -> Path:
    return generate_file(
        GenerateOptions(task=task, checkpoint=session.checkpoint, out=out, steps=2, **changes), session
    )


@pytest.mark.tools
@pytest.mark.parametrize("name", [*VIDEOS, "turned.mp4"])
@pytest.mark.usefixtures("real_components")
def test_any_video_gets_audio_of_its_own_length(
    odd: Path, session: InferenceSession, tmp_path: Path, name: str
) -> None:
    out = make(session, "vta", tmp_path / "out.mkv", video=odd / name, text="rain")
    before, after = probe_video(odd / name), probe_video(out)
    assert (after.width, after.height, after.has_audio) == (before.width, before.height, True)
    samples, rate = read_audio(out)
    assert rate == RATE and len(samples) / RATE == pytest.approx(before.duration_s, abs=1e-3)
    assert 1.3 < before.duration_s < 1.75
    if name != "stream.ts":
        assert packets(out) == packets(odd / name)


@pytest.mark.tools
@pytest.mark.parametrize("name", AUDIO)
@pytest.mark.usefixtures("real_components")
def test_any_audio_can_be_imitated_continued_and_edited(
    odd: Path, session: InferenceSession, tmp_path: Path, name: str
) -> None:
    sound, video = odd / name, odd / "plain.mp4"
    video_s = probe_video(video).duration_s
    for task, changes, seconds in (
        ("ac-vta", {"video": video, "reference_audio": sound}, video_s),
        ("fe", {"video": video, "reference_audio": sound}, video_s),
        ("edit", {"original": sound, "window": (0.4, 0.8)}, 1.3),
    ):
        samples, rate = sf.read(make(session, task, tmp_path / f"{task}.wav", **changes))
        assert rate == RATE and samples.ndim == 1 and np.abs(samples).max() > 1e-4
        assert len(samples) / RATE == pytest.approx(seconds, abs=0.13 if name.endswith(("mp3", "m4a", "mp4")) else 0.03)


@pytest.mark.usefixtures("real_components")
def test_g6_outside_the_window_the_audio_is_the_codecs_round_trip(session: InferenceSession, tmp_path: Path) -> None:
    """Latents to 1e-3 (here exactly), samples wherever the codec no longer sees the window."""
    rng = np.random.default_rng(0)
    old = (tone(4.0, 330) + 0.05 * rng.standard_normal(4 * RATE)).astype(np.float32)
    sf.write(tmp_path / "old.wav", old, RATE)
    out = sf.read(
        make(session, "edit", tmp_path / "new.wav", original=tmp_path / "old.wav", window=(1.6, 2.4), keep_source=False)
    )[0]
    codec = session.codec
    latent = codec.encode(torch.from_numpy(sf.read(tmp_path / "old.wav", dtype="float32")[0])[None])[0]
    expected = codec.decode(latent)[0].numpy()
    reach = round(0.5 * RATE)
    start, stop = round(1.6 * RATE), round(2.4 * RATE)
    assert np.abs(out - expected)[: start - reach].max() < 2 / 32768
    assert np.abs(out - expected)[stop + reach :].max() < 2 / 32768
    assert np.abs(out - expected)[start:stop].max() > 0.01


def test_g6_joining_latents_makes_no_click_where_joining_samples_does() -> None:
    """Two unrelated sounds, joined at 24 places. A place is ranked by how sharply the waveform bends there."""
    codec, joined, spliced = load_codec("embedded_16k"), [], []
    for number in range(12):
        first, second = (torch.from_numpy(_chord(2 * number + which))[None] for which in (0, 1))
        a, b = codec.encode(first)[0], codec.encode(second)[0]
        merged = a.clone()
        merged[:, 40:60] = b[:, 40:60]
        sound, one, other = (codec.decode(latent)[0].numpy() for latent in (merged, a, b))
        start, stop = 40 * codec.spec.hop, 60 * codec.spec.hop
        cut = np.concatenate([one[:start], other[start:stop], one[stop:]])
        for at in (start, stop):
            joined.append(seam_rank(sound, at, RATE))
            spliced.append(seam_rank(cut, at, RATE))
    assert np.mean(joined) > 0.4 and np.mean(np.array(joined) < 0.05) <= 0.05
    assert np.mean(spliced) < np.mean(joined) - 0.1


def test_a_click_is_what_ranks_lowest() -> None:
    sound = _chord(1)
    clicked = sound.copy()
    clicked[30_000:] += 0.2
    assert seam_rank(clicked, 30_000, RATE) == 0.0
    assert seam_rank(sound, 30_000, RATE) > 0.05
    with pytest.raises(ValueError, match="no neighbours"):
        seam_rank(sound[:300], 150, RATE)


def _chord(seed: int) -> np.ndarray:
    """Returns 4 s of a gently swelling harmonic sound: smooth, so that a cut through it is a jump."""
    rng = np.random.default_rng(seed)
    t, hz = np.arange(4 * RATE) / RATE, rng.uniform(120, 500)
    parts = [rng.uniform(0.3, 1) / k * np.sin(2 * np.pi * hz * k * t + rng.uniform(0, 6)) for k in range(1, 5)]
    sound = np.sum(parts, axis=0) * (1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.5, 3) * t))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.realdata
@pytest.mark.usefixtures("real_components")
def test_real_videos_with_their_own_sound(realdata: Path, session: InferenceSession, tmp_path: Path) -> None:
    """All tasks that take a video, on recordings: continued, edited, imitated, muxed by stream copy."""
    videos = [path for path in sorted((realdata / "video").glob("*.mp4")) if probe_video(path).has_audio][:16:8]
    for video in videos:
        end = min(3.0, probe_video(video).duration_s)
        for task, changes in (
            ("vta", {}),
            ("tc-vta", {"text": "a bell"}),
            ("ac-vta", {"reference_audio": video}),
            ("fe", {"window": (1.0, end)}),
            ("edit", {"window": (0.5, 1.5)}),
        ):
            out = make(session, task, tmp_path / f"{task}.mp4", video=video, duration_s=end, **changes)
            assert packets(out) == packets(video), (task, video.name)
            assert len(read_audio(out)[0]) / RATE == pytest.approx(end, abs=0.07)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]
