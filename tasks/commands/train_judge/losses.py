"""The losses of the judge `corpus-cnn`.

Legend: B sounds, D embedding width, N network frames.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from model.judges.corpus_cnn_network import Said
from tasks.commands.train_judge.batches import Batch


def judge_losses(said: Said, batch: Batch, temperature: float) -> dict[str, Tensor]:
    """Returns the terms by name, scalars: classes (cross entropy), contrast, events, pitch and distance."""
    return {
        "classes": functional.cross_entropy(said.logits_BL, batch.label_B),
        "contrast": contrast(said.embedding_BD, batch.identity_B, temperature),
        "events": event_loss(said.log_events_BN, batch.events_BN),
        "pitch": known_mean(functional.l1_loss, said.log2_pitch_B, batch.log2_pitch_B),
        "distance": known_mean(functional.mse_loss, said.log2_distance_B, batch.log2_distance_B),
    }


def contrast(embedding_BD: Tensor, identity_B: Tensor, temperature: float) -> Tensor:
    """Returns the supervised contrastive loss (Khosla et al. 2020): sounds of one object are to be the nearest.

    Sounds without another of the same object only count as being unlike; without any pair it is zero.
    """
    unit_BD = functional.normalize(embedding_BD, dim=1)
    itself_BB = torch.eye(len(identity_B), dtype=torch.bool, device=embedding_BD.device)
    logits_BB = (unit_BD @ unit_BD.T / temperature).masked_fill(itself_BB, -torch.inf)
    log_share_BB = logits_BB.log_softmax(1).masked_fill(itself_BB, 0.0)
    same_BB = (identity_B[:, None] == identity_B[None]) & ~itself_BB
    partners_B = same_BB.sum(1)
    loss_B = -(log_share_BB * same_BB).sum(1) / partners_B.clamp(min=1)
    return loss_B.sum() / (partners_B > 0).sum().clamp(min=1)


def event_loss(log_events_BN: Tensor, events_BN: Tensor) -> Tensor:
    """Returns the Poisson negative log likelihood per frame, over the sounds whose events are known."""
    known_B = ~events_BN.isnan().any(1)
    loss_BN = functional.poisson_nll_loss(log_events_BN, events_BN.nan_to_num(), log_input=True, reduction="none")
    return (loss_BN.mean(1) * known_B).sum() / known_B.sum().clamp(min=1)


def known_mean(loss: Callable[..., Tensor], said_B: Tensor, true_B: Tensor) -> Tensor:
    """Returns a loss's mean over the sounds whose truth is known (not NaN); zero where none is."""
    known_B = ~true_B.isnan()
    loss_B = loss(said_B, true_B.nan_to_num(), reduction="none")
    return (loss_B * known_B).sum() / known_B.sum().clamp(min=1)
