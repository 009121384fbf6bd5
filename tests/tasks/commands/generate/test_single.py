"""From files to a generated file (SPEC G1-G8), with small placeholders for codec and encoders."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch

from data_contracts import FoleyGenExError, UsageError
from data_contracts.generation import TASKS
from model.generate import Generator
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import Generation, generate_file
from tasks.commands.generate.splice import FADE_S
from tasks.media.audio import read_audio
from tasks.media.video import probe_video
from tests.tasks.commands.generate.toys import RATE, SPECS, ToyCodec, options, round_trip, sidecar


@pytest.mark.parametrize("task", TASKS)
def test_each_task_writes_audio_of_the_right_length_and_repeats_itself(files: Path, tmp_path: Path, task: str) -> None:
    first = generate_file(options(files, task, tmp_path / "a.wav"))
    second = generate_file(options(files, task, tmp_path / "b.wav"))
    samples, rate = sf.read(first)
    assert (len(samples), rate) == (2000, RATE)
    assert first.read_bytes() == second.read_bytes()
    other = generate_file(options(files, task, tmp_path / "c.wav", seed=1))
    assert other.read_bytes() != first.read_bytes()


@pytest.mark.tools
def test_mp4_keeps_the_frames_bit_for_bit(files: Path, tmp_path: Path) -> None:
    out = generate_file(options(files, "vta", tmp_path / "out.mp4"))
    assert probe_video(out).has_audio
    assert _frames_hash(out) == _frames_hash(files / "silent.mp4")


def test_flac_is_written(files: Path, tmp_path: Path) -> None:
    assert sf.info(generate_file(options(files, "tta", tmp_path / "out.flac"))).format == "FLAC"


@pytest.mark.parametrize("video", ["silent.mp4", "long.mp4"])  # in one window and in several
def test_g5_the_continued_segment_has_its_own_samples_again(files: Path, tmp_path: Path, video: str) -> None:
    given = options(files, "fe", tmp_path / "a.wav", video=files / video, window=None,
                    reference_audio=files / "reference.wav")  # fmt: skip
    out = sf.read(generate_file(given))[0]
    fade = round(FADE_S * RATE)
    assert np.allclose(out[: 880 - fade], sf.read(files / "reference.wav")[0][: 880 - fade], atol=1e-4)
    coded = sf.read(generate_file(replace(given, out=tmp_path / "b.wav", keep_source=False)))[0]
    assert np.allclose(coded[:880], round_trip(files / "reference.wav", 880), atol=1e-4)
    assert len(out) == len(coded) and np.corrcoef(out[880:], coded[880:])[0, 1] > 0.999  # equal but for the level


def test_g5_a_videos_own_audio_before_the_window_has_its_own_samples_again(files: Path, tmp_path: Path) -> None:
    out = sf.read(generate_file(options(files, "fe", tmp_path / "a.wav")))[0]
    before = round(0.8 * RATE) - round(FADE_S * RATE)
    own = read_audio(files / "sounding.mp4", rate_hz=RATE)[0]
    assert np.allclose(out[:before], own[:before], atol=1e-4)


def test_g6_the_audio_outside_the_window_stays(files: Path, tmp_path: Path) -> None:
    """Latents are merged: without the original's samples, outside the window is exactly the codec's round trip."""
    out = sf.read(generate_file(options(files, "edit", tmp_path / "a.wav", keep_source=False)))[0]
    expected = round_trip(files / "old.wav", 2000)
    assert np.allclose(out[:520], expected[:520], atol=1e-4)
    assert np.allclose(out[1200:], expected[1200:], atol=1e-4)
    assert not np.allclose(out[520:1200], expected[520:1200], atol=1e-3)


def test_a_longer_video_is_done_whole_in_windows_unless_asked_otherwise(files: Path, tmp_path: Path) -> None:
    """4 s with clips of 2 s: windows; up to 1.5 clips, or with `long` off, one."""
    video = files / "long.mp4"
    for name, changes, seconds, windows in (
        ("a", {}, 4, 3),
        ("b", {"long": "off"}, 4, 1),
        ("c", {"duration_s": 3.0}, 3, 1),
        ("d", {"duration_s": 3.2}, 3.2, 2),
    ):
        out = generate_file(options(files, "vta", tmp_path / f"{name}.wav", video=video, **changes))
        assert len(sf.read(out)[0]) == seconds * RATE
        assert sidecar(out)["windows"] == windows


@pytest.mark.parametrize("task", ["tta", "vta", "tc-vta", "ac-vta", "fe"])
def test_every_task_makes_long_audio(files: Path, tmp_path: Path, task: str) -> None:
    video = {} if task == "tta" else {"video": files / "long.mp4"}
    extra = {"tta": {"duration_s": 4.0}, "fe": {"window": None, "reference_audio": files / "reference.wav"}}
    out = generate_file(options(files, task, tmp_path / "a.wav", **video, **extra.get(task, {})))
    assert len(sf.read(out)[0]) == 4 * RATE and sidecar(out)["windows"] >= 2


def test_long_audio_is_edited_around_its_window(files: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    sf.write(tmp_path / "long.wav", 0.2 * rng.standard_normal(9000), RATE)
    given = options(
        files, "edit", tmp_path / "a.wav", original=tmp_path / "long.wav", window=(6.0, 6.8), keep_source=False
    )
    out = sf.read(generate_file(given))[0]
    expected = round_trip(tmp_path / "long.wav", 9000)
    assert np.allclose(out[:6000], expected[:6000], atol=1e-4)
    assert np.allclose(out[6800:], expected[6800:], atol=1e-4)
    assert not np.allclose(out[6000:6800], expected[6000:6800], atol=1e-2)
    with pytest.raises(UsageError, match=r"--window has 3\.0 s; of long audio at most 2\.2 s"):
        generate_file(replace(given, window=(2.0, 5.0)))


def test_g6_the_window_may_reach_past_the_originals_end(files: Path, tmp_path: Path) -> None:
    given = options(files, "edit", tmp_path / "a.wav", duration_s=2.8, window=(1.6, 2.8), keep_source=False)
    out = sf.read(generate_file(given))[0]
    assert len(out) == 2800
    assert np.allclose(out[:1600], round_trip(files / "old.wav", 2000)[:1600], atol=1e-4)
    assert np.abs(out[2000:]).max() > 0.01
    with pytest.raises(UsageError, match="--window must reach from there to the end"):
        generate_file(replace(given, window=(1.6, 2.2)))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("window", [(0.52, 1.2), (0.0, 0.5), (1.0, 2.0)])
def test_g6_outside_the_window_every_sample_is_the_originals(
    files: Path, tmp_path: Path, window: tuple[float, float], channels: int
) -> None:
    old = sf.read(files / "old.wav")[0]
    sf.write(tmp_path / "old.wav", np.stack([old] * channels, axis=1), RATE)
    given = options(files, "edit", tmp_path / "a.wav", original=tmp_path / "old.wav", window=window)
    out = sf.read(generate_file(given))[0]
    start, stop, fade = round(window[0] * RATE), round(window[1] * RATE), round(FADE_S * RATE)
    kept = np.r_[0 : max(0, start - fade), stop + fade : 2000]
    assert len(kept) and np.abs(out - old)[kept].max() <= 1.01 / 32768
    assert np.abs(out - old)[start:stop].max() > 0.05


def test_g6_an_extension_keeps_the_original_before_it(files: Path, tmp_path: Path) -> None:
    given = options(files, "edit", tmp_path / "a.wav", duration_s=2.8, window=(1.6, 2.8))
    out, old = sf.read(generate_file(given))[0], sf.read(files / "old.wav")[0]
    assert len(out) == 2800 and np.abs(out - np.pad(old, (0, 800)))[:1580].max() <= 1.01 / 32768
    assert np.abs(out[2000:]).max() > 0.01


@pytest.mark.parametrize("leading", [{"video": "silent.mp4", "text": None},
                                     {"text": None, "reference_audio": "reference.wav"},
                                     {"video": "silent.mp4", "text": None, "reference_audio": "reference.wav"},
                                     {"video": "sounding.mp4", "text": None, "original": None}])  # fmt: skip
def test_g6_editing_follows_video_or_imitates_a_reference(
    files: Path, tmp_path: Path, leading: dict[str, str | None]
) -> None:
    changes = {k: files / v if v and "." in v else v for k, v in leading.items()}
    given = options(files, "edit", tmp_path / "a.wav", **changes)
    out = sf.read(generate_file(given))[0]
    assert len(out) == 2000
    plain = sf.read(generate_file(replace(given, out=tmp_path / "b.wav", text="a cat", reference_audio=None)))[0]
    assert np.allclose(out[:500], plain[:500], atol=1e-4)
    assert not np.allclose(out[520:1200], plain[520:1200], atol=1e-4)


def _frames_hash(path: Path) -> str:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "hash", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def generation(files: Path, session: InferenceSession, task: str, **changes: Any) -> Generation:
    return Generation(options(files, task, Path("out.wav"), **changes), session)


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("vta", {"video": "reference.wav"}, "--video: reference.wav: has no video stream"),
        ("vta", {"duration_s": 9.0}, "--duration 9 s is longer than the source, which has 2.00 s; leave it out"),
        ("vta", {"duration_s": 0.1}, "0.10 s is too short; the video encoders need at least 0.25 s for one position"),
        ("tta", {"duration_s": 31.0, "long": "off"}, "31 s in one window; at most 30: give --duration or --long auto"),
        ("edit", {"window": (1.0, 9.0)}, "--window 1:9 reaches past the end of the audio at 2 s"),
        ("edit", {"duration_s": 1.5, "window": (1.0, 1.8)}, "--window 1:1.8 reaches past --duration 1.5 s"),
        (
            "fe",
            {"window": (0.8, 2.5)},
            "--window 0.8:2.5 reaches past the end of --video sounding.mp4 at 2 s, where",
        ),
        ("edit", {"original": None, "video": "silent.mp4"}, "--video silent.mp4 has no audio; give --original"),
        ("edit", {"original": "nan.wav"}, "--original: nan.wav: 1 of 100 samples are NaN"),
    ],
)
def test_what_the_files_do_not_allow_is_one_line(
    files: Path, session: InferenceSession, task: str, changes: dict[str, Any], message: str
) -> None:
    given = {
        name: files / found if isinstance(found, str) and "." in found else found for name, found in changes.items()
    }
    with pytest.raises(UsageError) as caught:
        generation(files, session, task, **given).single()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_an_edit_of_a_window_that_ends_before_it_starts_is_refused(files: Path, session: InferenceSession) -> None:
    with pytest.raises(UsageError, match=r"window 1\.2:1 ends before it starts"):
        generation(files, session, "edit", window=(1.2, 1.0)).single()


@pytest.mark.parametrize("task", TASKS)
def test_a_request_has_what_its_task_uses_and_nothing_else(files: Path, session: InferenceSession, task: str) -> None:
    request = generation(files, session, task).single()
    assert request is not None and request.task == task
    found = {
        "text": request.text_LD, "clip": request.clip_VD, "sync": request.sync_SD, "reference": request.reference_NF,
        "reference_sync": request.reference_sync_SD, "original": request.original_NF, "window": request.window_s,
    }  # fmt: skip
    given = {name for name, value in found.items() if value is not None}
    assert set(TASKS[task].needs) <= given <= {*TASKS[task].needs, *TASKS[task].may_use}


@pytest.mark.parametrize(("task", "duration_s"), [("tta", 7.3), ("vta", None), ("fe", None)])
def test_windows_cover_all_and_each_starts_with_what_is_there(
    files: Path, session: InferenceSession, task: str, duration_s: float | None
) -> None:
    video = {} if task == "tta" else {"video": files / "long.mp4"}
    given = {"window": None, "reference_audio": files / "reference.wav"} if task == "fe" else {}
    found = generation(files, session, task, duration_s=duration_s, **video, **given)
    first, *later = found.windows
    assert first.start + first.known == (22 if task == "fe" else 0)  # 0.9 s in whole frames of the codec
    stop = first.stop
    for window in later:
        assert window.start + window.known == stop and window.known > 0
        stop = window.stop
    assert stop == SPECS.codec.frames(found.duration_s)
    assert max(window.length for window in found.windows) <= SPECS.codec.frames(session.clip_s)


def test_later_windows_draw_other_noise_from_the_same_seed(
    files: Path, session: InferenceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[list[int]] = []
    generate_each = Generator.generate_each

    def recorded(self: Generator, requests: Any, **settings: Any) -> list[torch.Tensor]:
        seeds[-1] += [request.seed for request in requests]
        return generate_each(self, requests, **settings)

    monkeypatch.setattr(Generator, "generate_each", recorded)
    for seed in (3, 3, 4):
        seeds.append([])
        generation(files, session, "tta", duration_s=4.0, seed=seed).run()
    assert seeds[0] == seeds[1] and seeds[0][0] == 3 and len(set(seeds[0])) == len(seeds[0]) == 3
    assert not set(seeds[0]) & set(seeds[2])


def test_an_edit_of_long_audio_works_on_a_clip_around_the_window(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    sf.write(tmp_path / "long.wav", 0.2 * np.random.default_rng(5).standard_normal(9000), RATE)
    for window, start in (((0.1, 0.4), 0), ((4.0, 5.0), 87), ((8.5, 9.0), 175)):
        found = generation(files, session, "edit", original=tmp_path / "long.wav", window=window)
        (part,) = found.windows
        assert (part.start, part.length) == (start, 50) and part.stop <= 225
        request = found.single()
        assert request is not None and request.original_NF is not None and len(request.original_NF) == 50
        latent = found.merge(torch.ones(50, 4))
        assert len(latent) == 225 and (latent[start : start + 50] == 1).all()
        assert torch.equal(latent[:start], found.merge(torch.zeros(50, 4))[:start])


def test_a_references_own_video_is_not_masked(files: Path, session: InferenceSession) -> None:
    assert generation(files, session, "ac-vta").sampling.mask_surrogate
    own = generation(files, session, "ac-vta", reference_video=files / "other.mp4")
    assert not own.sampling.mask_surrogate and own.generator.sampling == own.sampling
    assert session.generator.sampling.mask_surrogate


def test_audio_that_is_not_finite_is_never_written(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    class Broken(ToyCodec):
        def decode(self, latent_BNF: torch.Tensor) -> torch.Tensor:
            return super().decode(latent_BNF) * float("nan")

    with pytest.raises(FoleyGenExError, match="the generated audio is not finite; the checkpoint is broken"):
        generate_file(options(files, "tta", tmp_path / "a.wav"), replace(session, codec=Broken()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("peak", "words"), [(0.5, None), (1.0, None), (2.0, "a.wav: the audio is 6.0 dB over full scale")]
)
def test_clipping_is_said(
    files: Path,
    session: InferenceSession,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    peak: float,
    words: str | None,
) -> None:
    made = Generation(options(files, "tta", tmp_path / "a.wav"), session)
    made.write(np.array([0.0, -peak, 0.1], np.float32))
    assert caplog.text == "" if words is None else words in caplog.text
    assert np.abs(sf.read(tmp_path / "a.wav")[0]).max() == pytest.approx(min(peak, 1.0), abs=1e-4)


@pytest.mark.parametrize("task", TASKS)
def test_progress_counts_to_all_steps_and_changes_nothing(files: Path, tmp_path: Path, task: str) -> None:
    given = options(files, task, tmp_path / "a.wav")
    given.check()
    told: list[tuple[int, int]] = []
    session = InferenceSession.of(given)
    audio = Generation(given, session, lambda done, total: told.append((done, total))).run()
    assert np.array_equal(audio, Generation(given, session).run())
    assert told == [(number, len(told)) for number in range(1, len(told) + 1)]
    assert len(told) == (4 if task == "edit" else 2)


def test_progress_counts_the_windows_of_long_audio(files: Path, tmp_path: Path) -> None:
    given = options(files, "tta", tmp_path / "a.wav", duration_s=6.0)
    told: list[tuple[int, int]] = []
    generation = Generation(given, InferenceSession.of(given), lambda done, total: told.append((done, total)))
    generation.run()
    assert len(generation.windows) > 1 and told[-1] == (len(told), 2 * len(generation.windows))
