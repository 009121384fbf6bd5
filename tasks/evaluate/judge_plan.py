"""What the judges of a run are asked about: generated sounds, what they are compared with, videos and prompts.

Pure functions of the plan and the tables. The judge stage makes its items of them, the score stage finds what was said
of each by the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from data_contracts import ManifestRow
from data_contracts.generation import TASKS
from tasks.engine.workspace import hash_text, safe_name, seed_for
from tasks.evaluate import baselines
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.plan import Case
from tasks.evaluate.sounds import NOISES

Source = Literal["generated", "row", "codec", "pasted", "noise", "clicks", "silence", "video", "text"]
System = tuple[str, str | None]
"""A system's name and, of the model, its checkpoint."""
JUDGED_GROUPS: Final = ("vta", "vta-no-text", "tc-vta", "ac-vta", "fe")
"""Case groups whose sounds are judged: the pairs of text to audio are judged by their adverbs alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeInput:
    """One sound, video or prompt, JSON-able. Times are seconds.

    `content` names what is heard or seen: a file's SHA-256, or a hash of what it is made from. `path` is a file of the
    workspace, `row` a manifest row, `part_s` the part of it that is pasted, `seed` that of noise.
    """

    source: Source
    content: str
    from_s: float = 0.0
    to_s: float = 0.0
    path: str | None = None
    row: str | None = None
    part_s: tuple[float, float] | None = None
    seed: int = 0
    text: str = ""

    @property
    def name(self) -> str:
        """A name that tells inputs apart, readable in a table."""
        what = self.row or self.source
        times = f"{self.from_s:g}-{self.to_s:g}" if self.to_s else ""
        identity = hash_text(
            self.source, self.content, repr(self.from_s), repr(self.to_s), repr(self.part_s), self.text
        )
        return safe_name("-".join(part for part in (self.source, what, times) if part), limit=60) + f"-{identity[:10]}"

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuilds an input from `to_dict`'s values, or from JSON."""
        part = values["part_s"]
        return cls(**{**values, "part_s": None if part is None else (float(part[0]), float(part[1]))})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePlanner:
    """Plans the inputs of cases. `codec_sha256`: of the codec's weights; `seed`: of the noise."""

    manifest: Mapping[str, ManifestRow]
    clip_s: float
    codec_sha256: str
    seed: int

    def systems(self, case: Case, generated: Mapping[str, tuple[str, str]]) -> dict[System, JudgeInput]:
        """Returns the sounds that are scored, by system. `generated`: checkpoint -> path and SHA-256.

        Of a further seed what was generated alone: the others are those of the case that it repeats.
        """
        found: dict[System, JudgeInput] = {}
        for checkpoint, (path, sha256) in generated.items():
            found[MODEL, checkpoint] = self._scored(case, "generated", sha256, path=path)
        if case.repeats is not None:
            return found
        found[baselines.CODEC_UPPER_BOUND, None] = self._codec(case.parent_id, case.scored_from_s, case.duration_s)
        found[baselines.TRUTH, None] = self.truth(case)
        number = int(hash_text("noise", case.parent_id)[:8], 16) % NOISES
        noise = hash_text("white noise", str(self.seed), str(number))
        seed = seed_for("judged noise", str(self.seed), str(number))
        found[baselines.NOISE, None] = self._scored(case, "noise", noise, seed=seed)
        if case.shuffled_id is not None:
            found[baselines.SHUFFLED, None] = self._row(case, case.shuffled_id)
        if TASKS[case.task].uses("reference"):
            found[baselines.PASTED, None] = self._pasted(case)
        found[baselines.CLICKS, None] = self._scored(case, "clicks", "clicks")
        found[baselines.SILENCE, None] = self._scored(case, "silence", "silence")
        return found

    def truth(self, case: Case) -> JudgeInput:
        """Returns the scored part of the video's own audio."""
        return self._row(case, case.parent_id)

    def reference(self, case: Case, *, by_codec: bool = False) -> JudgeInput:
        """Returns the audio that the result should resemble: the reference's part, or all of its row's."""
        row = str(case.reference_id)
        if by_codec:
            return self._codec(row, 0.0, self.clip_s)
        if case.reference_s > 0:
            return self._of_row(row, case.reference_from_s, case.reference_from_s + case.reference_s)
        return self._of_row(row, 0.0, self.clip_s)

    def whole(self, row: str) -> JudgeInput:
        """Returns the whole of a row's audio."""
        return self._of_row(row, 0.0, self.clip_s)

    def video(self, case: Case) -> JudgeInput:
        """Returns the case's video."""
        row = self.manifest[case.parent_id]
        return JudgeInput(
            source="video",
            content=hash_text("video", str(row.video_path), row.lineage_json),
            to_s=case.duration_s,
            path=row.video_path,
            row=row.item_id,
        )

    def text(self, case: Case) -> JudgeInput | None:
        """Returns the case's prompt; None where it has none."""
        return JudgeInput(source="text", content=hash_text(case.prompt), text=case.prompt) if case.prompt else None

    def inputs(self, case: Case, generated: Mapping[str, tuple[str, str]]) -> Iterator[JudgeInput]:
        """Yields every sound, video and prompt that a case needs, some of them more than once."""
        yield from self.systems(case, generated).values()
        yield self.reference(case)
        if case.reference_id not in (None, case.parent_id):
            yield self.whole(str(case.reference_id))
            yield self.reference(case, by_codec=True)
        yield self.video(case)
        if (prompt := self.text(case)) is not None:
            yield prompt

    def _scored(
        self, case: Case, source: Source, content: str, *, path: str | None = None, seed: int = 0
    ) -> JudgeInput:
        return JudgeInput(
            source=source, content=content, from_s=case.scored_from_s, to_s=case.duration_s, path=path, seed=seed
        )

    def _row(self, case: Case, row: str) -> JudgeInput:
        return self._of_row(row, case.scored_from_s, case.duration_s)

    def _of_row(self, row: str, from_s: float, to_s: float) -> JudgeInput:
        found = self.manifest[row]
        return JudgeInput(
            source="row", content=found.audio_sha256, from_s=from_s, to_s=to_s, path=found.audio_path, row=row
        )

    def _codec(self, row: str, from_s: float, to_s: float) -> JudgeInput:
        content = hash_text("codec", self.codec_sha256, self.manifest[row].audio_sha256)
        return JudgeInput(source="codec", content=content, from_s=from_s, to_s=to_s, row=row)

    def _pasted(self, case: Case) -> JudgeInput:
        row = self.manifest[str(case.reference_id)]
        part_s = (case.reference_from_s, case.reference_from_s + case.reference_s)
        return JudgeInput(
            source="pasted",
            content=hash_text("pasted", row.audio_sha256),
            from_s=case.scored_from_s,
            to_s=case.duration_s,
            path=row.audio_path,
            row=row.item_id,
            part_s=part_s,
        )
