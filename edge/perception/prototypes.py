"""What tells one thing from all others: a direction in the space of embeddings, found from a few views.

Regularised least squares with classes of equal weight (ridge regression on the labels 1 and 0; Fisher's discriminant
is its limit): the views of the thing against a cohort of other pictures. It beats the nearest view and the mean of the
views, because it knows which directions all pictures share; benchmarks/teaching.py measures all three.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import ModelCorruptError

COHORT_FILE = "cohort.npy"
"""Beside the model: float16 [m, d], embeddings of pictures of anything, rows of length 1."""

Floats = npt.NDArray[np.float32]

_AXES = 2
_REGULARISATION = 0.01  # of a mean squared embedding coordinate, which is 1 / d for d of 256: about 2.5 of them


def direction(views: Floats, cohort: Floats) -> Floats:
    """The direction on which views of a thing lie near 1 and other pictures near 0.

    Args:
        views: float32 [n, d], rows of length 1, n at least 1.
        cohort: float32 [m, d], the same; m may be 0: then views like the given ones lie near 1 and nothing is known
            of others.

    Returns:
        float32 [d]; an embedding times it says how surely it is the thing.
    """
    size = views.shape[1]
    gram = _REGULARISATION * np.eye(size) + views.T.astype(np.float64) @ views / len(views)
    if len(cohort):
        gram += cohort.T @ cohort / len(cohort)
    return np.asarray(np.linalg.solve(gram, views.mean(axis=0, dtype=np.float64)), np.float32)


def load_cohort(folder: Path, model_id: str) -> Floats:
    """The cohort of a recogniser, float32 [m, d]; [0, 0] for one that comes without.

    Raises:
        ModelCorruptError: the file is not one.
    """
    file = folder / COHORT_FILE
    if not file.is_file():
        return np.zeros((0, 0), np.float32)
    try:
        cohort = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelCorruptError(model_id, COHORT_FILE, "it is no NumPy array") from error
    if cohort.ndim != _AXES or not np.isfinite(cohort).all():
        raise ModelCorruptError(model_id, COHORT_FILE, f"it has the shape {list(cohort.shape)}")
    return np.asarray(cohort, np.float32)
