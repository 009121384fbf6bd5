"""Export as a folder that `datasets.load_dataset(FOLDER)` opens: Parquet shards that contain the media, and a card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.files import atomic_path
from tasks.commands.export.rows import (
    SPLITS,
    Sample,
    Selection,
    empty_folder,
    read_checked,
    selected,
    shards,
)
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.manifest.card import dataset_card

_MEDIA: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_COLUMNS: Final[dict[str, tuple[pa.DataType, dict[str, Any]]]] = {
    "item_id": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "audio": (_MEDIA, {"_type": "Audio"}),
    "video": (_MEDIA, {"_type": "Video"}),
    "caption": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "paraphrases": (pa.list_(pa.string()), {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}),
    "subset": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "dimension": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "level": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "caption_source": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "duration_s": (pa.float64(), {"dtype": "float64", "_type": "Value"}),
    "group_id": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "parent_id": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "licence": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "recipe_json": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "attributes_json": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "lineage_json": (pa.string(), {"dtype": "string", "_type": "Value"}),
}
_ROW_GROUP: Final = 64


def export_datasets(
    workspace: Workspace, out: Path, selection: Selection, *, shard_bytes: int, on_progress: OnProgress = silent
) -> str:
    """Writes `data/SPLIT-00000-of-00003.parquet`, ... and `README.md`. Returns the command's line.

    `audio` and `video` are {bytes, path}, with the library's own feature types in the schema's metadata. Raises
    UsageError for a folder that is not empty or an empty selection.
    """
    samples = selected(workspace, selection)
    data = empty_folder(out) / "data"
    data.mkdir()
    planned = list(shards(samples, shard_bytes))
    counts = {split: sum(1 for name, _, _ in planned if name == split) for split in SPLITS}
    done = 0
    for split, number, part in planned:
        path = data / f"{split}-{number:05d}-of-{counts[split]:05d}.parquet"
        with atomic_path(path) as temporary:
            _write_parquet(temporary, part)
        done += len(part)
        on_progress(done, len(samples), "")
    used = [split for split in SPLITS if counts[split]]
    card = dataset_card(workspace, [sample.row for sample in samples])
    (out / "README.md").write_text(_front_matter(used) + card, "utf-8")
    return f"{out}: {len(samples):,} rows in {len(planned)} Parquet files"


def _schema() -> pa.Schema:
    features = {name: feature for name, (_, feature) in _COLUMNS.items()}
    return pa.schema(
        [pa.field(name, kind) for name, (kind, _) in _COLUMNS.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _write_parquet(path: Path, samples: Sequence[Sample]) -> None:
    schema = _schema()
    with pq.ParquetWriter(path, schema, compression="none") as writer:  # FLAC does not get smaller
        for start in range(0, len(samples), _ROW_GROUP):
            rows = [_row(sample) for sample in samples[start : start + _ROW_GROUP]]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _row(sample: Sample) -> dict[str, Any]:
    video = sample.video
    media = {
        "audio": {"bytes": read_checked(sample), "path": f"{sample.key}.flac"},
        "video": {"bytes": video.read_bytes(), "path": f"{sample.key}{video.suffix.lower()}"} if video else None,
    }
    return {name: media[name] if name in media else getattr(sample.row, name) for name in _COLUMNS}


def _front_matter(splits: Sequence[str]) -> str:
    files = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in splits)
    return f"---\ntask_categories:\n- text-to-audio\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n\n"
