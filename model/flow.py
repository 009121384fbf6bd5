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
    constrain: Callable[[Tensor, float], Tensor] | None = None,
) -> Tensor:
    """Integrates from `start` to `stop` in equal steps; start 1, stop 0 inverts data to noise (SPEC G6, G7).

    `constrain(x, t)`, when given, may overwrite frames before each step and at the end, e.g. to keep given frames on
    their own path.
    """
    times = torch.linspace(start, stop, steps + 1)  # times and differences in fp32: equal to MMAudio's, bit for bit
    for now, after in pairwise(times):
        if constrain is not None:
            x_BNF = constrain(x_BNF, float(now))
        t_B = torch.full((x_BNF.shape[0],), float(now), device=x_BNF.device, dtype=torch.float32)
        x_BNF = x_BNF + float(after - now) * velocity(x_BNF, t_B)
    return x_BNF if constrain is None else constrain(x_BNF, float(times[-1]))
