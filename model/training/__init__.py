"""Training: batches, optimisation, averaging, resume (SPEC T1-T4). Reading order: loop, batches, ema, schedule."""

from model.training.batches import Batch, BatchPlan, FeatureSource, load_batch
from model.training.loop import Trainer

__all__ = ["Batch", "BatchPlan", "FeatureSource", "Trainer", "load_batch"]
