"""A graph that is one product of two matrices, to find out what the processor reaches at most."""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper

_OPSET = 17
_IR = 8
_KINDS = {
    "int8": ("MatMulInteger", TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32),
    "fp32": ("MatMul", TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT),
}


def product_graph(precision: Literal["int8", "fp32"], rows: int, inner: int, columns: int) -> bytes:
    """ONNX bytes: x [rows, inner] (uint8, or float32) times a constant [inner, columns] (int8, or float32) gives y.

    The constant is random, never 0 (denormals and zeros have speeds of their own), and small enough for nothing to
    saturate on CPUs whose int8 products do.
    """
    operator, left, right, result = _KINDS[precision]
    chance = np.random.default_rng(7)
    weights = chance.integers(1, 64, (inner, columns), np.int8)
    values = weights if precision == "int8" else weights.astype(np.float32) / 64
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", left, [rows, inner])],
        [helper.make_tensor_value_info("y", result, [rows, columns])],
        [helper.make_tensor("w", right, [inner, columns], values.tobytes(), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
