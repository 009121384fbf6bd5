"""SPEC D1-D3, D5: the layouts of public corpora, their splits, their missing files, and lists that mean harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
import soundfile as sf

from data_contracts import Clip, UsageError, read_table
from tasks.config import PipelineConfig
from tasks.corpus.config import CorpusConfig
from tasks.engine import read_quarantine, run_stage
from tasks.engine.workspace import Workspace, read_json
from tasks.ingest import stage
from tasks.ingest.config import IngestConfig
from tasks.ingest.listing import Listing, list_recordings
from tasks.ingest.readers import hf
from tasks.ingest.readers.text_rules import RULES, invalid_rule
from tasks.ingest.stage import IngestStage
from tasks.media.video_writer import write_video
from tasks.pipeline import find_step, run_step
from tests.tasks.sounds import RATE, counting_frames, strikes, tone, write_wav


def listing(*corpora: dict[str, Any]) -> Listing:
    return list_recordings(IngestConfig(corpora=tuple(CorpusConfig(**c) for c in corpora)), "1")


def run(root: Path, *corpora: dict[str, Any], **settings: Any) -> tuple[dict[str, Clip], dict[str, str], Any]:
    workspace = Workspace(root)
    config = IngestConfig(corpora=tuple(CorpusConfig(**c) for c in corpora), **settings)
    run_stage(IngestStage(config, "1"), workspace)
    clips = {c.item_id: c for c in read_table(workspace.table("ingest", "clips"), Clip)}
    reasons = {q.item_id: q.reason for q in read_quarantine(workspace)}
    return clips, reasons, read_json(workspace.path("ingest", "sources.json"))


@pytest.mark.parametrize("header", ["", "id,start,label,split\r\n", "filename,start,desc,split\r\n"])
def test_d1_vggsound_with_and_without_header(tmp_path: Path, header: str) -> None:
    text = "\ufeff" + header + '-abc_def,30,"dog barking, far",train\r\nxyz,5,cat,test\r\n'
    (tmp_path / "vggsound.csv").write_text(text, "utf-8", newline="")
    write_video(tmp_path / "v" / "-abc_def_000030.mp4", counting_frames(50), 5, strikes(10.0, [1.0, 9.0]), RATE)
    corpus = {"kind": "vggsound", "path": str(tmp_path / "vggsound.csv"), "media": str(tmp_path / "v")}
    clips, reasons, sources = run(tmp_path / "w", corpus)
    (clip,) = clips.values()
    assert (clip.caption, clip.split, clip.subset) == ("dog barking, far", "train", "vta")
    assert clip.source_start_s == pytest.approx(2.0, abs=0.1) and clip.source_duration_s == pytest.approx(10, abs=0.1)
    assert list(reasons.values()) == ["missing_file"]
    assert sources["vggsound"] | {"invalid_text": {}} == {
        "listed": 2, "missing": 1, "first_missing": ["xyz_000005.mp4"], "left_out": 0, "invalid_text": {},
    }  # fmt: skip


def test_vggsound_lists_of_two_columns(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("a_b_000012.mp4,rain\n")
    (tmp_path / "vgg-val.tsv").write_text("id\tlabel\nq_000001\twind\n")
    found = listing({"kind": "vggsound", "path": str(tmp_path)}).recordings
    assert [(r.source_id.split("\n")[0], r.video, r.caption, r.split) for r in found] == [
        ("a_b", "a_b_000012.mp4", "rain", "test"),
        ("q", "q_000001.mp4", "wind", "val"),
    ]


@pytest.mark.parametrize("name", ["yt1_30.wav", "yt1.wav", "7.flac", "Yyt1.wav", "yt1_000030.wav"])
def test_d2_audiocaps_names_and_captions(tmp_path: Path, name: str) -> None:
    (tmp_path / "test.csv").write_text("audiocap_id,youtube_id,start_time,caption\n7,yt1,30,A dog\n8,yt1,30,A hound\n")
    write_wav(tmp_path / "a" / name, np.concatenate([tone(8), tone(8, 700), tone(8, 900)]))
    found = list(listing({"kind": "audiocaps", "path": str(tmp_path), "media": str(tmp_path / "a")}).recordings)
    assert [r.caption for r in found] == ["A dog", "A hound"]
    assert found[0].audio == name and found[0].portions == 1 and {r.split for r in found} == {"test"}
    clips, _, _ = run(tmp_path / "w", {"kind": "audiocaps", "path": str(tmp_path), "media": str(tmp_path / "a")})
    assert clips["audiocaps.7"].duration_s == 8.0 and clips["audiocaps.7"].source_start_s == 0.0


def test_d3_wavcaps_portions_and_invalid_text(tmp_path: Path) -> None:
    captions = {
        "1": "A dog barks.",
        "2": "",
        "3": "http://x.com sound",
        "4": "犬が 吠える",
        "5": "?! 12",
        "6": "Rain falls.",
    }
    data = [{"id": k, "caption": v, "audio": "wav_path", "duration": 1.0} for k, v in captions.items()]
    (tmp_path / "sb.json").write_text(json.dumps({"num_captions_per_audio": 1, "data": [*data, "junk"]}))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    sf.write(tmp_path / "deep/er/1.flac", tone(50.0), RATE)
    clips, reasons, sources = run(tmp_path / "w", {"kind": "wavcaps", "path": str(tmp_path / "sb.json")})
    assert set(clips) == {f"wavcaps.sb-1~p{n}" for n in range(1, 6)}
    assert sources["wavcaps"]["invalid_text"] == {"empty": 2, "url": 1, "not_latin": 1, "no_text": 1}
    assert sorted(reasons.values()) == [
        "invalid_text_empty", "invalid_text_empty", "invalid_text_no_text", "invalid_text_not_latin",
        "invalid_text_url", "missing_file",
    ]  # fmt: skip


BROKEN = {
    "empty": "  ", "encoding": "caf\ufffd noise", "placeholder": "N/A", "url": "see www.x.org now",
    "file_name": "dog.wav", "no_text": "12 34", "not_latin": "звук дождя", "too_short": "Dog", "too_long": "a b " * 60,
}  # fmt: skip


def test_d3_each_text_rule_has_its_case() -> None:
    assert set(BROKEN) == {name for name, _ in RULES}
    assert {name: invalid_rule(text) for name, text in BROKEN.items()} == {name: name for name in BROKEN}
    assert invalid_rule("Un café très bruyant.") is None


def test_d5_greatest_hits_keeps_the_events_of_the_part_kept(tmp_path: Path) -> None:
    (tmp_path / "x_times.txt").write_text("1.0 metal hit static\n6.0 wood scratch\n9.0 wood scratch\nbad\n")
    write_video(tmp_path / "x_denoised.mp4", counting_frames(50), 5, strikes(10.0, [1.0, 6.0, 9.0]), RATE)
    clips, _, _ = run(tmp_path / "w", {"kind": "greatest_hits", "path": str(tmp_path)})
    (clip,) = clips.values()
    assert (clip.caption, clip.split) == ("A wooden stick scratching wood", "test")
    assert clip.event_times_s == pytest.approx((4.0, 7.0), abs=0.1)


@pytest.mark.parametrize("embedded", [True, False])
def test_a_datasets_folder(tmp_path: Path, embedded: bool) -> None:
    sound = write_wav(tmp_path / "d" / "s.wav", tone(2))
    audio = [{"bytes": sound.read_bytes() if embedded else None, "path": "s.wav"}] * 2
    table = pa.table({"audio": audio, "caption": ["One tone", "Two tones"]})
    datasets.DatasetDict({"test": datasets.Dataset(table)}).save_to_disk(str(tmp_path / "h"))
    clips, reasons, _ = run(tmp_path / "w", {"kind": "hf", "path": str(tmp_path / "h"), "media": str(tmp_path / "d")})
    assert not reasons and sorted(c.caption for c in clips.values()) == ["One tone", "Two tones"]
    assert {c.split for c in clips.values()} == {"test"} and all(c.duration_s == 2 for c in clips.values())


def test_an_arrow_shard_is_opened_once_per_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing opens each once; a worker opens a shard once for all of its records, not once for each."""
    sound = write_wav(tmp_path / "s.wav", tone(1)).read_bytes()
    table = pa.table({"audio": [{"bytes": sound, "path": None}] * 30, "caption": [f"Tone {n}" for n in range(30)]})
    datasets.Dataset(table).save_to_disk(str(tmp_path / "h"), num_shards=3)
    opened: list[str] = []
    looked_at: list[str] = []
    monkeypatch.setattr(hf, "_open", lambda path, plain=hf._open: opened.append(path.name) or plain(path))
    monkeypatch.setattr(stage, "file_identity", lambda path: looked_at.append(path.name) or "same")
    ingest = IngestStage(IngestConfig(corpus=CorpusConfig(kind="hf", path=str(tmp_path / "h"))), "1")
    assert run_stage(ingest, Workspace(tmp_path / "w"), shard_size=12).rows == 30
    names = sorted(set(opened))
    assert len(names) == 3 and sorted(looked_at) == names
    listing, work = opened[:3], opened[3:]
    assert sorted(listing) == names and work == [names[n] for n in (0, 1, 1, 2, 2)]  # of 12, 12 and 6 records


def test_missing_files_are_counted_per_source_in_the_stages_line(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("".join(f"yt{n},30,dog,train\n" for n in range(12)))
    rows = "".join(f"{n},ac{n},30,A dog\n" for n in range(10))
    (tmp_path / "train.csv").write_text("audiocap_id,youtube_id,start_time,caption\n" + rows)
    for n in range(2):
        write_wav(tmp_path / "a" / f"ac{n}.wav", tone(1, 300 + n))
    (tmp_path / "v").mkdir()
    corpora = (
        CorpusConfig(kind="vggsound", path=str(tmp_path / "v.csv"), media=str(tmp_path / "v")),
        CorpusConfig(kind="audiocaps", path=str(tmp_path / "train.csv"), media=str(tmp_path / "a")),
    )
    config = PipelineConfig(workspace=str(tmp_path / "w"), ingest=IngestConfig(corpora=corpora))
    expected = "missing 20 files (vggsound 12, audiocaps 8; listed in ingest/sources.json and the quarantine)"
    for _ in range(2):  # a run that finds everything done says it again
        assert run_step(find_step("ingest"), config, Workspace(tmp_path / "w")).line().endswith(expected)


def test_a_picture_too_has_to_lie_in_the_corpus_folder(tmp_path: Path) -> None:
    write_wav(tmp_path / "t" / "a.wav", tone(1))
    write_video(tmp_path / "secret.mp4", counting_frames(5), 5)
    (tmp_path / "t" / "t.csv").write_text("audio,video,caption\na.wav,../secret.mp4,A dog\n")
    clips, reasons, _ = run(tmp_path / "w", {"kind": "table", "path": str(tmp_path / "t" / "t.csv")})
    assert not clips and set(reasons.values()) == {"missing_file"}


def test_d5_a_test_recording_is_not_trained_on_by_another_corpus(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("yt1,30,dog,train\nyt2,1,cat,train\nyt3,1,cow,train\n")
    (tmp_path / "test.csv").write_text("audiocap_id,youtube_id,start_time,caption\n7,yt1,30,A dog\n8,yt9,0,A bee\n")
    (tmp_path / "ids.txt").write_text("yt2\n")
    (tmp_path / "only.txt").write_text("yt1\n")
    found = listing(
        {"kind": "vggsound", "path": str(tmp_path / "v.csv"), "test_ids": str(tmp_path / "ids.txt")},
        {
            "kind": "audiocaps",
            "path": str(tmp_path / "test.csv"),
            "test_ids": str(tmp_path / "only.txt"),
            "only_test_ids": True,
        },
    )
    assert [r.split for r in found.recordings] == ["held_out", "test", "train", "test"]
    assert found.sources["audiocaps"]["left_out"] == 1


HOSTILE = [
    "../../secret",
    "/etc/passwd",
    "-i",
    "concat:a|b",
    "http://127.0.0.1/x",
    "a\nb",
    "x" * 400,
    "é\u202e",
    "a\0b",
]


def test_hostile_ids_open_nothing_outside_and_write_nothing_outside(tmp_path: Path) -> None:
    write_wav(tmp_path / "secret.wav", tone(2))
    (tmp_path / "c/m").mkdir(parents=True)
    data = [{"id": name, "caption": "A dog barks."} for name in [*HOSTILE, "-i"]]
    (tmp_path / "c/l.json").write_text(json.dumps({"data": data}))
    before = set(tmp_path.rglob("*"))
    clips, reasons, sources = run(
        tmp_path / "w", {"kind": "wavcaps", "path": str(tmp_path / "c/l.json"), "media": str(tmp_path / "c/m")}
    )
    assert not clips and set(reasons.values()) == {"missing_file"} and len(reasons) == len(HOSTILE) + 1
    assert sources["wavcaps"]["missing"] == len(HOSTILE) + 1
    assert all((tmp_path / "w") in (p, *p.parents) for p in set(tmp_path.rglob("*")) - before)


def test_unusable_lists_and_equal_names_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    for corpus in (
        {"kind": "wavcaps", "path": str(tmp_path / "x.json")},
        {"kind": "audiocaps", "path": str(tmp_path / "t.csv")},
        {"kind": "clotho", "path": str(tmp_path / "no")},
        {"kind": "hf", "path": str(tmp_path)},
        {"kind": "vggsound"},
    ):
        with pytest.raises(UsageError):
            listing(corpus)
    with pytest.raises(UsageError, match="named"):
        listing(*[{"kind": "vggsound", "path": str(tmp_path / "t.csv")}] * 2)


REAL = [
    ("audiocaps", "audiocaps", 57_188),
    ("vggsound", "vggsound/test.csv", 15_446),
    ("vggsound", "vggsound/visualsound.csv", 91_047),
    ("wavcaps", "wavcaps/soundbible.json", 1_232),
    ("greatest_hits", "greatest_hits/greatesthit.csv", 28_635),
]


@pytest.mark.realdata
@pytest.mark.parametrize(("kind", "name", "count"), REAL)
def test_real_lists_without_recordings_are_counted_as_missing(
    realdata: Path, tmp_path: Path, kind: str, name: str, count: int
) -> None:
    path = realdata / "captions" / name
    found = listing({"kind": kind, "path": str(path), "media": str(tmp_path)})
    assert found.sources[kind]["listed"] == found.sources[kind]["missing"] == len(found.recordings) == count
    assert len({r.item_id for r in found.recordings}) == count


@pytest.mark.realdata
def test_soundbible_with_a_few_recordings(realdata: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    for name, length in (("2219", 14.1), ("2218", 1.6), ("2217", 20.0)):
        sf.write(tmp_path / "m" / f"{name}.flac", tone(length), RATE)
    path = realdata / "captions" / "wavcaps" / "soundbible.json"
    clips, reasons, sources = run(tmp_path / "w", {"kind": "wavcaps", "path": str(path), "media": str(tmp_path / "m")})
    assert len(clips) == 4 and len(reasons) == 1229 and sources["wavcaps"]["missing"] == 1229
