"""SPEC D1-D3: VGGSound, AudioCaps, WavCaps and Clotho as their downloaders leave them, and their real lists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tasks.media.video_writer import write_video
from tests.tasks.ingest.corpora import listing, run_corpora
from tests.tasks.sounds import RATE, counting_frames, strikes, tone, write_wav


@pytest.mark.parametrize("header", ["", "id,start,label,split\r\n", "filename,start,desc,split\r\n"])
def test_d1_vggsound_with_and_without_header(tmp_path: Path, header: str) -> None:
    text = "\ufeff" + header + '-abc_def,30,"dog barking, far",train\r\nxyz,5,cat,test\r\n'
    (tmp_path / "vggsound.csv").write_text(text, "utf-8", newline="")
    write_video(tmp_path / "v" / "-abc_def_000030.mp4", counting_frames(50), 5, strikes(10.0, [1.0, 9.0]), RATE)
    corpus = {"kind": "vggsound", "path": str(tmp_path / "vggsound.csv"), "media": str(tmp_path / "v")}
    clips, reasons, sources = run_corpora(tmp_path / "w", corpus)
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
    clips, _, _ = run_corpora(
        tmp_path / "w", {"kind": "audiocaps", "path": str(tmp_path), "media": str(tmp_path / "a")}
    )
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
    clips, reasons, sources = run_corpora(tmp_path / "w", {"kind": "wavcaps", "path": str(tmp_path / "sb.json")})
    assert set(clips) == {f"wavcaps.sb-1~p{n}" for n in range(1, 6)}
    assert sources["wavcaps"]["invalid_text"] == {"empty": 2, "url": 1, "not_latin": 1, "no_text": 1}
    assert sorted(reasons.values()) == [
        "invalid_text_empty", "invalid_text_empty", "invalid_text_no_text", "invalid_text_not_latin",
        "invalid_text_url", "missing_file",
    ]  # fmt: skip


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
    clips, reasons, sources = run_corpora(
        tmp_path / "w", {"kind": "wavcaps", "path": str(path), "media": str(tmp_path / "m")}
    )
    assert len(clips) == 4 and len(reasons) == 1229 and sources["wavcaps"]["missing"] == 1229
