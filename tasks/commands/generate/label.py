"""The label beside every generated file: what it was made from, by which weights, and which parts are stand-ins."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from model.checkpoint import code_version
from model.generate import Sampling
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.studio import Studio
from tasks.engine.workspace import atomic_path, hash_file, hash_text, read_json

VERSION: Final = 1  # raised when the same order gives another sound


def label_path(out: Path) -> Path:
    """Returns the label's path: the sound's name with `.json` after it."""
    return out.with_name(out.name + ".json")


def settings(options: GenerateOptions, studio: Studio, sampling: Sampling) -> dict[str, Any]:
    """Returns all that decides the sound: the order, its files and the weights by content, and the sampling."""
    order = {
        "task": options.task,
        "text": options.sentence,
        "window_s": list(options.window) if options.window else None,
        "asked_duration_s": options.duration_s,
        "surrogate": options.surrogate,
        "variant": studio.variant.name,
        "long": options.long,
        "seed": options.seed,
        "steps": options.steps,
        "cfg_scale": options.cfg_scale,
    }
    return {
        "version": VERSION,
        "order": order,
        "inputs": {name: {"name": path.name, "sha256": hash_file(path)} for name, path in options.files().items()},
        "sampling": asdict(sampling),
        "precision": studio.generator.precision,
        "checkpoint_sha256": studio.checkpoint_sha256,
        "step": studio.info.step,
        "format": options.out.suffix.lower(),
        "code_version": code_version(),
    }


def key_of(made: dict[str, Any]) -> str:
    """Returns the hash of an order's settings: equal keys mean that a finished file need not be made again."""
    return hash_text(json.dumps(made, sort_keys=True))


def write_label(
    options: GenerateOptions, studio: Studio, sampling: Sampling, *, duration_s: float, windows: int
) -> dict[str, Any]:
    """Writes the label of a finished file and returns it."""
    made = settings(options, studio, sampling)
    parts = studio.specs.to_dict()
    label = {
        "file": options.out.name,
        "sha256": hash_file(options.out),
        "key": key_of(made),
        **made,
        "duration_s": duration_s,
        "windows": windows,
        "sample_rate_hz": studio.codec.spec.sample_rate_hz,
        "parts": {
            name: {"name": spec["name"], "sha256": spec["weights_sha256"], "stand_in": spec["stand_in"]}
            for name, spec in parts.items()
        },
        "stand_ins": studio.specs.stand_ins(),
        "note": note(studio),
    }
    with atomic_path(label_path(options.out)) as temporary:
        temporary.write_text(json.dumps(label, indent=1, sort_keys=True) + "\n", "utf-8")
    return label


def finished(options: GenerateOptions, made: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the label of a file that is there, whole, and made from exactly these settings; else None."""
    path = label_path(options.out)
    if not (options.out.is_file() and path.is_file()):
        return None
    try:
        label = read_json(path)
    except UsageError:
        return None
    same = isinstance(label, dict) and label.get("key") == key_of(made)
    return label if same and label.get("sha256") == hash_file(options.out) else None


def note(studio: Studio) -> str:
    """Returns one sentence for a listener: how far this is from the paper's system."""
    names = studio.specs.stand_ins()
    if not names:
        return f"The network was trained for {studio.info.step} steps, with the paper's parts."
    return (
        f"The network was trained for {studio.info.step} steps. Small stand-ins replace parts of the paper's system: "
        f"{', '.join(names)}."
    )
