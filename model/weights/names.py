"""State dicts as people save them: inside a wrapper, with prefixes of DDP, of `torch.compile`, or of an attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from data_contracts import WeightsError

WRAPPERS: Final = ("state_dict", "model_state_dict", "model_state", "weights", "generator", "model", "module")
_PREFIXES: Final = ("module.", "model.", "network.", "net.")  # DistributedDataParallel's, and usual attributes'
_COMPILED: Final = "_orig_mod."  # torch.compile's, of the whole network or of one module in it

ValueT = TypeVar("ValueT")


def unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the state dict in a file's content: that of the first known wrapper, else the content itself."""
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return unwrapped(content[wrapper])
    return content


def plain_names(tensors: Mapping[str, ValueT], owner: str) -> dict[str, ValueT]:
    """Returns the tensors without `_orig_mod.` and without a prefix that all names have, such as `module.`.

    Raises WeightsError when two names become one.
    """
    named: dict[str, ValueT] = {}
    for name, value in tensors.items():
        plain = str(name).replace(_COMPILED, "")
        if plain in named:
            raise WeightsError(f"{owner} has the tensor {plain} twice, once with the prefix {_COMPILED}; remove one")
        named[plain] = value
    while prefix := next((one for one in _PREFIXES if named and all(name.startswith(one) for name in named)), ""):
        named = {name.removeprefix(prefix): value for name, value in named.items()}
    return named


def layer_count(names: Iterable[str], prefix: str) -> int:
    """Returns how many numbered layers the names have after a prefix, such as `blocks.`."""
    return len({name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)})
