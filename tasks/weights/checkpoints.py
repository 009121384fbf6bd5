"""A checkpoint by name: MMAudio's networks of the catalogue, fetched, checked, converted and kept. Source: SPEC M1."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data_contracts import UsageError
from model.variants import variant
from model.weights.catalogue import COMPONENTS, Component, network_named
from model.weights.digests import digest
from model.weights.locate import available, user_cache
from tasks.engine.locks import exclusive
from tasks.engine.progress import OnProgress, silent
from tasks.weights.fetch import ensure

_ENCODERS: Final = ("clip-dfn5b", "synchformer")


def resolved_checkpoint(
    name: Path, *, accepts_licence: bool = False, named: str | None = None, on_progress: OnProgress = silent
) -> Path:
    """Returns the file of a checkpoint; a path and `builtin` are returned as they are.

    A name of the catalogue (`mmaudio-large-44k-v2`) is fetched with the codec and the encoders that it needs, once
    `accepts_licence` is given, and converted to the variant `named` (`full` by default) in the user's cache. Raises
    UsageError naming the licences when something is to be fetched without it, or a name that is unknown;
    WeightsError when a file cannot be fetched or is not the published one.
    """
    network = _network(name)
    if network is None:
        return name
    missing = _missing(network)
    if missing and not accepts_licence:
        raise UsageError(f"--checkpoint {_needs(name, missing)}; give --accept-licence to fetch {_them(missing)}")
    for part in missing:
        ensure(part.name, on_progress)
    (published,) = ensure(network.name, on_progress)
    return _converted(published, network, named or "full")


def why_absent(name: Path) -> str:
    """Returns what a published network needs that is not on this machine, with licences and the command; else nothing.

    Raises UsageError as `is_published`.
    """
    network = _network(name)
    missing = _missing(network) if network is not None else []
    if not missing:
        return ""
    commands = " ".join(part.name for part in missing)
    return f"not computed: {_needs(name, missing)}; foleygenex weights fetch {commands}"


def is_published(name: Path) -> bool:
    """Whether a checkpoint is given by a published network's name. Raises UsageError for an unknown name."""
    return _network(name) is not None


def _network(name: Path) -> Component | None:
    """Returns the network that a name is of; None for a path or `builtin`. Raises UsageError for an unknown name."""
    if name.exists() or name.parent != Path() or name.suffix:
        return None
    found = network_named(str(name))
    if found is None:
        from data_contracts.generation import BUILTIN

        if str(name) == BUILTIN:
            return None
        known = ", ".join(alias for one in COMPONENTS.values() if one.is_network for alias in one.aliases)
        raise UsageError(f"--checkpoint {name} is no file, and no network has this name; known: {BUILTIN}, {known}")
    return found


def _codec(network: Component) -> str:
    return "mmaudio-16k" if "16k" in network.name else "mmaudio-44k"


def _missing(network: Component) -> list[Component]:
    """Returns the components that a network needs, itself among them, and that are not on this machine."""
    parts = [network, *(COMPONENTS[part] for part in (_codec(network), *_ENCODERS))]
    return [part for part in parts if not available(part.name)]


def _needs(name: Path, missing: list[Component]) -> str:
    licences = "; ".join(f"{part.name}: {part.licence}{f' ({part.caveat})' if part.caveat else ''}" for part in missing)
    size = sum(file.size_bytes or 0 for part in missing for file in part.files)
    return f"{name} needs about {size / 1e9:.1f} GB that are not on this machine, under licences {licences}"


def _them(missing: list[Component]) -> str:
    return "it" if len(missing) == 1 else "them"


def _converted(published: Path, network: Component, named: str) -> Path:
    """Returns the checkpoint made from a published file, by its content, variant and format; makes it once."""
    from model.checkpoint import FORMAT_VERSION
    from model.mmaudio import convert

    kind = variant(named)
    name = f"{network.name}-{kind.name}-{digest(published)[:16]}-v{FORMAT_VERSION}.safetensors"
    out = user_cache() / "checkpoints" / name
    with exclusive(out.with_suffix(".lock")):
        if not out.is_file():
            convert(published, out, kind=kind)
    return out
