"""Augmentation: audio for every level of every mined caption, measured after it was made (SPEC A2 to A5)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyroomacoustics as pra
import scipy
import soundfile as sf
import soxr

from data_contracts import Augmented, Clip, ItemError, Mined, Row, iter_table, read_table, to_json
from data_contracts.adverbs import Change, change_of, changes_for
from data_contracts.files import atomic_path, hash_file
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.ends import PreparedAudio, prepare_source
from tasks.augment.make import Made, make_change, shared_length_s
from tasks.augment.programs import program_version
from tasks.augment.recipe import AugmentContext, Recipe
from tasks.engine import Item, ItemResult, Stage, each, hashed_files
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace, seed_for
from tasks.media.audio import read_audio
from tasks.media.samples import Samples


@dataclass(frozen=True)
class AugmentStage(Stage):
    """One item and one row per level of a mined caption. `dataset_version` is part of every seed."""

    config: AugmentConfig
    dataset_version: str
    name: ClassVar[str] = "augment"
    version: ClassVar[int] = 5
    row_type: ClassVar[type[Row]] = Augmented

    def settings(self) -> dict[str, Any]:
        """Returns the settings that change audio, and the dataset version."""
        return {
            **self.config.model_dump(exclude=set(AugmentConfig.NOT_IN_RESULTS)),
            "dataset_version": self.dataset_version,
        }

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns the levels of all mined captions, those of one clip in a row.

        Loud audio whose caption already says where it is (near or far) is not moved a second time.
        """
        mined = read_table(workspace.table("mine", "mined"), Mined)
        placed = {row.parent_id for row in mined if row.dimension == "distance"}
        wanted = {row.parent_id for row in mined}
        table = iter_table(workspace.table("ingest", "clips"), Clip)
        clips = {clip.item_id: clip for clip in table if clip.item_id in wanted}
        return [
            _item(row, change, clips[row.parent_id])
            for row in mined
            for change in changes_for(row.side)
            if not (change.operation == "distance" and row.dimension == "volume" and row.parent_id in placed)
        ]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Yields the changed audio of each item; one whose effect did not happen becomes an ItemError.

        An item's result and file depend on its payload and the settings alone: not on the other items, on what the
        workspace has of earlier runs, or on where it is done.
        """
        sources = _Sources(workspace, self.config)
        room_folder = workspace.stage(self.name) / "rooms"
        rooms = RoomBank(config=self.config, dataset_version=self.dataset_version, folder=room_folder)
        context = AugmentContext(config=self.config, rooms=rooms)
        tools = _tool_versions(self.config)
        yield from each(items, lambda item: [self._augment(item, sources, context, tools)])

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Returns the changed audio."""
        return hashed_files(row, "audio")

    def limits(self) -> list[Limit]:
        """Returns how many changes may lack their effect, and how many may fail otherwise."""
        missing = ("effect_missing",)
        return [
            limit(self.config, self.name, "accept_effect_missing", "without the effect", reasons=missing),
            limit(self.config, self.name, "accept_quarantined", "quarantined for other reasons", others=missing),
        ]

    def programs(self) -> tuple[str, ...]:
        """Returns the programs of the settings `backend=tool` and `speed_method=tempo`; none by default."""
        by_programs = self.config.backend == "tool"
        sox = ("sox",) if by_programs or self.config.speed_method == "tempo" else ()
        return (*sox, "ffmpeg") if by_programs else sox

    def _augment(self, item: Item, sources: _Sources, context: AugmentContext, tools: str) -> Augmented:
        values = item.payload
        source, rate_hz = sources.read(values)
        seed = seed_for(self.dataset_version, self.name, item.item_id)
        change = change_of(values["side"], values["level"])
        length_s = shared_length_s(change, source.samples_T, rate_hz, self.config)
        limited = replace(context, length_s=length_s)
        recipe, made = make_change(change, source.samples_T, rate_hz, seed, limited)
        path = sources.workspace.stage(self.name) / "audio" / f"{item.item_id}.flac"
        with atomic_path(path) as temporary:
            temporary.write_bytes(made.content)
        duration_s = len(made.samples_T) / rate_hz
        return Augmented(
            item_id=item.item_id,
            parent_id=values["mined_id"],
            clip_id=values["clip_id"],
            split=values["split"],
            caption=values["caption"],
            dimension=values["dimension"],
            side=values["side"],
            cue_words=values["cue_words"],
            cue_start=values["cue_start"],
            cue_end=values["cue_end"],
            cue_pos=values["cue_pos"],
            operation=change.operation,
            level=change.level,
            recipe_json=_recipe_json(recipe, made, source, self.config),
            measured_json=to_json(made.measured),
            audio_path=sources.workspace.relative(path),
            audio_sha256=hashlib.sha256(made.content).hexdigest(),
            sample_rate_hz=rate_hz,
            duration_s=duration_s,
            event_times_s=_moved(values["event_times_s"], source.start_s, recipe, duration_s),
            seed=seed,
            tools_json=tools,
        )


class _Sources:
    """The audio of clips, prepared; keeps the last one, as the levels of one clip follow each other."""

    def __init__(self, workspace: Workspace, config: AugmentConfig) -> None:
        self.workspace = workspace
        self._config = config
        self._last: tuple[list[tuple[str, str]], PreparedAudio, int] | None = None

    def read(self, values: Mapping[str, Any]) -> tuple[PreparedAudio, int]:
        """Returns the audio of an item's clip and what follows it, as `prepare_source` returns it, and its rate.

        Raises ItemError `changed_file` when a file is not the one that was ingested.
        """
        names = [name for name in ("audio", "tail") if values.get(f"{name}_path")]
        files = [(values[f"{name}_path"], values[f"{name}_sha256"]) for name in names]
        if self._last is None or self._last[0] != files:
            parts = [self._read(*file) for file in files]
            samples_T, rate_hz = np.concatenate([part[0] for part in parts]), parts[0][1]
            self._last = (files, prepare_source(samples_T, rate_hz, self._config), rate_hz)
        return self._last[1], self._last[2]

    def _read(self, name: str, sha256: str) -> tuple[Samples, int]:
        path = self.workspace.path(name)
        audio = read_audio(path)
        if (found := hash_file(path)) != sha256:
            raise ItemError("changed_file", f"{path.name}: sha256 is {found[:12]}; ingest wrote {sha256[:12]}")
        return audio


def _item(mined: Mined, change: Change, clip: Clip) -> Item:
    payload = {
        "mined_id": mined.item_id,
        "clip_id": clip.item_id,
        "split": clip.split,
        "caption": mined.caption,
        "dimension": mined.dimension,
        "side": mined.side,
        "cue_words": mined.words,
        "cue_start": mined.start,
        "cue_end": mined.end,
        "cue_pos": mined.pos,
        "audio_path": clip.audio_path,
        "audio_sha256": clip.audio_sha256,
        "tail_path": clip.tail_path,
        "tail_sha256": clip.tail_sha256,
        "event_times_s": None if clip.event_times_s is None else list(clip.event_times_s),
        "operation": change.operation,
        "level": change.level,
    }
    return Item(f"{mined.item_id}~{change.level}", payload)


def _recipe_json(recipe: Recipe, made: Made, source: PreparedAudio, config: AugmentConfig) -> str:
    """Returns the recipe, its degree, what was done to the source before it, and how long the result may be."""
    prepared = {
        "dc_offset": round(source.dc_offset, 6),
        "silence_db": config.silence_db,
        "trim_start_s": round(source.start_s, 6),
    }
    length = {"max_s": config.max_s} if made.length_s is None else {"max_s": config.max_s, "length_s": made.length_s}
    return to_json({**recipe.record(made.measured), "degree": recipe.degree(), **prepared, **length})


def _moved(times_s: list[float] | None, start_s: float, recipe: Recipe, duration_s: float) -> tuple[float, ...] | None:
    """Returns event times in the new audio: shifted by the trim, moved by the recipe; those outside are dropped."""
    if times_s is None:
        return None
    moved = (round(time_s, 6) for time_s in recipe.move_events([time_s - start_s for time_s in times_s]))
    return tuple(max(0.0, time_s) for time_s in moved if -1e-3 <= time_s < duration_s)


def _tool_versions(config: AugmentConfig) -> str:
    versions = {"pyroomacoustics": pra.__version__, "libsndfile": sf.__libsndfile_version__, "scipy": scipy.__version__}
    if config.backend == "tool":
        versions["ffmpeg"] = program_version("ffmpeg", "-version")
    if config.backend == "tool" or config.speed_method == "tempo":
        versions["sox"] = program_version("sox", "--version")
    else:
        versions["soxr"] = soxr.__version__
    return to_json(versions)
