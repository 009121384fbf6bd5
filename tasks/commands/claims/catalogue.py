"""The paper's claims that the built-in corpus can test: which configuration is better than which, in what.

The page (`page.py`) says which of the paper's metrics each metric here stands for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from data_contracts.generation import TaskName

_SYNC: Final = ("EventF1@50ms", "EventF1@100ms", "OnsetSyncAP")
_LIKENESS: Final = ("Timbre-cos",)
_ADVERBS: Final = ("AdverbCheck direction right",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`better` is better than `worse` (names of variants) in a task by the first of the metrics.

    The other metrics are shown beside it. Higher values are better in all of them. `source`: where the paper says it.
    """

    name: str
    statement: str
    source: str
    task: TaskName
    better: str
    worse: str
    metrics: tuple[str, ...]


CLAIMS: Final = (
    Claim(
        name="masking-sync",
        statement="With a foreign reference, masking the video with the audio keeps the target in sync",
        source="table 7",
        task="ac-vta",
        better="full",
        worse="m-3",
        metrics=_SYNC,
    ),
    Claim(
        name="masking-alone-sync",
        statement="With a foreign reference, masking the video is worth more for sync than InputEmbedding",
        source="table 7, section 5.6",
        task="ac-vta",
        better="m-2",
        worse="m-3",
        metrics=_SYNC,
    ),
    Claim(
        name="embedding-sync",
        statement="With a foreign reference, InputEmbedding keeps the target in sync better than replaced latents",
        source="table 7",
        task="ac-vta",
        better="m-3",
        worse="m-1",
        metrics=_SYNC,
    ),
    Claim(
        name="masking-extension-sync",
        statement="An extension is as well or better in sync when the video is masked with the audio",
        source="table 5",
        task="fe",
        better="full",
        worse="m-3",
        metrics=_SYNC,
    ),
    Claim(
        name="embedding-extension-sync",
        statement="An extension is better in sync with InputEmbedding than with replaced latents",
        source="table 5",
        task="fe",
        better="m-3",
        worse="m-1",
        metrics=_SYNC,
    ),
    Claim(
        name="embedding-likeness",
        statement="InputEmbedding makes the result sound like the reference",
        source="table 7, section 5.6",
        task="ac-vta",
        better="m-3",
        worse="m-1",
        metrics=_LIKENESS,
    ),
    Claim(
        name="embedding-extension-likeness",
        statement="With InputEmbedding an extension sounds more like its beginning",
        source="table 5, section 5.6",
        task="fe",
        better="m-3",
        worse="m-1",
        metrics=_LIKENESS,
    ),
    Claim(
        name="summation-likeness",
        statement="Adding the reference to the initial noise makes the result sound like it",
        source="table 7",
        task="ac-vta",
        better="full",
        worse="no-sum",
        metrics=_LIKENESS,
    ),
    Claim(
        name="augmentation-adverbs",
        statement="Training on augmented audio makes the result follow the prompt's adverb",
        source="table 6, section 5.5",
        task="tta",
        better="full",
        worse="no-aa",
        metrics=_ADVERBS,
    ),
    Claim(
        name="mmaudio-sync",
        statement="With a foreign reference, the target is better in sync than MMAudio's with a repeated video",
        source="table 4",
        task="ac-vta",
        better="full",
        worse="mmaudio-s2",
        metrics=_SYNC,
    ),
    Claim(
        name="mmaudio-likeness",
        statement="The result sounds more like the reference than MMAudio's with the reference's own video",
        source="table 4",
        task="ac-vta",
        better="full",
        worse="mmaudio-s3",
        metrics=_LIKENESS,
    ),
)


def claims_between(variants: Collection[str]) -> list[Claim]:
    """Returns the claims whose two configurations are among the variants."""
    return [claim for claim in CLAIMS if {claim.better, claim.worse} <= set(variants)]


def tasks_of(variant: str, claims: Collection[Claim]) -> list[TaskName]:
    """Returns the tasks in which the claims compare a variant, in the order of the claims."""
    return list(dict.fromkeys(claim.task for claim in claims if variant in (claim.better, claim.worse)))
