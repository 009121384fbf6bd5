"""The rows of the manifest, each with everything it was made from (SPEC D4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts import Augmented, Caption, Clip, ManifestRow, Mined, Paraphrase, to_json
from tasks.augment.recipe import recipe_class


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """The new caption of an augmented row and its paraphrases, in their table's order."""

    caption: Caption
    paraphrases: Sequence[Paraphrase]


def clip_row(clip: Clip) -> ManifestRow:
    """Returns the row of an ingested clip: subset vta with video, tta without; the caption as it came."""
    return ManifestRow(
        item_id=clip.item_id,
        parent_id=clip.item_id,
        clip_id=clip.item_id,
        group_id=clip.group_id,
        subset=clip.subset,
        split=clip.split,
        caption=clip.caption,
        paraphrases=(),
        caption_source="original",
        audio_path=clip.audio_path,
        audio_sha256=clip.audio_sha256,
        sample_rate_hz=clip.sample_rate_hz,
        duration_s=clip.duration_s,
        video_path=clip.video_path,
        event_times_s=clip.event_times_s,
        attributes_json=clip.attributes_json,
        dimension=None,
        level=None,
        recipe_json="{}",
        licence=clip.licence,
        seed=clip.seed,
        lineage_json=to_json(_clip_lineage(clip)),
    )


def augmented_row(clip: Clip, mined: Mined, augmented: Augmented, captions: Captions) -> ManifestRow:
    """Returns the row of augmented audio: subset aa, split and group of its clip, the new caption, no video."""
    return ManifestRow(
        item_id=augmented.item_id,
        parent_id=augmented.item_id,
        clip_id=clip.item_id,
        group_id=clip.group_id,
        subset="aa",
        split=clip.split,
        caption=captions.caption.caption,
        paraphrases=tuple(paraphrase.caption for paraphrase in captions.paraphrases),
        caption_source=captions.caption.source,
        audio_path=augmented.audio_path,
        audio_sha256=augmented.audio_sha256,
        sample_rate_hz=augmented.sample_rate_hz,
        duration_s=augmented.duration_s,
        video_path=None,
        event_times_s=augmented.event_times_s,
        attributes_json=_attributes(clip, augmented.operation),
        dimension=augmented.dimension,
        level=augmented.level,
        recipe_json=augmented.recipe_json,
        licence=clip.licence,
        seed=augmented.seed,
        lineage_json=to_json({**_clip_lineage(clip), **_augmented_lineage(mined, augmented, captions)}),
    )


def _attributes(clip: Clip, operation: str) -> str:
    """Returns what is known of the clip and still holds after the operation."""
    outdated = recipe_class(operation).outdated_attributes
    return to_json({key: value for key, value in json.loads(clip.attributes_json).items() if key not in outdated})


def _clip_lineage(clip: Clip) -> dict[str, Any]:
    return {
        "source": {
            "corpus": clip.source,
            "path": clip.source_path,
            "sha256": clip.source_sha256,
            "start_s": clip.source_start_s,
        },
        "clip": {
            "id": clip.item_id,
            "audio_sha256": clip.audio_sha256,
            "video_sha256": clip.video_sha256,
            "seed": clip.seed,
            "tools": json.loads(clip.tools_json),
        },
    }


def _augmented_lineage(mined: Mined, augmented: Augmented, captions: Captions) -> dict[str, Any]:
    caption = captions.caption
    return {
        "mined": {
            "id": mined.item_id,
            "dimension": mined.dimension,
            "side": mined.side,
            "words": mined.words,
            "span": [mined.start, mined.end],
        },
        "augmented": {
            "id": augmented.item_id,
            "operation": augmented.operation,
            "level": augmented.level,
            "recipe": json.loads(augmented.recipe_json),
            "measured": json.loads(augmented.measured_json),
            "audio_sha256": augmented.audio_sha256,
            "seed": augmented.seed,
            "tools": json.loads(augmented.tools_json),
        },
        "caption": {
            "id": caption.item_id,
            "before": caption.caption_before,
            "source": caption.source,
            "writer": caption.writer,
            "prompt_version": caption.prompt_version,
        },
        "paraphrases": [{"id": p.item_id, "source": p.source, "writer": p.writer} for p in captions.paraphrases],
    }
