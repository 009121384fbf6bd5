"""Trains the embedded codec (SPEC M2)."""
