"""The statement at the top of the report: recorded or rendered clips, placeholders or the paper's components."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.config import PipelineConfig
from tasks.corpus.config import CorpusConfig
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.report.collect import Collected, ComponentWeights
from tasks.report.overview import build_hero

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
