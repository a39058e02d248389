"""Which part of a graph suffers from a method: each group of nodes is quantised alone and measured against float."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx
from quantize_fidelity import Fidelity
from quantize_graph import Place, places
from quantize_methods import Calibration, Method

MOST_GROUPS = 24
_FEWEST_GROUPS = 6
_LARGE = 0.3
"""Share of all weights from which on a group is divided further."""
_STEPS = (1, 2, 3, 4, 6, 8, 12)
"""How many groups are left out, one try each."""
_FOR_TABLE = 0.7
"""Share of the time until the deadline that the table may take; the rest is for leaving groups out."""

Judge = Callable[[onnx.ModelProto], Fidelity]
"""From a quantised graph to how far it is from float."""


@dataclass(frozen=True)
class Group:
    """Nodes that are quantised or left alone together.

    Attributes:
        name: what their names begin with.
        nodes: their names.
        parameters: elements of their weights.
    """

    name: str
    nodes: frozenset[str]
    parameters: int


@dataclass(frozen=True)
class Sensitivity:
    """What it costs to quantise one group alone."""

    group: Group
    sqnr_db: float

    def row(self) -> dict[str, object]:
        """As it stands in provenance."""
        return {"group": self.group.name, "parameters": self.group.parameters, "sqnr_db": self.sqnr_db}


def groups(found: Sequence[Place], most: int = MOST_GROUPS) -> list[Group]:
    """Blocks of layers by the beginning of their names: as fine as `most` allows, in the order of the graph.

    Where names would give less than half as many, neighbours are put together whatever their names.

    A name is that of the node where it is a path (`/layers.0/fc1/MatMul`), else that of the weight.
    """
    paths = {place.name: _path(place) for place in found}
    deepest = max((len(path) for path in paths.values()), default=0)
    fitting = [{name: path[:depth] for name, path in paths.items()} for depth in range(deepest, 0, -1)]
    labels = next((cut for cut in fitting if len(set(cut.values())) <= most), None)
    if labels is None or len(set(labels.values())) < min(most, len(paths)) // 2:
        labels = _parts_of_row(list(paths), most)
    else:
        labels = _divided(found, paths, labels, most)
    grouped: dict[tuple[str, ...], list[Place]] = {}
    for place in found:
        grouped.setdefault(labels[place.name], []).append(place)
    return [
        Group("/".join(label), frozenset(place.name for place in part), _parameters(part))
        for label, part in grouped.items()
    ]


def measure(
    model: onnx.ModelProto, method: Method, calibration: Calibration, judge: Judge, deadline: float = float("inf")
) -> list[Sensitivity]:
    """Quantise every group alone; the worst first. Groups after the deadline (of `time.monotonic`) are missing."""
    found = [place for place in places(model) if place.kind in method.kinds]
    names = {place.name for place in found}

    def alone(group: Group) -> Sensitivity:
        return Sensitivity(group, judge(method.make(model, names - group.nodes, calibration)).sqnr_db)

    started = time.monotonic()
    parts = groups(found)
    table = [alone(parts[0])]
    affordable = _FOR_TABLE * (deadline - started) / max(time.monotonic() - started, 1e-9)
    if affordable < len(parts):
        parts, table = groups(found, max(_FEWEST_GROUPS, int(affordable))), []
    for group in parts[len(table) :]:
        if time.monotonic() > deadline:
            break
        table.append(alone(group))
    return sorted(table, key=lambda row: row.sqnr_db)


def exclude(
    model: onnx.ModelProto,
    method: Method,
    calibration: Calibration,
    judge: Judge,
    table: Sequence[Sensitivity],
    enough: Callable[[Fidelity], bool],
    deadline: float = float("inf"),
) -> list[Group] | None:
    """The worst groups without which the rest is faithful enough; None where half of all groups are not enough."""
    for count in (step for step in _STEPS if step <= len(table) // 2):
        if time.monotonic() > deadline:
            return None
        out = [row.group for row in table[:count]]
        made = method.make(model, set().union(*(group.nodes for group in out)), calibration)
        if enough(judge(made)):
            return out
    return None


def _path(place: Place) -> tuple[str, ...]:
    if place.name.startswith("/"):
        return tuple(place.name.strip("/").split("/"))
    return tuple(part for part in re.split(r"[/.]", place.weight) if part) if re.search(r"[/.]", place.weight) else ()


def _divided(
    found: Sequence[Place], paths: dict[str, tuple[str, ...]], labels: dict[str, tuple[str, ...]], most: int
) -> dict[str, tuple[str, ...]]:
    """The same groups, but large ones (a whole backbone beside many small heads) divided while `most` allows."""
    labels = dict(labels)
    total = _parameters(found)
    while True:
        shares = {label: _parameters([p for p in found if labels[p.name] == label]) for label in set(labels.values())}
        large = max(sorted(shares), key=lambda label: shares[label])
        inside = [name for name, label in labels.items() if label == large]
        depths = range(len(large) + 1, max(len(paths[name]) for name in inside) + 1)
        cuts = [{name: paths[name][:depth] for name in inside} for depth in depths]
        finer = next((cut for cut in cuts if len(set(cut.values())) > 1), None)
        if shares[large] <= _LARGE * total or finer is None or len(shares) - 1 + len(set(finer.values())) > most:
            return labels
        labels.update(finer)


def _parts_of_row(names: Sequence[str], most: int) -> dict[str, tuple[str, ...]]:
    """Neighbours together, about as many in each group."""
    length = -(-len(names) // most)
    batches = [names[start : start + length] for start in range(0, len(names), length)]
    return {name: (f"{batch[0]}..{batch[-1]}",) for batch in batches for name in batch}


def _parameters(part: Sequence[Place]) -> int:
    """Of different weights: branches share theirs."""
    return sum({place.weight: place.parameters for place in part}.values())
