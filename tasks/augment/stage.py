"""Augmentation: every level of every mined caption, by the named tools, measured afterwards (SPEC A2 to A5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import pyroomacoustics as pra

from data_contracts import Augmented, Clip, ItemError, Mined, Row, iter_table, read_table, to_json
from tasks.audio_io import read_audio, write_flac
from tasks.augment.config import AugmentConfig
from tasks.augment.ffmpeg_filter import tool_version
from tasks.augment.plan import Change, Changed, Recipe, apply_recipe, changes_of, make_recipe, recipe_values
from tasks.augment.silence import Trimmed, TrimSilence, trim_silence
from tasks.engine import Item, Outcome, each, rows_from_dicts
from tasks.workspace import Workspace, hash_file, seed_for

_MIN_S: Final = 0.25
_ROOMS: Final = 6  # at most this many are tried for one sound


@dataclass(frozen=True)
class AugmentStage:
    """One item and one row per level of a mined caption. `dataset_version` is part of every seed."""

    config: AugmentConfig
    dataset_version: str
    name: ClassVar[str] = "augment"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = Augmented

    def settings(self) -> dict[str, Any]:
        """Returns all settings of the stage and the dataset version."""
        return {**self.config.model_dump(), "dataset_version": self.dataset_version}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns the levels of all mined captions, those of one clip in a row.

        A loud sound whose caption already says where it is (near or far) is not moved a second time.
        """
        mined = read_table(workspace.table("mine", "mined"), Mined)
        placed = {row.parent_id for row in mined if row.dimension == "distance"}
        wanted = {row.parent_id for row in mined}
        table = iter_table(workspace.table("ingest", "clips"), Clip)
        clips = {clip.item_id: clip for clip in table if clip.item_id in wanted}
        return [
            _item(row, change, clips[row.parent_id])
            for row in mined
            for change in changes_of(row)
            if not (change.operation == "distance" and row.dimension == "volume" and row.parent_id in placed)
        ]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[Outcome]:
        """Changes each sound; one whose effect did not happen becomes an ItemError."""
        tools = _tool_versions()
        yield from each(items, partial(self._augmented, sounds=_Sounds(workspace, self.config.silence_db), tools=tools))

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:  # noqa: ARG002
        """Returns the rows as they are."""
        return rows_from_dicts(Augmented, rows)

    def _augmented(self, item: Item, sounds: _Sounds, tools: str) -> list[Augmented]:
        values = item.payload
        change = Change(operation=values["operation"], level=values["level"])
        trimmed, rate_hz = sounds.trimmed(values["audio_path"])
        if len(trimmed.samples_T) < _MIN_S * rate_hz:
            length_s = len(trimmed.samples_T) / rate_hz
            raise ItemError("too_short", f"{length_s:.3f} s are left without silence; {_MIN_S} s are needed")
        seed = seed_for(self.dataset_version, self.name, item.item_id)
        recipe, changed = self._first_that_works(change, values["side"], seed, trimmed, rate_hz)
        samples_T = changed.samples_T[: round(self.config.max_s * rate_hz)]
        path = sounds.workspace.stage(self.name) / "audio" / f"{item.item_id}.flac"
        write_flac(path, samples_T, rate_hz)
        trim = {"silence_db": self.config.silence_db, "trim_start_s": round(trimmed.offset_s, 6)}
        return [
            Augmented(
                item_id=item.item_id,
                parent_id=values["mined_id"],
                clip_id=values["clip_id"],
                split=values["split"],
                caption=values["caption"],
                dimension=values["dimension"],
                side=values["side"],
                operation=change.operation,
                level=change.level,
                recipe_json=to_json({**recipe_values(recipe), **trim, "max_s": self.config.max_s}),
                measured_json=to_json(changed.measured),
                audio_path=sounds.workspace.relative(path),
                audio_sha256=hash_file(path),
                sample_rate_hz=rate_hz,
                duration_s=len(samples_T) / rate_hz,
                event_times_s=_moved(values["event_times_s"], trimmed, changed, len(samples_T) / rate_hz),
                seed=seed,
                tools_json=tools,
            )
        ]

    def _first_that_works(
        self, change: Change, side: str, seed: int, trimmed: Trimmed, rate_hz: int
    ) -> tuple[Recipe, Changed]:
        """Returns the first recipe whose effect is measured. Rooms are drawn anew: the tones of a bell, say, can fall
        on the resonances of one room, and then it is not darker there. Raises the last ItemError otherwise.
        """
        rooms = _ROOMS if change.operation == "distance" else 1
        for number in range(rooms):
            recipe = make_recipe(change, side, seed_for(str(seed), f"room-{number}"), self.config)
            try:
                return recipe, apply_recipe(trimmed.samples_T, rate_hz, recipe)
            except ItemError as error:
                if error.reason != "effect_missing" or number == rooms - 1:
                    raise
        raise AssertionError("unreachable: the last room returns or raises")


class _Sounds:
    """Trimmed sounds; keeps the last one, as the levels of one clip follow each other."""

    def __init__(self, workspace: Workspace, silence_db: float) -> None:
        self.workspace = workspace
        self._recipe = TrimSilence(threshold_db=silence_db)
        self._last: tuple[Path, Trimmed, int] | None = None

    def trimmed(self, audio_path: str) -> tuple[Trimmed, int]:
        """Returns a clip's sound without silence at its ends, and its rate (SPEC A2)."""
        path = self.workspace.path(audio_path)
        if self._last is None or self._last[0] != path:
            samples_T, rate_hz = read_audio(path)
            self._last = (path, trim_silence(samples_T, rate_hz, self._recipe), rate_hz)
        return self._last[1], self._last[2]


def _item(mined: Mined, change: Change, clip: Clip) -> Item:
    payload = {
        "mined_id": mined.item_id,
        "clip_id": clip.item_id,
        "split": clip.split,
        "caption": mined.caption,
        "dimension": mined.dimension,
        "side": mined.side,
        "audio_path": clip.audio_path,
        "audio_sha256": clip.audio_sha256,
        "event_times_s": None if clip.event_times_s is None else list(clip.event_times_s),
        **asdict(change),
    }
    return Item(f"{mined.item_id}~{change.level}", payload)


def _moved(
    times_s: list[float] | None, trimmed: Trimmed, changed: Changed, duration_s: float
) -> tuple[float, ...] | None:
    """Returns event times on the new clock: shifted by the trim, divided by the speed, those past the end dropped."""
    if times_s is None:
        return None
    moved = (round((time_s - trimmed.offset_s) / changed.time_factor, 6) for time_s in times_s)
    return tuple(max(0.0, time_s) for time_s in moved if -1e-3 <= time_s < duration_s)


def _tool_versions() -> str:
    return to_json(
        {
            "ffmpeg": tool_version("ffmpeg", "-version"),
            "sox": tool_version("sox", "--version"),
            "pyroomacoustics": pra.__version__,
        }
    )
