"""The smallest training of the judge that exercises everything."""

from __future__ import annotations

from tasks.commands.train_judge.config import JudgeTrainConfig

TINY = JudgeTrainConfig(
    width=2, frame_dim=4, embedding_dim=3, steps=4, object_pairs=2, general_sounds=2, lengths_s=(0.5, 1.0),
    warmup_steps=1, corpus_scenes=48, test_scenes=4, checkpoint_every=2, log_every=2, precision="fp32",
)  # fmt: skip
