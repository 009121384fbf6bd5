"""`plan` counts every kind of corpus as ingest will, and the missing ones not (SPEC D1-D3)."""

from __future__ import annotations

import io
import json
from pathlib import Path

import datasets
import pyarrow as pa
import pytest
import soundfile as sf

from data_contracts import Clip, read_table
from tasks.commands.estimate import count, estimate
from tasks.config import PipelineConfig
from tasks.corpus.config import CorpusConfig
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.ingest.planned import PlannedCorpus
from tasks.ingest.stage import IngestStage
from tasks.mine.config import MineConfig
from tests.tasks.sounds import RATE, tone, write_wav


def _second() -> bytes:
    sound = io.BytesIO()
    sf.write(sound, tone(1.0), RATE, format="WAV")
    return sound.getvalue()


SECOND = _second()


def _audiocaps(folder: Path) -> CorpusConfig:
    folder.mkdir()
    rows = ["audiocap_id,youtube_id,start_time,caption"]
    rows += [f"{n},yt{n},30,A dog barks loudly in yard {n}" for n in range(5)]
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    for n in range(3):
        sf.write(folder / f"yt{n}.wav", tone(10.0), 16_000)
    return CorpusConfig(kind="audiocaps", path=str(folder))


def _config(tmp_path: Path, *corpora: CorpusConfig) -> PipelineConfig:
    ingest = IngestConfig(corpora=corpora)
    return PipelineConfig(workspace=str(tmp_path / "w"), ingest=ingest, mine=MineConfig(parser="rules"))


def test_plan_counts_the_files_that_are_there(tmp_path: Path) -> None:
    found = count(_config(tmp_path, _audiocaps(tmp_path / "a")))
    assert (found.recordings, found.clips, found.unreadable) == (3, 3, 0)
    assert abs(found.seconds - 24.0) < 1e-6
    assert found.mined == 3 and {hash(cued.text) for cued, _ in found.for_llm.kept} == found.texts


def test_plan_adds_the_rendered_corpus_to_the_listed_ones(tmp_path: Path) -> None:
    builtin = CorpusConfig(video_clips=4, audio_clips=2)
    found = count(_config(tmp_path, builtin, _audiocaps(tmp_path / "a")))
    assert (found.recordings, found.sampled, found.videos) == (3 + 6, 3 + 6, 4)


def _wavcaps(folder: Path) -> CorpusConfig:
    """Long and short sounds, one broken, one missing, one without a caption that counts."""
    folder.mkdir()
    for name, seconds in (("long", 41.0), ("mid", 17.0), ("brief", 0.2), ("short", 3.0), ("nocap", 9.0)):
        sf.write(folder / f"{name}.flac", tone(seconds), RATE)
    (folder / "broken.flac").write_bytes(b"fLaC no sound")
    names = ["long", "mid", "brief", "short", "nocap", "broken", "missing"]
    data = [{"id": name, "caption": "A dog barks loudly" if name != "nocap" else "n/a"} for name in names]
    (folder / "list.json").write_text(json.dumps({"data": data}))
    return CorpusConfig(kind="wavcaps", path=str(folder / "list.json"))


def _datasets_folder(folder: Path) -> CorpusConfig:
    """Sounds inside records; one record holds none."""
    sounds = [write_wav(folder / "d" / f"{n}.wav", tone(seconds)).read_bytes() for n, seconds in enumerate((2.0, 33.0))]
    rows = [{"bytes": sound, "path": None} for sound in [*sounds, None, b"no sound"]]
    table = pa.table({"audio": rows, "caption": ["A bee", "A far bell", "Rain", "Wind"]})
    datasets.DatasetDict({"train": datasets.Dataset(table)}).save_to_disk(str(folder / "h"))
    return CorpusConfig(kind="hf", path=str(folder / "h"))


def test_plan_counts_what_ingest_then_makes_of_every_kind(tmp_path: Path) -> None:
    """Up to what only the sound itself tells, such as silence: of these there are none here."""
    corpora = (_audiocaps(tmp_path / "a"), _wavcaps(tmp_path / "v"), _datasets_folder(tmp_path))
    config = _config(tmp_path, *corpora)
    found = count(config)
    workspace = Workspace(tmp_path / "w")
    run_stage(IngestStage(config.ingest, config.dataset_version), workspace)
    clips = read_table(workspace.table("ingest", "clips"), Clip)
    assert found.clips == len(clips) == 3 + (5 + 2 + 1) + (1 + 4)
    assert found.seconds == pytest.approx(sum(clip.duration_s for clip in clips), abs=1e-3)
    assert found.texts == {hash(clip.caption) for clip in clips}
    assert (found.sampled, found.unreadable) == (3 + 6 + 3, 2)


def test_plan_keeps_no_list_of_recordings(tmp_path: Path) -> None:
    """Lengths of 200 recordings are read, whatever there is, and the rest have their mean."""
    folder = tmp_path / "v"
    folder.mkdir()
    for n in range(450):
        (folder / f"{n}.wav").write_bytes(SECOND)
    data = [{"id": str(n), "caption": f"A bee hums number {n}"} for n in range(450)]
    (folder / "list.json").write_text(json.dumps({"data": data}))
    found = count(_config(tmp_path, CorpusConfig(kind="wavcaps", path=str(folder / "list.json"))))
    assert (found.recordings, found.sampled, found.clips) == (450, 113, 450)
    assert found.seconds == pytest.approx(450.0)


def test_the_cost_is_said_as_unknown_without_prices_and_never_as_nothing(tmp_path: Path) -> None:
    config = _config(tmp_path, _audiocaps(tmp_path / "a"))
    assert "cost         unknown: give --price-in" in estimate(config, backend="endpoint", sizes=False).text()
    priced = estimate(config, backend="endpoint", price_in=1000.0, price_out=1000.0, sizes=False)
    assert priced.cost and f"about {priced.cost:,.2f} at the given prices" in priced.text()
    assert "cost         none" in estimate(config, backend="rules", sizes=False).text()


def planned(path: Path, **values: object) -> PlannedCorpus:
    config = IngestConfig.model_validate({"corpus": {"kind": "table", "path": str(path)}, **values})
    return PlannedCorpus(config, "1")


def test_a_planned_recording_has_the_lengths_that_the_rules_of_cutting_give(tmp_path: Path) -> None:
    for name, length in (("short", 3.0), ("mid", 12.0), ("long", 17.0), ("brief", 0.2)):
        write_wav(tmp_path / f"{name}.wav", tone(length))
    rows = "".join(f"{name}.wav,A dog,train\n" for name in ("short", "mid", "long", "brief"))
    (tmp_path / "t.csv").write_text("audio,caption,split\n" + rows)
    lengths = [recording.clips_s for recording in planned(tmp_path / "t.csv")]
    assert lengths == [(3.0,), (8.0,), (8.0, 8.0), ()]
    first = next(iter(planned(tmp_path / "t.csv", clip_s=2.0, split_from_s=4.0)))
    assert first.clips_s == (2.0,)


def test_rows_that_ingest_would_quarantine_are_not_planned(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(1.0))
    rows = ["a.wav,A dog,train", "gone.wav,A dog,train", "a.wav,...,train", "a.wav,A dog,later"]
    (tmp_path / "t.csv").write_text(
        "audio,caption,split,group\n" + "".join(f"{row},g{n}\n" for n, row in enumerate(rows))
    )
    corpus = planned(tmp_path / "t.csv")
    assert [recording.caption for recording in corpus] == ["A dog"]
    assert corpus.recordings == 1 and corpus.unreadable == 0


def test_plan_counts_the_audio_that_is_kept_after_the_clips(tmp_path: Path) -> None:
    corpus = _audiocaps(tmp_path / "a")  # three recordings of 10 s at 16 kHz
    kept = count(_config(tmp_path, corpus))
    ingest = IngestConfig(corpora=(corpus,), tail_s=0.0)
    without = count(_config(tmp_path, corpus).model_copy(update={"ingest": ingest}))
    assert kept.disk_bytes - without.disk_bytes == pytest.approx(3 * 2.0 * 16_000 * 2 * kept.flac_share, abs=1)
    assert 0.05 < kept.flac_share < 1.0
    assert kept.seconds == without.seconds
