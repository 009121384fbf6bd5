"""Which held-out clips each task gets, with which conditions (SPEC D5, G1-G5). Pure: rows and a config in, jobs out.

The generate and the score stage both plan, and so agree without passing anything but the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from data_contracts import ManifestRow
from data_contracts.adverbs import DIMENSIONS, LEVELS
from data_contracts.generation import TaskName
from tasks.engine.workspace import hash_text, safe_name, seed_for
from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.prompts import adverb_pair, plain_caption

REFERENCE_SHARE: Final = 0.25  # SPEC G4: 2 s of reference before the target
GIVEN_SHARE: Final = 0.375  # SPEC G5: the first 3 s of 8 are given
_LEAD_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One sound to generate, and what it is scored on. Times are seconds.

    `parent_id` gives the video (vta, tc-vta, ac-vta, fe) or the sentence (tta). `reference_id` gives the sound that
    the result should resemble: the reference of ac-vta (from `reference_from_s`), the clip itself for vta and fe, the
    clip that lent its caption for tc-vta. `rival_id` is another clip, for the shuffled chance row.
    """

    item_id: str
    task: TaskName
    parent_id: str
    prompt: str
    duration_s: float
    scored_from_s: float
    seed: int
    reference_id: str | None = None
    reference_from_s: float = 0.0
    reference_s: float = 0.0
    rival_id: str | None = None
    direction: str | None = None
    side: str | None = None
    pair: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuilds a job from `to_dict`'s values."""
        return cls(**values)


def plan_jobs(rows: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> list[Job]:
    """Returns all jobs for the test rows among `rows`, task by task. Deterministic in the rows and the config."""
    test = [row for row in rows if row.split == "test" and row.subset != "aa"]
    order = sorted(test, key=lambda row: hash_text("evaluate", str(config.seed), row.item_id))
    films = [row for row in order if row.video_path]
    jobs: list[Job] = []
    for make in (_vta, _tc_vta, _ac_vta, _fe):
        jobs.extend(_each_film(films, config, clip_s, make))
    return [*jobs, *_adverb_jobs(order, config, clip_s)]


def sides_of(row: ManifestRow) -> set[str]:
    """Returns the sides that a row's sound is known to have, from its augmentation or its scene."""
    if row.level:
        level = LEVELS[row.level]
        return {level.side} - {DIMENSIONS[level.dimension].middle}
    attributes = json.loads(row.attributes_json)
    values = {attributes.get(name) for name in DIMENSIONS}
    return {value for value in values if isinstance(value, str)}


_Make = Callable[[ManifestRow, Sequence[ManifestRow], EvaluateConfig, float], Job | None]


def _each_film(films: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float, make: _Make) -> list[Job]:
    """Each film sees the others in the order after it, so partners differ from film to film."""
    jobs = []
    for index, film in enumerate(films[: config.clips]):
        job = make(film, [*films[index + 1 :], *films[:index]], config, clip_s)
        if job is not None:
            jobs.append(job)
    return jobs


def _vta(film: ManifestRow, others: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> Job:
    """SPEC G2: picture, synchronisation and the clip's own caption."""
    return _job("vta", film, others, config, prompt=film.caption, duration_s=clip_s, reference_id=film.item_id)


def _tc_vta(film: ManifestRow, others: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> Job | None:
    """SPEC G3: the sentence of a clip of another material; its words for speed and so on are not this picture's."""
    other = _unlike(film, others)
    if other is None:
        return None
    prompt = plain_caption(other.caption) or other.caption
    return _job("tc-vta", film, others, config, prompt=prompt, duration_s=clip_s, reference_id=other.item_id)


def _ac_vta(film: ManifestRow, others: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> Job | None:
    """SPEC G4: a reference sound of another material, and of the target what fits behind it in a clip."""
    other = _unlike(film, others)
    if other is None:
        return None
    reference_s = REFERENCE_SHARE * clip_s
    latest = max(0.0, min(other.duration_s, clip_s) - reference_s)
    first = (other.event_times_s or (0.0,))[0]
    return _job(
        "ac-vta",
        film,
        others,
        config,
        duration_s=clip_s - reference_s,
        reference_id=other.item_id,
        reference_from_s=round(min(latest, max(0.0, first - _LEAD_S)), 5),
        reference_s=reference_s,
    )


def _fe(film: ManifestRow, others: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> Job:
    """SPEC G5: the first part of the clip's own sound is given, the rest is generated and scored."""
    given_s = GIVEN_SHARE * clip_s
    return _job(
        "fe",
        film,
        others,
        config,
        duration_s=clip_s,
        scored_from_s=given_s,
        reference_id=film.item_id,
        reference_s=given_s,
    )


def _job(
    task: TaskName,
    film: ManifestRow,
    others: Sequence[ManifestRow],
    config: EvaluateConfig,
    *,
    duration_s: float,
    prompt: str = "",
    scored_from_s: float = 0.0,
    reference_id: str | None = None,
    reference_from_s: float = 0.0,
    reference_s: float = 0.0,
) -> Job:
    # Not the reference either: chance must know nothing of what the result should sound like.
    known = {film.group_id, *(row.group_id for row in others if row.item_id == reference_id)}
    rival = next((row for row in others if row.group_id not in known), None)
    return Job(
        item_id=safe_name(f"{task}-{film.item_id}", limit=120),
        task=task,
        parent_id=film.item_id,
        prompt=prompt,
        duration_s=duration_s,
        scored_from_s=scored_from_s,
        seed=_seed(config, task, film.item_id),
        reference_id=reference_id,
        reference_from_s=reference_from_s,
        reference_s=reference_s,
        rival_id=rival.item_id if rival else None,
    )


def _adverb_jobs(order: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> list[Job]:
    """SPEC G1: per direction, pairs of prompts with opposite adverbs; one seed for both of a pair."""
    speakable = [row for row in order if plain_caption(row.caption)]
    jobs: list[Job] = []
    for shift, (direction, sides) in enumerate(DIRECTIONS.items()):
        # Only what has events has a speed: "rain falls quickly" says nothing that can be counted.
        fit = [row for row in speakable if row.event_times_s] if direction == "speed" else speakable
        for number in range(config.adverb_pairs if fit else 0):
            row = fit[(shift * config.adverb_pairs + number) % len(fit)]
            pair = f"{direction}-{number:03d}"
            prompts = adverb_pair(row.caption, direction, number)
            jobs.extend(
                Job(
                    item_id=f"tta-{pair}-{side}",
                    task="tta",
                    parent_id=row.item_id,
                    prompt=prompt,
                    duration_s=clip_s,
                    scored_from_s=0.0,
                    seed=_seed(config, "tta", pair),
                    direction=direction,
                    side=side,
                    pair=pair,
                )
                for side, prompt in zip(sides, prompts, strict=True)
            )
    return jobs


def _unlike(film: ManifestRow, others: Sequence[ManifestRow]) -> ManifestRow | None:
    """Returns the next clip of another material; where materials are unknown, of another recording and caption."""
    mine = json.loads(film.attributes_json).get("material")
    for row in others:
        theirs = json.loads(row.attributes_json).get("material")
        if row.group_id != film.group_id and row.caption != film.caption and (mine is None or mine != theirs):
            return row
    return None


def _seed(config: EvaluateConfig, *names: str) -> int:
    return seed_for("evaluate", str(config.seed), *names)
