"""Which judges are asked and why not the others; answers are kept by content, weights and part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import UsageError, WeightsError
from tasks.evaluate import columns, judging
from tasks.evaluate.columns import JUDGE_NAMES
from tasks.evaluate.judge_cache import JudgeCache
from tasks.evaluate.judging import CachedJudge, absent, choose_judges, judges_here
from tasks.evaluate.sounds import Decoder, Sound, made_sound
from tasks.media.video_writer import write_video
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.sounds import noise
from tests.tasks.sounds import write_wav

RATE_HZ = 16_000


def sound(seed: int, seconds: float = 0.5) -> Sound:
    return made_sound("noise", seed, RATE_HZ, seconds, lambda: noise(seconds, seed=seed))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "JUDGES", dict.fromkeys(JUDGE_NAMES))


@pytest.mark.usefixtures("known")
def test_non_commercial_judges_are_asked_only_when_they_are_named() -> None:
    auto = choose_judges(())
    assert "imagebind" not in auto.asked and {"corpus-cnn", "panns", "synchformer"} <= set(auto.asked)
    why = auto.why_not["imagebind"]
    assert why.startswith("not computed: imagebind: licence CC BY-NC-SA 4.0, no commercial use")
    assert why.endswith("--judges imagebind")
    assert "imagebind" in choose_judges(["auto,imagebind"]).asked


@pytest.mark.usefixtures("known")
def test_names_choose_and_the_others_say_that_they_were_not_asked_for() -> None:
    one = choose_judges(["panns, vggish:/models/my.pth"])
    assert one.asked == ("panns", "vggish:/models/my.pth")
    assert one.why_not["corpus-cnn"] == "not computed: judge corpus-cnn was not asked for"
    assert choose_judges(["none"]).asked == () and set(choose_judges(["none"]).why_not) == set(JUDGE_NAMES)
    assert "panns" not in choose_judges(["embedded"]).asked and "corpus-cnn" in choose_judges(["embedded"]).asked
    with pytest.raises(UsageError, match=r"judge 'clap' is unknown; known are auto, embedded, none, .*NAME:PATH"):
        choose_judges(["clap"])
    with pytest.raises(UsageError, match=r"judge panns is named twice, as panns:/a\.pth and panns; name it once"):
        choose_judges(["panns:/a.pth", "vggish,panns"])
    assert choose_judges(["panns,panns"]).asked == ("panns",)


@pytest.mark.usefixtures("known")
def test_auto_leaves_out_what_is_absent_with_the_command_and_names_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "available", lambda name: name in ("corpus-cnn", "passt"))
    auto = judges_here(("auto",))
    assert {"corpus-cnn", "passt"} <= set(auto.asked) and "panns" not in auto.asked
    assert auto.why_not["panns"].endswith("; foleygenex weights fetch panns")
    assert judges_here(("panns, vggish:/x.pth",)).asked == ("panns", "vggish:/x.pth")
    assert {"panns", "passt"} <= set(judges_here(("auto,panns",)).asked)


@pytest.mark.usefixtures("known")
def test_auto_leaves_out_a_judge_whose_package_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "available", lambda name: True)
    monkeypatch.setattr(columns, "find_spec", lambda name: None if name == "webrtcvad" else name)
    auto = judges_here(("auto",))
    assert "resemblyzer" in auto.asked and "resemblyzer-vad" not in auto.asked
    assert auto.why_not["resemblyzer-vad"].endswith("; pip install webrtcvad-wheels")
    assert "resemblyzer-vad" in judges_here(("resemblyzer-vad",)).asked


def test_a_judge_that_this_release_lacks_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "JUDGES", {})
    found = choose_judges(())
    assert found.asked == () and found.why_not["vggish"] == "not computed: this release has no judge vggish"


def test_absent_weights_say_licence_and_command() -> None:
    line = absent("imagebind", WeightsError("imagebind is not downloaded; it comes from ..."))
    assert line == (
        "not computed: imagebind weights absent; licence CC BY-NC-SA 4.0; foleygenex weights fetch imagebind"
    )
    assert absent("imagebind", WeightsError("x.pth is damaged")) == "not computed: x.pth is damaged"


def test_equal_sounds_are_judged_once_and_a_second_time_not_at_all(tmp_path: Path) -> None:
    fake = FakeJudge()
    asked = CachedJudge(judge=fake, cache=JudgeCache(tmp_path))
    sounds = [sound(1), sound(2), sound(1)]
    first = asked.hear(sounds)
    assert fake.heard == [2]
    again = CachedJudge(judge=fake, cache=JudgeCache(tmp_path)).hear(sounds)
    assert fake.heard == [2]
    for one, other in zip(first, again, strict=True):
        assert not isinstance(one, str) and not isinstance(other, str)
        np.testing.assert_array_equal(one["embedding"], other["embedding"])


def test_batches_do_not_change_what_is_said(tmp_path: Path) -> None:
    sounds = [sound(number) for number in range(40)]
    together = CachedJudge(judge=(fake := FakeJudge()), cache=JudgeCache(tmp_path / "a")).hear(sounds)
    alone = CachedJudge(judge=FakeJudge(), cache=JudgeCache(tmp_path / "b"))
    assert fake.heard == [16, 16, 8]
    for one, said in zip(sounds, together, strict=True):
        (other,) = alone.hear([one])
        assert not isinstance(said, str) and not isinstance(other, str)
        np.testing.assert_array_equal(said["logits"], other["logits"])


@pytest.mark.parametrize(
    "other",
    [
        FakeJudge(weights_sha256="b" * 64),
        FakeJudge(name="other"),
        FakeJudge(rate_hz=8000),
    ],
    ids=["weights", "name", "rate"],
)
def test_another_judge_or_other_weights_are_asked_again(tmp_path: Path, other: FakeJudge) -> None:
    CachedJudge(judge=FakeJudge(), cache=JudgeCache(tmp_path)).hear([sound(1)])
    CachedJudge(judge=other, cache=JudgeCache(tmp_path)).hear([sound(1)])
    assert other.heard == [1]


def test_another_part_of_a_file_is_another_sound(tmp_path: Path) -> None:
    asked = CachedJudge(judge=FakeJudge(), cache=JudgeCache(tmp_path))
    samples = noise(1.0)
    parts = [Sound("file", start, start + 0.5, lambda: (samples, RATE_HZ)) for start in (0.0, 0.25)]
    first, second = asked.hear(parts)
    assert not isinstance(first, str) and not isinstance(second, str)
    assert not np.array_equal(first["embedding"], second["embedding"])


def test_a_sound_that_is_refused_does_not_cost_its_batch(tmp_path: Path) -> None:
    fake = FakeJudge()
    asked = CachedJudge(judge=fake, cache=JudgeCache(tmp_path))
    said = asked.hear([sound(1), sound(2, 0.1), sound(3)])
    assert [isinstance(one, str) for one in said] == [False, True, False] and "shorter than 0.2 s" in str(said[1])
    assert asked.hear([sound(2, 0.1)]) == [said[1]] and fake.heard == [1, 1]  # the refusal is kept, too


def test_videos_and_texts_are_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, np.full((20, 16, 16, 3), 128, np.uint8), 10.0)
    fake = FakeJudge(kinds=frozenset({"audio", "video", "text"}))
    asked = CachedJudge(judge=fake, cache=JudgeCache(tmp_path / "cache"))
    seen, read = asked.see(path, "hash", 2.0), asked.read(["a dog", "rain", "a dog"])
    monkeypatch.setattr(judging, "read_frames", lambda *given, **more: pytest.fail("decoded again"))
    monkeypatch.setattr(FakeJudge, "judge_text", lambda self, texts: pytest.fail("read again"))
    again = asked.see(path, "hash", 2.0), asked.read(["rain", "a dog"])
    assert not isinstance(seen, str) and not isinstance(again[0], str)
    np.testing.assert_array_equal(seen["embedding"], again[0]["embedding"])
    assert [float(one["embedding"][0]) for one in read if not isinstance(one, str)] == [6.0, 5.0, 6.0]
    assert [float(one["embedding"][0]) for one in again[1] if not isinstance(one, str)] == [5.0, 6.0]


@pytest.mark.parametrize(("duration_s", "frames"), [(2.0, 8), (1.9, 7), (1.9999, 8), (1.76, 7), (0.3, 1), (0.2, 0)])
def test_only_whole_frames_of_a_duration_are_judged(tmp_path: Path, duration_s: float, frames: int) -> None:
    """At four per second; av-benchmark cuts the number, too."""
    path, seen = tmp_path / "v.mp4", []
    write_video(path, np.zeros((20, 16, 16, 3), np.uint8), 10.0)

    class Counting(FakeJudge):
        def judge_video(self, frames_FHWC: np.ndarray) -> dict[str, torch.Tensor]:
            seen.append(len(frames_FHWC))
            return {"embedding": torch.zeros(1)}

    asked = CachedJudge(judge=Counting(kinds=frozenset({"video"})), cache=JudgeCache(tmp_path / "cache"))
    asked.see(path, "hash", duration_s)
    assert seen == [frames]


def test_a_video_that_cannot_be_read_says_why_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"x")
    asked = CachedJudge(judge=FakeJudge(kinds=frozenset({"video"})), cache=JudgeCache(tmp_path / "cache"))
    assert "v.mp4" in str(asked.see(tmp_path / "v.mp4", "hash", 2.0))
    write_video(tmp_path / "v.mp4", np.full((20, 16, 16, 3), 128, np.uint8), 10.0)
    assert not isinstance(asked.see(tmp_path / "v.mp4", "hash", 2.0), str)


def test_a_sound_that_cannot_be_read_does_not_cost_its_batch_and_is_read_again(tmp_path: Path) -> None:
    path, fake = tmp_path / "s.wav", FakeJudge()
    path.write_bytes(b"x")
    asked = CachedJudge(judge=fake, cache=JudgeCache(tmp_path / "cache"))
    said = asked.hear([sound(1), Decoder().part(path, "hash", 0.0, 0.5)])
    assert not isinstance(said[0], str) and "s.wav" in str(said[1]) and fake.heard == [1]
    write_wav(path, noise(0.5), RATE_HZ)
    again = asked.hear([sound(1), Decoder().part(path, "hash", 0.0, 0.5)])
    assert not isinstance(again[1], str) and fake.heard == [1, 1]
