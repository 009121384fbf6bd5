"""The judge stage: what each judge says of every generated sound and of what it is compared with (SPEC E1).

An item is one sound, video or prompt and one judge. Its key is what is heard, the judge, its weights and the part, so
another checkpoint's evaluation asks about its own sounds alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np

from data_contracts import Generated, ItemError, Judgement, Row, read_table
from data_contracts.files import hash_file
from model.devices import choose_device
from tasks.engine import Item, ItemResult, Stage, hashed_files
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace
from tasks.evaluate import baselines
from tasks.evaluate.asked_judges import AskedJudge, asked_judges, keep_judges, load_judges
from tasks.evaluate.columns import columns_of
from tasks.evaluate.components import codec_of, featured_rows, open_store
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judge_cache import JudgeCache
from tasks.evaluate.judge_plan import JUDGED_GROUPS, JudgeInput, JudgePlanner
from tasks.evaluate.judging import CachedJudge, Said
from tasks.evaluate.plan import Case, plan_cases
from tasks.evaluate.recordings import Recordings
from tasks.evaluate.sounds import MADE_RATE_HZ, Decoder, Sound
from tasks.media.samples import Samples

OUTPUTS: Final = "outputs"
_AT_A_TIME: Final = 64  # items


@dataclass(frozen=True, slots=True)
class JudgeStage(Stage):
    """One row per input and judge."""

    config: EvaluateConfig

    name: ClassVar[str] = "judge"
    version: ClassVar[int] = 3
    row_type: ClassVar[type[Row]] = Judgement
    large_shards: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        """Returns nothing: judge, weights and part are in each item's payload."""
        return {}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per judge of the settings and per input that it can be asked about."""
        inputs = planned_inputs(self.config, workspace)  # first: a missing table is said before anything is loaded
        return [item for judge in asked_judges(self.config, workspace) for item in _items(judge, inputs)]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Asks judge by judge, some items at a time."""
        sounds = InputReader(self.config, workspace)
        cache = JudgeCache(workspace.stage(self.name) / OUTPUTS)
        judges = load_judges(self.config)
        for name in dict.fromkeys(item.payload["judge"] for item in items):
            asked = replace(judges[name], cache=cache)
            of_judge = [item for item in items if item.payload["judge"] == name]
            for start in range(0, len(of_judge), _AT_A_TIME):
                yield from _asked(asked, of_judge[start : start + _AT_A_TIME], sounds, workspace)

    def limits(self) -> list[Limit]:
        """Returns how many judgements may be quarantined."""
        return [limit(self.config, "evaluate", "accept_quarantined", "quarantined")]

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Returns the file of what was said."""
        return hashed_files(row, "outputs")

    def on_finished(self, workspace: Workspace) -> str:
        """Keeps what was asked, for machines without a judge's weights."""
        keep_judges(self.config, workspace)
        return ""


def planner_of(config: EvaluateConfig, workspace: Workspace) -> JudgePlanner:
    """Returns the planner of a run's inputs."""
    store = open_store(workspace.path("precompute"))
    manifest = {row.item_id: row for row in featured_rows(workspace, store)}
    return JudgePlanner(
        manifest=manifest, clip_s=store.clip_s, codec_sha256=store.specs.codec.weights_sha256, seed=config.seed
    )


def planned_inputs(config: EvaluateConfig, workspace: Workspace) -> list[JudgeInput]:
    """Returns the distinct inputs of every case that was generated."""
    planner = planner_of(config, workspace)
    found: dict[str, JudgeInput] = {}
    for case, made in cases_to_judge(config, workspace, planner):
        for one in planner.inputs(case, made):
            found.setdefault(one.name, one)
    return list(found.values())


def cases_to_judge(
    config: EvaluateConfig, workspace: Workspace, planner: JudgePlanner
) -> list[tuple[Case, dict[str, tuple[str, str]]]]:
    """Returns the cases whose sounds are judged, each with path and SHA-256 of its audio by checkpoint."""
    made: dict[str, dict[str, tuple[str, str]]] = {}
    for row in read_table(workspace.table("generate", Generated.TABLE), Generated):
        made.setdefault(row.case_id, {})[row.checkpoint] = (row.audio_path, row.audio_sha256)
    cases = plan_cases(list(planner.manifest.values()), config, planner.clip_s)
    return [(case, made[case.item_id]) for case in cases if case.group in JUDGED_GROUPS and case.item_id in made]


def _items(judge: AskedJudge, inputs: Sequence[JudgeInput]) -> list[Item]:
    measures = {column.measure for column in columns_of(judge.name)}
    kinds = {"video": "video" in judge.kinds and bool(measures & {"video", "desync"})}
    kinds["text"] = "text" in judge.kinds and "text" in measures
    return [
        Item(
            f"{judge.name}-{one.name}",
            {"judge": judge.name, "weights_sha256": judge.weights_sha256, "input": one.to_dict()},
        )
        for one in inputs
        if kinds.get(one.source, True)
    ]


def _asked(
    asked: CachedJudge, items: Sequence[Item], reader: InputReader, workspace: Workspace
) -> Iterator[ItemResult]:
    inputs = [JudgeInput.from_dict(item.payload["input"]) for item in items]
    heard = [place for place, one in enumerate(inputs) if one.source not in ("video", "text")]
    sounds = [reader.sound(inputs[place]) for place in heard]
    said: dict[int, tuple[Said, str]] = {
        place: (one, asked.sound_key(sound))
        for place, sound, one in zip(heard, sounds, asked.hear(sounds), strict=True)
    }
    for place, one in enumerate(inputs):
        if one.source == "text":
            said[place] = asked.read([one.text])[0], asked.text_key(one.text)
        elif one.source == "video":
            path = workspace.path(str(one.path))
            said[place] = asked.see(path, one.content, one.to_s), asked.video_key(one.content, one.to_s)
    for place, item in enumerate(items):
        answer, key = said[place]
        if isinstance(answer, str):
            yield ItemResult(item.item_id, error=ItemError("not_judged", answer))
        else:
            yield ItemResult(item.item_id, rows=(_row(asked, item, inputs[place], key, workspace).to_dict(),))


def _row(asked: CachedJudge, item: Item, one: JudgeInput, key: str, workspace: Workspace) -> Judgement:
    path, spec = asked.cache.path(key), asked.judge.spec
    return Judgement(
        item_id=item.item_id,
        input=one.name,
        source=one.source,
        content_sha256=one.content,
        from_s=one.from_s,
        to_s=one.to_s,
        judge=spec.name,
        weights_sha256=spec.weights_sha256,
        rate_hz=spec.rate_hz,
        outputs_path=workspace.relative(path),
        outputs_sha256=hash_file(path),
    )


class InputReader:
    """Reads or makes the sounds of inputs; the codec is loaded when a round trip is asked for first."""

    def __init__(self, config: EvaluateConfig, workspace: Workspace) -> None:
        self._config, self._workspace, self._decoder = config, workspace, Decoder()

    @cached_property
    def _recordings(self) -> Recordings:
        store = open_store(self._workspace.path("precompute"))
        manifest = {row.item_id: row for row in featured_rows(self._workspace, store)}
        return Recordings(self._workspace, manifest, codec_of(store, choose_device(self._config.device)), store.clip_s)

    def sound(self, one: JudgeInput) -> Sound:
        """Returns the sound of an input; a file that cannot be read raises ItemError when it is asked for samples."""
        if one.source in ("generated", "row"):
            return self._decoder.part(self._workspace.path(str(one.path)), one.content, one.from_s, one.to_s)
        return Sound(one.content, one.from_s, one.to_s, lambda: self._made(one))

    def _made(self, one: JudgeInput) -> tuple[Samples, int]:
        length = round(one.to_s * MADE_RATE_HZ)
        if one.source == "noise":
            return baselines.white_noise(length, np.random.default_rng(one.seed)), MADE_RATE_HZ
        if one.source == "clicks":
            return baselines.clicks(length, MADE_RATE_HZ), MADE_RATE_HZ
        if one.source == "silence":
            return baselines.silence(length), MADE_RATE_HZ
        if one.source == "codec":
            return self._recordings.round_trip(str(one.row)), self._recordings.rate_hz
        assert one.source == "pasted" and one.part_s is not None
        part = self._decoder.part(self._workspace.path(str(one.path)), one.content, *one.part_s)
        samples_T, rate_hz = part.samples()
        return baselines.pasted(samples_T, round(one.to_s * rate_hz)), rate_hz
