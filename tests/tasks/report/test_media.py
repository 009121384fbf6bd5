"""Embedded media: what a URI decodes to, the budget, and paths that are not the workspace's."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import av
import numpy as np
import pytest

from data_contracts import ItemError
from tasks.engine.workspace import Workspace
from tasks.media.audio import write_flac
from tasks.media.video_writer import write_video
from tasks.report.media import SMALL_AUDIO, MediaEmbedder
from tests.tasks.sounds import counting_frames, cut_short, tone, write_wav


@pytest.fixture
def media(tmp_path: Path) -> MediaEmbedder:
    workspace = Workspace(tmp_path / "w")
    write_flac(workspace.stage("x") / "a.flac", tone(1.0), 16_000)
    write_video(workspace.stage("x") / "v.mp4", counting_frames(25), 25.0)
    return MediaEmbedder(workspace, budget=10**7)


def payload(uri: str, kind: str) -> bytes:
    head, data = uri.split(",", 1)
    assert head == f"data:{kind};base64"
    return base64.b64decode(data)


def test_small_flac_is_embedded_unchanged(media: MediaEmbedder) -> None:
    assert payload(media.audio_uri("x/a.flac"), "audio/flac") == media.workspace.path("x", "a.flac").read_bytes()
    assert media.used == len(media.audio_uri("x/a.flac"))


def test_other_audio_becomes_aac_of_the_same_length(media: MediaEmbedder) -> None:
    write_wav(media.workspace.path("x", "b.wav"), tone(2.0))
    rng = np.random.default_rng(0)
    write_flac(media.workspace.path("x", "large.flac"), 0.3 * rng.standard_normal(12 * 16_000), 16_000)
    assert media.workspace.path("x", "large.flac").stat().st_size > SMALL_AUDIO
    for name, duration_s in (("x/b.wav", 2.0), ("x/large.flac", 12.0)):
        with av.open(io.BytesIO(payload(media.audio_uri(name), "audio/mp4"))) as container:
            (stream,) = container.streams
            assert stream.codec_context.name == "aac"
            assert float(stream.duration * stream.time_base) == pytest.approx(duration_s, abs=0.2)


@pytest.mark.parametrize("rate_hz", [4_000, 11_000, 192_000])
def test_audio_at_a_rate_that_aac_does_not_have_is_resampled(media: MediaEmbedder, rate_hz: int) -> None:
    write_wav(media.workspace.path("x", "b.wav"), tone(1.0, rate_hz=rate_hz), rate_hz)
    with av.open(io.BytesIO(payload(media.audio_uri("x/b.wav"), "audio/mp4"))) as container:
        assert container.streams.audio[0].rate == 48_000


def test_a_video_gets_the_audio_as_its_track(media: MediaEmbedder) -> None:
    with av.open(io.BytesIO(payload(media.video_uri("x/v.mp4", "x/a.flac"), "video/mp4"))) as container:
        assert sorted(stream.type for stream in container.streams) == ["audio", "video"]
        assert sum(1 for _ in container.decode(video=0)) == 25


def test_a_large_video_is_scaled_down(media: MediaEmbedder) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (25, 320, 320, 3), dtype=np.uint8)
    write_video(media.workspace.path("x", "large.mp4"), frames, 25.0)
    with av.open(io.BytesIO(payload(media.video_uri("x/large.mp4", "x/a.flac"), "video/mp4"))) as container:
        assert max(container.streams.video[0].width, container.streams.video[0].height) <= 256


def test_empty_audio_is_one_silent_block_of_a_video(media: MediaEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MediaEmbedder, "samples", lambda self, _: (np.zeros(0, np.float32), 16_000))
    assert payload(media.video_uri("x/v.mp4", "x/a.flac"), "video/mp4")


def test_the_same_file_gives_the_same_uri_and_is_decoded_once(
    media: MediaEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = media.audio_uri("x/a.flac"), media.video_uri("x/v.mp4", "x/a.flac")
    monkeypatch.setattr("tasks.report.media.read_audio", lambda path: pytest.fail(f"{path} is read again"))
    assert (media.audio_uri("x/a.flac"), media.video_uri("x/v.mp4", "x/a.flac")) == first


def test_beyond_the_budget_media_are_refused_and_images_are_not(media: MediaEmbedder) -> None:
    media.budget = media.used + 100
    with pytest.raises(ItemError, match="left out to keep this file small") as caught:
        media.audio_uri("x/a.flac")
    assert caught.value.reason == "report_full" and media.refused == 1
    assert payload(media.png_uri(b"x" * 1000), "image/png") == b"x" * 1000


@pytest.mark.parametrize("path", ["../secret.flac", "/etc/passwd", "x/../../secret.flac"])
def test_no_file_outside_of_the_workspace_is_read(media: MediaEmbedder, path: str) -> None:
    (media.workspace.root.parent / "secret.flac").write_bytes(b"secret")
    with pytest.raises(ItemError) as caught:
        media.audio_uri(path)
    assert caught.value.reason == "outside_workspace"


def test_broken_and_missing_files_keep_the_reason_of_the_reader(media: MediaEmbedder) -> None:
    cut_short(media.workspace.path("x", "a.flac"), media.workspace.path("x", "cut.flac"), share=0.4)
    media.workspace.path("x", "empty.flac").write_bytes(b"")
    reasons = {}
    for name in ("cut", "empty", "gone"):
        with pytest.raises(ItemError) as caught:
            media.samples(f"x/{name}.flac")
        reasons[name] = caught.value.reason
    assert reasons == {"cut": "truncated", "empty": "empty_file", "gone": "missing_file"}
