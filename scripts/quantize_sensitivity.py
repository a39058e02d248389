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

    A name is that of the node where it is a path (`/layers.0/fc1/MatMul`), else that of the weight.
    """
    paths = {place.name: _path(place) for place in found}
    deepest = max((len(path) for path in paths.values()), default=0)
    fitting = [{name: path[:depth] for name, path in paths.items()} for depth in range(deepest, 0, -1)]
    labels = next((cut for cut in fitting if len(set(cut.values())) <= most), None)
    if labels is None:
        labels = _parts_of_row(list(paths), most)
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
    table = []
    for group in groups(found):
        if time.monotonic() > deadline:
            break
        made = method.make(model, names - group.nodes, calibration)
        table.append(Sensitivity(group, judge(made).sqnr_db))
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
    out: list[Group] = []
    for row in table[: len(table) // 2]:
        if time.monotonic() > deadline:
            return None
        out.append(row.group)
        made = method.make(model, set().union(*(group.nodes for group in out)), calibration)
        if enough(judge(made)):
            return out
    return None


def _path(place: Place) -> tuple[str, ...]:
    if place.name.startswith("/"):
        return tuple(place.name.strip("/").split("/"))
    return tuple(part for part in re.split(r"[/.]", place.weight) if part) if re.search(r"[/.]", place.weight) else ()


def _parts_of_row(names: Sequence[str], most: int) -> dict[str, tuple[str, ...]]:
    """Neighbours together, where names tell nothing."""
    length = -(-len(names) // most)
    batches = [names[start : start + length] for start in range(0, len(names), length)]
    return {name: (f"{batch[0]}..{batch[-1]}",) for batch in batches for name in batch}


def _parameters(part: Sequence[Place]) -> int:
    """Of different weights: branches share theirs."""
    return sum({place.weight: place.parameters for place in part}.values())
