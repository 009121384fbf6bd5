"""Laws of long sounds: windows fill everything once, and a codec over pieces gives what it gives in one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import UsageError
from model import long
from model.codec import load_codec
from model.long import Window, decode_long, encode_long, fitting_length, generate_windows, plan_windows
from model.paper_specs import paper_specs


@settings(deadline=None)
@given(st.integers(1, 4000), st.integers(8, 400), st.floats(0.0, 0.99), st.floats(0.05, 0.6))
def test_windows_fill_every_frame_once_and_are_nearly_equal(frames, longest, share, overlap):
    known = int(share * frames)
    windows = plan_windows(frames, longest, known=known, overlap=overlap)
    done = known
    for window in windows:
        assert window.start + window.known == done
        assert window.start >= 0 and window.length <= longest
        assert window.stop > done
        if window is not windows[0]:
            assert window.known == max(1, int(overlap * max(w.length for w in windows)))
        done = window.stop
    assert done == frames
    if len(windows) > 2:
        assert windows[-1].length >= 0.5 * windows[1].length or len(windows) > 0.5 * longest


def test_short_audio_is_one_window():
    assert plan_windows(50, 50) == [Window(0, 50, 0)]
    assert plan_windows(50, 60, known=20) == [Window(0, 50, 20)]


def test_a_minute_with_clips_of_eight_seconds():
    windows = plan_windows(60 * 25, 8 * 25)
    assert len(windows) == 10
    assert {window.length for window in windows[:-1]} == {windows[0].length}
    assert windows[1].known / windows[1].length == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("codec", ["mmaudio-44k", "moss-dacvae", "meta-dacvae"])
@pytest.mark.parametrize("known_s", [0.0, 2.5])
def test_sync_ends_with_every_window(codec, known_s):
    """12.1 to 40 s of a network of 8-s clips: the last segment ends within half a video frame of the window's end."""
    specs = paper_specs(codec)
    rate_hz, longest = specs.codec.frame_rate_hz, specs.codec.frames(8.0)

    def fits(frames):
        return specs.sync.fits(frames / rate_hz)

    for tenths in range(121, 401, 3):
        frames = specs.codec.frames(tenths / 10)
        windows = plan_windows(frames, longest, known=specs.codec.frames(known_s), fits=fits)
        for window in windows:
            seconds = window.length / rate_hz
            covered_s = specs.sync.covered_s(specs.sync.covering_length(seconds))
            assert abs(seconds - covered_s) <= 0.02 + 1e-6, (tenths, window)
            assert window.length <= longest and window.start >= 0
        assert [one.stop for one in windows[:-1]] == [one.start + one.known for one in windows[1:]]
        assert windows[-1].stop == frames
        assert all(0.25 * one.length - 1 <= one.known <= 0.25 * one.length + 0.34 * rate_hz for one in windows[1:-1])


@settings(deadline=None)
@given(st.integers(30, 900), st.integers(8, 200), st.integers(1, 9))
def test_windows_of_lengths_that_fit_fill_every_frame(frames, longest, step):
    windows = plan_windows(frames, longest, fits=lambda length: length % step == 0)
    if frames <= longest:
        assert windows == [Window(0, frames, 0)]
        return
    done = 0
    for window in windows:
        assert window.start + window.known == done < window.stop and window.start >= 0
        assert longest < step or (window.length <= longest and window.length % step == 0)
        done = window.stop
    assert done == frames


def test_a_length_that_fits_is_the_next_one_or_the_asked_one():
    assert fitting_length(9, 20, lambda length: length % 8 == 0) == 16
    assert fitting_length(9, 15, lambda length: length % 8 == 0) == 9
    assert fitting_length(16, 16, lambda length: length % 8 == 0) == 16


@pytest.mark.parametrize(("frames", "longest", "known"), [(10, 5, 10), (10, 1, 0), (10, 5, -1)])
def test_impossible_windows_are_refused(frames, longest, known):
    with pytest.raises(UsageError):
        plan_windows(frames, longest, known=known)


def test_each_window_gets_the_end_of_what_is_there_and_adds_the_rest():
    windows, seen = plan_windows(100, 30), []

    def generate(window, context_NF, number):
        seen.append((number, None if context_NF is None else context_NF.clone()))
        position = torch.arange(window.start, window.stop)[:, None].float()
        return torch.cat([position, torch.full_like(position, number)], 1)

    whole = generate_windows(windows, torch.zeros(0, 2), generate)
    assert torch.equal(whole[:, 0], torch.arange(100.0))
    assert seen[0] == (0, None)
    for (number, context_NF), window in zip(seen[1:], windows[1:], strict=True):
        assert torch.equal(context_NF, whole[window.start : window.start + window.known])
        assert bool((context_NF[:, 1] == number - 1).all())


def test_a_codec_over_pieces_equals_one_pass(monkeypatch):
    """The embedded codec sees less than the margin to either side, so that cutting changes nothing."""
    codec = load_codec("embedded_16k")
    g = torch.Generator().manual_seed(0)
    audio_T = 0.1 * torch.randn(16_000 * 11 + 77, generator=g)
    whole_NF = codec.encode(audio_T[None])[0][0]
    decoded_T = codec.decode(whole_NF[None])[0]
    monkeypatch.setattr(long, "_PIECE_S", 4.0)
    assert torch.allclose(encode_long(codec, audio_T), whole_NF, atol=1e-4)
    assert torch.allclose(decode_long(codec, whole_NF), decoded_T, atol=1e-4)
