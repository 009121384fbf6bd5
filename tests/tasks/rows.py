"""Table rows with plausible values, for tests of the stages that read them."""

from __future__ import annotations

from typing import Any

from data_contracts import (
    Augmented,
    Caption,
    Clip,
    ClipScore,
    Generated,
    Judgement,
    ManifestRow,
    Mined,
    Paraphrase,
    to_json,
)
from tasks.evaluate.metrics.catalogue import MODEL


def clip_row(item_id: str, **values: Any) -> Clip:
    """Returns a clip without files, unless `values` name them."""
    defaults: dict[str, Any] = {
        "item_id": item_id,
        "source": "test",
        "source_path": f"{item_id}.wav",
        "source_sha256": "0" * 64,
        "source_start_s": 0.0,
        "group_id": item_id,
        "subset": "tta",
        "split": "train",
        "caption": "A dog barks",
        "audio_path": f"ingest/audio/{item_id}.flac",
        "audio_sha256": "1" * 64,
        "sample_rate_hz": 16_000,
        "source_channels": 1,
        "duration_s": 8.0,
        "video_path": None,
        "video_sha256": None,
        "event_times_s": None,
        "attributes_json": "{}",
        "licence": "CC0-1.0",
        "seed": 1,
        "tools_json": "{}",
    }
    return Clip(**(defaults | values))


def mined_row(parent: Clip, dimension: str, side: str) -> Mined:
    """Returns a mined row as if the whole caption were the words."""
    return Mined(
        item_id=f"{parent.item_id}~{dimension}",
        parent_id=parent.item_id,
        caption=parent.caption,
        dimension=dimension,
        side=side,
        words=parent.caption,
        start=0,
        end=len(parent.caption),
        pos="adverb",
    )


def augmented_row(clip: Clip, dimension: str, side: str, level: str, **values: Any) -> Augmented:
    """Returns an augmented row of a clip without files."""
    defaults: dict[str, Any] = {
        "item_id": f"{clip.item_id}~{dimension}~{level}",
        "parent_id": f"{clip.item_id}~{dimension}",
        "clip_id": clip.item_id,
        "split": clip.split,
        "caption": clip.caption,
        "dimension": dimension,
        "side": side,
        "cue_words": clip.caption,
        "cue_start": 0,
        "cue_end": len(clip.caption),
        "cue_pos": "phrase",
        "operation": {"volume": "dynamics"}.get(dimension, dimension),
        "level": level,
        "recipe_json": '{"factor":1.3}',
        "measured_json": "{}",
        "audio_path": f"augment/audio/{clip.item_id}~{dimension}~{level}.flac",
        "audio_sha256": "2" * 64,
        "sample_rate_hz": clip.sample_rate_hz,
        "duration_s": clip.duration_s,
        "event_times_s": None,
        "seed": 2,
        "tools_json": "{}",
    }
    return Augmented(**(defaults | values))


def caption_row(parent: Augmented, caption: str, source: str = "llm") -> Caption:
    """Returns the new caption of an augmented row, as if the whole caption said the level."""
    return Caption(
        item_id=f"{parent.item_id}-cap",
        parent_id=parent.item_id,
        caption_before=parent.caption,
        caption=caption,
        cue_start=0,
        cue_end=len(caption),
        level=parent.level,
        source=source,
        writer="test",
        prompt_version="1",
        attempts=1,
        rejected_json="[]",
    )


def paraphrase_row(parent: Caption, number: int, caption: str) -> Paraphrase:
    """Returns one paraphrase of a caption."""
    return Paraphrase(
        item_id=f"{parent.item_id}-p{number}",
        parent_id=parent.item_id,
        caption=caption,
        key_tokens=("dog",),
        source="llm",
        writer="test",
        prompt_version="1",
    )


def manifest_row(name: str, *, material: str = "wood", **changes: Any) -> ManifestRow:
    """Returns a test row with a video and a group of its own."""
    values: dict[str, Any] = {
        "item_id": name,
        "parent_id": name,
        "clip_id": name,
        "group_id": f"group-{name}",
        "subset": "vta",
        "split": "test",
        "caption": f"A stick hits a {material} box",
        "paraphrases": (),
        "caption_source": "original",
        "audio_path": f"ingest/{name}.flac",
        "audio_sha256": "0" * 64,
        "sample_rate_hz": 16000,
        "duration_s": 8.0,
        "video_path": f"ingest/{name}.mp4",
        "event_times_s": (1.0, 2.5, 4.0, 6.5),
        "attributes_json": to_json({"material": material}),
        "dimension": None,
        "level": None,
        "recipe_json": "{}",
        "licence": "CC0-1.0",
        "seed": 0,
        "lineage_json": "{}",
    }
    return ManifestRow(**(values | changes))


def generated_row(name: str, **changes: Any) -> Generated:
    """Returns a generated clip without a file, made from the row `parent_id`; its case group is its task."""
    values: dict[str, Any] = {
        "item_id": name,
        "case_id": name,
        "case_group": changes.get("task", "vta"),
        "checkpoint": "trained",
        "parent_id": "clip",
        "task": "vta",
        "prompt": "A stick hits a wood box",
        "reference_id": None,
        "audio_path": f"generate/audio/{name}.flac",
        "audio_sha256": "3" * 64,
        "sample_rate_hz": 16_000,
        "duration_s": 8.0,
        "scored_from_s": 0.0,
        "scored_to_s": 8.0,
        "cfg_scale": 4.5,
        "steps": 25,
        "seed": 7,
        "checkpoint_sha256": "d" * 64,
        "weights_json": "{}",
    }
    return Generated(**(values | changes))


def clip_score_row(
    clip: str,
    value: float,
    task: str = "vta",
    metric: str = "EventF1@100ms",
    *,
    system: str = MODEL,
    checkpoint: str = "trained",
) -> ClipScore:
    """Returns one metric of a generated clip; a baseline has no checkpoint."""
    weights = checkpoint if system == MODEL else None
    return ClipScore(
        item_id=f"{clip}/{system}/{weights}/{task}/{metric}",
        parent_id=clip,
        task=task,
        system=system,
        checkpoint=weights,
        metric=metric,
        value=value,
    )


def judgement_row(name: str, judge: str = "corpus-cnn", **changes: Any) -> Judgement:
    """Returns what a judge said of a generated clip, without a file."""
    values: dict[str, Any] = {
        "item_id": f"{judge}-{name}",
        "input": name,
        "source": "generated",
        "content_sha256": "3" * 64,
        "from_s": 0.0,
        "to_s": 8.0,
        "judge": judge,
        "weights_sha256": "e" * 64,
        "rate_hz": 16_000,
        "outputs_path": f"judge/outputs/{name}.safetensors",
        "outputs_sha256": "4" * 64,
    }
    return Judgement(**(values | changes))
