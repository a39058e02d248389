"""8-bit projections for the Whisper graphs, packed with numpy.

Two ways, because each wins where the other loses (see docs/adr/0003-whisper-context.md): per-channel weights with
activations scaled per row for products of many rows (the encoder), and block-wise weights for products of one row (the
decoder step). Formats: ONNX Runtime docs/ContribOperators.md, `DynamicQuantizeMatMul` and `MatMulNBits`.
"""

from __future__ import annotations

import numpy as np

from edge.errors import RecipeError
from edge.hub.recipes.packing import ZERO_8, Bytes, blocks_8, per_channel
from edge.hub.recipes.whisper_graph import CONTRIB, GraphWriter
from edge.hub.recipes.whisper_weights import Floats, Linear

BLOCK = 128
_INT8_COMPUTE = 4
_SMALLEST_PEAK = 1e-6


def per_block(weight: Floats) -> tuple[Bytes, Floats]:
    """Symmetric 8 bit with one scale per block of inputs, zero point 128, in the layout of `MatMulNBits`.

    Returns:
        uint8 [out, blocks, BLOCK] and float32 [out, blocks].

    Raises:
        RecipeError: the inputs are no multiple of the block.
    """
    if weight.shape[1] % BLOCK:
        raise RecipeError(f"a projection of {weight.shape[1]} inputs does not divide into blocks of {BLOCK}")
    return blocks_8(weight, BLOCK)


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
    zero = writer.constant("zero", np.array(ZERO_8, np.float32))
    centred = writer.op("Sub", writer.op("Cast", writer.op("Gather", packed, tokens), to=1), zero)
    scales = writer.op("Unsqueeze", writer.op("Gather", scale, tokens), writer.integers(-1))
    return writer.op("Reshape", writer.op("Mul", centred, scales), writer.integers(0, 0, table.weight.shape[1]))


def _stored_blocks(writer: GraphWriter, name: str, linear: Linear) -> tuple[str, str]:
    if writer.has(f"{name}/blocks"):
        return f"{name}/blocks", f"{name}/scale"
    packed, scale = per_block(linear.weight)
    return writer.constant(f"{name}/blocks", packed), writer.constant(f"{name}/scale", scale)
