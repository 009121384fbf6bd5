"""Generates one batch of evaluation cases with the trained model (SPEC G1-G5, G7).

Legend: B batch, N latent frames, F channels, S sync positions, L tokens, V video frames, D width, T samples.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from data_contracts import Generated, ItemError, ManifestRow, MismatchError, to_json
from data_contracts.files import hash_file
from data_contracts.generation import TASKS
from model.codec import Codec
from model.config import Precision
from model.devices import choose_device, choose_precision
from model.encoders import TextEncoder
from model.features import FeatureStore
from model.generate import Generator, Request, Sampling, recorded_sampling
from model.variants import Variant
from tasks.engine.choices import Choice, keep, with_choice
from tasks.engine.workspace import Workspace
from tasks.evaluate.checkpoints import Weights, generated_name
from tasks.evaluate.components import codec_of, featured_rows, open_store, reference_audio, text_encoder_of
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.plan import Case
from tasks.evaluate.surrogates import Surrogates
from tasks.media.audio import write_flac
from tasks.media.samples import Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchGenerator:
    """The loaded model, and everything that its requests are built from."""

    weights: Weights
    config: EvaluateConfig
    workspace: Workspace
    store: FeatureStore
    manifest: dict[str, ManifestRow]
    videos: dict[str, int | None]
    generator: Generator
    codec: Codec
    text: TextEncoder
    surrogates: Surrogates

    @classmethod
    def open(cls, config: EvaluateConfig, workspace: Workspace, variant: Variant, weights: Weights) -> BatchGenerator:
        """Loads the checkpoint, codec and text encoder. Raises MismatchError when features and checkpoint differ."""
        device = choose_device(config.device)
        store = open_store(workspace.path("precompute"))
        generator = Generator.load(weights.path, device=device)
        defaults = {**recorded_sampling(generator.info), **variant.sampling}
        precision = _precision(config, workspace, device)
        log.info("generate: the network computes in %s (evaluate.precision: %s)", precision, config.precision)
        sampling = Sampling(**config.sampling.over(defaults))
        generator = dataclasses.replace(generator, sampling=sampling, precision=precision)
        generator.specs.require_same(store.specs, "the checkpoint", "the features")
        return cls(
            weights=weights,
            config=config,
            workspace=workspace,
            store=store,
            manifest={row.item_id: row for row in featured_rows(workspace, store)},
            videos={row.item_id: row.video_row for row in store.rows},
            generator=generator,
            codec=codec_of(store, device),
            text=text_encoder_of(store, device),
            surrogates=Surrogates(variant.surrogate, store, device),
        )

    def run(self, name: str, cases: Sequence[Case]) -> list[Generated]:
        """Generates the cases in one batch, writes their audio, and returns their rows.

        Raises ItemError `nan_samples` when the model diverged, MismatchError when the audio has another length.
        """
        requests = [self._request(case) for case in cases]
        latent_BNF = self.generator.generate(requests, steps=self.config.steps, cfg_scale=self.config.cfg_scale)
        expected = self.codec.spec.frames(cases[0].duration_s)
        if latent_BNF.shape[1] != expected:
            raise MismatchError(
                f"{name}: the model returned {latent_BNF.shape[1]} frames for {cases[0].duration_s} s; "
                f"expected {expected}"
            )
        audio_BT = self.codec.decode(latent_BNF).cpu().numpy()
        if not np.isfinite(audio_BT).all():
            raise ItemError("nan_samples", f"{name}: the generated audio is not finite; train again")
        return [self._write(*pair) for pair in zip(cases, audio_BT, strict=True)]

    def _request(self, case: Case) -> Request:
        """Builds the task's conditions; None where the task does not use one, which the model reads as all zeros."""
        uses = TASKS[case.task].uses
        return Request(
            task=case.task,
            text_LD=self.text.encode([case.prompt])[0] if case.prompt else None,
            clip_VD=self.store.clip([self._video(case.parent_id)])[0] if uses("clip") else None,
            sync_SD=self._sync(case) if uses("sync") else None,
            reference_NF=self._reference(case) if uses("reference") else None,
            reference_sync_SD=self._reference_sync(case) if uses("reference_sync") else None,
            duration_s=case.duration_s,
            seed=case.seed,
        )

    def _sync(self, case: Case) -> torch.Tensor:
        length = self.store.specs.sync.covering_length(case.duration_s)
        return self.store.sync([self._video(case.parent_id)])[0, :length]

    def _reference_sync(self, case: Case) -> torch.Tensor:
        reference = self.videos.get(str(case.reference_id))
        return self.surrogates.sync(
            self._video(case.parent_id), reference, from_s=case.reference_from_s, duration_s=case.reference_s
        )

    def _video(self, item_id: str) -> int:
        row = self.videos[item_id]
        if row is None:
            raise ItemError("no_video", f"{item_id} has no video features")
        return row

    def _reference(self, case: Case) -> torch.Tensor:
        """Returns the reference's latent (N, F). It is encoded alone: a slice of the whole clip's latent would contain
        traces of the audio that follows."""
        spec = self.codec.spec
        audio_T = reference_audio(self.workspace, self.manifest[str(case.reference_id)], case, spec.sample_rate_hz)
        audio_T = np.pad(audio_T, (0, spec.samples(case.reference_s) - len(audio_T)))
        mean_1NF, _ = self.codec.encode(torch.from_numpy(audio_T)[None])
        latent_NF: torch.Tensor = mean_1NF[0]
        return latent_NF

    def _write(self, case: Case, audio_T: Samples) -> Generated:
        rate_hz = self.codec.spec.sample_rate_hz
        item_id = generated_name(case.item_id, self.weights.name)
        path = self.workspace.stage("generate") / "audio" / f"{item_id}.flac"
        write_flac(path, audio_T[: round(case.duration_s * rate_hz)], rate_hz)
        return Generated(
            item_id=item_id,
            case_id=case.item_id,
            case_group=case.group,
            checkpoint=self.weights.name,
            parent_id=case.parent_id,
            task=case.task,
            prompt=case.prompt,
            reference_id=case.reference_id if TASKS[case.task].uses("reference") else None,
            audio_path=self.workspace.relative(path),
            audio_sha256=hash_file(path),
            sample_rate_hz=rate_hz,
            duration_s=case.duration_s,
            scored_from_s=case.scored_from_s,
            scored_to_s=case.duration_s,
            cfg_scale=self.config.cfg_scale,
            steps=self.config.steps,
            seed=case.seed,
            checkpoint_sha256=self.weights.sha256,
            weights_json=_encoders(self.store),
            repeats=case.repeats,
            seed_number=case.seed_number,
        )


def _encoders(store: FeatureStore) -> str:
    columns = {"name": "name", "sha256": "weights_sha256", "placeholder": "placeholder"}
    specs = store.specs.to_dict()
    return to_json({role: {key: spec[field] for key, field in columns.items()} for role, spec in specs.items()})


def _precision(config: EvaluateConfig, workspace: Workspace, device: torch.device) -> Precision:
    """Returns what the network computes in; for `auto`, what it was at the workspace's first generation."""
    if config.precision != "auto":
        return config.precision
    chosen = choose_precision("auto", device)
    reason = f"the first generation computed on {device.type}"
    kept = keep(workspace, "evaluate.precision", lambda: Choice(value=chosen, reason=reason))
    return choose_precision(with_choice(config, "evaluate", "precision", kept).precision, device)
