"""Whether an evaluation's files are there already, made from the same inputs: then nothing is loaded or computed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError, to_json
from data_contracts.files import hash_file
from model.weights.locate import weights_folder
from tasks.commands.evaluate.clips import Clip
from tasks.commands.evaluate.options import EvaluateOptions
from tasks.commands.evaluate.prepare import Prepared
from tasks.engine.workspace import hash_text, read_json, write_json
from tasks.evaluate.columns import PACKAGES, lacks_package
from tasks.inputs import code_hash, identities, shipped_weights

_RECORD: Final = "finished.json"


def inputs_key(prepared: Prepared, options: EvaluateOptions) -> str:
    """Returns the hash of all that the files depend on: contents, settings, weights and packages on this machine,
    this code."""
    given = [Path(name.partition(":")[2]) for text in options.judges for name in text.split(",") if ":" in name]
    depends = {
        "systems": [list(options.systems), sorted(options.seeds.items())],
        "clips": [_clip(clip) for clip in prepared.clips],
        "left_out": prepared.left_out,
        "problems": [asdict(problem) for problem in prepared.problems],
        "settings": [options.judges, options.seed, options.device, options.by, options.seconds, options.primary],
        "given": [options.captions is None, options.video is None, options.events is None],
        "no_package": [judge for judge in PACKAGES if lacks_package(judge)],
        "weights": [shipped_weights(), identities(weights_folder().rglob("*")), identities(given)],
        "code": code_hash(),
    }
    return hash_text("evaluation", to_json(depends))


def _clip(clip: Clip) -> list[Any]:
    hashes = [clip.reference_facts.sha256, *(facts.sha256 for facts in clip.generated_facts.values())]
    video = None if clip.video is None else clip.video.sha256
    return [clip.name, clip.duration_s, hashes, clip.group, clip.category, clip.caption, video, clip.events_s]


def finished_text(options: EvaluateOptions, out: Path, key: str) -> str | None:
    """Returns what the run that wrote the files said, where its inputs were the same and the files are whole."""
    try:
        record = read_json(options.cache / _RECORD)
        if record["key"] != key or not record["files"]:
            return None
        whole = all(hash_file(out / name) == sha256 for name, sha256 in record["files"].items())
        return str(record["text"]) if whole else None
    except (UsageError, OSError, KeyError, TypeError, AttributeError):  # no record, or a damaged one
        return None


def remember(options: EvaluateOptions, key: str, paths: list[Path], text: str) -> None:
    """Keeps what was written and said, for the next run."""
    files = {path.name: hash_file(path) for path in paths}
    write_json(options.cache / _RECORD, {"key": key, "files": files, "text": text})
