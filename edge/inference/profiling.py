"""What ran inside the sessions: every node with the shapes it saw and the weights it read, from the runtime's profiler.

Format of a profile: onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html (Chrome's trace events, one a
line). Only the graph after the runtime's own optimisation appears in it, so fused nodes are counted as they ran.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """Sessions on the CPU that write down what they run. Slower than others: weights are not packed for speed.

    (A packed weight is gone from the profile, and with it its size.)
    """

    def __init__(self, settings: InferenceSettings, folder: Path) -> None:
        """`folder` takes the profiles: about a kilobyte for every node that runs."""
        super().__init__(settings)
        self._folder = folder
        self._opened: list[_Counted] = []

    def open(self, model: Path | bytes, *, threads: int = 1) -> Session:
        """As `SessionFactory.open`."""
        options = self._options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(self._folder / f"{len(self._opened):03d}")
        options.add_session_config_entry("session.disable_prepacking", "1")
        counted = _Counted(self._create(model, options))
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
        return [_node_runs(Path(session.end()), session.before) for session in self._opened]


class _Counted:
    """A profiled session that knows how often it ran."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs
        self.runs = 0
        self.before = 0

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        try:
            outputs: list[Array] = self._session.run(output_names, input_feed)
        except Exception as error:
            raise InferenceError(f"a profiled session failed: {error}; run: edge doctor") from error
        self.runs += 1
        return outputs

    def end(self) -> str:
        return str(self._session.end_profiling())


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
