"""From files to features and latents: spans, references, what fe continues, what an edit changes (SPEC G4-G8)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch

from data_contracts import UsageError
from model.frames import Frames
from model.paper_specs import SYNCHFORMER
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import Generation
from tasks.media.frames import read_frames
from tasks.media.video_writer import write_video
from tests.tasks.commands.generate.toys import HOP, RATE, SPECS, ToyCodec, inputs, noise, options

FPS = SPECS.sync.fps


def latent(path: Path, samples: int) -> torch.Tensor:
    """The codec's latent of the first samples of a file, padded to whole frames."""
    given = torch.from_numpy(sf.read(path, dtype="float32")[0][:samples])
    return ToyCodec().encode(torch.nn.functional.pad(given, (0, -len(given) % HOP))[None])[0][0]


def test_a_prompt_alone_has_no_length_and_no_video_features(files: Path, session: InferenceSession) -> None:
    found = inputs(files, session, "tta")
    assert found.available_s is None and found.clip(0.0, 2.0) is None and found.sync(0.0, 2.0) == (None, None)
    assert found.text_LD is not None and found.text_LD.shape == (SPECS.text.tokens, SPECS.text.dim)
    assert inputs(files, session, "vta").text_LD is None


@pytest.mark.parametrize(("words", "cut"), [(SPECS.text.tokens, False), (SPECS.text.tokens + 1, True), (50, True)])
def test_a_prompt_past_the_encoders_length_is_said(
    files: Path, session: InferenceSession, caplog: pytest.LogCaptureFixture, words: int, cut: bool
) -> None:
    assert inputs(files, session, "tta", text="dog " * words).text_LD is not None
    message = f"--text has {words} tokens; toy-text reads the first {SPECS.text.tokens}"
    assert (message in caplog.text) is cut


def test_the_length_is_the_videos_or_that_of_the_audio_to_edit(files: Path, session: InferenceSession) -> None:
    assert inputs(files, session, "vta", video=files / "long.mp4").available_s == pytest.approx(4.0)
    assert inputs(files, session, "edit").available_s == pytest.approx(2.0)


@pytest.mark.parametrize(("start_s", "duration_s"), [(0.0, 2.0), (0.4, 1.2), (1.0, 1.0)])
def test_a_spans_features_are_that_part_of_the_whole_videos(
    files: Path, session: InferenceSession, start_s: float, duration_s: float
) -> None:
    found = inputs(files, session, "vta")
    whole, part = found.sync(0.0, 2.0)[0], found.sync(start_s, duration_s)[0]
    assert whole is not None and part is not None
    first = round(start_s * FPS)
    assert torch.equal(part, whole[first : first + SPECS.sync.length(duration_s)])
    clip = found.clip(start_s, duration_s)
    assert clip is not None and len(clip) == SPECS.clip.length(duration_s)


def test_a_result_that_starts_inside_the_video_has_the_features_of_that_part(
    files: Path, session: InferenceSession
) -> None:
    whole, part = inputs(files, session, "vta"), inputs(files, session, "vta", video_from_s=0.8)
    assert part.available_s == pytest.approx(1.2)
    for found, expected in (
        (part.sync(0.0, 1.2)[0], whole.sync(0.8, 1.2)[0]),
        (part.clip(0.0, 1.2), whole.clip(0.8, 1.2)),
    ):
        assert found is not None and expected is not None
        assert torch.equal(found, expected)


@pytest.mark.parametrize("given", ["window", "reference_audio"])
def test_while_given_audio_sounds_the_network_sees_other_frames(
    files: Path, session: InferenceSession, tmp_path: Path, given: str
) -> None:
    """The first 0.8 s of the video are replaced by what follows (crop) or by black frames (blank); the rest stays."""
    changes: dict[str, Any] = {"window": (0.8, 2.0)}
    if given == "reference_audio":
        changes = {"window": None, "reference_audio": noise(tmp_path / "given.wav", 0.8)}
    seen = {kind: inputs(files, session, "fe", context_video=kind, **changes) for kind in (None, "crop", "blank")}
    sync = {kind: found.sync(0.0, 2.0)[0] for kind, found in seen.items()}
    clip = {kind: found.clip(0.0, 2.0) for kind, found in seen.items()}
    for features, rate_hz in ((sync, FPS), (clip, SPECS.clip.rate_hz)):
        hidden = round(0.8 * rate_hz)
        video, crop, blank = features[None], features["crop"], features["blank"]
        assert video is not None and crop is not None and blank is not None
        assert torch.equal(crop[hidden:], video[hidden:]) and torch.equal(blank[hidden:], video[hidden:])
        assert torch.equal(crop[:hidden], video[hidden : 2 * hidden])
        assert not blank[:hidden].any()
    later = seen["blank"].sync(1.0, 1.0)[0], seen[None].sync(1.0, 1.0)[0]
    assert later[0] is not None and later[1] is not None and torch.equal(*later), "nothing given sounds there"


def test_past_the_videos_end_the_last_frame_stays(files: Path, session: InferenceSession) -> None:
    found = inputs(files, session, "vta").sync(1.0, 3.0)[0]
    assert found is not None and len(found) == 75
    assert (found[25:] == found[25]).all() and not (found[:25] == found[25]).all()


@pytest.mark.parametrize("seconds", [0.1, 0.9, 1.9])
def test_g5_what_is_continued_is_whole_frames_of_the_given_audio(
    files: Path, session: InferenceSession, tmp_path: Path, seconds: float
) -> None:
    path = noise(tmp_path / "r.wav", seconds)
    found = inputs(files, session, "fe", window=None, reference_audio=path).continued_T(2.0)
    assert len(found) == int(seconds * RATE) // HOP * HOP
    assert np.allclose(found, sf.read(path)[0][: len(found)], atol=1e-4)


def test_g5_a_window_takes_the_videos_own_audio_before_it(files: Path, session: InferenceSession) -> None:
    long, short = (inputs(files, session, "fe", window=(start, 2.0)).continued_T(2.0) for start in (1.2, 0.4))
    assert len(long) == 1.2 * RATE and np.array_equal(long[: len(short)], short)


@pytest.mark.parametrize(("end_s", "taken_s"), [(2.03, 2.0), (2.0, 2.0), (1.97, 1.97)])
def test_a_window_may_end_up_to_one_audio_frame_off(
    files: Path, session: InferenceSession, end_s: float, taken_s: float
) -> None:
    """The end of a video is read from its audio, too, which is a little longer, and from rounded numbers."""
    found = inputs(files, session, "fe", window=(0.8, end_s))
    assert found.window_s(2.0) == (0.8, taken_s) and len(found.continued_T(2.0)) == 0.8 * RATE


@pytest.mark.parametrize("task", ["edit", "fe"])
@pytest.mark.parametrize("window", [(1.0, 1.001), (0.5, 0.539), (1.98, 2.03)])
def test_a_window_has_at_least_one_audio_frame(
    files: Path, session: InferenceSession, task: str, window: tuple[float, float]
) -> None:
    frame_s = 1 / session.specs.codec.frame_rate_hz
    assert frame_s == 0.04
    with pytest.raises(UsageError) as caught:
        inputs(files, session, task, window=window).window_s(2.0)
    said = f"--window {window[0]:g}:{window[1]:g} is shorter than one audio frame, 40 ms; the audio ends at 2 s"
    assert str(caught.value) == said
    assert inputs(files, session, task, window=(1.96, 2.0)).window_s(2.0) == (1.96, 2.0)


def test_audio_longer_than_its_video_ends_with_it(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (50, 32, 32, 3), np.uint8)
    write_video(tmp_path / "v.mp4", frames, 25.0, np.sin(np.arange(120_000) * 0.02).astype(np.float32), 48_000)
    found = inputs(files, session, "fe", video=tmp_path / "v.mp4", window=(0.8, 2.5))
    with pytest.raises(UsageError) as caught:
        found.continued_T(2.0)
    assert str(caught.value) == (
        "--window 0.8:2.5 reaches past the end of --video v.mp4 at 2 s, where the result ends whatever its audio's "
        "length; give 0.8:2"
    )


def test_a_video_whose_audio_ends_before_the_window_is_continued_from_silence(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (50, 32, 32, 3), np.uint8)
    write_video(tmp_path / "v.mp4", frames, 25.0, np.sin(np.arange(24_000) * 0.02).astype(np.float32), 48_000)
    found = inputs(files, session, "fe", video=tmp_path / "v.mp4", window=(0.8, 2.0)).continued_T(2.0)
    assert len(found) == 0.8 * RATE and np.abs(found[: RATE // 2]).max() > 0.5 and not found[-RATE // 10 :].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"window": (0.5, 1.0)},
            "--window 0.5:1: task fe continues the audio before START up to the end; give",
        ),
        ({"window": (0.0, 2.0)}, "with START above 0"),
        ({"window": (0.01, 2.0)}, "--window: the segment to continue has 0.01 s, the result 2 s"),
        (
            {"window": None, "reference_audio": "old.wav"},
            "--reference-audio old.wav: the segment to continue has 2",
        ),
        ({"window": None, "reference_audio": "blip.wav"}, "the segment to continue has 0.02 s"),
        ({"window": None, "reference_audio": "mute.wav"}, "--reference-audio mute.wav is silent: its peak is 0.00e+00"),
    ],
)
def test_nothing_to_continue_is_said(
    files: Path, session: InferenceSession, changes: dict[str, Any], message: str
) -> None:
    given = {name: files / found if isinstance(found, str) else found for name, found in changes.items()}
    with pytest.raises(UsageError) as caught:
        inputs(files, session, "fe", **given).continued_T(2.0)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("task", "changes", "instead"),
    [
        ("fe", {}, "--reference-audio"),
        ("fe", {"window": (1.0, 4.0)}, "--reference-audio"),
        ("edit", {"original": None}, "--original"),
        ("edit", {"original": None, "window": (1.0, 9.0)}, "--original"),
    ],
)
def test_a_video_without_audio_is_the_cause_whatever_the_window(
    files: Path, session: InferenceSession, task: str, changes: dict[str, Any], instead: str
) -> None:
    given = options(files, task, Path("out.wav"), video=files / "silent.mp4", **changes)
    with pytest.raises(UsageError, match=rf"--video silent\.mp4 has no audio; give {instead}"):
        Generation(given, session).single()


def test_g6_the_original_is_the_file_or_the_videos_own_audio(files: Path, session: InferenceSession) -> None:
    assert torch.allclose(inputs(files, session, "edit").original(2.0), latent(files / "old.wav", 2000), atol=1e-3)
    own = inputs(files, session, "edit", original=None, video=files / "sounding.mp4").original(2.0)
    assert own.shape == (50, 4) and own.abs().max() > 0.01


@pytest.mark.parametrize(
    ("window", "duration_s", "frames"),
    [((0.5, 1.0), 2.0, 50), ((0.5, 1.0), 1.0, 25), ((1.6, 2.8), 2.8, 50), ((2.0, 2.8), 2.8, 50), ((0.0, 2.8), 2.8, 50)],
)
def test_g6_the_original_ends_where_the_window_takes_over(
    files: Path, session: InferenceSession, window: tuple[float, float], duration_s: float, frames: int
) -> None:
    assert len(inputs(files, session, "edit", window=window).original(duration_s)) == frames


def test_g6_a_gap_after_the_original_is_refused(files: Path, session: InferenceSession) -> None:
    for window in ((1.6, 2.2), (2.4, 2.8)):
        with pytest.raises(UsageError, match=r"2\.8 s is longer than the audio to edit, 2\.00 s; then --window must"):
            inputs(files, session, "edit", window=window).original(2.8)


def test_a_still_image_is_no_video(files: Path, session: InferenceSession, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.commands.generate import inputs as module

    probe = module.probe_video
    monkeypatch.setattr(module, "probe_video", lambda path: replace(probe(path), duration_s=0.0))
    with pytest.raises(UsageError, match=r"silent\.mp4 has frames without duration; give a video, not a still image"):
        _ = inputs(files, session, "vta").available_s


@dataclass(frozen=True)
class SegmentedSync:
    """Keeps the frames' mean brightness; the geometry is Synchformer's."""

    spec = replace(SYNCHFORMER, dim=6)
    size: int = 16
    fit: str = "crop"
    seen: list[Frames] = field(default_factory=list)

    def encode(self, frames_THWC: Frames) -> torch.Tensor:
        self.seen.append(frames_THWC)
        return torch.zeros(self.spec.length(len(frames_THWC) / 25), 6)


@pytest.mark.parametrize(
    ("start_s", "duration_s", "count"),
    [(0.0, 1.0, 32), (1.0, 1.28, 32), (1.0, 1.3, 40), (3.0, 1.0, 32), (0.0, 2.0, 50)],
)
def test_sync_features_reach_the_end_of_a_span(
    files: Path, session: InferenceSession, start_s: float, duration_s: float, count: int
) -> None:
    """Whole segments, of the video's next frames while there are some; 2 s are a training clip of this checkpoint."""
    encoder = SegmentedSync()
    specs = replace(session.generator.network.specs, sync=encoder.spec)
    network = SimpleNamespace(specs=specs)
    segmented = replace(session, generator=replace(session.generator, network=network))
    segmented.__dict__["sync"] = encoder
    found, _ = inputs(files, segmented, "vta", video=files / "long.mp4").sync(start_s, duration_s)
    (frames,) = encoder.seen
    whole = read_frames(files / "long.mp4", fps=25.0, size=16)
    first = round(25 * start_s)
    shown = np.arange(first, first + count).clip(max=len(whole) - 1)
    assert np.array_equal(frames, whole[shown])
    expected = encoder.spec.length(duration_s) if duration_s == 2.0 else encoder.spec.covering_length(duration_s)
    assert found is not None and len(found) == expected


def test_fe_does_not_continue_silence_of_the_videos_own_audio(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    frames = np.zeros((50, 32, 32, 3), np.uint8)
    audio = np.concatenate([np.zeros(48_000), 0.3 * np.sin(np.arange(48_000) * 0.02)]).astype(np.float32)
    write_video(tmp_path / "late.mp4", frames, 25.0, audio, 48_000)
    late = inputs(files, session, "fe", video=tmp_path / "late.mp4", window=(0.8, 2.0))
    with pytest.raises(UsageError, match=r"--video late\.mp4 before 0\.8 s is silent: its peak is"):
        late.continued_T(2.0)
    assert len(inputs(files, session, "fe", video=tmp_path / "late.mp4", window=(1.6, 2.0)).continued_T(2.0)) == 1600
