"""A checkpoint with the codec and the encoders that belong to it, loaded once for any number of files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self, cast, get_args

import torch

from data_contracts import MismatchError, UsageError
from data_contracts.files import hash_file
from data_contracts.generation import BUILTIN
from model.checkpoint import CheckpointInfo, checkpoint_file, is_builtin
from model.codec import Codec, load_codec
from model.config import Precision
from model.devices import choose_device
from model.encoders import (
    ImageEncoder,
    SyncEncoder,
    TextEncoder,
    load_image_encoder,
    load_sync_encoder,
    load_text_encoder,
)
from model.generate import Generator, Sampling, recorded_sampling
from model.specs import FeatureSpecs, same_component
from model.variants import Variant, variant
from tasks.commands.generate.options import GenerateOptions
from tasks.evaluate.sampling import SamplingSettings


@dataclass(frozen=True)
class InferenceSession:
    """All components that generation needs. An encoder is loaded when first used: a prompt alone loads no others."""

    checkpoint: Path
    checkpoint_sha256: str
    generator: Generator
    info: CheckpointInfo
    codec: Codec
    variant: Variant
    device: torch.device

    @classmethod
    def open(
        cls,
        checkpoint: Path,
        codec: str | None = None,
        named: str | None = None,
        *,
        sampling: SamplingSettings | None = None,
        precision: str = "fp32",
        device: str = "auto",
    ) -> Self:
        """Loads a checkpoint (a file, or `builtin`) and its codec; `named`: a variant that shares these weights (SPEC
        M12, G8).

        Raises WeightsError (missing), MismatchError (another codec, another variant's weights), UsageError (unknown).
        """
        if precision not in get_args(Precision):
            raise UsageError(f"--precision {precision!r} is unknown; choose one of {', '.join(get_args(Precision))}")
        chosen_device, checkpoint = choose_device(device), checkpoint_file(checkpoint)
        generator = Generator.load(checkpoint, device=chosen_device)
        info, specs = generator.info, generator.specs
        assert info is not None
        chosen = _variant(info, named)
        loaded = load_codec(codec or specs.codec.name).to(chosen_device)
        if not same_component(loaded.spec, specs.codec):
            raise MismatchError(
                f"codec: the checkpoint was trained on {specs.codec.name} ({specs.codec.weights_sha256[:12]}), loaded "
                f"is {loaded.spec.name} ({loaded.spec.weights_sha256[:12]}); give the right one with --codec"
            )
        defaults = {**recorded_sampling(info), **chosen.sampling}
        options = Sampling(**(sampling or SamplingSettings()).over(defaults))
        generator = dataclasses.replace(generator, sampling=options, precision=cast(Precision, precision))
        return cls(checkpoint, hash_file(checkpoint), generator, info, loaded, chosen, chosen_device)

    @classmethod
    def of(cls, options: GenerateOptions) -> Self:
        """Loads what the options of a file name, as `open` does."""
        o = options
        return cls.open(o.checkpoint, o.codec, o.variant, sampling=o.sampling, precision=o.precision, device=o.device)

    @property
    def specs(self) -> FeatureSpecs:
        """The codec and the encoders that the network was trained on."""
        return self.generator.specs

    @property
    def clip_s(self) -> float:
        """Length of the training clips."""
        return self.info.clip_s

    @property
    def name(self) -> str:
        """The checkpoint's name: `builtin`, or its file's."""
        return BUILTIN if is_builtin(self.checkpoint) else self.checkpoint.name

    @property
    def rendered(self) -> bool:
        """Whether the network was trained on rendered clips alone, as far as the checkpoint says."""
        return is_builtin(self.checkpoint) or self.info.training.get("rendered_share") == 1.0

    @property
    def note(self) -> str:
        """One or two sentences for a listener: how far this is from the paper's system."""
        network = "The built-in network" if is_builtin(self.checkpoint) else "The network"
        sounds = "on rendered sounds, " if self.rendered else ""
        trained = f"{network} was trained {sounds}for {self.info.step} steps"
        if names := self.specs.placeholders():
            return f"{trained}. Small placeholders replace components of the paper's system: {', '.join(names)}."
        return f"{trained}, with the paper's components."

    @cached_property
    def text(self) -> TextEncoder:
        """The text encoder. Raises MismatchError when the installed one is not the checkpoint's."""
        encoder = load_text_encoder(self.specs.text.name, self.device)
        self._require("text", encoder.spec)
        return encoder

    @cached_property
    def image(self) -> ImageEncoder:
        """The encoder of the video's semantics. Raises MismatchError."""
        encoder = load_image_encoder(self.specs.clip.name, self.device)
        self._require("clip", encoder.spec)
        return encoder

    @cached_property
    def sync(self) -> SyncEncoder:
        """The synchronisation encoder. Raises MismatchError."""
        encoder = load_sync_encoder(self.specs.sync.name, self.device)
        self._require("sync", encoder.spec)
        return encoder

    def _require(self, component: str, spec: object) -> None:
        found = dataclasses.replace(self.specs, **{component: spec})  # type: ignore[arg-type]
        self.specs.require_same(found, "the checkpoint", "this installation")


def _variant(info: CheckpointInfo, named: str | None) -> Variant:
    trained = variant(str(info.training.get("variant", "full")))
    chosen = trained if named is None else variant(named)
    if chosen.weights != trained.weights:
        raise MismatchError(
            f"variant {chosen.name} needs the weights of {chosen.weights}, the checkpoint was trained as {trained.name}"
        )
    return chosen
