"""The report: one self-contained HTML file about everything in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data_contracts.files import atomic_path
from tasks.engine.workspace import Workspace
from tasks.report import REPORT, Settings
from tasks.report.ablations import build_ablations
from tasks.report.augmentation import Augmentation, build_augmentation
from tasks.report.claims import build_claims
from tasks.report.collect import collect
from tasks.report.html import environment, page_assets
from tasks.report.media import MediaEmbedder
from tasks.report.overview import build_hero, build_pipeline, build_provenance, build_quarantine
from tasks.report.paper_tables import build_tables
from tasks.report.samples import SamplesSection, build_samples
from tasks.report.scoring import build_scores
from tasks.report.training import build_training
from tasks.report.trainings import build_change
from tasks.report.words import COMPONENTS

AUGMENTATION_CHARS: Final = 9_000_000  # for the clips of the adverb section
REPORT_CHARS: Final = 23_000_000  # for all media together


def write_report(workspace: Workspace, settings: Settings) -> Path:
    """Writes `report/report.html` from the tables that exist and returns its path. Same inputs, same bytes.

    Missing tables and unreadable media raise nothing: their sections say so.
    """
    out = workspace.path(*REPORT)
    page = render(workspace, settings)
    with atomic_path(out) as temporary:
        temporary.write_text(page, "utf-8")
    return out


def render(workspace: Workspace, settings: Settings) -> str:
    """Returns the page as HTML."""
    found = collect(workspace)
    media = MediaEmbedder(workspace, AUGMENTATION_CHARS)
    augmentation = build_augmentation(found, media)
    media.budget = REPORT_CHARS
    samples = build_samples(found, media)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            **page_assets(),
            hero=build_hero(found, workspace, settings),
            pipeline=build_pipeline(found),
            augmentation=augmentation,
            training=build_training(found),
            change=build_change(workspace, found.scores),
            samples=samples,
            scores=build_scores(found),
            claims=build_claims(found.claims),
            paper_tables=build_tables(workspace),
            ablations=build_ablations(found.ablations),
            quarantine=build_quarantine(found),
            provenance=build_provenance(found, settings),
            components=COMPONENTS,
            refused=media.refused,
            hero_image=_hero_image(samples, augmentation),
        )
    )


def _hero_image(samples: SamplesSection, augmentation: Augmentation) -> str | None:
    """Returns the spectrogram behind the title: the first generated clip's, else the first augmented clip's."""
    cards = [card.tracks for task in samples.tasks for card in task.cards]
    examples = [example.tracks for level in augmentation.levels for example in level.examples]
    return next((tracks[-1].png for tracks in [*cards, *examples] if tracks[-1].png), None)
