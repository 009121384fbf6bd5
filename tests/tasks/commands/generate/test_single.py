"""From files to a sound track (SPEC G1-G8), with small placeholders for codec and encoders."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from data_contracts import FoleyGenExError, MismatchError, UsageError
from data_contracts.generation import TASKS
from tasks.commands.generate import session as session_module
from tasks.commands.generate.options import parse_window
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import Generation, generate_file
from tasks.evaluate.sampling import SamplingSettings
from tasks.media.video import probe_video
from tests.tasks.commands.generate.toys import HOP, RATE, SPECS, ToyCodec, options


@pytest.mark.parametrize("task", TASKS)
def test_each_task_writes_a_sound_of_the_right_length_and_repeats_itself(files, tmp_path, task):
    first = generate_file(options(files, task, tmp_path / "a.wav"))
    second = generate_file(options(files, task, tmp_path / "b.wav"))
    samples, rate = sf.read(first)
    assert (len(samples), rate) == (2000, RATE)
    assert first.read_bytes() == second.read_bytes()
    other = generate_file(options(files, task, tmp_path / "c.wav", seed=1))
    assert other.read_bytes() != first.read_bytes()


@pytest.mark.tools
def test_mp4_keeps_the_frames_bit_for_bit(files, tmp_path):
    out = generate_file(options(files, "vta", tmp_path / "out.mp4"))
    assert probe_video(out).has_audio
    assert _frames_hash(out) == _frames_hash(files / "silent.mp4")


def test_flac_is_written(files, tmp_path):
    assert sf.info(generate_file(options(files, "tta", tmp_path / "out.flac"))).format == "FLAC"


def test_g5_the_continued_segment_is_heard_as_it_was(files, tmp_path):
    out = generate_file(options(files, "fe", tmp_path / "a.wav", video=files / "silent.mp4", window=None,
                                reference_audio=files / "reference.wav"))  # fmt: skip
    assert np.allclose(sf.read(out)[0][:880], round_trip(files / "reference.wav", 880), atol=1e-4)


def test_g6_the_sound_outside_the_window_stays(files, tmp_path):
    out = sf.read(generate_file(options(files, "edit", tmp_path / "a.wav")))[0]
    expected = round_trip(files / "old.wav", 2000)
    assert np.allclose(out[:520], expected[:520], atol=1e-4)
    assert np.allclose(out[1200:], expected[1200:], atol=1e-4)
    assert not np.allclose(out[520:1200], expected[520:1200], atol=1e-3)


def test_g4_the_surrogate_repeats_the_targets_frames(files, tmp_path):
    given = options(files, "ac-vta", tmp_path / "a.wav", duration_s=0.6)
    request = Generation(given, InferenceSession.open(given.checkpoint)).single()
    assert request.reference_NF.shape == (22, 4)  # 0.9 s in whole video frames
    assert torch.equal(request.reference_sync_SD[:15], request.sync_SD)
    assert torch.equal(request.reference_sync_SD[15:22], request.sync_SD[:7])


def test_a_longer_video_is_done_whole_in_windows_unless_asked_otherwise(files, tmp_path):
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
def test_every_task_makes_long_sounds(files, tmp_path, task):
    video = {} if task == "tta" else {"video": files / "long.mp4"}
    extra = {"tta": {"duration_s": 4.0}, "fe": {"window": None, "reference_audio": files / "reference.wav"}}
    out = generate_file(options(files, task, tmp_path / "a.wav", **video, **extra.get(task, {})))
    assert len(sf.read(out)[0]) == 4 * RATE and sidecar(out)["windows"] >= 2
    if task == "fe":
        assert np.allclose(sf.read(out)[0][:880], round_trip(files / "reference.wav", 880), atol=1e-4)


def test_a_long_sound_is_edited_around_its_window(files, tmp_path):
    rng = np.random.default_rng(5)
    sf.write(tmp_path / "long.wav", 0.2 * rng.standard_normal(9000), RATE)
    given = options(files, "edit", tmp_path / "a.wav", original=tmp_path / "long.wav", window=(6.0, 6.8))
    out = sf.read(generate_file(given))[0]
    expected = round_trip(tmp_path / "long.wav", 9000)
    assert np.allclose(out[:6000], expected[:6000], atol=1e-4)
    assert np.allclose(out[6800:], expected[6800:], atol=1e-4)
    assert not np.allclose(out[6000:6800], expected[6000:6800], atol=1e-2)
    with pytest.raises(UsageError, match=r"--window has 3\.0 s; of long audio at most 2\.2 s"):
        generate_file(replace(given, window=(2.0, 5.0)))


def test_g6_the_window_may_reach_past_the_old_sounds_end(files, tmp_path):
    given = options(files, "edit", tmp_path / "a.wav", duration_s=2.8, window=(1.6, 2.8))
    out = sf.read(generate_file(given))[0]
    assert len(out) == 2800
    assert np.allclose(out[:1600], round_trip(files / "old.wav", 2000)[:1600], atol=1e-4)
    assert np.abs(out[2000:]).max() > 0.01
    with pytest.raises(UsageError, match="--window must reach from there to the end"):
        generate_file(replace(given, window=(1.6, 2.2)))


@pytest.mark.parametrize("leading", [{"video": "silent.mp4", "text": None},
                                     {"text": None, "reference_audio": "reference.wav"},
                                     {"video": "silent.mp4", "text": None, "reference_audio": "reference.wav"},
                                     {"video": "sounding.mp4", "text": None, "original": None}])  # fmt: skip
def test_g6_editing_follows_video_or_imitates_a_reference(files, tmp_path, leading):
    changes = {k: files / v if v and "." in v else v for k, v in leading.items()}
    given = options(files, "edit", tmp_path / "a.wav", **changes)
    out = sf.read(generate_file(given))[0]
    assert len(out) == 2000
    plain = sf.read(generate_file(replace(given, out=tmp_path / "b.wav", text="a cat", reference_audio=None)))[0]
    assert np.allclose(out[:520], plain[:520], atol=1e-4)
    assert not np.allclose(out[520:1200], plain[520:1200], atol=1e-4)


def test_g4_a_reference_of_any_length_is_imitated(files, tmp_path):
    """Longer than a clip: its beginning; as short as one position: that."""
    rng = np.random.default_rng(6)
    for seconds, frames in ((7.0, 50), (2.0, 50), (0.05, 1)):
        sf.write(tmp_path / "r.wav", 0.2 * rng.standard_normal(round(seconds * RATE)), RATE)
        given = options(files, "ac-vta", tmp_path / "a.wav", reference_audio=tmp_path / "r.wav")
        request = Generation(given, InferenceSession.open(given.checkpoint)).single()
        assert len(request.reference_NF) == frames
        assert len(request.reference_sync_SD) == SPECS.sync.length(frames / 25)
        assert len(sf.read(generate_file(given))[0]) == 2000


@pytest.mark.parametrize("kind", ["crop", "blank", "repeat", "true"])
def test_g4_and_g8_surrogates(files, tmp_path, kind):
    """Blank: black frames (S1); repeat: the first two seconds over and over (S2); true: the reference's video (S3)."""
    rng = np.random.default_rng(7)
    sf.write(tmp_path / "r.wav", 0.2 * rng.standard_normal(3000), RATE)
    video = {"reference_video": files / "other.mp4"} if kind == "true" else {}
    given = options(files, "ac-vta", tmp_path / "a.wav", video=files / "long.mp4", duration_s=3.0,
                    reference_audio=tmp_path / "r.wav", surrogate=kind, **video)  # fmt: skip
    session = InferenceSession.open(given.checkpoint)
    session = replace(session, info=replace(session.info, clip_s=3.0))
    got = Generation(given, session).single()
    target = got.sync_SD
    expected = {
        "crop": target,
        "blank": torch.zeros_like(target),
        "repeat": torch.cat([target[:50], target[:25]]),
        "true": Generation(replace(given, video=files / "other.mp4", surrogate=None, reference_video=None), session)
        .single()
        .sync_SD,
    }[kind]
    assert torch.equal(got.reference_sync_SD, expected)


def test_g8_variants_share_weights_or_are_refused(files, tmp_path):
    first = generate_file(options(files, "fe", tmp_path / "a.wav"))
    second = generate_file(options(files, "fe", tmp_path / "b.wav", variant="no-sum"))
    assert first.read_bytes() != second.read_bytes()
    assert sidecar(second)["sampling"]["sum_reference"] == "never"
    with pytest.raises(MismatchError, match="variant mmaudio-s1 needs the weights of mmaudio"):
        generate_file(options(files, "fe", tmp_path / "c.wav", variant="mmaudio-s1"))


def test_the_sidecar_says_what_the_audio_was_made_from(files, tmp_path):
    out = generate_file(options(files, "ac-vta", tmp_path / "a.wav", seed=7))
    found = sidecar(out)
    assert found["order"]["seed"] == 7 and found["order"]["task"] == "ac-vta"
    assert set(found["inputs"]) == {"video", "reference_audio"}
    assert found["placeholders"] == ["toy", "toy-text", "toy-clip", "toy-sync"]
    assert "placeholders" in found["note"] and "toy-sync" in found["note"]
    assert len(found["checkpoint_sha256"]) == len(found["sha256"]) == 64


def test_g6_the_options__are_chosen_by_name_and_said_in_the_sidecar(files, tmp_path):
    sounds = {}
    for name, chosen in {"a": {}, "b": {"edit_noise": 0.0}, "c": {"edit_noise": 1.0}}.items():
        given = options(files, "edit", tmp_path / f"{name}.wav", sampling=SamplingSettings(**chosen))
        sounds[name] = generate_file(given).read_bytes()
        assert sidecar(given.out)["sampling"]["edit_noise"] == chosen.get("edit_noise", 0.5)
    assert len(set(sounds.values())) == 3


def test_an_option_wins_over_the_variants_and_the_variant_over_the_default(files, tmp_path):
    kept = options(files, "tta", tmp_path / "a.wav", variant="no-sum")
    assert InferenceSession.of(kept).generator.sampling.sum_reference == "never"
    set_ = InferenceSession.of(replace(kept, sampling=SamplingSettings(sum_reference="path"))).generator.sampling
    assert set_.sum_reference == "path"
    assert InferenceSession.of(replace(kept, variant=None)).generator.sampling.sum_reference == "start"


def test_bf16_is_near_fp32_and_the_sidecar_says_which(files, tmp_path):
    full, half = (options(files, "tta", tmp_path / f"{kind}.wav", precision=kind) for kind in ("fp32", "bf16"))
    one, two = (sf.read(generate_file(given))[0] for given in (full, half))
    assert 0 < np.abs(one - two).max() < 0.1
    assert [sidecar(given.out)["precision"] for given in (full, half)] == ["fp32", "bf16"]


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
        ("edit", {"window": (1.0, 9.0)}, "--window 1:9 reaches past the end of the audio at 2 s"),
        ("edit", {"window": (1.2, 1.0)}, "is not inside the sound"),
        ("edit", {"original": None}, "task edit needs the audio to edit"),
        ("edit", {"original": None, "reference_audio": "old.wav", "text": None}, "task edit needs the audio to edit"),
        ("edit", {"original": None, "video": "silent.mp4"}, "silent.mp4 has no audio"),
        ("edit", {"reference_audio": "reference.wav"}, "give one of them"),
        ("edit", {"original": "nan.wav"}, "--original: nan.wav: 1 of 100 samples are NaN"),
        ("ac-vta", {"reference_audio": "mute.wav"}, "--reference-audio mute.wav is silent"),
        ("ac-vta", {"reference_audio": "blip.wav"}, "is too short: 0.02 s; at least 0.04 s"),
        ("ac-vta", {"reference_audio": None, "reference_video": "silent.mp4"}, "needs --reference-audio"),
        ("ac-vta", {"surrogate": "mirror"}, "--surrogate 'mirror' is unknown"),
        ("ac-vta", {"surrogate": "true"}, "--surrogate true and --reference-video belong together"),
        ("vta", {"surrogate": "crop"}, "task vta takes no --surrogate"),
        ("vta", {"long": "on"}, "--long 'on' is unknown"),
        ("vta", {"long": "off", "duration_s": 31.0, "video": None, "task": "tta", "text": "x"}, "at most 30"),
        ("vta", {"video": "empty.mp4"}, "empty.mp4 has 0 bytes"),
        ("vta", {"video": "reference.wav"}, "--video: reference.wav: has no picture"),
        ("vta", {"variant": "m-9"}, "variant 'm-9' is unknown"),
        ("tta", {"precision": "fp8"}, "--precision 'fp8' is unknown; choose one of fp32, bf16"),
        ("tta", {"steps": 0}, "must both be at least 1"),
        ("tta", {"cfg_scale": 0.5}, "must both be at least 1"),
        ("fe", {"window": None}, "task fe needs either"),
        ("fe", {"window": (0.5, 1.0)}, "give START:2"),
        ("vta", {"duration_s": 9.0}, "--duration 9 s is longer than the source, which has 2.00 s"),
        ("vta", {"duration_s": 0.1}, "too short"),
        ("tta", {"duration_s": 1e9}, "outside 0..1800"),
        ("tta", {"seed": -1}, "--seed -1"),
        ("tta", {"out": Path("x.ogg")}, "must end in one of .wav, .flac, .mp4, .mov, .mkv"),
        ("tta", {"out": Path("x.mp4")}, "needs --video for its frames"),
        ("sing", {}, "task 'sing' is unknown"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_option(files, tmp_path, task, changes, message):
    changes = {
        name: files / value if isinstance(value, str) and "." in value else value for name, value in changes.items()
    }
    base = options(files, task if task != "sing" else "tta", tmp_path / "a.wav")
    with pytest.raises(UsageError) as caught:
        generate_file(replace(base, **{"task": task, **changes}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_codec_is_refused(files, tmp_path, monkeypatch):
    other = ToyCodec()
    object.__setattr__(other, "spec", replace(SPECS.codec, weights_sha256="d" * 64))
    monkeypatch.setattr(session_module, "load_codec", lambda _: other)
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


def sidecar(out: Path) -> dict:
    return json.loads(out.with_name(out.name + ".json").read_text())


def round_trip(path: Path, samples: int) -> np.ndarray:
    """Returns what the codec alone makes of a sound, in whole frames."""
    given = torch.from_numpy(sf.read(path, dtype="float32")[0][:samples])
    padded = torch.nn.functional.pad(given, (0, -len(given) % HOP))
    return ToyCodec().decode(ToyCodec().encode(padded[None])[0])[0].numpy()[:samples]


def _frames_hash(path: Path) -> str:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "hash", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
