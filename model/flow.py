"""Flow matching: the straight path from noise to data, its masked loss, and the Euler sampler with guidance.

Legend: B batch, N audio frames, F latent channels, t flow time: 0 = noise x0, 1 = data x1. Masks: True = generated.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""The velocity at (x_BNF, t_B)."""


def sample_timesteps(batch: int, generator: torch.Generator, *, location: float = 0.0, spread: float = 1.0) -> Tensor:
    """Returns (B,) logit-normal times, sigmoid(N(location, spread)). MMAudio's are 0 and 1. Source: SPEC T1."""
    return torch.sigmoid(location + spread * torch.randn(batch, generator=generator))


def interpolate(x0_BNF: Tensor, x1_BNF: Tensor, t_B: Tensor) -> Tensor:
    """Returns x_t = t x1 + (1 - t) x0. Source: SPEC M11 (eq. 2)."""
    t = t_B[:, None, None]
    return t * x1_BNF + (1 - t) * x0_BNF


def frame_errors(velocity_BNF: Tensor, x0_BNF: Tensor, x1_BNF: Tensor) -> Tensor:
    """Returns (B, N): the squared error of the velocity, averaged over channels. Source: SPEC M10 (eq. 3)."""
    return (velocity_BNF.float() - (x1_BNF - x0_BNF)).square().mean(-1)


def masked_mean(errors_BN: Tensor, mask_BN: Tensor) -> Tensor:
    """Returns the sum over hidden frames divided by their number N, over the whole batch. Source: SPEC M10 (eq. 4)."""
    mask = mask_BN.to(errors_BN.dtype)
    return (errors_BN * mask).sum() / mask.sum()


def guided(conditional: Tensor, null: Tensor, scale: float) -> Tensor:
    """Returns scale * v_cond + (1 - scale) * v_null, MMAudio's convention: 1 = no guidance. Source: SPEC G7."""
    return scale * conditional + (1 - scale) * null


def euler(
    velocity: Velocity,
    x_BNF: Tensor,
    *,
    steps: int,
    start: float = 0.0,
    stop: float = 1.0,
    hold: Callable[[Tensor, float], Tensor] | None = None,
) -> Tensor:
    """Integrates from `start` to `stop` in equal steps; start 1, stop 0 inverts data to noise (SPEC G6, G7).

    `hold(x, t)`, when given, may overwrite frames before each step and at the end (context kept on its own path).
    """
    times = torch.linspace(start, stop, steps + 1)  # fp32 times and differences: MMAudio's numbers, bit for bit
    for now, after in pairwise(times):
        if hold is not None:
            x_BNF = hold(x_BNF, float(now))
        t_B = torch.full((x_BNF.shape[0],), float(now), device=x_BNF.device, dtype=torch.float32)
        x_BNF = x_BNF + float(after - now) * velocity(x_BNF, t_B)
    return x_BNF if hold is None else hold(x_BNF, float(times[-1]))
