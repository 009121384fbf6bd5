"""The paper's ablations and baselines as named configurations of one model. Source: SPEC M12, G8.

A variant overrides fields of `NetworkConfig`, `MaskConfig`, `TrainingConfig` and `model.generate.Sampling`, and says
which video precedes the target's when reference audio is given (SPEC G4). Variants with equal `weights` are one trained
network.

| variant | InputEmbedding | video masked | reference in the noise | surrogate |
|---|---|---|---|---|
| full | yes | yes | yes | crop |
| m-1 | no: context frames replace x_t | no | (replaced) | crop |
| m-2 | no: context frames replace x_t | yes | (replaced) | crop |
| m-3 | yes | no | yes | crop |
| no-sum | yes | yes | no | crop |
| no-aa | yes, trained without the augmented rows (tables 1 to 6, without "+ AA") | yes | yes | crop |
| mmaudio-s1, -s2, -s3 | no: never trained with a context | no | replaces x_t in every step | blank, repeat, true |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from data_contracts import UsageError
from model.config import MaskConfig, NetworkConfig, TrainingConfig

Surrogate = Literal["crop", "blank", "repeat", "true"]
"""The video before the target's: the target's frames cropped or looped to the reference's length (`crop`), zero-filled
frames (`blank`), the target's first two seconds again (`repeat`), the reference audio's own video (`true`)."""

Overrides = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row of tables 4 and 7. `sampling` has keywords of `model.generate.Sampling`; `weights` names the training
    whose network it uses, so that `no-sum` and the three surrogates train nothing of their own."""

    name: str
    weights: str
    network: Overrides = field(default_factory=dict)
    masks: Overrides = field(default_factory=dict)
    training: Overrides = field(default_factory=dict)
    sampling: Overrides = field(default_factory=dict)
    surrogate: Surrogate = "crop"

    def network_config(self, base: NetworkConfig) -> NetworkConfig:
        """Returns `base`, a preset usually, with this variant's switches."""
        return dataclasses.replace(base, **self.network)

    def mask_config(self, base: MaskConfig) -> MaskConfig:
        """Returns `base` with this variant's masks and drops."""
        return dataclasses.replace(base, **self.masks)

    def training_config(self, base: TrainingConfig) -> TrainingConfig:
        """Returns `base` with this variant's masks and drops, and its choice of rows."""
        return dataclasses.replace(base, masks=self.mask_config(base.masks), **self.training)


_MMAUDIO: Final = {
    # MMAudio as published: learned empty features, no masks; its video is dropped as a whole (v1).
    "network": {"input_embedding": False, "mask_video": False, "absent": "learned"},
    "masks": {"drop_reference": 1.0, "dropped_reference_mask": "full", "drop_video": "joint", "drop_semantics": 0.0},
    # G8: clean reference latents replace the noise and every x_t, so the null branch of guidance has them too.
    # The other interpretation, latents noised to t, is `sum_reference="path"`.
    "sampling": {"sum_reference": "never", "cfg_keep_reference": True, "mask_surrogate": False},
}


def _mmaudio(name: str, surrogate: Surrogate) -> Variant:
    return Variant(name=name, weights="mmaudio", surrogate=surrogate, **_MMAUDIO)


VARIANTS: Final[Mapping[str, Variant]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Variant(name="full", weights="full"),
            Variant(name="m-1", weights="m-1", network={"input_embedding": False, "mask_video": False}),
            Variant(name="m-2", weights="m-2", network={"input_embedding": False}),
            Variant(name="m-3", weights="m-3", network={"mask_video": False}),
            Variant(name="no-sum", weights="full", sampling={"sum_reference": "never"}),
            Variant(name="no-aa", weights="no-aa", training={"augmented": False}),
            _mmaudio("mmaudio-s1", "blank"),
            _mmaudio("mmaudio-s2", "repeat"),
            _mmaudio("mmaudio-s3", "true"),
        )
    }
)


def variant(name: str) -> Variant:
    """Returns a named configuration. Raises UsageError naming the known ones."""
    if name not in VARIANTS:
        raise UsageError(f"variant {name!r} is unknown; choose one of {', '.join(VARIANTS)}")
    return VARIANTS[name]
