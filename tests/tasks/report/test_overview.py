"""The statement at the top of the report: recorded or rendered clips, placeholders or the paper's components."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data_contracts import Quarantine
from data_contracts.quantities import duration_text
from tasks.config import PipelineConfig
from tasks.corpus.config import CorpusConfig
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.report.collect import Collected, ComponentWeights
from tasks.report.overview import build_hero, build_pipeline, build_provenance, build_quarantine
from tests.tasks.report.conftest import SETTINGS
from tests.tasks.rows import clip_row, generated_row, manifest_row

RENDERED, OWN = CorpusConfig(), CorpusConfig(kind="vggsound", path="v.csv")


@pytest.mark.parametrize(
    ("ingest", "said"),
    [
        (IngestConfig(), "All audio and video is rendered, not recorded."),
        (IngestConfig(corpus=OWN), "The clips are the user's own."),
        (IngestConfig(corpora=(RENDERED, RENDERED)), "All audio and video is rendered, not recorded."),
        (IngestConfig(corpora=(OWN, OWN)), "The clips are the user's own."),
        (IngestConfig(corpora=(OWN, RENDERED)), "The clips are the user's own; some are rendered, not recorded."),
        (IngestConfig(corpus=OWN, corpora=(RENDERED,)), "All audio and video is rendered, not recorded."),
    ],
)
def test_the_statement_covers_all_corpora_of_a_run(tmp_path: Path, ingest: IngestConfig, said: str) -> None:
    hero = build_hero(Collected(), Workspace(tmp_path), PipelineConfig(ingest=ingest).model_dump(mode="json"))
    assert hero.statement == f"{said} No model component has been used yet."


@pytest.mark.parametrize(("placeholder", "said"), [(True, "components replace"), (False, "No embedded placeholder")])
def test_placeholders_are_named(tmp_path: Path, placeholder: bool, said: str) -> None:
    found = Collected(weights=[ComponentWeights(role="codec", name="small", sha256="0", placeholder=placeholder)])
    hero = build_hero(found, Workspace(tmp_path), PipelineConfig().model_dump(mode="json"))
    assert said in hero.statement and hero.placeholders == (["codec: small"] if placeholder else [])


def test_what_the_shipped_weights_were_trained_on_is_said_where_they_are_used(tmp_path: Path) -> None:
    for checkpoint in ("trained", "builtin"):
        found = Collected(generated=[generated_row("a", checkpoint=checkpoint)])
        statement = build_hero(found, Workspace(tmp_path), SETTINGS).statement
        assert ("The shipped weights were trained on rendered sounds." in statement) == (checkpoint == "builtin")


def numbers(found: Collected, tmp_path: Path) -> dict[str, str]:
    return dict(build_hero(found, Workspace(tmp_path), SETTINGS).numbers)


def test_the_run_in_numbers(found: Collected, tmp_path: Path) -> None:
    counted = numbers(found, tmp_path)
    assert counted["clips"] == "8" and counted["augmented clips"] == "8" and counted["in quarantine"] == "4"
    assert counted["audio"] == duration_text(sum(row.duration_s for row in found.manifest))
    by_llm = sum(row.source in ("llm", "llm_retry") for row in found.captions)
    assert counted["captions by a language model"] == f"{by_llm} of 8"
    assert set(numbers(Collected(), tmp_path).values()) == {"0", "0 s", "0 of 0"}


def test_hours_add_up_over_splits_and_subsets() -> None:
    rows = [
        manifest_row(f"{subset}-{split}-{n}", subset=subset, split=split, duration_s=400.0)
        for subset in ("aa", "vta", "tta") for split in ("test", "train", "val") for n in range(2)
    ]  # fmt: skip
    pipeline = build_pipeline(Collected(manifest=rows))
    assert pipeline.splits == ["train", "val", "test"] and pipeline.hours_from == "manifest"
    assert [(row.subset, row.cells, row.total) for row in pipeline.hours] == [
        (subset, ["13.3 min"] * 3, "40 min") for subset in ("vta", "tta", "aa")
    ]


def test_before_the_manifest_hours_are_those_of_the_clips() -> None:
    pipeline = build_pipeline(Collected(clips=[clip_row("a", duration_s=90.0)]))
    assert (pipeline.hours_from, pipeline.hours[0].cells, pipeline.hours[0].total) == ("clips", ["1.5 min"], "1.5 min")
    assert build_pipeline(Collected()).hours == []


def test_quarantine_is_counted_by_reason_and_cut_after_200_rows() -> None:
    rows = [Quarantine(stage="ingest", item_id=f"i{n}", reason="silent" if n % 3 else "truncated", message="m")
            for n in range(250)]  # fmt: skip
    view = build_quarantine(Collected(quarantine=rows))
    assert view.counts == [("ingest", "silent", 166), ("ingest", "truncated", 84)]
    assert (len(view.rows), view.omitted) == (200, 50)


def test_provenance_has_the_settings_back_and_counts_licences() -> None:
    clips = [clip_row("a", licence="CC0"), clip_row("b", licence=""), clip_row("c", licence="CC0")]
    provenance = build_provenance(Collected(clips=clips), SETTINGS)
    assert yaml.safe_load(provenance.config) == SETTINGS
    assert provenance.licences == [("CC0", 2), ("not stated", 1)]
