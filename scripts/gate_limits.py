"""How much a model may lose, and what its gate says: limits in one table, reasons in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quality import Agreement, Score

from edge.errors import ExportError

LIMITS: Mapping[str, float] = {
    "BLEU": 0.3,
    "chrF": 0.3,
    "WER": 0.5,
    "CER": 0.5,
    "top-1": 0.5,
    "top-5": 0.5,
    "mAP@0.5": 0.5,
    "agreement": 0.1,
}
"""Metric -> most points that may be lost against float; `agreement`: most share of answers that may be others.

Synthetic inputs show nothing that a model knows, so its choices are close there, and a few turn with the last bits.
"""

NEXT_TOKENS = 0.15
"""Most share of next tokens in synthetic sounds that may be others. Nobody speaks there, so the likeliest token is a
close choice: int8 Whisper base has 0.11 others, while its errors on speech hold the limit of the WER."""

SMALLER = 0.98
"""A graph folder counts as smaller from this share of the replaced one's bytes on."""


@dataclass(frozen=True)
class Comparison:
    """One metric of the candidate beside the float model's, on the same items.

    Attributes:
        limit: most that may be lost; None: it is told, but does not decide (one of several languages).
    """

    candidate: Score
    reference: Score
    limit: float | None

    @property
    def loss(self) -> float:
        """Points that the candidate is worse."""
        return self.candidate.loss_from(self.reference)

    @property
    def reason(self) -> str:
        """Why this refuses the candidate; empty when the limit holds (never for NaN)."""
        if self.limit is None or self.loss <= self.limit:
            return ""
        verb = "falls" if self.candidate.better == "higher" else "rises"
        numbers = f"from {self.reference.value:.1f} to {self.candidate.value:.1f}"
        where = f"on {self.candidate.data}, {self.candidate.items} items"
        return f"{self.candidate.metric} {verb} by {self.loss:.1f} (limit {self.limit:g}), {numbers} {where}"


@dataclass(frozen=True)
class Speed:
    """Time of the candidate as a share of what it replaces: the median of the ratios of all rounds, and its quartiles.

    Attributes:
        ratio: median; below 1 the candidate is faster.
        low: first quartile.
        high: third quartile.
        candidate_ms: median time of one item.
        replaced_ms: the same of what it replaces.
        rounds: how often both were timed, by turns.
        threads: most intra-op threads.
    """

    ratio: float
    low: float
    high: float
    candidate_ms: float
    replaced_ms: float
    rounds: int
    threads: int

    @property
    def is_faster(self) -> bool:
        """Whether three quarters of the rounds say so."""
        return self.ratio < 1 and self.high < 1


def limits(changes: Sequence[str]) -> dict[str, float]:
    """The table with the changes of `--max-loss METRIC=POINTS`.

    Raises:
        ExportError: not of this form, or a metric that has no limit.
    """
    found = dict(LIMITS)
    for change in changes:
        name, _, points = change.partition("=")
        if name not in LIMITS:
            raise ExportError(f"--max-loss {change}: METRIC=POINTS is wanted, METRIC one of {', '.join(LIMITS)}")
        try:
            found[name] = float(points)
        except ValueError as error:
            raise ExportError(f"--max-loss {change}: {points!r} is no number") from error
    return found


def disagreement(found: Agreement, limit: float) -> str:
    """Why answers that are too often others refuse the candidate; empty when the limit holds."""
    most = max(limit, NEXT_TOKENS) if found.data.endswith("synthetic sounds") else limit
    if found.share >= 1 - most:
        return ""
    return f"agreement with float is {found.share:.3f} on {found.data} (at least {1 - most:g})"


def no_gain(speed: Speed, size_ratio: float, replaced: str) -> str:
    """Why a candidate that brings nothing is refused; empty when it is faster or smaller."""
    if speed.is_faster or size_ratio <= SMALLER:
        return ""
    times = f"takes {speed.ratio:.2f} of its time (quartiles {speed.low:.2f} to {speed.high:.2f})"
    return f"neither faster nor smaller than {replaced}: {times} and {size_ratio:.2f} of its bytes"
