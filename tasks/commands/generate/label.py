"""The label beside every generated file: what it was made from, by which weights, and which parts are placeholders."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.files import atomic_path, hash_file
from model.checkpoint import code_version
from model.generate import Sampling
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.session import InferenceSession
from tasks.engine.workspace import hash_text, read_json

VERSION: Final = 1  # raised when the same order gives another sound


def label_path(out: Path) -> Path:
    """Returns the label's path: the sound's name with `.json` after it."""
    return out.with_name(out.name + ".json")


def settings(options: GenerateOptions, session: InferenceSession, sampling: Sampling) -> dict[str, Any]:
    """Returns all that decides the sound: the order, its files and the weights by content, and the sampling."""
    order = {
        "task": options.task,
        "text": options.sentence,
        "window_s": list(options.window) if options.window else None,
        "asked_duration_s": options.duration_s,
        "surrogate": options.surrogate,
        "variant": session.variant.name,
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
        "precision": session.generator.precision,
        "checkpoint_sha256": session.checkpoint_sha256,
        "step": session.info.step,
        "format": options.out.suffix.lower(),
        "code_version": code_version(),
    }


def key_of(made: dict[str, Any]) -> str:
    """Returns the hash of an order's settings: equal keys mean that a finished file need not be made again."""
    return hash_text(json.dumps(made, sort_keys=True))


def write_label(
    options: GenerateOptions, session: InferenceSession, sampling: Sampling, *, duration_s: float, windows: int
) -> dict[str, Any]:
    """Writes the label of a finished file and returns it."""
    made = settings(options, session, sampling)
    parts = session.specs.to_dict()
    label = {
        "file": options.out.name,
        "sha256": hash_file(options.out),
        "key": key_of(made),
        **made,
        "duration_s": duration_s,
        "windows": windows,
        "sample_rate_hz": session.codec.spec.sample_rate_hz,
        "parts": {
            name: {"name": spec["name"], "sha256": spec["weights_sha256"], "placeholder": spec["placeholder"]}
            for name, spec in parts.items()
        },
        "placeholders": session.specs.placeholders(),
        "note": note(session),
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


def note(session: InferenceSession) -> str:
    """Returns one sentence for a listener: how far this is from the paper's system."""
    names = session.specs.placeholders()
    if not names:
        return f"The network was trained for {session.info.step} steps, with the paper's parts."
    return (
        f"The network was trained for {session.info.step} steps. Small placeholders replace parts of the paper's "
        f"system: {', '.join(names)}."
    )
