"""A candidate beside the float model and what it replaces: quality, size, memory and time, and what they refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import quality
from gate_checks import graph_bytes, precision
from gate_limits import Comparison, Speed, disagreement, no_gain
from gate_measure import ROUNDS, alternate, memory_mb
from provenance import Provenance
from quality_subjects import Subject, load

from edge.errors import ExportError

TIMED_ITEMS = 8


@dataclass(frozen=True)
class Pair:
    """What is compared, and how.

    Attributes:
        candidate: folder of the model that wants to enter.
        reference: folder of the float model.
        replaced: folder of what it must be faster or smaller than.
        data: evaluation data, or None.
        limit: most items of a kind.
        rounds: of timing.
        threads: most of a session.
    """

    candidate: Path
    reference: Path
    replaced: Path
    data: Path | None = None
    limit: int | None = None
    rounds: int = ROUNDS
    threads: int = 2


def compare(pair: Pair, bounds: Mapping[str, float], verdict: dict[str, Any]) -> list[str]:
    """Measure, and write the numbers into `verdict`.

    Returns:
        Reasons to refuse the candidate.

    Raises:
        ExportError: the two do different things, or the data does not fit them.
        EdgeError: one cannot be loaded or run.
    """
    labels = quality.labels_of(pair.data) if pair.data else ()
    candidate, base = (load(folder, labels, pair.threads) for folder in (pair.candidate, pair.reference))
    if candidate.kind != base.kind:
        raise ExportError(f"{pair.candidate.name} does {candidate.kind}, {pair.reference.name} does {base.kind}")
    tasks = quality.tasks(base, pair.data, pair.limit)
    reasons = _quality(tasks, candidate, base, bounds, verdict)
    other = base if pair.replaced == pair.reference else load(pair.replaced, labels, pair.threads)
    sizes = [graph_bytes(folder) for folder in (pair.candidate, pair.replaced)]
    verdict["size"] = {"candidate": sizes[0], "replaced": sizes[1], "ratio": round(sizes[0] / sizes[1], 4)}
    verdict["replaces"] = f"{name_of(pair.replaced)}, {precision(pair.replaced)}"
    verdict["ram_mb"] = memory_mb(pair.candidate)
    if pair.replaced.resolve() == pair.candidate.resolve():
        is_float = precision(pair.candidate) == "fp32"  # then it replaces nothing
        return reasons if is_float else [*reasons, "it cannot replace itself; leave --replaces out"]
    items = [item() if callable(item) else item for item in tasks[0].items[:TIMED_ITEMS]]
    speed: Speed = alternate(candidate.answer, other.answer, items, pair.rounds, pair.threads)
    verdict["speed"] = {**dataclasses.asdict(speed), "items": len(items), "data": tasks[0].data}
    gain = no_gain(speed, sizes[0] / sizes[1], verdict["replaces"])
    return [*reasons, gain] if gain else reasons


def name_of(folder: Path) -> str:
    """Id of a model from its folder; never a path."""
    try:
        return Provenance.read(folder).id
    except ExportError:
        return folder.parent.name


def _quality(
    tasks: Sequence[quality.Task],
    candidate: Subject,
    base: Subject,
    bounds: Mapping[str, float],
    verdict: dict[str, Any],
) -> list[str]:
    """Scores against scores where the right answers are known, and how often the answers are the same."""
    rows, agreements = [], []
    for task in tasks:
        wanted, said = task.answers(base), task.answers(candidate)
        agreements.append(quality.alike(task, base, wanted, said))
        if task.judge is not None:
            scores = zip(task.judge(said), task.judge(wanted), strict=True)
            rows += [Comparison(one, other, bounds.get(one.metric)) for one, other in scores]
    verdict["quality"] = [
        {
            "metric": row.candidate.metric,
            "data": row.candidate.data,
            "items": row.candidate.items,
            "candidate": row.candidate.value,
            "reference": row.reference.value,
            "limit": row.limit,
        }
        for row in rows
    ]
    verdict["agreement"] = [dataclasses.asdict(found) for found in agreements]
    if rows:
        return [row.reason for row in rows if row.reason]
    return [reason for found in agreements if (reason := disagreement(found, bounds["agreement"]))]
