"""Flow matching: the straight path from noise to data, its error per frame, and the Euler sampler with guidance.

Legend: B batch, N audio frames, F latent channels, t flow time: 0 = noise x0, 1 = data x1. Masks: True = generated.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""The velocity at (x_BNF, t_B)."""


def sample_timesteps(
    batch: int, generator: torch.Generator, *, location: float | Tensor = 0.0, spread: float | Tensor = 1.0
) -> Tensor:
    """Returns (B,) logit-normal times, sigmoid(N(location, spread)). MMAudio's are 0 and 1. Source: SPEC T1.

    `location` and `spread` are numbers, or (B,) for rows of different kinds.
    """
    return torch.sigmoid(location + spread * torch.randn(batch, generator=generator))


def interpolate(x0_BNF: Tensor, x1_BNF: Tensor, t_B: Tensor) -> Tensor:
    """Returns x_t = t x1 + (1 - t) x0. Source: SPEC M11 (eq. 2)."""
    t = t_B[:, None, None]
    return t * x1_BNF + (1 - t) * x0_BNF


def frame_errors(velocity_BNF: Tensor, x0_BNF: Tensor, x1_BNF: Tensor) -> Tensor:
    """Returns (B, N): the squared error of the velocity, averaged over channels. Source: SPEC M10 (eq. 3)."""
    return (velocity_BNF.float() - (x1_BNF - x0_BNF)).square().mean(-1)


def guided(conditional: Tensor, null: Tensor, scale: float) -> Tensor:
    """Returns scale * v_cond + (1 - scale) * v_null, MMAudio's convention: 1 = no guidance. Source: SPEC G7."""
    return scale * conditional + (1 - scale) * null


def rescaled(
    guided_BNF: Tensor, conditional_BNF: Tensor, x_BNF: Tensor, t_B: Tensor, mask_BN: Tensor, *, share: float
) -> Tensor:
    """Returns the guided velocity, its estimate of the data x + (1 - t) v scaled towards the conditional one's size.

    Guidance moves that estimate away from the mean of the data, so it grows with the scale; in latents of log
    magnitudes a growth is a gain in dB. `share` 1 gives it the root mean square of the conditional estimate over the
    generated frames and all channels, 0 leaves it. Source: Lin et al. 2023, section 3.4, there on deviations.
    """
    remaining_B11 = 1 - t_B[:, None, None]
    estimate, reference = x_BNF + remaining_B11 * guided_BNF, x_BNF + remaining_B11 * conditional_BNF
    ratio_B = (_power(reference, mask_BN) / _power(estimate, mask_BN).clamp(min=1e-12)).sqrt()
    scale_B11 = (share * ratio_B + 1 - share)[:, None, None]
    return torch.where(remaining_B11 > 0, (scale_B11 * estimate - x_BNF) / remaining_B11.clamp(min=1e-6), guided_BNF)


def _power(values_BNF: Tensor, mask_BN: Tensor) -> Tensor:
    """Returns (B,): the sum of squares over the masked frames."""
    return (values_BNF.square() * mask_BN[..., None]).sum((1, 2))


def with_fresh_noise(inverted_BNF: Tensor, noise_BNF: Tensor, known_BN: Tensor, *, share: float) -> Tensor:
    """Returns the noise that data inverts to, mixed with `share` of fresh noise, and with more where it is too small.

    Euler's method inverts to the mean of the noise that may have led to the data: its deviation is below 1, the more so
    the fewer the steps are (0.6 after 2, 0.9 after 25 on rendered clips), and audio that starts from it is quieter.
    Independent noise of the missing variance makes up for that. `known_BN`: frames that have data. A share of 0 returns
    `inverted_BNF`, so that an inversion can be undone.
    """
    if share == 0:
        return inverted_BNF
    kept = 1 - share**2
    known_BN1 = known_BN[..., None]
    values = (known_BN1.sum(dim=(1, 2), keepdim=True) * inverted_BNF.shape[-1]).clamp(min=1)
    variance_B11 = (inverted_BNF.square() * known_BN1).sum(dim=(1, 2), keepdim=True) / values
    fresh_B11 = (1 - kept * variance_B11).clamp(min=share**2).sqrt()
    return fresh_B11 * noise_BNF + kept**0.5 * inverted_BNF


def euler(
    velocity: Velocity,
    x_BNF: Tensor,
    *,
    steps: int,
    start: float = 0.0,
    stop: float = 1.0,
    constrain: Callable[[Tensor, float], Tensor] | None = None,
    on_step: Callable[[], None] | None = None,
) -> Tensor:
    """Integrates from `start` to `stop` in equal steps; start 1, stop 0 inverts data to noise (SPEC G6, G7).

    `constrain(x, t)`, when given, may overwrite frames before each step and at the end, e.g. to keep given frames on
    their own path. `on_step` is called after each step.
    """
    times = torch.linspace(start, stop, steps + 1)  # times and differences in fp32: equal to MMAudio's, bit for bit
    for now, after in pairwise(times):
        if constrain is not None:
            x_BNF = constrain(x_BNF, float(now))
        t_B = torch.full((x_BNF.shape[0],), float(now), device=x_BNF.device, dtype=torch.float32)
        x_BNF = x_BNF + float(after - now) * velocity(x_BNF, t_B)
        if on_step is not None:
            on_step()
    return x_BNF if constrain is None else constrain(x_BNF, float(times[-1]))
