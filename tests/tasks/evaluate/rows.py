"""Manifest rows for the tests of evaluation."""

from data_contracts import ManifestRow, to_json


def manifest_row(name, *, material="wood", **changes):
    """A test row with a film, one group per name."""
    values = {
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
    return ManifestRow(**{**values, **changes})
