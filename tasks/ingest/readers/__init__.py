"""Readers of the layouts in which public corpora lie on disk. Each lists recordings; none opens a recording."""
