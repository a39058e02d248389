"""Media to results: one model family per module."""
