"""Measurements behind the project's claims; each is run as `python -m benchmarks.<name>`."""
