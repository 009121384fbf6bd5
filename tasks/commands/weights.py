"""Every component that needs weights, published or embedded: one row each, for a person or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from data_contracts.quantities import size_text
from model.weights.catalogue import COMPONENTS, Component, WeightFile
from model.weights.digests import digest
from model.weights.locate import find, recorded_sha256

_UNKNOWN: Final = "sha256 unknown, recorded at first use"
_SHOWN_FILES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file. `hash` is what was published or recorded, or says that none is known; `found` is its path, if any."""

    file: str
    source: str
    revision: str
    hash: str
    size_bytes: int | None
    size_exact: bool
    found: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRow:
    """One component. `kind` is `published` (fetched when a person asks for it) or `embedded` (what the demo uses)."""

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


def rows() -> list[ComponentRow]:
    """Returns the components of the catalogue in its order."""
    return [_row(component) for component in COMPONENTS.values()]


def text(listed: Iterable[ComponentRow]) -> str:
    """Returns what a person reads: a block per component, with the command that fetches what is missing."""
    return "\n\n".join(_block(row) for row in listed)


def _block(row: ComponentRow) -> str:
    lines = [f"{row.name}  [{row.use}, {row.kind}]  {'present' if row.there else 'missing'}", f"  {row.purpose}"]
    lines.append(f"  licence  {row.licence}{f'; {row.caveat}' if row.caveat else ''}")
    for file in row.files[:_SHOWN_FILES]:
        size = "" if file.size_bytes is None else f"  {'' if file.size_exact else 'about '}{size_text(file.size_bytes)}"
        lines.append(f"  file     {file.source}{f' at {file.revision[:12]}' if file.revision != 'main' else ''}{size}")
        lines.append(f"           {file.hash}{f'  in {file.found}' if file.found else ''}")
    if len(row.files) > _SHOWN_FILES:
        lines.append(f"           and {len(row.files) - _SHOWN_FILES} more files (--json lists them)")
    if not row.there:
        lines.append(f"  fetch    {row.fetch}")
    return "\n".join(lines)


def _row(component: Component) -> ComponentRow:
    files = tuple(_file(file) for file in component.files)
    return ComponentRow(
        name=component.name,
        kind=component.kind,
        use=component.use,
        purpose=component.purpose,
        licence=component.licence,
        caveat=component.caveat,
        there=all(file.found for file in files),
        fetch=component.fetch_command,
        files=files,
    )


def _file(file: WeightFile) -> FileRow:
    found = find(file)
    return FileRow(
        file=file.path,
        source=file.source,
        revision=file.hub.revision if file.hub else "main",
        hash=_hash(file, found),
        size_bytes=found.stat().st_size if found else file.size_bytes,
        size_exact=bool(found) or file.size_exact,
        found=str(found) if found else None,
    )


def _hash(file: WeightFile, found: Path | None) -> str:
    if file.sha256:
        return f"sha256 {file.sha256}"
    if file.installed and found:
        return f"sha256 {digest(found)}"
    recorded = recorded_sha256(file)
    known = [f"md5 {file.md5}"] if file.md5 else []
    known += [f"sha256 {recorded} (recorded here at first use)"] if recorded else []
    return ", ".join(known) or _UNKNOWN
