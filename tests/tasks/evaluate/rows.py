"""Manifest and generated rows for the tests of evaluation."""

from __future__ import annotations

from typing import Any

from data_contracts import Generated, ManifestRow, to_json


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
    """Returns a generated clip without a file, made from the row `parent_id`."""
    values: dict[str, Any] = {
        "item_id": name,
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
