"""Sampling requests, and what each of the six tasks turns them into. Source: SPEC G1-G6.

Legend: N audio frames, V video frames, S sync positions, L text tokens, F latent channels, C feature channels.
Masks are bool, True = to be generated. Latents in requests are the codec's own, not normalised.
"""
# ruff: noqa: N815 - shape suffixes of record fields

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from data_contracts import MismatchError, UsageError
from data_contracts.generation import TASKS, Condition, TaskName
from model.specs import FeatureSpecs, SyncPart

Shape = tuple[int, int, tuple[SyncPart, ...], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One result to generate. Conditions that the task does not use (`data_contracts.generation.TASKS`) are ignored.

    `reference_NF`: for ac-vta and edit the latent of other audio, encoded alone; for fe the segment to continue.
    `original_NF` and `window_s`: for edit; the original may end before the result when the window starts there or
    earlier. `duration_s` is the length of the result, without the reference of ac-vta and edit, which is cut off.
    `context_NF`: the frames that the result starts with, for any task: in long audio the end of the window before.
    `sync_SD`, `reference_sync_SD`: from the start of the result or of the reference; `SyncSpec.covering_length`
    positions reach its end. As few as `SyncSpec.length` are taken and spread over all frames, as in MMAudio.
    `negative_LD`: the features of a negative prompt, for any task. Guidance moves away from it: it is the text of the
    null branch, which has no other condition.
    """

    task: TaskName
    duration_s: float
    seed: int
    text_LD: Tensor | None = None
    negative_LD: Tensor | None = None
    clip_VD: Tensor | None = None
    sync_SD: Tensor | None = None
    reference_NF: Tensor | None = None
    reference_sync_SD: Tensor | None = None
    context_NF: Tensor | None = None
    original_NF: Tensor | None = None
    window_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPlan:
    """A request as the network's inputs. `given_NF` is the codec latent of the frames that are not generated.

    On generated frames it is zero, except for an edit, where it is the whole original. The first `cut` frames are not
    part of the result. `inverts`: sampling starts from the noise that the original inverts to (SPEC G6), except on
    `fresh_N`, frames that the original does not have.
    """

    clip_VC: Tensor
    sync_SC: Tensor
    sync_parts: tuple[SyncPart, ...]
    text_LC: Tensor
    negative_LC: Tensor
    has_clip: bool
    has_sync: bool
    has_text: bool
    has_negative: bool
    mask_N: Tensor
    given_NF: Tensor
    noise_NF: Tensor
    fresh_N: Tensor
    cut: int = 0
    inverts: bool = False

    @property
    def shape(self) -> Shape:
        """Plans of equal shape can be sampled in one batch."""
        return len(self.mask_N), len(self.clip_VC), self.sync_parts, self.inverts


def plan_request(request: Request, specs: FeatureSpecs) -> SamplingPlan:
    """Returns the plan of a request. Raises UsageError when a needed condition is missing or has a wrong length.

    Noise comes from a CPU generator seeded with the request alone: the same in any batch and on any device.
    """
    _check_needs(request)
    frames = specs.codec.frames(request.duration_s)
    leading = leading_task(request)
    reference = _reference(request, specs, frames, leading)
    before = len(reference) if leading == "ac-vta" else 0
    total_s = request.duration_s + before / specs.codec.frame_rate_hz
    result_N, result_NF, fresh_N = _result(request, specs, frames, reference[before:])
    clip = _clip(request, specs, total_s, leading)
    sync, sync_parts = _sync(request, specs, leading, before, frames)
    text = request.text_LD if TASKS[leading].uses("text") else None
    generator = torch.Generator().manual_seed(request.seed)
    given_NF = torch.cat([reference[:before], result_NF])
    return SamplingPlan(
        clip_VC=torch.zeros(specs.clip.length(total_s), specs.clip.dim) if clip is None else clip.float(),
        sync_SC=sync.float(),
        sync_parts=sync_parts,
        text_LC=_text(text, specs, "text"),
        negative_LC=_text(request.negative_LD, specs, "negative text"),
        has_clip=clip is not None,
        has_sync=TASKS[leading].uses("sync") and request.sync_SD is not None,
        has_text=text is not None,
        has_negative=request.negative_LD is not None,
        mask_N=torch.cat([torch.zeros(before, dtype=torch.bool), result_N]),
        given_NF=given_NF,
        noise_NF=torch.randn(given_NF.shape, generator=generator),
        fresh_N=torch.cat([torch.zeros(before, dtype=torch.bool), fresh_N]),
        cut=before,
        inverts=request.task == "edit",
    )


def leading_task(request: Request) -> TaskName:
    """Returns the task whose conditions are used. For an edit: ac-vta with a reference (G4), tc-vta with text (G3),
    else fe, from the video and the audio around the window (G5). Source: SPEC G6."""
    if request.task != "edit":
        return request.task
    if request.reference_NF is not None:
        return "ac-vta"
    return "tc-vta" if request.text_LD is not None else "fe"


def window_frames(window_s: tuple[float, float], duration_s: float, specs: FeatureSpecs) -> tuple[int, int]:
    """Returns the frames [start, stop) that cover a window. Raises UsageError when it is not inside the audio."""
    start_s, stop_s = window_s
    if not 0 <= start_s < stop_s <= duration_s + 1e-6:
        raise UsageError(
            f"window {start_s:g}:{stop_s:g} s is not inside the audio of {duration_s:g} s; give START:END with "
            f"0 <= START < END <= {duration_s:g}"
        )
    rate_hz = specs.codec.frame_rate_hz
    return math.floor(start_s * rate_hz + 1e-6), math.ceil(stop_s * rate_hz - 1e-6)


def _check_needs(request: Request) -> None:
    if request.task not in TASKS:
        raise UsageError(f"task {request.task!r} is unknown; choose one of {', '.join(TASKS)}")
    given: dict[Condition, object] = {
        "text": request.text_LD,
        "clip": request.clip_VD,
        "sync": request.sync_SD,
        "reference": request.reference_NF,
        "reference_sync": request.reference_sync_SD,
        "original": request.original_NF,
        "window": request.window_s,
    }
    for name in TASKS[request.task].needs:
        if given[name] is None:
            raise UsageError(f"task {request.task} needs {name.replace('_', ' ')}, which the request does not have")


def _reference(request: Request, specs: FeatureSpecs, frames: int, leading: TaskName) -> Tensor:
    if not TASKS[leading].uses("reference") or request.reference_NF is None:
        return torch.zeros(0, specs.codec.latent_dim)
    reference = _latent(request.reference_NF, specs, "reference")
    if leading == "fe" and not 0 < len(reference) < frames:
        raise UsageError(
            f"the segment to continue has {len(reference)} frames and the result {frames}; nothing is left to generate"
        )
    return reference


def _result(request: Request, specs: FeatureSpecs, frames: int, segment_NF: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the result's mask, its given latent, and which frames start from fresh noise alone."""
    if request.task == "edit":
        return _edited(request, specs, frames)
    if request.context_NF is not None:
        segment_NF = _latent(request.context_NF, specs, "context")
        if len(segment_NF) >= frames:
            raise UsageError(f"the context has {len(segment_NF)} frames, the result {frames}; nothing is left")
    mask_N = torch.arange(frames) >= len(segment_NF)
    given = torch.zeros(frames, specs.codec.latent_dim)
    given[: len(segment_NF)] = segment_NF
    return mask_N, given, mask_N


def _edited(request: Request, specs: FeatureSpecs, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    assert request.original_NF is not None and request.window_s is not None
    original = _latent(request.original_NF, specs, "original")
    start, stop = window_frames(request.window_s, request.duration_s, specs)
    known = len(original)
    if known > frames or (known < frames and not (start <= known and stop == frames)):
        raise UsageError(
            f"the audio to edit has {known} frames, {request.duration_s:g} s have {frames}; a longer result needs a "
            f"window from the original's end (or before) to the new end"
        )
    position = torch.arange(frames)
    given = torch.zeros(frames, specs.codec.latent_dim)
    given[:known] = original
    return (position >= start) & (position < stop), given, position >= known


def _latent(latent_NF: Tensor, specs: FeatureSpecs, name: str) -> Tensor:
    if latent_NF.ndim != 2 or latent_NF.shape[1] != specs.codec.latent_dim:
        raise MismatchError(
            f"{name} latent is {tuple(latent_NF.shape)}; "
            f"expected (frames, {specs.codec.latent_dim}) of {specs.codec.name}"
        )
    return latent_NF.float().cpu()


def _text(text_LD: Tensor | None, specs: FeatureSpecs, name: str) -> Tensor:
    """Returns text features (L, C), zeros without a text."""
    shape = (specs.text.tokens, specs.text.dim)
    if text_LD is None:
        return torch.zeros(shape)
    if text_LD.shape != shape:
        raise MismatchError(f"{name} features are {tuple(text_LD.shape)}; expected {shape}")
    return text_LD.float()


def _clip(request: Request, specs: FeatureSpecs, total_s: float, leading: TaskName) -> Tensor | None:
    if not TASKS[leading].uses("clip") or request.clip_VD is None:
        return None
    _check_length("clip", len(request.clip_VD), specs.clip.length(total_s), total_s)
    return request.clip_VD.cpu()


def _sync(
    request: Request, specs: FeatureSpecs, leading: TaskName, before: int, frames: int
) -> tuple[Tensor, tuple[SyncPart, ...]]:
    """Returns sync features and where they lie; zeros when absent.

    For ac-vta the surrogate's, extracted separately, come before the target's, each on its own frames. Source: SPEC G4.
    """
    rate_hz = specs.codec.frame_rate_hz
    if not TASKS[leading].uses("sync") or request.sync_SD is None:
        length = specs.sync.length(before / rate_hz + request.duration_s)
        return torch.zeros(length, specs.sync.dim), (specs.sync_part(length, before + frames),)
    target_SD = request.sync_SD.cpu()
    _check_sync("sync", len(target_SD), specs, request.duration_s, request.duration_s)
    target = specs.sync_part(len(target_SD), frames)
    if leading != "ac-vta":
        return target_SD, (target,)
    if request.reference_sync_SD is None:
        raise UsageError("a reference beside a video needs the reference's sync features: a surrogate's or its own")
    reference_SD = request.reference_sync_SD.cpu()
    _check_sync("reference sync", len(reference_SD), specs, (before - 1) / rate_hz, before / rate_hz)
    return torch.cat([reference_SD, target_SD]), (specs.sync_part(len(reference_SD), before), target)


def _check_sync(name: str, found: int, specs: FeatureSpecs, shortest_s: float, longest_s: float) -> None:
    """Raises UsageError unless the positions are those of a duration in shortest_s..longest_s: a codec's frames are
    rounded up, so that a reference may be shorter than its latent."""
    fewest, most = max(1, specs.sync.length(shortest_s)), specs.sync.covering_length(longest_s)
    if not fewest <= found <= most or found % specs.sync.per_segment:
        raise UsageError(
            f"{name} features have {found} positions; {longest_s:.3f} s need {most}"
            + (f", at least {fewest}" if fewest < most else "")
        )


def _check_length(name: str, found: int, expected: int, duration_s: float) -> None:
    if found != expected:
        raise UsageError(f"{name} features have {found} positions; {duration_s:.3f} s need {expected}")
