"""Training: batches, optimisation, averaging, resume (SPEC T1-T4). Reading order: loop, loader, draws, batches, ema."""

from model.training.batches import Batch, BatchPlan, FeatureSource, load_batch
from model.training.loop import Trainer
from model.training.ranks import Ranks

__all__ = ["Batch", "BatchPlan", "FeatureSource", "Ranks", "Trainer", "load_batch"]
