"""Numbers of merit in numpy: accuracy, area under the curve, thresholds, temperature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


def top_one(best: Ints, targets: Ints) -> float:
    """Share of equal entries; nan without any."""
    return float((best == targets).mean()) if len(targets) else float("nan")


def auroc(known: Floats, strange: Floats) -> float:
    """Probability that a known thing scores above a stranger, ties counting a half (Mann-Whitney)."""
    if not len(known) or not len(strange):
        return float("nan")
    ordered = np.sort(strange)
    below = np.searchsorted(ordered, known, side="left")
    upto = np.searchsorted(ordered, known, side="right")
    return float((below + upto).mean() / 2 / len(strange))
