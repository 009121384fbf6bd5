"""Laws of any corpora, whatever they share: what a test set holds is never trained on (SPEC D5), portions (SPEC D3)."""

from __future__ import annotations

import json
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.corpus.config import CorpusConfig
from tasks.ingest.config import IngestConfig
from tasks.ingest.cut import audio_cuts
from tasks.ingest.listing import list_recordings
from tasks.ingest.recordings import Recording

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


@given(st.floats(16, 5000))
def test_d3_a_long_sound_gives_as_many_whole_portions_as_fit_up_to_five(duration_s: float) -> None:
    cuts = audio_cuts(duration_s, IngestConfig())
    assert len(cuts) == min(5, int(duration_s // 8))
    assert {cut.duration_s for cut in cuts} == {8.0}
    starts = [cut.start_s for cut in cuts]
    assert all(later - earlier >= 8.0 - 1e-9 for earlier, later in pairwise(starts))
    assert starts[0] == 0 and abs(starts[-1] + 8.0 - duration_s) < 1e-6
