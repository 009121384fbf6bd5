"""The evaluation plan: which held-out clips each task gets, with which conditions (SPEC D5, G1-G5).

Pure functions of manifest rows and settings. The generate and the score stage both call `plan_cases`, so they agree
without exchanging anything but the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from data_contracts import ManifestRow
from data_contracts.adverbs import DIMENSIONS, LEVELS
from data_contracts.generation import CASE_GROUPS, VIDEO_ONLY, TaskName
from tasks.engine.workspace import hash_text, safe_name, seed_for
from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.prompts import adverb_pair, plain_caption

REFERENCE_SHARE: Final = 0.25  # SPEC G4: 2 s of reference before the target
GIVEN_SHARE: Final = 0.375  # SPEC G5: the first 3 s of 8 are given
_LEAD_S: Final = 0.1
_FITTED_CLIPS: Final = 384
_NO_MATERIAL: Final = "none"  # of the built-in corpus: rain, wind, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One clip to generate, and what it is scored against. Times are seconds. `group` is one of `CASE_GROUPS`.

    `parent_id` names the row that gives the video (vta, tc-vta, ac-vta, fe) or the caption (tta). `reference_id` names
    the row that the result should sound like: the reference of ac-vta (from `reference_from_s`), the clip itself for
    vta and fe, the clip whose caption is the prompt for tc-vta. `shuffled_id` names an unrelated clip (a baseline).
    `repeats` names the case that differs in the noise alone, and `seed_number` the place of its seed among
    `evaluate.seeds`; of the first seed they are None and 0.
    """

    item_id: str
    group: str
    parent_id: str
    prompt: str
    duration_s: float
    scored_from_s: float
    seed: int
    reference_id: str | None = None
    reference_from_s: float = 0.0
    reference_s: float = 0.0
    shuffled_id: str | None = None
    direction: str | None = None
    side: str | None = None
    pair: str | None = None
    repeats: str | None = None
    seed_number: int = 0

    @property
    def task(self) -> TaskName:
        """The task that generates it."""
        return CASE_GROUPS[self.group].task

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values. The first seed's have no `repeats` and no `seed_number`, so that what earlier
        releases generated stays finished."""
        values = asdict(self)
        if self.repeats is None:
            del values["repeats"], values["seed_number"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuilds a case from `to_dict`'s values."""
        return cls(**values)


def plan_cases(rows: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float) -> list[Case]:
    """Returns all cases for the test rows among `rows`, task by task; the order of `rows` does not matter.

    With several seeds (`evaluate.seeds`) the cases of the first one come first, then the same ones with each other.
    """
    first, *others = config.noise_seeds
    cases = _cases(rows, config, clip_s, first)
    further = [
        _repeated(case, number, seed)
        for number, seed in enumerate(others, 1)
        for case in _cases(rows, config, clip_s, seed)
    ]
    return [*cases, *further]


def _repeated(case: Case, number: int, seed: int) -> Case:
    """Returns a case of a further seed, with names of its own."""
    suffix = f"-seed-{seed}"
    pair = None if case.pair is None else case.pair + suffix
    return replace(case, item_id=case.item_id + suffix, pair=pair, repeats=case.item_id, seed_number=number)


def _cases(rows: Sequence[ManifestRow], config: EvaluateConfig, clip_s: float, noise_seed: int) -> list[Case]:
    test = [row for row in rows if row.split == "test" and row.subset != "aa"]
    order = sorted(test, key=lambda row: hash_text("evaluate", str(config.seed), row.item_id))
    with_video = [row for row in order if row.video_path]
    numbered = list(enumerate(with_video))
    without_lag = [(index, row) for index, row in numbered if not _has_lag(row)]
    planner = _Planner(config, clip_s, noise_seed)
    cases: list[Case] = []
    for make in (planner.vta, planner.vta_no_text, planner.tc_vta, planner.ac_vta, planner.fe):
        clips = without_lag if make == planner.ac_vta else numbered  # another recording cannot tell a clip's lag
        for index, clip in clips[: config.clips]:
            others = [*with_video[index + 1 :], *with_video[:index]]  # so that partners differ from clip to clip
            if (case := make(clip, others)) is not None:
                cases.append(case)
    return [*cases, *planner.adverb_pairs(order)]


def first_cases(cases: Sequence[Case], count: int) -> list[Case]:
    """Returns the first `count` clips of each case group, and of adverbs the first `count` pairs of each direction.

    Of each seed they are the same ones.
    """
    places: dict[tuple[str, str | None, int], dict[str, int]] = {}
    kept = []
    for case in cases:
        found = places.setdefault((case.group, case.direction, case.seed_number), {})
        if found.setdefault(case.pair or case.item_id, len(found)) < count:
            kept.append(case)
    return kept


def sides_of(row: ManifestRow) -> set[str]:
    """Returns the sides (fast, near, ...) that a row's audio is known to have, from its augmentation or its scene."""
    if row.level:
        level = LEVELS[row.level]
        return {level.side} - {DIMENSIONS[level.dimension].middle}
    attributes = json.loads(row.attributes_json)
    values = {attributes.get(name) for name in DIMENSIONS}
    return {value for value in values if isinstance(value, str)}


def material_of(row: ManifestRow) -> str | None:
    """Returns the material that a row's attributes name, None where they name none."""
    name = json.loads(row.attributes_json).get("material")
    return name if isinstance(name, str) and name != _NO_MATERIAL else None


def _has_lag(row: ManifestRow) -> bool:
    """Whether the audio is known to lag behind the video, as a share of the built-in corpus can (`lag_share`)."""
    return bool(json.loads(row.attributes_json).get("lag_ms"))


def material_rows(rows: Iterable[ManifestRow]) -> list[ManifestRow]:
    """Returns the unchanged training rows of known material, at most 384, that the classifier is fitted on."""
    known = [row for row in rows if row.split == "train" and row.subset != "aa" and material_of(row) is not None]
    return sorted(known, key=lambda row: hash_text("fitted", row.item_id))[:_FITTED_CLIPS]


@dataclass(frozen=True, slots=True)
class _Planner:
    """Makes the cases of each task. `others` are the clips that may lend a caption, a reference or shuffled audio."""

    config: EvaluateConfig
    clip_s: float
    noise_seed: int

    def vta(self, clip: ManifestRow, others: Sequence[ManifestRow]) -> Case:
        """SPEC G2: video, synchronisation and the clip's own caption."""
        return self._case("vta", clip, others, prompt=clip.caption, duration_s=self.clip_s, reference_id=clip.item_id)

    def vta_no_text(self, clip: ManifestRow, others: Sequence[ManifestRow]) -> Case:
        """SPEC G2 with the video alone; the seed is that of the case with text, so the two differ in nothing else."""
        case = self._case(VIDEO_ONLY, clip, others, duration_s=self.clip_s, reference_id=clip.item_id)
        return replace(case, seed=self._seed("vta", clip.item_id))

    def tc_vta(self, clip: ManifestRow, others: Sequence[ManifestRow]) -> Case | None:
        """SPEC G3: the caption of a clip of another material, without its adverbs: they describe another video."""
        other = _unlike(clip, others)
        if other is None:
            return None
        prompt = plain_caption(other.caption) or other.caption
        return self._case("tc-vta", clip, others, prompt=prompt, duration_s=self.clip_s, reference_id=other.item_id)

    def ac_vta(self, clip: ManifestRow, others: Sequence[ManifestRow]) -> Case | None:
        """SPEC G4: a reference of another material, cut just before its first event; the target fills the rest."""
        other = _unlike(clip, others)
        if other is None:
            return None
        reference_s = REFERENCE_SHARE * self.clip_s
        latest = max(0.0, min(other.duration_s, self.clip_s) - reference_s)
        first = (other.event_times_s or (0.0,))[0]
        return self._case(
            "ac-vta",
            clip,
            others,
            duration_s=self.clip_s - reference_s,
            reference_id=other.item_id,
            reference_from_s=round(min(latest, max(0.0, first - _LEAD_S)), 5),
            reference_s=reference_s,
        )

    def fe(self, clip: ManifestRow, others: Sequence[ManifestRow]) -> Case:
        """SPEC G5: the first part of the clip's own audio is given, the rest is generated and scored."""
        given_s = GIVEN_SHARE * self.clip_s
        return self._case(
            "fe",
            clip,
            others,
            duration_s=self.clip_s,
            scored_from_s=given_s,
            reference_id=clip.item_id,
            reference_s=given_s,
        )

    def _case(
        self,
        group: str,
        clip: ManifestRow,
        others: Sequence[ManifestRow],
        *,
        duration_s: float,
        reference_id: str,
        prompt: str = "",
        scored_from_s: float = 0.0,
        reference_from_s: float = 0.0,
        reference_s: float = 0.0,
    ) -> Case:
        # The shuffled baseline must be unrelated to the reference too, which the result should resemble.
        related = {clip.group_id, *(row.group_id for row in others if row.item_id == reference_id)}
        shuffled = next((row for row in others if row.group_id not in related), None)
        return Case(
            item_id=safe_name(f"{group}-{clip.item_id}", limit=120),
            group=group,
            parent_id=clip.item_id,
            prompt=prompt,
            duration_s=duration_s,
            scored_from_s=scored_from_s,
            seed=self._seed(group, clip.item_id),
            reference_id=reference_id,
            reference_from_s=reference_from_s,
            reference_s=reference_s,
            shuffled_id=shuffled.item_id if shuffled else None,
        )

    def adverb_pairs(self, rows: Sequence[ManifestRow]) -> list[Case]:
        """SPEC G1: per direction, pairs of prompts with opposite adverbs; both of a pair have one seed."""
        captioned = [row for row in rows if plain_caption(row.caption)]
        cases: list[Case] = []
        for shift, (direction, sides) in enumerate(DIRECTIONS.items()):
            # Only clips with events have a speed: nothing can be counted in "rain falls quickly".
            fit = [row for row in captioned if row.event_times_s] if direction == "speed" else captioned
            for number in range(self.config.adverb_pairs if fit else 0):
                row = fit[(shift * self.config.adverb_pairs + number) % len(fit)]
                pair = f"{direction}-{number:03d}"
                cases.extend(
                    Case(
                        item_id=f"tta-{pair}-{side}",
                        group="tta",
                        parent_id=row.item_id,
                        prompt=prompt,
                        duration_s=self.clip_s,
                        scored_from_s=0.0,
                        seed=self._seed("tta", pair),
                        direction=direction,
                        side=side,
                        pair=pair,
                    )
                    for side, prompt in zip(sides, adverb_pair(row.caption, direction, number), strict=True)
                )
        return cases

    def _seed(self, *names: str) -> int:
        return seed_for("evaluate", str(self.noise_seed), *names)


def _unlike(clip: ManifestRow, others: Sequence[ManifestRow]) -> ManifestRow | None:
    """Returns the next clip of another material; where materials are unknown, of another recording and caption."""
    material = material_of(clip)
    for row in others:
        other = material_of(row)
        if row.group_id != clip.group_id and row.caption != clip.caption and (material is None or material != other):
            return row
    return None
