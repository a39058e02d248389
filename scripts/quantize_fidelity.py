"""How far a quantised graph is from the float one on the same inputs.

The signal-to-quantisation-noise ratio in decibels: 10 log10 of (sum of squares of the float output / sum of squares of
the difference); 20 dB is an error of a tenth, 40 dB of a hundredth. Logits are taken relative to their mean, which no
softmax sees. And agreement: how often both have the same largest logit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from quantize_methods import Feed

from edge.inference.sessions import Array, Session

BEST_DB = 150.0
WORST_DB = -99.0
_BOXES = "pred_boxes"
_LOGITS = "logits"

Floats = npt.NDArray[np.float64]
Answers = list[list[Array]]
"""Outputs of every feed."""


@dataclass(frozen=True)
class Fidelity:
    """How alike two graphs answer.

    Attributes:
        sqnr_db: of the output that suffered most.
        agreement: share of equal largest logits, 0..1; None where there are no logits.
    """

    sqnr_db: float
    agreement: float | None


def answers(session: Session, feeds: Sequence[Feed], outputs: Sequence[str]) -> Answers:
    """The named outputs for every feed."""
    return [session.run(outputs, feed) for feed in feeds]


def fidelity(exact: Answers, other: Answers, outputs: Sequence[str]) -> Fidelity:
    """Compare answers to the same feeds; anything that is not finite is as bad as can be."""
    if not all(np.isfinite(output).all() for group in other for output in group):
        return Fidelity(WORST_DB, 0.0 if _LOGITS in outputs else None)
    if _BOXES in outputs and _LOGITS in outputs:
        other = [_matched(one, two, outputs) for one, two in zip(exact, other, strict=True)]
    worst = BEST_DB
    for index, name in enumerate(outputs):
        pairs = [
            (_centred(one[index], name), _centred(two[index], name)) for one, two in zip(exact, other, strict=True)
        ]
        worst = min(worst, sqnr_db(pairs))
    if _LOGITS not in outputs:
        return Fidelity(worst, None)
    at = list(outputs).index(_LOGITS)
    same = [one[at].argmax(-1) == two[at].argmax(-1) for one, two in zip(exact, other, strict=True)]
    return Fidelity(worst, round(float(np.mean(np.concatenate([part.ravel() for part in same]))), 4))


def sqnr_db(pairs: Sequence[tuple[Floats, Floats]]) -> float:
    """Decibels over all pairs of (float, quantised), between `WORST_DB` and `BEST_DB`."""
    signal = sum(float(np.square(one).sum()) for one, _ in pairs)
    noise = sum(float(np.square(one - two).sum()) for one, two in pairs)
    if noise == 0:
        return BEST_DB
    if signal == 0:
        return WORST_DB
    return round(float(np.clip(10 * np.log10(signal / noise), WORST_DB, BEST_DB)), 2)


def _centred(values: Array, name: str) -> Floats:
    exact = np.asarray(values, np.float64)
    return exact - exact.mean(-1, keepdims=True) if name == _LOGITS and exact.shape[-1] > 1 else exact


def _matched(exact: list[Array], other: list[Array], outputs: Sequence[str]) -> list[Array]:
    """Queries of a detector in the order of the float one's: some architectures sort them by score."""
    at = [list(outputs).index(name) for name in (_LOGITS, _BOXES)]
    one, two = (
        np.concatenate([np.asarray(group[index][0], np.float64) for index in at], 1) for group in (exact, other)
    )
    scale = one.std(0) + 1e-9
    distance = np.square(one / scale).sum(1)[:, None] + np.square(two / scale).sum(1)[None]
    distance -= 2 * (one / scale) @ (two / scale).T
    order = distance.argmin(1)
    return [value[:, order] if index in at else value for index, value in enumerate(other)]
