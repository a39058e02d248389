"""A few lines over `onnx.helper`: nodes with generated names, weights in one of two precisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from edge.hub.recipes.marian_container import Matrix

Precision = Literal["int8", "fp32"]
MICROSOFT = "com.microsoft"


class Builder:
    """Collects the nodes and weights of one (sub)graph.

    Args:
        precision: `int8` quantises every product with a weight matrix at run time, with one scale for the
            activations and one per matrix of weights; `fp32` multiplies with the dequantised weights.
        prefix: begins every generated name, so that subgraphs do not shadow each other.
    """

    def __init__(self, precision: Precision, prefix: str = "") -> None:
        self.precision = precision
        self._prefix = prefix
        self._nodes: list[NodeProto] = []
        self._initializers: list[TensorProto] = []

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        """Store `values` as a weight; gives its name."""
        full = self._prefix + name
        self._initializers.append(numpy_helper.from_array(np.asarray(values, order="C"), full))
        return full

    def integers(self, name: str, *values: int) -> str:
        """Store an int64 vector; gives its name."""
        return self.constant(name, np.array(values, np.int64))

    def node(self, kind: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any) -> str:
        """Add a node with one output; gives the output's name."""
        return self.nodes(kind, inputs, 1, domain=domain, output=output, **attributes)[0]

    def nodes(
        self, kind: str, inputs: Sequence[str], count: int, *, domain: str = "", output: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node with `count` outputs; gives their names."""
        base = output or f"{self._prefix}{kind}_{len(self._nodes)}"
        outputs = [base] if count == 1 else [f"{base}_{index}" for index in range(count)]
        self._nodes.append(helper.make_node(kind, list(inputs), outputs, name=base, domain=domain, **attributes))
        return outputs

    def linear(self, name: str, x: str, parts: Sequence[Matrix], bias: npt.NDArray[np.float32] | None) -> str:
        """Multiply x with the parts laid side by side and add the bias.

        Args:
            name: begins the names of the weights.
            x: float32 [..., inputs].
            parts: matrices with the same inputs; their outputs are laid side by side.
            bias: float32 [outputs of all parts], or None.
        """
        extra = [] if bias is None else [self.constant(f"{name}.bias", bias)]
        if self.precision == "fp32":
            weights = np.concatenate([dequantised(part) for part in parts], axis=1)
            product = self.node("MatMul", x, self.constant(f"{name}.weight", weights))
            return self.node("Add", product, *extra) if extra else product
        weights = np.concatenate([part.values for part in parts], axis=1)
        scales = np.concatenate([np.full(part.values.shape[1], part.scale, np.float32) for part in parts])
        scale = scales[:1].reshape(()) if len(set(scales.tolist())) == 1 else scales
        zero = np.zeros(scale.shape, np.int8)
        names = [
            self.constant(f"{name}.weight", weights),
            self.constant(f"{name}.scale", scale),
            self.constant(f"{name}.zero", zero),
        ]
        return self.node("DynamicQuantizeMatMul", x, *names, *extra, domain=MICROSOFT)

    def graph(self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> GraphProto:
        """The finished graph."""
        return helper.make_graph(self._nodes, name, list(inputs), list(outputs), self._initializers)


def dequantised(matrix: Matrix) -> npt.NDArray[np.float32]:
    """The real weights, float32."""
    weights: npt.NDArray[np.float32] = matrix.values.astype(np.float32) * np.float32(matrix.scale)
    return weights
