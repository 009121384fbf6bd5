"""The losses of the judge `corpus-cnn`.

Legend: B sounds, D embedding width, E event frames, P pitch bands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from model.judges.corpus_cnn_levels import pitch_place
from model.judges.corpus_cnn_network import CorpusCNNOutput
from tasks.commands.train_judge.batches import Batch

ALLOWED_COUNT: Final = 1.0
ALLOWED_COUNT_SHARE: Final = 0.1
"""How far a count may be off to be right: by one event, or a share of them, whichever is more."""


def judge_losses(said: CorpusCNNOutput, batch: Batch, temperature: float) -> dict[str, Tensor]:
    """Returns the terms by name, scalars: classes (cross entropy), contrast, events, count, pitch, distance."""
    return {
        "classes": functional.cross_entropy(said.logits_BL, batch.label_B),
        "contrast": contrast(said.embedding_BD, batch.identity_B, temperature),
        "events": event_loss(said.log_events_BE, batch.events_BE),
        "count": known_mean(allowed_errors, said.log_events_BE.exp().sum(1), batch.events_BE.sum(1)),
        "pitch": known_mean(pitch_loss, said.pitch_BP, batch.log2_pitch_B),
        "distance": known_mean(_squared, said.log2_distance_B, batch.log2_distance_B),
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


def event_loss(log_events_BE: Tensor, events_BE: Tensor) -> Tensor:
    """Returns the Poisson negative log likelihood per frame, over the sounds whose events are known."""
    known_B = ~events_BE.isnan().any(1)
    loss_BE = functional.poisson_nll_loss(log_events_BE, events_BE.nan_to_num(), log_input=True, reduction="none")
    return (loss_BE.mean(1) * known_B).sum() / known_B.sum().clamp(min=1)


def allowed_errors(count_B: Tensor, true_B: Tensor) -> Tensor:
    """Returns the losses (B,) of counts: errors in units of what is allowed, half the square up to one, then linear."""
    allowed_B = (ALLOWED_COUNT_SHARE * true_B).clamp(min=ALLOWED_COUNT)
    return functional.smooth_l1_loss(count_B / allowed_B, true_B / allowed_B, reduction="none")


def pitch_loss(pitch_BP: Tensor, log2_pitch_B: Tensor) -> Tensor:
    """Returns the cross entropies (B,) of the pitch bands; the truth is shared between the two nearest bands."""
    last = pitch_BP.shape[1] - 1
    place_B = pitch_place(log2_pitch_B).clamp(0, last)
    place_P = torch.arange(last + 1, device=pitch_BP.device)
    share_BP = (1 - (place_B[:, None] - place_P).abs()).clamp(min=0)
    return -(share_BP * pitch_BP.log_softmax(1)).sum(1)


def known_mean(loss: Callable[[Tensor, Tensor], Tensor], said: Tensor, true_B: Tensor) -> Tensor:
    """Returns the mean of a loss per sound over the sounds whose truth is known (not NaN); zero where none is."""
    known_B = ~true_B.isnan()
    loss_B = loss(said, true_B.nan_to_num())
    return (loss_B * known_B).sum() / known_B.sum().clamp(min=1)


def _squared(said_B: Tensor, true_B: Tensor) -> Tensor:
    return (said_B - true_B).square()
