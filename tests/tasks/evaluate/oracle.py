"""A perfect model for tests: a codec whose latents are the samples, and a generator that returns the true audio."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_contracts import ManifestRow, read_table
from model.features import FeatureStore
from model.generate import Request
from model.specs import CodecSpec, FeatureSpecs
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.plan import Case, plan_cases
from tasks.media.audio import read_audio
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import RATE_HZ, bursts
from tests.tasks.precompute.fakes import FAKES

CONFIG = EvaluateConfig(clips=3, adverb_pairs=2, batch_size=2, steps=2, judges=("none",))
CLIP_S = 8.0
HOP = 640


@dataclass(frozen=True)
class PlainCodec:
    """Latents are the samples themselves, so a right latent is right audio."""

    spec = CodecSpec(
        name="plain",
        sample_rate_hz=RATE_HZ,
        channels=1,
        hop=HOP,
        latent_dim=HOP,
        std_form="softplus",
        weights_sha256="5" * 64,
        placeholder=True,
    )

    def to(self, device):  # type: ignore[no-untyped-def]
        return self

    def encode(self, audio_BT: Tensor) -> tuple[Tensor, Tensor]:
        mean_BNF = audio_BT.unflatten(1, (-1, HOP))
        return mean_BNF, torch.zeros_like(mean_BNF)

    def decode(self, latent_BNF: Tensor) -> Tensor:
        return latent_BNF.flatten(1)


ENCODERS: Any = dataclasses.replace(FAKES, codec=PlainCodec())


@dataclass(frozen=True)
class Oracle:
    """Knows the plan: returns the true audio of each request, and audio that obeys its adverb."""

    workspace: Workspace
    specs: FeatureSpecs
    requests: list[Request]
    info: None = None
    sampling: object = None  # set by the stage, as the variant says
    precision: str = "fp32"  # set by the stage too

    @classmethod
    def of(cls, workspace: Workspace, requests: list[Request] | None = None) -> Oracle:
        specs = FeatureStore.open(workspace.stage("precompute")).specs
        return cls(workspace, specs, [] if requests is None else requests)

    def generate(self, requests: Sequence[Request], *, steps: int, cfg_scale: float) -> Tensor:
        assert (steps, cfg_scale) == (CONFIG.steps, CONFIG.cfg_scale)
        self.requests.extend(requests)
        rows = {row.item_id: row for row in manifest(self.workspace)}
        cases = plan_cases(list(rows.values()), CONFIG, CLIP_S)
        return torch.stack([self._latent(request, rows, cases) for request in requests])

    def _latent(self, request: Request, rows: dict[str, ManifestRow], cases: Sequence[Case]) -> Tensor:
        of_seed = [case for case in cases if case.seed == request.seed]
        if request.task == "tta":
            assert request.text_LD is not None
            text = request.text_LD.sum()
            case = next(case for case in of_seed if ENCODERS.text.encode([case.prompt]).sum() == text)
            audio = obeyed(str(case.direction), str(case.side))
        else:
            audio, _ = read_audio(self.workspace.path(rows[of_seed[0].parent_id].audio_path))
        frames = round(request.duration_s * RATE_HZ) // HOP
        return torch.from_numpy(audio[: frames * HOP]).unflatten(0, (frames, HOP))


def obeyed(direction: str, side: str) -> Samples:
    """Returns audio that has the side of a direction."""
    first = side in ("fast", "loud", "near", "crescendo")
    gap_s = 0.25 if first and direction == "speed" else 1.0
    level = 0.3 if first and direction in ("volume", "distance") else 0.02
    audio = bursts(np.arange(0.3, 7.5, gap_s), level=level, decay_s=0.12 if side == "far" else 0.03)
    ramp = np.geomspace(0.1, 1, len(audio)).astype(np.float32)
    if direction == "dynamics":
        audio = audio * (ramp if first else ramp[::-1])
    return np.ascontiguousarray(audio)


def manifest(workspace: Workspace) -> list[ManifestRow]:
    return read_table(workspace.table("manifest", "manifest"), ManifestRow)


def copy_of(prepared: Workspace, folder: Any, *more: str) -> Workspace:
    """Returns a copy of the stages before generation, and of those named."""
    workspace = Workspace(folder)
    for name in ("ingest", "manifest", "precompute", "train", *more):
        target = workspace.stage(name)
        for path in prepared.stage(name).rglob("*"):
            if path.is_file():
                copy = target / path.relative_to(prepared.stage(name))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    return workspace


class Killed(BaseException):
    """Stands for a process that ends without cleaning up."""


def die_after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function, which raises Killed from call `count` + 1 on."""
    left = itertools.count(count, -1)

    def run(*arguments: Any, **options: Any) -> Any:
        if next(left) <= 0:
            raise Killed
        return function(*arguments, **options)

    return run
