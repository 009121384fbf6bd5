"""Trains the embedded judge `corpus-cnn` (SPEC E1, E2)."""
