"""Listings of any corpora: unique ids, splits (SPEC D5), missing files counted, nothing opened outside (SPEC D1-D3)."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.config import PipelineConfig
from tasks.corpus.config import CorpusConfig
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.ingest.listing import list_recordings
from tasks.ingest.recordings import Recording
from tasks.media.video_writer import write_video
from tasks.pipeline import find_step
from tasks.steps import run_step
from tests.tasks.ingest.corpora import listing, run_corpora
from tests.tasks.sounds import counting_frames, tone, write_wav

IDS = st.sampled_from([f"youtube{n:04d}" for n in range(8)])  # eleven letters, as YouTube's
LISTS = st.fixed_dictionaries(
    {
        "vggsound": st.lists(st.tuples(IDS, st.sampled_from(["train", "val", "test"])), min_size=1, max_size=6),
        "audiocaps": st.dictionaries(
            st.sampled_from(["train", "val", "test"]), st.lists(IDS, min_size=1, max_size=4), min_size=1
        ),
        "wavcaps": st.lists(IDS, min_size=1, max_size=6),
        "named": st.lists(IDS, max_size=3),
        "split": st.sampled_from(["official", "train", "val"]),
    }
)


def corpora(folder: Path, lists: dict) -> tuple[CorpusConfig, ...]:
    """Writes the lists as the corpora's own programs do."""
    (folder / "vgg.csv").write_text("".join(f"{name},30,rain,{split}\n" for name, split in lists["vggsound"]))
    (folder / "ac").mkdir()
    for split, names in lists["audiocaps"].items():
        rows = "".join(f"{split}{n},{name},30,Rain falls\n" for n, name in enumerate(names))
        (folder / "ac" / f"{split}.csv").write_text("audiocap_id,youtube_id,start_time,caption\n" + rows)
    entries = [{"id": f"Y{name}", "caption": "Rain falls"} for name in lists["wavcaps"]]
    (folder / "wc.json").write_text(json.dumps({"data": entries}))
    (folder / "ids.txt").write_text("".join(f"Y{name}\n" for name in lists["named"]))
    return (
        CorpusConfig(kind="vggsound", path=str(folder / "vgg.csv"), split=lists["split"]),
        CorpusConfig(kind="audiocaps", path=str(folder / "ac")),
        CorpusConfig(kind="wavcaps", path=str(folder / "wc.json"), test_ids=str(folder / "ids.txt")),
    )


def listed(found: tuple[CorpusConfig, ...]) -> list[Recording]:
    return list(list_recordings(IngestConfig(corpora=found), "1").recordings)


@settings(max_examples=40)
@given(lists=LISTS)
def test_d5_no_recording_of_a_test_set_is_trained_on(tmp_path_factory: pytest.TempPathFactory, lists: dict) -> None:
    found = corpora(tmp_path_factory.mktemp("lists"), lists)
    recordings = listed(found)
    assert len(recordings) == sum(len(lists[k]) for k in ("vggsound", "wavcaps")) + sum(
        map(len, lists["audiocaps"].values())
    )
    official = {name for name, split in lists["vggsound"] if split == "test"} | set(lists["audiocaps"].get("test", ()))
    official |= set(lists["named"]) & set(lists["wavcaps"])
    sides: dict[str, set[str]] = {}
    for recording in recordings:
        sides.setdefault(recording.group.removeprefix("youtube-"), set()).add(recording.split)
    assert all(sides[name] <= {"test", "held_out"} for name in official)
    assert all(len(found - {"held_out"}) == 1 for found in sides.values())


@settings(max_examples=10)
@given(lists=LISTS)
def test_d5_the_order_of_the_corpora_moves_no_recording(tmp_path_factory: pytest.TempPathFactory, lists: dict) -> None:
    found = corpora(tmp_path_factory.mktemp("lists"), lists)
    sides = [sorted((r.item_id, r.split) for r in listed(order)) for order in permutations(found)]
    assert all(side == sides[0] for side in sides)


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
    config = PipelineConfig(workspace=str(tmp_path / "w"), ingest=IngestConfig(corpora=corpora, accept_quarantined=1))
    counts = "20 quarantined, 91 % (20 missing_file); missing_file per corpus: vggsound 12, audiocaps 8"
    expected = f"{counts} (listed in ingest/sources.json and the quarantine)"
    for _ in range(2):  # a run that finds everything done says it again
        assert run_step(find_step("ingest"), config, Workspace(tmp_path / "w")).line().endswith(expected)


def test_a_picture_too_has_to_lie_in_the_corpus_folder(tmp_path: Path) -> None:
    write_wav(tmp_path / "t" / "a.wav", tone(1))
    write_video(tmp_path / "secret.mp4", counting_frames(5), 5)
    (tmp_path / "t" / "t.csv").write_text("audio,video,caption\na.wav,../secret.mp4,A dog\n")
    clips, reasons, _ = run_corpora(tmp_path / "w", {"kind": "table", "path": str(tmp_path / "t" / "t.csv")})
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
    clips, reasons, sources = run_corpora(
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
