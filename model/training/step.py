"""The differentiated part of a training step as one module, so that DDP and torch.compile see one graph.

Legend: B batch, N audio frames. Masks: True = to be generated.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from model.network import Network
from model.training.batches import Batch
from model.training.draws import Draws, batch_errors

Errors = Callable[[Network, Batch, Draws], Tensor]


class FlowLoss(nn.Module):
    """The network's errors on a batch. Weights stay fp32; bf16 is autocast.

    `backend` compiles the whole loss as one graph of fixed shapes (`inductor`; None: not at all).
    """

    def __init__(self, network: Network, *, bf16: bool, backend: str | None = None) -> None:
        super().__init__()
        self.network = network
        self.bf16 = bf16
        self._errors: Errors = batch_errors
        if backend is not None:
            self._errors = torch.compile(batch_errors, fullgraph=True, dynamic=False, backend=backend)

    def forward(self, batch: Batch, draws: Draws) -> Tensor:
        """Returns (B, N) fp32: each frame's velocity error, zero on given frames. Source: SPEC M10."""
        with torch.autocast(batch.latent_BNF.device.type, torch.bfloat16, enabled=self.bf16):
            return self._errors(self.network, batch, draws)


def sample_losses(errors_BN: Tensor, mask_BN: Tensor) -> Tensor:
    """Returns (B,): the mean error over each row's masked frames."""
    return errors_BN.sum(1) / mask_BN.sum(1)
