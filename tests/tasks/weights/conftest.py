"""Fetched files of these tests lie in a folder of their own."""

from tests.model.weights.conftest import cache

__all__ = ["cache"]
