"""av-benchmark's files: its feature caches and its output_metrics.json, read and written so that numbers agree.

Source: av-benchmark (Sony Research, MIT), as of 2025-08.
"""
