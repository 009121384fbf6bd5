"""Long audio: windows that continue one another in the latent space, and a codec over pieces. Source: SPEC G5.

Each window has the end of the latents generated so far as its context (`Request.context_NF`). The windows are joined as
latents and decoded together. Memory is needed for one window's features and activations, whatever the length.
Legend: T samples, N audio latent frames, F latent channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from data_contracts import UsageError
from model.codec import Codec

OVERLAP: Final = 0.25  # of a window; training shows at most 30 % context (SPEC M3)
_PIECE_S: Final = 20.0
_MARGIN_S: Final = 2.0  # more than the receptive field of a convolutional codec to either side


@dataclass(frozen=True, slots=True)
class Window:
    """Frames [start, start + length) of the whole; the first `known` of them are given as context."""

    start: int
    length: int
    known: int

    @property
    def stop(self) -> int:
        """One past the last frame."""
        return self.start + self.length


def any_length(_frames: int) -> bool:
    """Allows windows of every length."""
    return True


def plan_windows(
    frames: int,
    longest: int,
    *,
    known: int = 0,
    overlap: float = OVERLAP,
    fits: Callable[[int], bool] = any_length,
) -> list[Window]:
    """Returns windows of nearly equal length, at most `longest`, that fill frames known..frames in order.

    Equal lengths, because a short last window would be unlike any training clip. `fits` tells the lengths whose sync
    features end with the window (`SyncSpec.fits`); others are used only when there are none. A last window is made to
    fit by more context. Raises UsageError when nothing is left to generate or windows would not advance.
    """
    if not 0 <= known < frames:
        raise UsageError(f"{known} of {frames} frames are given; nothing is left to generate")
    if longest < 2 or not 0 < overlap < 1:
        raise UsageError(f"windows of {longest} frames with an overlap of {overlap:g} do not advance")
    if frames <= longest:
        return [Window(0, frames, known)]
    *windows, last = _fewest_windows(frames, longest, known, overlap, fits)
    length = max(window.length for window in (*windows, last))
    stretched = fitting_length(last.length, min(length, last.stop), fits)
    more = stretched - last.length
    return [*windows, Window(last.start - more, stretched, last.known + more)]


def fitting_length(shortest: int, longest: int, fits: Callable[[int], bool]) -> int:
    """Returns the least length in shortest..longest that fits; `shortest` when none does."""
    return next((length for length in range(shortest, longest + 1) if fits(length)), shortest)


def _fewest_windows(frames: int, longest: int, known: int, overlap: float, fits: Callable[[int], bool]) -> list[Window]:
    """Returns the windows of the shortest length that needs no more of them than the longest one."""
    lengths = [length for length in range(longest, 1, -1) if fits(length)] or [longest]
    chosen = list(_windows(frames, lengths[0], known, overlap))
    for length in lengths[1:]:
        shorter = list(_windows(frames, length, known, overlap))
        if len(shorter) > len(chosen):
            break
        chosen = shorter
    return chosen


def _windows(frames: int, length: int, known: int, overlap: float) -> Iterator[Window]:
    context = max(1, int(overlap * length))
    while known < frames:
        start = known - min(known, context)
        stop = min(frames, start + length)
        yield Window(start, stop - start, known - start)
        known = stop


def generate_windows(
    windows: list[Window], given_NF: Tensor, generate: Callable[[Window, Tensor | None, int], Tensor]
) -> Tensor:
    """Returns the whole latent (N, F): `given_NF`, then what each window adds to it.

    `generate(window, context_NF, number)` returns the window's latent (length, F), the context's frames first.
    """
    whole_NF = given_NF
    for number, window in enumerate(windows):
        context_NF = whole_NF[window.start : window.start + window.known] if window.known else None
        whole_NF = torch.cat([whole_NF, generate(window, context_NF, number)[window.known :]])
    return whole_NF


def encode_long(codec: Codec, audio_T: Tensor) -> Tensor:
    """Returns the posterior's mean (N, F), encoded piece by piece when long.

    Equal to one pass for a codec whose receptive field is below 2 s to either side, as that of convolutional codecs is;
    a codec with attention over all time is given one piece at a time.
    """
    spec = codec.spec
    frames = -(-audio_T.shape[-1] // spec.hop)
    parts = []
    for start, stop, left, right in _pieces(frames, spec.frame_rate_hz):
        mean_1NF, _ = codec.encode(audio_T[None, left * spec.hop : right * spec.hop])
        parts.append(mean_1NF[0, start - left : stop - left].cpu())
    return torch.cat(parts)


def decode_long(codec: Codec, latent_NF: Tensor) -> Tensor:
    """Returns the audio, (T,) or of a stereo codec (C, T), piece by piece when long; equal to one pass as above."""
    hop, decode = codec.spec.hop, codec.decode if codec.spec.channels == 1 else codec.decode_channels
    parts = []
    for start, stop, left, right in _pieces(len(latent_NF), codec.spec.frame_rate_hz):
        audio = decode(latent_NF[None, left:right])[0].cpu()
        parts.append(audio[..., (start - left) * hop : (stop - left) * hop])
    return torch.cat(parts, dim=-1)


def _pieces(frames: int, rate_hz: float) -> Iterator[tuple[int, int, int, int]]:
    """Yields start, stop and the same with margins; audio of up to twice a piece's length is one piece."""
    piece, margin = round(_PIECE_S * rate_hz), round(_MARGIN_S * rate_hz)
    if frames <= 2 * piece:
        piece = frames
    for start in range(0, frames, max(1, piece)):
        stop = min(frames, start + piece)
        yield start, stop, max(0, start - margin), min(frames, stop + margin)
