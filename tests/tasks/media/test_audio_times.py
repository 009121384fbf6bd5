"""Decoded audio lies at the times of its packets: gaps are silence, overlaps are cut."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.media.audio import decode_audio
from tasks.media.audio_track import AudioTrack
from tasks.media.blocks import _placed
from tests.tasks.sounds import tone


def without_packets(source: Path, out: Path, missing: range) -> Path:
    """Copies the audio of a file, leaving out some of its packets; the others keep their times."""
    with av.open(str(source)) as container, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(container.streams.audio[0])
        for number, packet in enumerate(container.demux(audio=0)):
            if packet.dts is not None and number not in missing:
                packet.stream = stream
                target.mux(packet)
    return out


def clicks(duration_s: float, times_s: list[float]) -> np.ndarray:
    """Returns silence with a short tone at each time."""
    samples = np.zeros(round(duration_s * 48_000), np.float32)
    for time_s in times_s:
        samples[round(time_s * 48_000) :][:1000] = tone(1000 / 48_000, 2000, 48_000)
    return samples


def onsets_s(samples: np.ndarray) -> list[float]:
    """Returns the times at which something begins after a quarter of a second of silence."""
    loud = np.flatnonzero(np.abs(samples) > 0.2) / 48_000
    return [float(time) for number, time in enumerate(loud) if number == 0 or time - loud[number - 1] > 0.25]


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_packets_that_are_missing_leave_silence_and_what_follows_stays_in_time(tmp_path: Path, codec: str) -> None:
    times = [0.2, 1.0, 3.0, 3.7]
    with av.open(str(tmp_path / "whole.mkv"), "w") as target:
        AudioTrack(target, clicks(4.0, times), 48_000, codec).finish()
    packets = 4.0 * 48_000 / (1024 if codec == "aac" else 4608)
    gap = without_packets(
        tmp_path / "whole.mkv", tmp_path / "gap.mkv", range(round(packets * 0.4), round(packets * 0.6))
    )
    whole, decoded = decode_audio(tmp_path / "whole.mkv"), decode_audio(gap)
    assert decoded.duration_s == pytest.approx(whole.duration_s, abs=0.02)
    assert onsets_s(decoded.samples_T) == pytest.approx(onsets_s(whole.samples_T), abs=0.01)
    assert np.abs(decoded.samples_T[round(1.75 * 48_000) : round(2.25 * 48_000)]).max() == 0


def frame_at(time_s: float | None, count: int = 480, rate_hz: int = 48_000) -> av.AudioFrame:
    """Returns a frame of ones at a time."""
    frame = av.AudioFrame.from_ndarray(np.ones((1, count), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
    frame.pts = None if time_s is None else round(time_s * rate_hz)
    return frame


@pytest.mark.parametrize(
    ("times_s", "silent", "total"),
    [
        ([0.0, 0.01, 0.02], 0, 1440),
        ([0.0, 0.012, 0.019], 0, 1440),  # jitter of a container's clock
        ([0.5, 0.51], 24_000, 24_960),  # starts late
        ([0.0, 0.31], 14_400, 15_360),  # a gap
        ([-0.02, -0.01, 0.0], 0, 1440),  # what a codec puts before its first sample
        ([0.0, 0.01, 5000.0, 5000.01], 0, 1920),  # two recordings joined
        ([10.0, 10.01, 0.0, 0.01], 480_000, 481_920),  # and joined the other way round
        ([0.0, None, 0.02], 0, 1440),
    ],
)
def test_frames_are_placed_at_their_times(times_s: list[float | None], silent: int, total: int) -> None:
    placed = np.concatenate(list(_placed(iter([frame_at(time_s) for time_s in times_s]), 0.0, timed=True)))
    assert (len(placed), int((placed == 0).sum())) == (total, silent)


def test_of_two_frames_that_overlap_the_second_is_cut() -> None:
    frames = [frame_at(0.0, 4800), frame_at(0.05, 4800)]
    assert len(np.concatenate(list(_placed(iter(frames), 0.0, timed=True)))) == 7200


def test_without_times_of_their_own_only_the_first_frame_is_placed() -> None:
    frames = [frame_at(0.1), frame_at(0.9)]
    assert len(np.concatenate(list(_placed(iter(frames), 0.0, timed=False)))) == 4800 + 960
