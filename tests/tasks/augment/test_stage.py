"""The augmentation stage: each side gets its levels, rows match their files, bytes repeat anywhere."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import Augmented, Clip, Mined, read_table, write_table
from data_contracts.adverbs import DIMENSION_OF, changes_for, degree_of
from data_contracts.files import hash_file
from tasks.augment.config import AugmentConfig
from tasks.augment.recipe import recipe_from_json
from tasks.augment.stage import AugmentStage
from tasks.engine import read_quarantine, run_stage
from tasks.engine.workspace import Workspace
from tasks.media.audio import read_audio, write_flac
from tests.tasks.rows import clip_row, mined_row
from tests.tasks.sounds import RATE, strikes, tone

TIMES = (0.5, 1.5, 3.5, 5.0, 6.9)


def build(root: Path) -> Workspace:
    workspace = Workspace(root)
    sound = strikes(8.0, list(TIMES))
    sounds = {"fast": sound, "slow": sound, "near": sound, "loud": sound, "quiet": sound, "far": sound}
    sounds |= {"silent": np.full(RATE, 2e-4, np.float32), "decay": tone(3.0) * np.exp(-3 * np.linspace(0, 3, 3 * RATE))}
    dimension = {"fast": "speed", "slow": "speed", "near": "distance", "far": "distance", "silent": "speed"}
    side = {"silent": "fast", "decay": "loud"}
    clips, mined = [], []
    for name, samples in sounds.items():
        path = workspace.stage("ingest") / "audio" / f"{name}.flac"
        write_flac(path, samples, RATE)
        clip = clip_row(name, audio_sha256=hash_file(path), event_times_s=TIMES, duration_s=len(samples) / RATE)
        clips.append(clip)
        mined.append(mined_row(clip, dimension.get(name, "volume"), side.get(name, name)))
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    write_table(workspace.table("mine", "mined"), Mined, mined)
    return workspace


def run(root: Path, threads: int = 1, config: AugmentConfig | None = None) -> dict[str, Augmented]:
    workspace = build(root)
    with ThreadPoolExecutor(threads) as pool:
        run_stage(
            AugmentStage(config or AugmentConfig(), "1"),
            workspace,
            shard_size=256 if threads == 1 else 2,
            mapper=pool.map,
        )
    return {row.item_id: row for row in read_table(workspace.table("augment", "augmented"), Augmented)}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Augmented]]:
    root = tmp_path_factory.mktemp("augment")
    return root, run(root)


def test_a3_to_a5_each_side_gets_its_levels() -> None:
    levels = {
        side: [(change.operation, change.level) for change in changes_for(side)]
        for side in ("near", "far", "loud", "quiet")
    }
    assert levels == {
        "near": [("distance", "far")],
        "far": [],
        "loud": [("distance", "far"), ("dynamics", "crescendo"), ("dynamics", "decrescendo")],
        "quiet": [],
    }


def test_loud_audio_with_a_stated_distance_is_not_moved_twice(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    clips = [clip_row("a"), clip_row("b")]
    mined = [mined_row(clip, "volume", "loud") for clip in clips] + [mined_row(clips[0], "distance", "far")]
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    write_table(workspace.table("mine", "mined"), Mined, mined)
    ids = [item.item_id for item in AugmentStage(AugmentConfig(), "1").items(workspace)]
    assert ids == [f"a~volume~{t}" for t in ("crescendo", "decrescendo")] + [
        f"b~volume~{t}" for t in ("far", "crescendo", "decrescendo")
    ]


def test_rows_match_their_files(done: tuple[Path, dict[str, Augmented]]) -> None:
    root, rows = done
    assert len(rows) >= 3 + 3 + 1 + 3
    for row in rows.values():
        path = root / row.audio_path
        info = sf.info(path)
        assert hash_file(path) == row.audio_sha256 and info.subtype == "PCM_16"
        assert (info.samplerate, info.frames / RATE) == (row.sample_rate_hz, pytest.approx(row.duration_s))
        assert row.duration_s <= 8.0
        samples, _ = read_audio(path)
        assert 1e-3 < np.max(np.abs(samples)) < 1.0
        assert json.loads(row.recipe_json)["silence_db"] == -60 and json.loads(row.measured_json)
        assert {"soxr", "libsndfile", "pyroomacoustics"} <= json.loads(row.tools_json).keys()


def test_event_times_follow_the_audio(done: tuple[Path, dict[str, Augmented]]) -> None:
    root, rows = done
    for name, factor in (("fast~speed~very_fast", 1.3), ("fast~speed~fast", 1.0), ("slow~speed~very_slow", 0.7)):
        row = rows[name]
        expected = [(t - TIMES[0]) / factor for t in TIMES if (t - TIMES[0]) / factor < row.duration_s]
        assert row.event_times_s == pytest.approx(expected, abs=0.002)
        samples, rate = read_audio(root / row.audio_path)
        for time_s in row.event_times_s[1:]:
            start = round((time_s - 0.02) * rate)
            onset_s = (start + np.argmax(np.abs(samples[start:]) > 0.1)) / rate
            assert onset_s == pytest.approx(time_s, abs=0.01)


def test_a2_comes_before_everything(done: tuple[Path, dict[str, Augmented]]) -> None:
    _, rows = done
    original = rows["fast~speed~fast"]
    assert original.operation == "original"
    assert json.loads(original.recipe_json)["trim_start_s"] == pytest.approx(0.5, abs=0.002)
    assert original.duration_s <= (6.9 - 0.5 + 0.15 + 0.1) / 1.3  # all levels have the length of the fastest


def test_silence_and_missing_effects_are_quarantined(done: tuple[Path, dict[str, Augmented]]) -> None:
    root, rows = done
    reasons = {q.item_id: q.reason for q in read_quarantine(Workspace(root))}
    assert {reasons[f"silent~speed~{level}"] for level in ("very_fast", "fast", "medium")} == {"silent"}
    assert reasons["decay~volume~crescendo"] == "effect_missing"
    assert reasons["decay~volume~decrescendo"] == "effect_missing"  # its own course: audible for a third of its length
    assert "loud~volume~crescendo" in rows and "loud~volume~decrescendo" in rows


def test_threads_and_small_shards_in_another_process_write_the_same_bytes(
    done: tuple[Path, dict[str, Augmented]], tmp_path: Path
) -> None:
    root, here = done
    with ProcessPoolExecutor(1) as pool:
        there = pool.submit(run, tmp_path, 3).result()
    assert here == there
    for row in here.values():
        assert (root / row.audio_path).read_bytes() == (tmp_path / row.audio_path).read_bytes()


def test_a3_the_five_levels_with_the_originals_as_their_own(done: tuple[Path, dict[str, Augmented]]) -> None:
    _, rows = done
    table = {
        (row.side, row.level): json.loads(row.recipe_json).get("factor")
        for row in rows.values()
        if row.dimension == "speed"
    }
    assert table == {
        ("fast", "very_fast"): 1.3,
        ("fast", "fast"): None,
        ("fast", "medium"): 0.7,
        ("slow", "medium"): 1.3,
        ("slow", "slow"): None,
        ("slow", "very_slow"): 0.7,
    }
    for level in ("fast~speed~very_fast", "slow~speed~very_slow"):
        measured, factor = json.loads(rows[level].measured_json), json.loads(rows[level].recipe_json)["factor"]
        assert measured["duration_ratio"] == pytest.approx(1 / factor, abs=1e-3)
        assert measured["pitch_ratio"] == pytest.approx(factor, rel=0.01)
        assert measured["time_ratio"] is None or measured["time_ratio"] == pytest.approx(factor, rel=0.03)


def test_a4_the_room_and_its_numbers_are_in_the_recipe(done: tuple[Path, dict[str, Augmented]]) -> None:
    _, rows = done
    row = rows["near~distance~far"]
    recipe, measured = json.loads(row.recipe_json), json.loads(row.measured_json)
    assert 0 <= recipe["room"] < 1000 and 3.0 <= recipe["far_m"] <= 12.0
    assert recipe["degree"] == degree_of(row.recipe_json) == recipe_from_json("distance", row.recipe_json).degree()
    assert recipe["room_t60_s"] == measured["t60_s"] and recipe["room_ratio_db"] < 0


def test_a_clip_of_several_sides_gets_each_of_its_changes(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    clip = read_table(workspace.table("ingest", "clips"), Clip)[0]
    sides = (("speed", "fast"), ("distance", "near"), ("volume", "loud"))
    write_table(workspace.table("mine", "mined"), Mined, [mined_row(clip, *side) for side in sides])
    run_stage(AugmentStage(AugmentConfig(), "1"), workspace)
    rows = read_table(workspace.table("augment", "augmented"), Augmented)
    assert [row.level for row in rows] == ["very_fast", "fast", "medium", "far", "crescendo", "decrescendo"]
    assert len({row.audio_sha256 for row in rows}) == 6


def test_one_item_alone_in_another_place_gives_the_same_bytes(
    done: tuple[Path, dict[str, Augmented]], tmp_path: Path
) -> None:
    root, rows = done
    workspace, stage = build(tmp_path), AugmentStage(AugmentConfig(), "1")
    for item in stage.items(workspace):
        if item.item_id in ("near~distance~far", "fast~speed~medium", "loud~volume~crescendo"):
            (outcome,) = stage.process([item], workspace)
            assert [Augmented.from_dict(row) for row in outcome.rows] == [rows[item.item_id]]
            path = rows[item.item_id].audio_path
            assert (tmp_path / path).read_bytes() == (root / path).read_bytes()


def test_a_clip_that_is_not_the_one_ingested_is_refused(tmp_path: Path) -> None:
    workspace, stage = build(tmp_path), AugmentStage(AugmentConfig(), "1")
    clip = read_table(workspace.table("ingest", "clips"), Clip)[0]
    write_flac(tmp_path / clip.audio_path, tone(2.0), RATE)
    item = next(item for item in stage.items(workspace) if item.payload["clip_id"] == clip.item_id)
    (outcome,) = stage.process([item], workspace)
    assert outcome.error is not None and outcome.error.reason == "changed_file"


@pytest.mark.tools
def test_the_programs_make_the_same_rows(done: tuple[Path, dict[str, Augmented]], tmp_path: Path) -> None:
    root, fast = done
    by_tool = run(tmp_path, config=AugmentConfig(backend="tool"))
    assert list(by_tool) == list(fast)
    for name, row in by_tool.items():
        assert {"ffmpeg", "sox", "pyroomacoustics"} <= json.loads(row.tools_json).keys()
        assert row.recipe_json == fast[name].recipe_json
        first, second = (read_audio(folder / row.audio_path)[0] for folder in (root, tmp_path))
        assert abs(len(first) - len(second)) <= 0.01 * RATE
        shared = min(len(first), len(second))
        assert np.max(np.abs(first[:shared] - second[:shared])[8:-8]) <= 9 / 32768


def test_the_source_rate_is_kept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    path = workspace.stage("ingest") / "audio" / "low.flac"
    write_flac(path, strikes(3.0, [0.1, 1.0, 2.0], rate_hz=11_025), 11_025)
    clip = clip_row("low", audio_sha256=hash_file(path), duration_s=3.0)
    write_table(workspace.table("ingest", "clips"), Clip, [clip])
    write_table(workspace.table("mine", "mined"), Mined, [mined_row(clip, "speed", "fast")])
    run_stage(AugmentStage(AugmentConfig(), "1"), workspace)
    rows = read_table(workspace.table("augment", "augmented"), Augmented)
    assert [sf.info(tmp_path / row.audio_path).samplerate for row in rows] == [11_025] * 3


@pytest.mark.parametrize(("duration_s", "side", "level"), [(0.2, "fast", "very_fast"), (0.9, "loud", "crescendo")])
def test_audio_too_short_for_a_change_is_refused_with_both_lengths(
    tmp_path: Path, duration_s: float, side: str, level: str
) -> None:
    workspace = Workspace(tmp_path)
    path = workspace.stage("ingest") / "audio" / "short.flac"
    write_flac(path, np.pad(tone(duration_s), RATE), RATE)
    clip = clip_row("short", audio_sha256=hash_file(path))
    write_table(workspace.table("ingest", "clips"), Clip, [clip])
    write_table(workspace.table("mine", "mined"), Mined, [mined_row(clip, DIMENSION_OF[side], side)])
    run_stage(AugmentStage(AugmentConfig(), "1"), workspace)
    failures = {row.item_id.rpartition("~")[2]: row for row in read_quarantine(workspace)}
    assert failures[level].reason == "too_short"
    assert f"{duration_s:.2f}" in failures[level].message and len(failures[level].message.split()) > 6


def test_the_offset_that_was_removed_is_in_the_recipe_and_the_audio_is_centred(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    path = workspace.stage("ingest") / "audio" / "shifted.flac"
    write_flac(path, np.pad(strikes(3.0, [0.1, 1.0, 2.0], peak=0.5), RATE) + np.float32(0.25), RATE)
    clip = clip_row("shifted", audio_sha256=hash_file(path), duration_s=5.0)
    write_table(workspace.table("ingest", "clips"), Clip, [clip])
    write_table(workspace.table("mine", "mined"), Mined, [mined_row(clip, "speed", "fast")])
    run_stage(AugmentStage(AugmentConfig(), "1"), workspace)
    rows = read_table(workspace.table("augment", "augmented"), Augmented)
    assert [row.level for row in rows] == ["very_fast", "fast", "medium"]
    for row in rows:
        recipe = json.loads(row.recipe_json)
        assert recipe["dc_offset"] == pytest.approx(0.25, abs=1e-4)
        assert recipe["trim_start_s"] == pytest.approx(1.1, abs=0.002)  # the silence was found under the offset
        assert abs(float(np.mean(read_audio(tmp_path / row.audio_path)[0]))) < 0.01


@pytest.mark.parametrize(
    ("settings", "programs"),
    [
        ({}, set()),
        ({"speed_method": "tempo"}, {"sox"}),
        ({"backend": "tool"}, {"sox", "ffmpeg"}),
        ({"backend": "tool", "speed_method": "tempo"}, {"sox", "ffmpeg"}),
    ],
)
def test_the_programs_of_a_configuration_are_those_that_its_rows_name(
    settings: dict[str, str], programs: set[str]
) -> None:
    assert set(AugmentStage(AugmentConfig.model_validate(settings), "1").programs()) == programs
