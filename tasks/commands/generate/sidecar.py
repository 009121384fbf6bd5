"""The JSON beside every generated file: what it was made from, by which weights, with which placeholders."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.files import atomic_path, hash_file
from model.checkpoint import code_version
from model.generate import Sampling
from tasks.commands.generate.level import OutputLevel
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.outputs import sidecar_path
from tasks.commands.generate.session import InferenceSession
from tasks.engine.workspace import read_json

VERSION: Final = 5  # raised when the same options give other audio, or a key has another name


def level_line(content: dict[str, Any]) -> str:
    """Returns the level that a sidecar says, in words."""
    return OutputLevel(content["level_dbfs"], content["peak_dbfs"]).line


def settings(options: GenerateOptions, session: InferenceSession, sampling: Sampling) -> dict[str, Any]:
    """Returns all that decides the audio: the options, files and weights by content, and the sampling."""
    chosen = {
        "task": options.task,
        "text": options.prompt,
        "window_s": list(options.window) if options.window else None,
        "duration_s": options.duration_s,
        "surrogate": options.surrogate,
        "variant": session.variant.name,
        "long": options.long,
        "seed": options.seed,
        "steps": options.steps,
        "cfg_scale": options.cfg_scale,
        "keep_source": options.keep_source,
    }
    if options.negative_prompt is not None:  # without one the key is that of earlier versions: files stay finished
        chosen["negative"] = options.negative_prompt
    if options.video_from_s:
        chosen["video_from_s"] = options.video_from_s
    if options.context_video is not None:
        chosen["context_video"] = options.context_video
    return {
        "version": VERSION,
        "options": chosen,
        "inputs": {name: {"name": path.name, "sha256": hash_file(path)} for name, path in options.files().items()},
        "sampling": asdict(sampling),
        "precision": session.generator.precision,
        "checkpoint_sha256": session.checkpoint_sha256,
        "step": session.info.step,
        "format": options.out.suffix.lower(),
        "code_version": code_version(),
    }


def describe(
    options: GenerateOptions, session: InferenceSession, sampling: Sampling, measured: dict[str, Any]
) -> dict[str, Any]:
    """Returns what a sidecar says of audio, written or not. `measured`: what is known of the audio itself."""
    return _content(settings(options, session, sampling), options, session, measured)


def write_sidecar(
    options: GenerateOptions, session: InferenceSession, sampling: Sampling, measured: dict[str, Any]
) -> dict[str, Any]:
    """Writes the sidecar of a finished file and returns its content: `describe`, and what is known of the file."""
    made = settings(options, session, sampling)
    content = {
        **_content(made, options, session, measured),
        "file": options.out.name,
        "format": made["format"],
        "sha256": hash_file(options.out),
        "key": _key(made),
    }
    with atomic_path(sidecar_path(options.out)) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")
    return content


def _content(
    made: dict[str, Any], options: GenerateOptions, session: InferenceSession, measured: dict[str, Any]
) -> dict[str, Any]:
    return {
        **{name: value for name, value in made.items() if name != "format"},
        **measured,
        "prompt_tokens": session.text.token_count(options.prompt) if options.prompt else None,
        "prompt_tokens_read": session.specs.text.tokens,
        "sample_rate_hz": session.codec.spec.sample_rate_hz,
        "components": {
            name: {"name": spec["name"], "sha256": spec["weights_sha256"], "placeholder": spec["placeholder"]}
            for name, spec in session.specs.to_dict().items()
        },
        "placeholders": session.specs.placeholders(),
        "checkpoint": session.name,
        "trained_on_rendered": session.rendered,
        "note": session.note,
    }


def finished(options: GenerateOptions, made: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the sidecar of a file that is there, undamaged, and made with exactly the settings `made`; else None."""
    path = sidecar_path(options.out)
    if not (options.out.is_file() and path.is_file()):
        return None
    try:
        content = read_json(path)
    except UsageError:
        return None
    same = isinstance(content, dict) and content.get("key") == _key(made)
    return content if same and content.get("sha256") == hash_file(options.out) else None


def _key(made: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
