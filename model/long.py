"""Long sounds: windows that continue one another in the latent space, and a codec over pieces. Source: SPEC G5.

Every next window starts with the end of what is already there as its context (`Request.context_NF`), so the parts are
joined as latents and decoded as one sound. Memory holds one window's features and activations, whatever the length.
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
_MARGIN_S: Final = 2.0  # more than a convolutional codec sees to either side


@dataclass(frozen=True, slots=True)
class Window:
    """Frames [start, start + length) of the whole; the first `known` of them are there before it is generated."""

    start: int
    length: int
    known: int

    @property
    def stop(self) -> int:
        """One past the last frame."""
        return self.start + self.length


def plan_windows(frames: int, longest: int, *, known: int = 0, overlap: float = OVERLAP) -> list[Window]:
    """Returns windows of nearly equal length, at most `longest`, that fill frames known..frames in order.

    Equal lengths, because a short last window would be a clip such as training never showed. Raises UsageError when
    nothing is left to generate or a window could not move on.
    """
    if not 0 <= known < frames:
        raise UsageError(f"{known} of {frames} frames are given; nothing is left to generate")
    if longest < 2 or not 0 < overlap < 1:
        raise UsageError(f"windows of {longest} frames with an overlap of {overlap:g} cannot move on")
    if frames <= longest:
        return [Window(0, frames, known)]
    count = len(list(_windows(frames, longest, known, overlap)))
    length = longest
    while length > 2 and len(list(_windows(frames, length - 1, known, overlap))) == count:
        length -= 1
    return list(_windows(frames, length, known, overlap))


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
    """Returns the posterior's mean (N, F), piece by piece when long.

    Equal to one pass wherever the codec sees less than 2 s to either side, as convolutional codecs do; a codec with
    attention over all time sees only the piece.
    """
    spec = codec.spec
    frames = -(-audio_T.shape[-1] // spec.hop)
    parts = []
    for start, stop, left, right in _pieces(frames, spec.frame_rate_hz):
        mean_1NF, _ = codec.encode(audio_T[None, left * spec.hop : right * spec.hop])
        parts.append(mean_1NF[0, start - left : stop - left].cpu())
    return torch.cat(parts)


def decode_long(codec: Codec, latent_NF: Tensor) -> Tensor:
    """Returns the sound, (T,) or of a stereo codec (C, T), piece by piece when long; equal to one pass as above."""
    hop, decode = codec.spec.hop, codec.decode if codec.spec.channels == 1 else codec.decode_channels
    parts = []
    for start, stop, left, right in _pieces(len(latent_NF), codec.spec.frame_rate_hz):
        audio = decode(latent_NF[None, left:right])[0].cpu()
        parts.append(audio[..., (start - left) * hop : (stop - left) * hop])
    return torch.cat(parts, dim=-1)


def _pieces(frames: int, rate_hz: float) -> Iterator[tuple[int, int, int, int]]:
    """Yields start, stop and the same with margins; a sound of up to twice a piece is one piece."""
    piece, margin = round(_PIECE_S * rate_hz), round(_MARGIN_S * rate_hz)
    if frames <= 2 * piece:
        piece = frames
    for start in range(0, frames, max(1, piece)):
        stop = min(frames, start + piece)
        yield start, stop, max(0, start - margin), min(frames, stop + margin)
