"""8-bit projections for the Whisper graphs, packed with numpy.

Two ways, because each wins where the other loses (see docs/adr/0003-whisper-context.md): per-channel weights with
activations scaled per row for products of many rows (the encoder), and block-wise weights for products of one row (the
decoder step). Formats: ONNX Runtime docs/ContribOperators.md, `DynamicQuantizeMatMul` and `MatMulNBits`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.errors import RecipeError
from edge.hub.recipes.whisper_graph import CONTRIB, GraphWriter
from edge.hub.recipes.whisper_weights import Floats, Linear

BLOCK = 128
_INT8_COMPUTE = 4
_ZERO = 128
_PEAK = 127.0
_SMALLEST_PEAK = 1e-6


def per_channel(weight: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Symmetric int8 with one scale per output: `weight` [out, in] ~ int8 [out, in] * scale [out]."""
    scale = _scale(np.abs(weight).max(axis=1))
    return np.rint(weight / scale[:, None]).astype(np.int8), scale


def per_block(weight: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Symmetric 8 bit with one scale per block of inputs, zero point 128, in the layout of `MatMulNBits`.

    Returns:
        uint8 [out, blocks, BLOCK] and float32 [out, blocks].

    Raises:
        RecipeError: the inputs are no multiple of the block.
    """
    rows, columns = weight.shape
    if columns % BLOCK:
        raise RecipeError(f"a projection of {columns} inputs does not divide into blocks of {BLOCK}")
    blocks = weight.reshape(rows, columns // BLOCK, BLOCK)
    scale = _scale(np.abs(blocks).max(axis=2))
    packed = np.rint(blocks / scale[:, :, None]) + _ZERO
    return packed.astype(np.uint8), scale


def dynamic(writer: GraphWriter, x: str, name: str, linear: Linear) -> str:
    """A projection with int8 weights per channel and activations quantised per row.

    The operator has one scale for all rows. So every row is divided by its largest magnitude first and multiplied
    back after, which halves the error of the encoder for a tenth of its time.
    """
    packed, scale = per_channel(linear.weight)
    stored = (writer.constant(f"{name}/int8", packed.T), writer.constant(f"{name}/scale", scale), "")
    peak = writer.op("ReduceMax", writer.op("Abs", x), writer.integers(-1), keepdims=1)
    peak = writer.op("Max", peak, writer.constant("smallest", np.array(_SMALLEST_PEAK, np.float32)))
    product = writer.op("DynamicQuantizeMatMul", writer.op("Div", x, peak), *stored, domain=CONTRIB)
    product = writer.op("Mul", product, peak)
    if linear.bias is None:
        return product
    return writer.op("Add", product, writer.constant(f"{name}/bias", linear.bias))


def blockwise(writer: GraphWriter, x: str, name: str, linear: Linear) -> str:
    """A projection with 8-bit weights per block and activations quantised per row and block."""
    rows, columns = linear.weight.shape
    packed, scale = _stored_blocks(writer, name, linear)
    bias = [] if linear.bias is None else ["", "", writer.constant(f"{name}/bias", linear.bias)]
    return writer.op(
        "MatMulNBits",
        *(x, packed, scale, *bias),
        domain=CONTRIB,
        K=columns,
        N=rows,
        bits=8,
        block_size=BLOCK,
        accuracy_level=_INT8_COMPUTE,
    )


def embedding(writer: GraphWriter, tokens: str, name: str, table: Linear) -> str:
    """Rows of a table stored as for `blockwise`, so that input and output embedding are one tensor."""
    packed, scale = _stored_blocks(writer, name, table)
    zero = writer.constant("zero", np.array(_ZERO, np.float32))
    centred = writer.op("Sub", writer.op("Cast", writer.op("Gather", packed, tokens), to=1), zero)
    scales = writer.op("Unsqueeze", writer.op("Gather", scale, tokens), writer.integers(-1))
    return writer.op("Reshape", writer.op("Mul", centred, scales), writer.integers(0, 0, table.weight.shape[1]))


def _stored_blocks(writer: GraphWriter, name: str, linear: Linear) -> tuple[str, str]:
    if writer.has(f"{name}/blocks"):
        return f"{name}/blocks", f"{name}/scale"
    packed, scale = per_block(linear.weight)
    return writer.constant(f"{name}/blocks", packed), writer.constant(f"{name}/scale", scale)


def _scale(peak: Floats) -> Floats:
    return np.asarray(np.where(peak > 0, peak / np.float32(_PEAK), np.float32(1)), np.float32)
