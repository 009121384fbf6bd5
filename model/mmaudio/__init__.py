"""MMAudio's checkpoints: reading, conversion, export, and weights to start a training from. Source: SPEC M1, M4, T1."""

from model.mmaudio.files import (
    MMAudioFile,
    convert,
    export,
    initial_weights,
    read_mmaudio,
    starting_config,
)

__all__ = ["MMAudioFile", "convert", "export", "initial_weights", "read_mmaudio", "starting_config"]
