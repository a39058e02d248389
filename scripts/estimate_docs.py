"""The worked examples of docs/estimating.md: what estimates from real reports would have said, and the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from board_files import chosen, measured, p50_ms, titles
from board_tables import number, table

from edge.bench.report import Report, StageResult

_NEAR = 0.1


class Estimate(NamedTuple):
    """A time that was estimated without looking at the one that was measured."""

    what: str
    estimated_ms: float
    measured_ms: float

    @property
    def factor(self) -> float:
        """Estimated over measured: 1 is right."""
        return self.estimated_ms / self.measured_ms


def by_typical_ratio(report: Report) -> list[Estimate]:
    """Each stage from its floor, times the median ratio of the other stages of the same machine."""
    known = {stage: result for stage, result in chosen(report).items() if result.floor and result.floor.floor_ms > 0}
    made = []
    for stage, result in known.items():
        others = [other.floor.ratio for name, other in known.items() if name != stage and other.floor]
        if others and result.floor:
            made.append(Estimate(f"`{stage}`", result.floor.floor_ms * median(others), p50_ms(result)))
    return made


def by_other_threads(report: Report) -> list[Estimate]:
    """Each stage at more threads from its time at fewer, scaled as its floor is."""
    groups: dict[tuple[str, str, str], list[StageResult]] = {}
    for result in measured(report):
        if result.floor and result.floor.floor_ms > 0:
            groups.setdefault((result.stage, result.precision, result.provider), []).append(result)
    made = []
    for (stage, precision, _), results in groups.items():
        for few, more in pairwise(sorted(results, key=lambda result: result.threads)):
            if few.floor and more.floor and few.threads < more.threads:
                what = f"`{stage}`, {precision}, {few.threads} to {more.threads} threads"
                estimated = p50_ms(few) * more.floor.floor_ms / few.floor.floor_ms
                made.append(Estimate(what, estimated, p50_ms(more)))
    return made


def by_other_machine(known: Report, unknown: Report) -> list[Estimate]:
    """Each stage of a machine from its floor there, times the ratio that another machine has in the same stage."""
    here = {result.key: result for result in measured(known)}
    made = []
    for result in chosen(unknown).values():
        twin = here.get(result.key)
        if twin and twin.floor and result.floor:
            made.append(Estimate(f"`{result.stage}`", result.floor.floor_ms * twin.floor.ratio, p50_ms(result)))
    return made


def estimates_part(boards: Mapping[str, Report]) -> str:
    """Every kind of estimate on every machine, with what it would have cost to believe it."""
    blocks = [block for words, made in _all(boards) for block in _block(words, made)]
    if not blocks:
        return "No report in `benchmarks/boards` has floors yet, so there is nothing to work an example from.\n"
    return "\n\n".join(blocks) + "\n"


def _all(boards: Mapping[str, Report]) -> Iterator[tuple[str, list[Estimate]]]:
    names = titles(dict(boards))
    for name, report in boards.items():
        yield f"{names[name]}: floor times the median ratio of the other stages", by_typical_ratio(report)
        yield f"{names[name]}: from fewer threads, scaled as the floor", by_other_threads(report)
        for known in _others(boards, name):
            words = f"{names[name]} from {names[known]}: its own floor, times the ratio of the same stage there"
            yield words, by_other_machine(boards[known], report)


def _others(boards: Mapping[str, Report], name: str) -> list[str]:
    """The first other machine with a processor of the same class, and the first of another class."""
    own = boards[name].machine.cpu_class
    first: dict[bool, str] = {}
    for other, report in boards.items():
        if other != name:
            first.setdefault(report.machine.cpu_class == own, other)
    return list(first.values())


def _block(words: str, made: Sequence[Estimate]) -> Iterator[str]:
    if not made:
        return
    yield f"**{words}**"
    rows = ([one.what, number(one.estimated_ms), number(one.measured_ms), f"{one.factor:.2f}"] for one in made)
    yield table(["stage", "estimated ms:", "measured ms:", "estimated / measured:"], rows)
    near = sum(1 / (1 + _NEAR) <= one.factor <= 1 + _NEAR for one in made)
    worst = max(made, key=lambda one: max(one.factor, 1 / one.factor))
    off = max(worst.factor, 1 / worst.factor)
    direction = "too slow" if worst.factor > 1 else "too fast"
    yield (
        f"Within {100 * _NEAR:.0f} %: {near} of {len(made)}. "
        f"The worst, {worst.what}, is estimated {off:.1f} times {direction}."
    )
