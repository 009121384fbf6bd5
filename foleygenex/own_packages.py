"""Folders of a user that are named like a package of this project must not be imported in its place.

Python looks in the current folder first (`python`, `python -c`, `python -m`, a notebook), and in an editable
installation even a folder without Python in it, say `model/` with weights, is found before this project's `model`.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Final

OWN: Final = ("data_contracts", "model", "tasks", "flows")
_ROOT: Final = Path(__file__).resolve().parent.parent


def bind_own_packages() -> str:
    """Makes the names in OWN those of the packages beside this one; returns what is in the way, "" for nothing.

    A folder without `__init__.py` is passed over: it is data, and Python does the same in a usual installation. Another
    package or module of such a name stays what it is, and is named in the one line that is returned.
    """
    for name in OWN:
        loaded = sys.modules.get(name)
        spec = loaded.__spec__ if loaded is not None else find_spec(name)
        if _is_own(spec, name):
            continue
        if loaded is not None or (spec is not None and spec.origin is not None):
            return (
                f"foleygenex: its package {name!r} is hidden by {_place(spec)}; rename that one, or start Python in "
                f"another folder, or with -P, which keeps the current folder out of the search"
            )
        _load(name)
    return ""


def _is_own(spec: ModuleSpec | None, name: str) -> bool:
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == _ROOT / name / "__init__.py"


def _place(spec: ModuleSpec | None) -> str:
    if spec is None:
        return "a module without a file"
    if spec.origin is None or spec.origin.endswith("__init__.py"):
        return next(iter(spec.submodule_search_locations or ()), spec.name)
    return spec.origin


def _load(name: str) -> None:
    folder = _ROOT / name
    spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
