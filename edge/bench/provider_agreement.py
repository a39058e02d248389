"""Whether two execution providers gave the same answers.

Tokens and other integers must be equal. Numbers may differ by rounding: their difference may be 2 % of their size (root
mean square). Of scores over classes, one row an item, the best class must be the same, or scored alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edge.bench.provider_recording import Run
from edge.inference.sessions import Array

MOST = 0.02
_CLASSES = 16
"""From so many columns on, rows of numbers are taken as scores over classes."""
_ALIKE = 1e-4
"""Scores that differ by so much of their size change places by rounding: the letters of a line, all nearly 1."""


def disagreement(expected: Sequence[Run], got: Sequence[Mapping[str, Array]]) -> tuple[float, str | None]:
    """Largest relative difference over all outputs, and what is beyond bounds, None if nothing is."""
    largest, wrong = 0.0, None
    for run, outputs in zip(expected, got, strict=True):
        for name, right in run.outputs.items():
            difference, why = _compare(right, outputs[name])
            largest = max(largest, difference)
            wrong = wrong or (f"{name}: {why}" if why else None)
    return largest, wrong


def _compare(right: Array, other: Array) -> tuple[float, str | None]:
    if right.shape != other.shape:
        return 1.0, f"shape {list(other.shape)} instead of {list(right.shape)}"
    if not np.issubdtype(right.dtype, np.floating):
        return (0.0, None) if np.array_equal(right, other) else (1.0, "other tokens or numbers")
    finite = np.isfinite(right)
    if not np.array_equal(finite, np.isfinite(other)) or not _same(right[~finite], other[~finite]):
        return 1.0, "not finite"
    difference = _relative(right[finite].astype(np.float64), other[finite].astype(np.float64))
    if right.ndim == 2 and right.shape[1] >= _CLASSES and _another_best(right, other):  # noqa: PLR2004
        return difference, "another best class"
    return difference, f"differs by {difference:.1%}" if difference > MOST else None


def _same(right: Array, other: Array) -> bool:
    return np.array_equal(right, other, equal_nan=True)


def _another_best(right: Array, other: Array) -> bool:
    """Whether the best class of a row is one that the CPU scores clearly lower."""
    items = np.arange(len(right))
    behind = right[items, right.argmax(1)] - right[items, other.argmax(1)]
    return bool((behind > _ALIKE * _size(right[np.isfinite(right)])).any())


def _size(values: Array) -> float:
    """Root mean square; 0 of nothing."""
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2))) if values.size else 0.0


def _relative(right: Array, other: Array) -> float:
    size, apart = _size(right), _size(right - other)
    return apart / size if size else float(apart > 0)
