"""The paper's claims that the built-in corpus can test: which configuration is better than which, in what.

The page (`page.py`) says which of the paper's metrics each metric here stands for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from data_contracts.generation import TaskName
from tasks.evaluate.columns import LIKENESS

_SYNC: Final = ("EventF1@50ms", "EventF1@100ms", "OnsetSyncAP")
_ADVERBS: Final = ("AdverbCheck direction right",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`better` is better than `worse` (names of variants) in a task by the first of the metrics.

    The other metrics are shown beside it, those of judges where the settings name these. Higher values are better in
    all of them. `source`: where the paper says it.
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
        statement="With a reference from another clip, masking the video along with the audio improves sync",
        source="table 7",
        task="ac-vta",
        better="full",
        worse="m-3",
        metrics=_SYNC,
    ),
    Claim(
        name="masking-alone-sync",
        statement="With a reference from another clip, masking the video improves sync more than InputEmbedding does",
        source="table 7, section 5.6",
        task="ac-vta",
        better="m-2",
        worse="m-3",
        metrics=_SYNC,
    ),
    Claim(
        name="embedding-sync",
        statement="With a reference from another clip, InputEmbedding improves sync over replaced latents",
        source="table 7",
        task="ac-vta",
        better="m-3",
        worse="m-1",
        metrics=_SYNC,
    ),
    Claim(
        name="masking-extension-sync",
        statement="In Foley extension, masking the video along with the audio improves sync or leaves it equal",
        source="table 5",
        task="fe",
        better="full",
        worse="m-3",
        metrics=_SYNC,
    ),
    Claim(
        name="embedding-extension-sync",
        statement="In Foley extension, InputEmbedding improves sync over replaced latents",
        source="table 5",
        task="fe",
        better="m-3",
        worse="m-1",
        metrics=_SYNC,
    ),
    Claim(
        name="embedding-likeness",
        statement="InputEmbedding makes the output more similar to the reference than replaced latents do",
        source="table 7, section 5.6",
        task="ac-vta",
        better="m-3",
        worse="m-1",
        metrics=LIKENESS,
    ),
    Claim(
        name="embedding-extension-likeness",
        statement="In Foley extension, InputEmbedding makes the output more similar to the given beginning",
        source="table 5, section 5.6",
        task="fe",
        better="m-3",
        worse="m-1",
        metrics=LIKENESS,
    ),
    Claim(
        name="summation-likeness",
        statement="Adding the reference to the initial noise makes the output more similar to it",
        source="table 7",
        task="ac-vta",
        better="full",
        worse="no-sum",
        metrics=LIKENESS,
    ),
    Claim(
        name="augmentation-adverbs",
        statement="Training on augmented audio makes the output follow the prompt's adverb more often",
        source="table 6, section 5.5",
        task="tta",
        better="full",
        worse="no-aa",
        metrics=_ADVERBS,
    ),
    Claim(
        name="mmaudio-sync",
        statement="With a reference from another clip, sync is better than MMAudio's with the target video repeated",
        source="table 4",
        task="ac-vta",
        better="full",
        worse="mmaudio-s2",
        metrics=_SYNC,
    ),
    Claim(
        name="mmaudio-likeness",
        statement="The output is more similar to the reference than MMAudio's with the reference's own video",
        source="table 4",
        task="ac-vta",
        better="full",
        worse="mmaudio-s3",
        metrics=LIKENESS,
    ),
)


def claims_between(variants: Collection[str]) -> list[Claim]:
    """Returns the claims whose two configurations are among the variants."""
    return [claim for claim in CLAIMS if {claim.better, claim.worse} <= set(variants)]


def tasks_of(variant: str, claims: Collection[Claim]) -> list[TaskName]:
    """Returns the tasks in which the claims compare a variant, in the order of the claims."""
    return list(dict.fromkeys(claim.task for claim in claims if variant in (claim.better, claim.worse)))
