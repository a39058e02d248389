"""Which candidates are worth a look, and which one is taken. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from quantize_fidelity import BEST_DB
from quantize_timing import Ratio

FLOAT = "float"
_TIE = 1.03


@dataclass(frozen=True)
class Candidate:
    """One way to store a graph, measured.

    Attributes:
        name: of the method, with the number of groups that stay float.
        precision: as in `model.json`.
        size_mb: of the file.
        ratio: of times to float's; None where it was not timed.
        sqnr_db: fidelity of the output that suffered most.
        agreement: share of equal largest logits.
        excluded: groups that stay float.
        note: what else the table says.
        scores: quality on real data, metric to value.
        refused: why its quality is not enough.
    """

    name: str
    precision: str
    size_mb: float
    ratio: Ratio | None
    sqnr_db: float
    agreement: float | None = None
    excluded: tuple[str, ...] = ()
    note: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    refused: str = ""

    def row(self) -> dict[str, Any]:
        """As it stands in provenance."""
        return {
            "name": self.name,
            "precision": self.precision,
            "size_mb": self.size_mb,
            "time_ratio": self.ratio.median if self.ratio else None,
            "time_spread": [self.ratio.low, self.ratio.high] if self.ratio else None,
            "median_ms": self.ratio.median_ms if self.ratio else None,
            "sqnr_db": self.sqnr_db,
            "agreement": self.agreement,
            "excluded": list(self.excluded),
            "note": self.note,
            "scores": self.scores,
            "refused": self.refused,
        }


def unchanged(size_mb: float) -> Candidate:
    """The float graph as a candidate of its own."""
    return Candidate(FLOAT, "fp32", size_mb, Ratio(1.0, 1.0, 1.0, 0.0), BEST_DB, None)


def front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other one beats in size, time and fidelity at once (Pareto); only timed ones."""
    timed = [candidate for candidate in candidates if candidate.ratio]
    return [one for one in timed if not any(_beats(other, one) for other in timed)]


def choose(candidates: Sequence[Candidate], least_db: float, least_agreement: float = 0.0) -> Candidate:
    """The one that costs least of those that are faithful enough; the more faithful one where they cost about the same.

    The cost is time beside float's times the square root of size beside float's: half the time is worth as much as a
    quarter of the size. A time that could be float's counts as float's. Float itself is always faithful enough, but is
    taken only where everything else costs more.

    Args:
        candidates: with the float one among them.
        least_db: fidelity that is enough.
        least_agreement: share of equal largest logits that is enough.
    """
    float_mb = next(candidate.size_mb for candidate in candidates if candidate.name == FLOAT)
    allowed = [
        candidate
        for candidate in front(candidates)
        if candidate.sqnr_db >= least_db and (candidate.agreement is None or candidate.agreement >= least_agreement)
    ]
    costs = {candidate.name: _cost(candidate, float_mb) for candidate in allowed}
    best = min(costs.values(), key=lambda cost: cost[1])
    tied = [candidate for candidate in allowed if costs[candidate.name][0] <= best[2] * _TIE]
    gaining = [candidate for candidate in tied if costs[candidate.name][1] < 1]
    return max(gaining or tied, key=lambda candidate: candidate.sqnr_db)


def _cost(candidate: Candidate, float_mb: float) -> tuple[float, float, float]:
    share = (candidate.size_mb / float_mb) ** 0.5
    if candidate.ratio is None or not candidate.ratio.clear:
        return share, share, share
    return candidate.ratio.low * share, candidate.ratio.median * share, candidate.ratio.high * share


def _beats(other: Candidate, one: Candidate) -> bool:
    if other.ratio is None or one.ratio is None:
        return False
    pairs = (
        (other.size_mb, one.size_mb),
        (other.ratio.median, one.ratio.median),
        (-other.sqnr_db, -one.sqnr_db),
    )
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)
