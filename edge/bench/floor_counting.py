"""How many multiplications and additions a node takes, from the shapes that it saw.

Only products of matrices are counted: they are what a processor's peak is measured with. The rest of a graph (softmax,
normalisation, copies) costs time too, so a floor from these counts is below what is possible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge.inference.profiling import NodeRun, Tensor

_ROWS_ONLY = {"Gather", "GatherND", "GatherElements", "Slice", "Split", "Shape", "Size", "Reshape", "Squeeze",
              "Unsqueeze", "Expand", "ScatterElements", "ScatterND", "Pad", "Concat"}  # fmt: skip
"""These read of a weight no more than they write."""
_BODIES = {"Loop", "If", "Scan"}
"""Their inner nodes are counted for themselves."""


@dataclass
class Tally:
    """Work of one session, added up.

    Attributes:
        int8, floats: multiplications and additions.
        weight_bytes: read, counted at every execution of a node.
        once: bytes of every node that ran, by name.
    """

    int8: int = 0
    floats: int = 0
    weight_bytes: int = 0
    once: dict[str, int] = field(default_factory=dict)

    @property
    def working_set_bytes(self) -> int:
        """Weights of all nodes that ran, each once."""
        return sum(self.once.values())


def tally(nodes: Iterable[NodeRun]) -> Tally:
    """Add up the nodes of one session."""
    found = Tally()
    for node in nodes:
        operations = count_operations(node)
        if node.operator in _INT8:
            found.int8 += operations
        else:
            found.floats += operations
        read = weight_bytes(node)
        found.weight_bytes += read
        found.once[node.name] = max(read, found.once.get(node.name, 0))
    return found


def weight_bytes(node: NodeRun) -> int:
    """Bytes of constants that one execution of a node must read."""
    if node.operator in _BODIES:
        return 0
    return min(node.weight_bytes, node.output_bytes) if node.operator in _ROWS_ONLY else node.weight_bytes


def count_operations(node: NodeRun) -> int:
    """Multiplications plus additions of one execution; 0 for a node that is no product of matrices."""
    rule = _FLOAT.get(node.operator) or _INT8.get(node.operator)
    return rule(node) if rule else 0


def _product(node: NodeRun) -> int:
    """[..., M, K] x [..., K, N] -> [..., M, N]: 2 K for every element of the result. Either side may be transposed."""
    left, result = node.inputs[0].shape, node.outputs[0].shape
    inner = left[-1] if left else 1
    if len(left) > 1 and len(result) > 1 and left[-2] != result[-2]:
        inner = left[-2]
    return 2 * _size(result) * inner


def _convolution(node: NodeRun) -> int:
    """Every element of the result takes one row of the kernel [out, in / groups, ...]."""
    kernel = _kernel(node)
    return 2 * _size(node.outputs[0].shape) * _size(kernel[1:])


def _transposed_convolution(node: NodeRun) -> int:
    """Every element of the input takes one row of the kernel [in, out / groups, ...]."""
    return 2 * _size(node.inputs[0].shape) * _size(_kernel(node)[1:])


def _kernel(node: NodeRun) -> tuple[int, ...]:
    """The second array; scales and zero points, which quantised kinds have in between, are no arrays."""
    return [tensor.shape for tensor in node.inputs if len(tensor.shape) > 2][1]  # noqa: PLR2004 (an array of a picture)


def _attention(node: NodeRun) -> int:
    """Products of queries [batch, M, D] with keys, and of the weights with values, each 2 M N D.

    N is that of the keys, or of what is kept of them with those before (second result, [batch, heads, N, size]).
    """
    query, key = node.inputs[0].shape, node.inputs[1].shape
    kept = node.outputs[1].shape if len(node.outputs) > 1 else ()
    positions = kept[2] if len(kept) == _HEADS_RANK else key[2] if len(key) == _HEADS_RANK else key[1]
    return 4 * _size(query) * positions


_HEADS_RANK = 4


def _projected_attention(node: NodeRun) -> int:
    """Inputs [batch, M, I] are projected by [I, 3 D] first."""
    states, weights = node.inputs[0].shape, node.inputs[1].shape
    result = node.outputs[0].shape
    return 2 * _size(states) * weights[1] + 4 * _size(result) * states[1]


def _recurrent(node: NodeRun) -> int:
    """Each step multiplies input and state with all weights [directions, gates, ...]."""
    steps, batch, _ = node.inputs[0].shape
    return 2 * steps * batch * sum(_size(weight.shape) for weight in _matrices(node.inputs[1:])[:2])


def _matrices(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    return [tensor for tensor in tensors if len(tensor.shape) == 3]  # noqa: PLR2004 (directions, rows, columns)


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


_Rule = Callable[[NodeRun], int]

_FLOAT: dict[str, _Rule] = {
    "MatMul": _product,
    "FusedMatMul": _product,
    "Gemm": _product,
    "FusedGemm": _product,
    "Conv": _convolution,
    "FusedConv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "MultiHeadAttention": _attention,
    "Attention": _projected_attention,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
}
_INT8: dict[str, _Rule] = {
    "MatMulInteger": _product,
    "MatMulIntegerToFloat": _product,
    "DynamicQuantizeMatMul": _product,
    "QLinearMatMul": _product,
    "QGemm": _product,
    "MatMulNBits": _product,
    "ConvInteger": _convolution,
    "QLinearConv": _convolution,
    "QAttention": _projected_attention,
    "DynamicQuantizeLSTM": _recurrent,
}
"""MatMulNBits may multiply in float or in int8: taken as the faster of the two, a floor must not be too high."""
