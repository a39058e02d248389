"""Where the weights of an ONNX graph are, branches of `If` included, and how to put others there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # has no stubs
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ExportError

CONTRIB = "com.microsoft"
SMALLEST = 1024
"""Tensors with fewer elements stay float: nothing is won."""

_MATRIX = 2
_KERNELS = (3, 4)
_MOST_BYTES = 2**31 - 1
_QUANTISED = {
    "DequantizeLinear",
    "QuantizeLinear",
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "MatMulNBits",
    "QLinearMatMul",
    "QLinearConv",
    "ConvInteger",
}

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """A node with a constant matrix (or kernel).

    Attributes:
        name: of the node; the same in two branches that share the weight.
        kind: `MatMul`, `Gemm`, `Gather` or `Conv`.
        weight: name of the stored tensor.
        turned: whether the tensor is [in, out]; else it is [out, in], as rows of a table are.
        parameters: elements of the tensor.
    """

    name: str
    kind: str
    weight: str
    turned: bool
    parameters: int


@dataclass
class Patch:
    """What replaces nodes: collects nodes of one place and tensors of all.

    Attributes:
        tensors: name to stored tensor, shared by all places of the graph.
        nodes: of the place that is being replaced.
    """

    prefix: str
    tensors: dict[str, onnx.TensorProto]
    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def tensor(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """Store a tensor; the first under a name stays."""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)
        return name

    def op(self, kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: object) -> str:
        """One node with one output, and the name of that."""
        name = f"{self.prefix}/{kind}_{len(self.nodes)}"
        made = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(kind, inputs, [made], name=name, domain=domain, **attributes))
        return made


Rewrite = Callable[[Place, onnx.NodeProto, Array, Patch], None]
"""(place, node, its tensor, where the new nodes go): the last new node must write the output of `node`."""


def load(file: Path) -> onnx.ModelProto:
    """Read a float graph; its nodes are given names.

    Raises:
        ExportError: it is missing, damaged, 2 GB or more, keeps tensors in other files, or is quantised already.
    """
    if not file.is_file():
        raise ExportError(f"{file} is missing; run scripts/export.py again")
    if file.stat().st_size > _MOST_BYTES:
        raise ExportError(f"{file} has 2 GB or more: ONNX cannot hold it in one file; take a smaller model")
    try:
        model = onnx.load(file, load_external_data=False)
    except (DecodeError, ValueError) as error:
        raise ExportError(f"{file} is not an ONNX graph ({error}); run scripts/export.py again") from error
    if not model.graph.node:
        raise ExportError(f"{file} is not an ONNX graph (it has no nodes); run scripts/export.py again")
    if any(tensor.data_location == TensorProto.EXTERNAL for graph in graphs(model) for tensor in graph.initializer):
        raise ExportError(f"{file} keeps its weights in another file; save it as one file below 2 GB first")
    found = sorted({node.op_type for graph in graphs(model) for node in graph.node} & _QUANTISED)
    if found:
        raise ExportError(f"{file} is quantised already (it has {found[0]}); give the float graph of scripts/export.py")
    return named(model)


def named(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model, changed: every node has a name; those of one graph differ."""
    for number, graph in enumerate(graphs(model)):
        taken: set[str] = set()
        for index, node in enumerate(graph.node):
            if not node.name or node.name in taken:
                node.name = f"{node.name or f'graph_{number}/{node.op_type}'}_{index}"
            taken.add(node.name)
    return model


def graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The graph and all graphs inside it, outer ones first."""
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop(0)
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else list(attribute.graphs)


def places(model: onnx.ModelProto) -> list[Place]:
    """All nodes whose constant weight could be stored in fewer bits, in the order of the graph."""
    stored = _tensors(model)
    return [place for number, graph in enumerate(graphs(model)) for _, place in _places(graph, stored, number > 0)]


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the standard operators."""
    return int(next((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), 1))


def rewrite(model: onnx.ModelProto, chosen: Iterable[Place], how: Rewrite) -> onnx.ModelProto:
    """A copy of `model` in which the nodes of `chosen` places are written anew and unused tensors are gone."""
    wanted = {place.name for place in chosen}
    made = copy.deepcopy(model)
    stored = _tensors(made)
    tensors: dict[str, onnx.TensorProto] = {}
    cache: dict[str, Array] = {}
    for number, graph in enumerate(graphs(made)):
        replacements: dict[int, list[onnx.NodeProto]] = {}
        for index, place in _places(graph, stored, number > 0):
            if place.name in wanted:
                patch = Patch(place.name, tensors, opset_of(made))
                if place.weight not in cache:
                    cache[place.weight] = numpy_helper.to_array(stored[place.weight])
                how(place, graph.node[index], cache[place.weight], patch)
                replacements[index] = patch.nodes
        if replacements:
            nodes = [new for at, node in enumerate(graph.node) for new in replacements.get(at, [node])]
            del graph.node[:]
            graph.node.extend(nodes)
    made.graph.initializer.extend(tensors.values())
    _forget_unused(made)
    if tensors and not any(entry.domain == CONTRIB for entry in made.opset_import):
        made.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    return made


def ties(model: onnx.ModelProto) -> dict[str, str]:
    """Tensors that are the transposed table of a `Gather`, to the name of that table: stored once, they halve."""
    stored = _tensors(model)
    found = places(model)
    tables = {place.weight for place in found if place.kind == "Gather"}
    tied: dict[str, str] = {}
    for place in found:
        if place.turned and place.weight not in tables:
            dims = tuple(stored[place.weight].dims)
            for table in sorted(tables):
                same = tuple(stored[table].dims) == dims[::-1]
                if same and np.array_equal(numpy_helper.to_array(stored[table]).T, _values(stored, place)):
                    tied[place.weight] = table
    return tied


def _values(stored: Mapping[str, onnx.TensorProto], place: Place) -> Array:
    values: Array = numpy_helper.to_array(stored[place.weight])
    return values


def _tensors(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """Tensors that a graph inside may use too; those that stand in an inner graph only are left alone."""
    return {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT}


def _places(graph: onnx.GraphProto, stored: Mapping[str, onnx.TensorProto], inner: bool) -> list[tuple[int, Place]]:
    hidden = {tensor.name for tensor in graph.initializer} if inner else set()
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    found = []
    for index, node in enumerate(graph.node):
        place = _place(node, stored, same)
        if place is not None and place.weight not in hidden:
            found.append((index, place))
    return found


def _place(node: onnx.NodeProto, stored: Mapping[str, onnx.TensorProto], same: Mapping[str, str]) -> Place | None:
    position = {"MatMul": 1, "Gemm": 1, "Conv": 1, "Gather": 0}.get(node.op_type)
    if position is None or node.domain not in {"", "ai.onnx"}:
        return None
    weight = same.get(node.input[position], node.input[position])
    if weight not in stored:
        return None
    dims = list(stored[weight].dims)
    if int(np.prod(dims)) < SMALLEST or len(dims) not in (_KERNELS if node.op_type == "Conv" else (_MATRIX,)):
        return None
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "Gemm" and not _plain(attributes):
        return None
    if node.op_type == "Gather" and attributes.get("axis", 0) != 0:
        return None
    turned = node.op_type == "MatMul" or (node.op_type == "Gemm" and not attributes.get("transB", 0))
    return Place(node.name, node.op_type, weight, turned, int(np.prod(dims)))


def _plain(gemm: Mapping[str, object]) -> bool:
    return gemm.get("alpha", 1.0) == 1.0 and gemm.get("beta", 1.0) == 1.0 and not gemm.get("transA", 0)


def _forget_unused(model: onnx.ModelProto) -> None:
    """Drop nodes `Identity` and tensors that nothing reads any more."""
    for graph in graphs(model):
        used = _used(model)
        keep = [node for node in graph.node if node.op_type != "Identity" or used & set(node.output)]
        if len(keep) < len(graph.node):
            del graph.node[:]
            graph.node.extend(keep)
    used = _used(model)
    for graph in graphs(model):
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        if len(kept) < len(graph.initializer):
            del graph.initializer[:]
            graph.initializer.extend(kept)


def _used(model: onnx.ModelProto) -> set[str]:
    read = {name for graph in graphs(model) for node in graph.node for name in node.input}
    return read | {output.name for graph in graphs(model) for output in graph.output}
