"""What ran inside the sessions: every node with the shapes it saw and the weights it read, from the runtime's profiler.

Format of a profile: onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html (Chrome's trace events, one a
line). Only the graph after the runtime's own optimisation appears in it, so fused nodes are counted as they ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.errors import InferenceError
from edge.inference.sessions import Array, Session, SessionFactory
from edge.settings import InferenceSettings

_NODE = "_kernel_time"


@dataclass(frozen=True)
class Tensor:
    """Type (`float`, `int8`, ...) and shape of a value that a node read or wrote."""

    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class NodeRun:
    """One execution of one node.

    Attributes:
        name: of the node in the optimised graph.
        operator: such as `Conv` or `DynamicQuantizeMatMul`.
        inputs, outputs: in order; optional ones that are not given are left out.
        weight_bytes: of the inputs that are constants of the graph.
        output_bytes: of all outputs.
    """

    name: str
    operator: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    weight_bytes: int
    output_bytes: int


class ProfiledSessions(SessionFactory):
    """Sessions on the CPU that write down what they run.

    A weight that is packed for speed is gone from the profile, and with it its size. So the first run of a session is
    made without packing, which is slow, and tells the weights of every node; the runs after it are as fast as others.
    Nodes that only a later run reaches (another branch of an `If`) are told without their packed weights.
    """

    def __init__(self, settings: InferenceSettings, folder: Path) -> None:
        """`folder` takes the profiles: about a kilobyte for every node that runs."""
        super().__init__(settings)
        self._folder = folder
        self._opened: list[_Counted] = []

    def open(self, model: Path | bytes, *, threads: int = 1) -> Session:
        """As `SessionFactory.open`."""
        prefix = str(self._folder / f"{len(self._opened):03d}")

        def create(*, packed: bool) -> Any:
            options = self._options(threads)
            options.enable_profiling = True
            options.profile_file_prefix = f"{prefix}-{'packed' if packed else 'plain'}"
            options.add_session_config_entry("session.disable_prepacking", "0" if packed else "1")
            return self._create(model, options)

        counted = _Counted(create)
        self._opened.append(counted)
        return counted

    def providers(self) -> list[str]:
        """The CPU: the work of a graph does not depend on who does it."""
        return ["CPUExecutionProvider"]

    def mark(self) -> None:
        """Forget what has run so far. No session may be running."""
        for session in self._opened:
            session.before = session.runs

    def executed(self) -> list[Iterator[NodeRun]]:
        """For every session the nodes that ran since `mark`, in order; call it once, when nothing runs any more."""
        return [session.executed() for session in self._opened]


class _Counted:
    """Two profiled sessions of one graph: for the first run and for all others. It knows how often they ran."""

    def __init__(self, create: Callable[..., Any]) -> None:
        self._create = create
        self._first = create(packed=False)
        self._others: Any = None
        self.get_inputs = self._first.get_inputs
        self.get_outputs = self._first.get_outputs
        self.runs = 0
        self.before = 0

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        if self.runs and self._others is None:
            self._others = self._create(packed=True)
        try:
            outputs: list[Array] = (self._others or self._first).run(output_names, input_feed)
        except Exception as error:
            raise InferenceError(f"a profiled session failed: {error}; run: edge doctor") from error
        self.runs += 1
        return outputs

    def executed(self) -> Iterator[NodeRun]:
        weights: dict[str, NodeRun] = {}
        for node in _node_runs(Path(self._first.end_profiling()), 0):
            weights[node.name] = node
            if self.before == 0:
                yield node
        if self._others is not None:
            for node in _node_runs(Path(self._others.end_profiling()), max(0, self.before - 1)):
                yield _with_weights(node, weights.get(node.name))


def _with_weights(node: NodeRun, first: NodeRun | None) -> NodeRun:
    """A node with the weights that its first run told; they stand behind the first input."""
    if first is None or len(node.inputs) == len(first.inputs):
        return node
    return replace(node, inputs=(*node.inputs[:1], *first.inputs[1:]), weight_bytes=first.weight_bytes)


def _node_runs(profile: Path, skipped_runs: int) -> Iterator[NodeRun]:
    """The nodes of a profile behind the first `skipped_runs` runs; events stand in the order in which they ended."""
    runs = 0
    with profile.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().rstrip(",")
            if not text.startswith("{"):
                continue
            event = json.loads(text)
            if event.get("name") == "model_run":
                runs += 1
            elif runs >= skipped_runs and event.get("cat") == "Node" and event["name"].endswith(_NODE):
                yield _node_run(event)


def _node_run(event: dict[str, Any]) -> NodeRun:
    facts = event["args"]
    return NodeRun(
        name=event["name"].removesuffix(_NODE),
        operator=facts["op_name"],
        inputs=_tensors(facts["input_type_shape"]),
        outputs=_tensors(facts["output_type_shape"]),
        weight_bytes=int(facts["parameter_size"]),
        output_bytes=int(facts["output_size"]),
    )


def _tensors(shapes: list[dict[str, list[int]]]) -> tuple[Tensor, ...]:
    return tuple(Tensor(kind, tuple(shape)) for value in shapes for kind, shape in value.items())
