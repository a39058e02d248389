"""What is fitted after training, in numpy: temperature, the odds of being known, the embedding, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

THINGS = 5
VIEWS = 5

_TEMPERATURES = np.geomspace(0.3, 3.0, 93)


def temperature(logits: Array, targets: Array) -> float:
    """The divisor of logits [n, c] with the smallest negative log-likelihood of `targets` [n]."""
    rows = np.arange(len(targets))

    def loss(divisor: float) -> float:
        scaled = np.asarray(logits, np.float64) / divisor
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((total - scaled[rows, targets]).mean())

    return float(min(_TEMPERATURES, key=loss))


def logistic(signs: Array, known: Array, penalty: float = 1e-2) -> tuple[Floats, float]:
    """Weights [d] and constant of a logistic regression, both classes weighing the same (Newton's method).

    Args:
        signs: [n, d].
        known: bool [n].
        penalty: on the squared weights of the standardised signs.
    """
    mean, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-9
    rows = np.hstack([(signs - mean) / spread, np.ones((len(signs), 1))]).astype(np.float64)
    weight = np.where(known, 0.5 / known.sum(), 0.5 / (~known).sum())
    ridge = penalty * np.diag([1.0] * signs.shape[1] + [0.0])
    values = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(rows @ values, -30, 30)))
        slope = rows.T @ (weight * (chance - known)) + ridge @ values
        curve = (rows * (weight * chance * (1 - chance) + 1e-9)[:, None]).T @ rows + ridge + 1e-9 * np.eye(len(values))
        step = np.linalg.solve(curve, slope)
        values -= step
        if np.abs(step).max() < 1e-8:  # noqa: PLR2004 - settled
            break
    weights = values[:-1] / spread
    return weights, float(values[-1] - weights @ mean)


def threshold(known: Array, strange: Array, least_kept: float) -> float:
    """The cut with the largest sum of known things kept and strangers refused that keeps at least `least_kept`.

    Args:
        known: scores of known things.
        strange: scores of strangers.
        least_kept: share of known things that must stay at or above the cut.
    """
    most = float(np.quantile(known, 1 - least_kept))
    cuts = [cut for cut in np.unique(np.concatenate([known, strange])) if cut <= most] or [most]
    return float(max(cuts, key=lambda cut: (known >= cut).mean() + (strange < cut).mean()))


def projection(features: Array, groups: Sequence[int], size: int, shrink: float, power: float) -> tuple[Floats, Floats]:
    """Matrix [size, d] and constant [size] of an embedding in which things of one group lie close together.

    Linear discriminant analysis: the scatter within the groups is whitened, then the directions of largest total
    variance are kept and scaled by it to the power of -power / 2.

    Args:
        features: [n, d].
        groups: category of each row.
        size: floats of the embedding.
        shrink: share of the within-group scatter that is replaced by a multiple of the unit matrix.
        power: 0 keeps the variances, 1 makes them equal.
    """
    rows = np.asarray(features, np.float64)
    mean, labels = rows.mean(axis=0), np.asarray(groups)
    spread = rows.std(axis=0) + 1e-6
    rows = (rows - mean) / spread
    centred = rows.copy()
    for group in np.unique(labels):
        centred[labels == group] -= centred[labels == group].mean(axis=0)
    within = centred.T @ centred / len(rows)
    within = (1 - shrink) * within + shrink * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(np.maximum(values, 1e-9))
    total, directions = np.linalg.eigh(np.cov((rows @ white).T))
    kept = directions[:, ::-1][:, :size] * np.maximum(total[::-1][:size], 1e-9) ** (-power / 2)
    matrix = np.asarray((white @ kept).T / spread, np.float64)
    return matrix, np.asarray(-matrix @ mean, np.float64)


def ridge(features: Array, targets: Array, penalty: float) -> tuple[Floats, float]:
    """Weights [d] and constant of a least-squares fit of `targets` [n] from `features` [n, d]."""
    rows = np.hstack([features, np.ones((len(features), 1))]).astype(np.float64)
    left = rows.T @ rows / len(rows) + penalty * np.eye(rows.shape[1])
    values = np.linalg.solve(left, rows.T @ np.asarray(targets, np.float64) / len(rows))
    return np.asarray(values[:-1], np.float64), float(values[-1])


def normalised(rows: Array) -> Array:
    """Rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def teaching(
    embeddings: Array, labels: Sequence[str], tell: Callable[[Array], Array], trials: int, seed: int = 0
) -> tuple[Array, Array, Array]:
    """Play `edge teach` many times: five things from five pictures each.

    Args:
        embeddings: [n, d] of length 1.
        labels: of each row; every label with more than five rows may be taught, but for those that begin with `_`.
        tell: from the views of a thing [5, d] to the direction [d] that tells it from others.
        trials: times.
        seed: of the draws.

    Returns:
        Best similarity of each shown picture of a taught thing, whether it is the right thing, and the best similarity
        of pictures of all else.
    """
    random, names = np.random.default_rng(seed), np.asarray(labels)
    able = [name for name in np.unique(names) if name[0] != "_" and (names == name).sum() > VIEWS]
    best, right, strange = [], [], []
    for _ in range(trials):
        taught = random.choice(able, THINGS, replace=False)
        orders = [random.permutation(np.flatnonzero(names == name)) for name in taught]
        ways = np.stack([tell(embeddings[order[:VIEWS]]) for order in orders])
        for number, order in enumerate(orders):
            alike = embeddings[order[VIEWS : VIEWS + 20]] @ ways.T
            best.append(alike.max(axis=1))
            right.append(alike.argmax(axis=1) == number)
        others = random.permutation(np.flatnonzero(~np.isin(names, taught)))[:200]
        strange.append((embeddings[others] @ ways.T).max(axis=1))
    return np.concatenate(best), np.concatenate(right), np.concatenate(strange)
