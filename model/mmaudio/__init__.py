"""MMAudio's checkpoints: read, converted, exported, and as a start for training. Source: SPEC M1, M4, T1."""

from model.mmaudio.files import (
    Source,
    convert,
    export,
    initial_weights,
    read_mmaudio,
    start_from,
    starting_config,
)

__all__ = ["Source", "convert", "export", "initial_weights", "read_mmaudio", "start_from", "starting_config"]
