"""One float graph tried in every way: candidates, what is sensitive, what is on the front, what is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx
from quantize_choice import FLOAT, Candidate, choose, front, unchanged
from quantize_fidelity import Fidelity, answers, fidelity
from quantize_graph import load, places
from quantize_inputs import Inputs, spread
from quantize_methods import METHODS, Calibration, Method
from quantize_sensitivity import Sensitivity, exclude, measure
from quantize_timing import ROUNDS, ratios

from edge.errors import EdgeError, ExportError
from edge.inference.cpu import CpuClass
from edge.inference.sessions import SessionFactory, one_line

_HOPELESS_DB = 6.0
_SCANNED = 4
_FEWEST_LOOKS = 8
_LOOKING_S = 6.0
_FOR_SENSITIVITY = 0.6


@dataclass(frozen=True)
class Wishes:
    """What a candidate must be.

    Attributes:
        methods: names of `METHODS` to try.
        least_db: fidelity that is enough.
        least_agreement: share of equal largest logits that is enough.
        cpu: class of the processor that the graph is for.
        rounds: of timing.
    """

    methods: Sequence[str]
    least_db: float
    least_agreement: float
    cpu: CpuClass
    rounds: int = ROUNDS

    def agreement(self, inputs: Inputs) -> float:
        """Agreement that is enough: asked of pictures only; a text is judged as a whole, not token by token."""
        return self.least_agreement if inputs.vision else 0.0

    def enough(self, found: Fidelity | Candidate, inputs: Inputs) -> bool:
        """Whether a graph is faithful enough."""
        return found.sqnr_db >= self.least_db and (found.agreement is None or found.agreement >= self.agreement(inputs))


@dataclass
class Trial:
    """What was found out about one graph.

    Attributes:
        inputs: that it was judged by.
        candidates: the float one first.
        files: of candidates, name to path.
        chosen: name of the one that is taken.
        sensitivity: method to groups, the worst first.
        nodes: of candidates with exclusions, name to nodes that stay float.
        methods: by which candidates were made.
    """

    inputs: Inputs
    candidates: list[Candidate]
    files: dict[str, Path]
    chosen: str = FLOAT
    sensitivity: dict[str, list[Sensitivity]] = field(default_factory=dict)
    nodes: dict[str, list[str]] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)

    @property
    def winner(self) -> Candidate:
        """The candidate that is taken."""
        return next(candidate for candidate in self.candidates if candidate.name == self.chosen)

    def record(self, file: str) -> dict[str, Any]:
        """For provenance; `file` is the name under which the graph was written."""
        return {
            "file": file,
            "float_file": self.inputs.file.name,
            "data": self.inputs.data,
            "outputs": list(self.inputs.outputs),
            "chosen": self.chosen,
            "method": self.methods.get(self.chosen, FLOAT),
            "front": [candidate.name for candidate in front(self.candidates)],
            "candidates": [candidate.row() for candidate in self.candidates],
            "sensitivity": {method: [row.row() for row in table] for method, table in self.sensitivity.items()},
            "excluded": self.nodes.get(self.chosen, []),
        }


def try_all(
    inputs: Inputs, wishes: Wishes, scratch: Path, deadline: float, say: Callable[[str], None] = lambda _: None
) -> Trial:
    """Make, judge and time all candidates of one graph; files lie in `scratch`.

    Args:
        inputs: of the graph.
        wishes: what is tried and what is enough.
        scratch: existing folder.
        deadline: of `time.monotonic`; methods after the first that come too late are noted as not tried.
        say: told what is being done.

    Raises:
        ExportError: it is no float graph, or nothing in it can be quantised.
    """
    model = load(inputs.file)
    if not places(model):
        raise ExportError(f"{inputs.file} has no constant matrix that could be quantised; use it as it is")
    bench = _Bench(model, inputs, wishes, scratch)
    started = time.monotonic()
    for number, name in enumerate(wishes.methods):
        if number and time.monotonic() > deadline:
            bench.skip(name, "not tried: out of time")
        elif METHODS[name].vision_only and not inputs.vision:
            continue
        else:
            say(f"{inputs.file.name}: {name}")
            bench.attempt(name, started + (deadline - started) * _FOR_SENSITIVITY, say)
    bench.time()
    trial = bench.trial
    trial.chosen = choose(trial.candidates, wishes.least_db, wishes.agreement(inputs)).name
    return trial


class _Bench:
    """One graph with its float answers."""

    def __init__(self, model: onnx.ModelProto, inputs: Inputs, wishes: Wishes, scratch: Path) -> None:
        self._model, self._inputs, self._wishes, self._scratch = model, inputs, wishes, scratch
        self._sessions = SessionFactory()
        self._float = self._sessions.open(inputs.file)
        self._check = spread(inputs.check, self._affordable())
        self._exact = answers(self._float, self._check, inputs.outputs)
        self._calibration = Calibration(inputs.calibration, wishes.cpu)
        self.trial = Trial(inputs, [unchanged(_megabytes(inputs.file))], {FLOAT: inputs.file})

    def _affordable(self) -> int:
        """How many inputs can be looked at again and again: large pictures are slow."""
        started = time.monotonic()
        answers(self._float, self._inputs.check[:1], self._inputs.outputs)
        return max(
            _FEWEST_LOOKS, int(_LOOKING_S / max(time.monotonic() - started, _LOOKING_S / len(self._inputs.check)))
        )

    def skip(self, name: str, why: str) -> None:
        self.trial.candidates.append(Candidate(name, "", 0.0, None, 0.0, note=why))

    def attempt(self, name: str, deadline: float, say: Callable[[str], None]) -> None:
        """The method on all nodes and, if that is not faithful enough, without the groups that suffer most."""
        method = METHODS[name]
        self.trial.methods[name] = name
        try:
            made = method.make(self._model, set(), self._calibration)
            self._add(name, method, made)
        except EdgeError as error:
            self.skip(name, one_line(error))
            return
        found = self.trial.candidates[-1]
        if self._enough(found) or time.monotonic() > deadline:
            return
        say(f"{self._inputs.file.name}: {name} gives {found.sqnr_db} dB; looking for what suffers")
        try:
            self._spare(name, method, deadline)
        except EdgeError as error:
            self.skip(f"{name}, partly", one_line(error))

    def _spare(self, name: str, method: Method, deadline: float) -> None:
        """The method without the groups that suffer most, if half of all are enough."""
        few = replace(self._calibration, feeds=self._calibration.feeds[:_SCANNED])
        table = measure(self._model, method, few, self._glance, deadline)
        self.trial.sensitivity[name] = table
        out = exclude(self._model, method, few, self._judge, table, self._enough, deadline)
        if out:
            nodes = sorted(set().union(*(group.nodes for group in out)))
            made = method.make(self._model, set(nodes), self._calibration)
            spared = f"{name}-{len(out)}"
            self.trial.nodes[spared], self.trial.methods[spared] = nodes, name
            self._add(spared, method, made, tuple(group.name for group in out))

    def time(self) -> None:
        """Time all candidates that are not hopeless against float, turn by turn."""
        hopeful = [one for one in self.trial.candidates[1:] if one.sqnr_db >= _HOPELESS_DB]
        sessions = {one.name: self._sessions.open(self.trial.files[one.name]) for one in hopeful}
        feed, outputs = self._inputs.check[-1], self._inputs.outputs
        measured = ratios(self._float, sessions, feed, outputs, self._wishes.rounds)
        self.trial.candidates = [
            replace(one, ratio=measured[one.name]) if one.name in measured else one for one in self.trial.candidates
        ]

    def _add(self, name: str, method: Method, made: onnx.ModelProto, excluded: tuple[str, ...] = ()) -> None:
        precision, calibrated = method.precision, method.vision_only
        file = self._scratch / f"{self._inputs.file.stem}.{name}.onnx"
        file.write_bytes(made.SerializeToString(deterministic=True))
        found = self._judge(made)
        self.trial.files[name] = file
        size, note = _megabytes(file), f"calibrated on {self._inputs.data}" if calibrated else ""
        self.trial.candidates.append(
            Candidate(name, precision, size, None, found.sqnr_db, found.agreement, excluded, note)
        )

    def _judge(self, made: onnx.ModelProto, most: int | None = None) -> Fidelity:
        session = self._sessions.open(made.SerializeToString())
        found = answers(session, self._check[:most], self._inputs.outputs)
        return fidelity(self._exact[:most], found, self._inputs.outputs)

    def _glance(self, made: onnx.ModelProto) -> Fidelity:
        return self._judge(made, _FEWEST_LOOKS)

    def _enough(self, found: Fidelity | Candidate) -> bool:
        return self._wishes.enough(found, self._inputs)


def _megabytes(file: Path) -> float:
    return round(file.stat().st_size / 1e6, 3)
