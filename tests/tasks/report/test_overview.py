"""The report's honest line: where the sounds come from, of all corpora of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.config import PipelineConfig
from tasks.corpus.config import CorpusConfig
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.report.collect import Collected, Weights
from tasks.report.overview import build_hero

RENDERED, OWN = CorpusConfig(), CorpusConfig(kind="vggsound", path="v.csv")


@pytest.mark.parametrize(
    ("ingest", "said"),
    [
        (IngestConfig(), "Sounds and pictures are rendered, not recorded."),
        (IngestConfig(corpus=OWN), "Sounds are the user's own."),
        (IngestConfig(corpora=(RENDERED, RENDERED)), "Sounds and pictures are rendered, not recorded."),
        (IngestConfig(corpora=(OWN, OWN)), "Sounds are the user's own."),
        (IngestConfig(corpora=(OWN, RENDERED)), "Sounds are the user's own, some rendered."),
        (IngestConfig(corpus=OWN, corpora=(RENDERED,)), "Sounds and pictures are rendered, not recorded."),
    ],
)
def test_where_the_sounds_come_from_is_said_of_all_corpora(tmp_path: Path, ingest: IngestConfig, said: str) -> None:
    hero = build_hero(Collected(), Workspace(tmp_path), PipelineConfig(ingest=ingest).model_dump(mode="json"))
    assert hero.honest == f"{said} No model part has been used yet."


@pytest.mark.parametrize(("placeholder", "said"), [(True, "parts stand in for"), (False, "No embedded placeholder")])
def test_stand_ins_are_named(tmp_path: Path, placeholder: bool, said: str) -> None:
    found = Collected(weights=[Weights(role="codec", name="small", sha256="0", placeholder=placeholder)])
    hero = build_hero(found, Workspace(tmp_path), PipelineConfig().model_dump(mode="json"))
    assert said in hero.honest and hero.placeholders == (["codec: small"] if placeholder else [])
