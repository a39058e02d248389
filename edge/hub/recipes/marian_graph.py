"""The ONNX graph of a Marian student model: encoder, lexical shortlist and greedy decoder loop in one session.

Equations: Marian's `src/models/transformer.h` and `src/rnn/cells.h` (SSRU: Kim et al., "From Research to
Production and Back", 2019). Layers are post-norm (`dan`: dropout, add, normalise).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, TensorProto, helper

from edge.hub.recipes.marian_builder import MICROSOFT, Builder, Precision, dequantised
from edge.hub.recipes.marian_container import MarianModel, Matrix, Shortlist

POSITIONS = 1024
_EPSILON = 1e-9
_OPSET = 18
_IR_VERSION = 10
_UNKNOWN = 1
_NEVER = np.float32(-1e9)

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Attributes:
        dimension: width of the residual stream.
        heads: attention heads.
        feed_forward: width inside the feed-forward blocks.
        encoder_layers: number of encoder layers.
        decoder_layers: number of decoder layers.
        source_size: tokens of the source vocabulary.
        target_size: tokens of the target vocabulary.
        shared: one embedding matrix serves both sides.
        copies: source tokens are candidates too (one vocabulary file serves both sides).
    """

    dimension: int
    heads: int
    feed_forward: int
    encoder_layers: int
    decoder_layers: int
    source_size: int
    target_size: int
    shared: bool
    copies: bool


def translation_graph(model: MarianModel, shape: Shape, shortlist: Shortlist, precision: Precision) -> ModelProto:
    """Build the graph.

    Inputs: `input_ids` int64 [S], the sentence with its end token 0; `max_length` int64 [], most tokens to write.
    Output: `output_ids` int64 [T], ending in 0 unless `max_length` was reached.

    Raises:
        RecipeError: a tensor is missing or has another shape.
    """
    graph = Builder(precision)
    source = model.matrix("Wemb" if shape.shared else "encoder_Wemb", (shape.source_size, shape.dimension))
    target = source if shape.shared else model.matrix("decoder_Wemb", (shape.target_size, shape.dimension))
    positions = graph.constant("positions", sinusoids(POSITIONS, shape.dimension))
    tables = _tables(graph, source, target, shape)
    encoded = _encoder(graph, model, shape, tables[0], positions)
    candidates = _candidates(graph, shape, shortlist)
    rows = _candidate_rows(graph, tables[1], candidates)
    memories = [_memory(graph, model, shape, layer, encoded) for layer in range(1, shape.decoder_layers + 1)]
    bias = model.vector("decoder_ff_logit_out_b", shape.target_size) / _row_scale(target, precision)
    bias[_UNKNOWN] = _NEVER
    biases = graph.node("Gather", graph.constant("output.bias", bias.astype(np.float32)), candidates)
    body = _decoder_step(model, shape, memories, (rows, biases, positions), precision, target)
    zero = graph.constant("start", np.zeros((1, 1, shape.dimension), np.float32))
    carried = [zero] * (1 + shape.decoder_layers)
    true = graph.constant("true", np.array(True))
    outputs = graph.nodes("Loop", ["max_length", true, *carried], len(carried) + 1, body=body, output="loop")
    flat = graph.node("Reshape", outputs[-1], graph.integers("flat", -1))
    graph.node("Gather", candidates, flat, output="output_ids")
    return _model(graph)


def sinusoids(count: int, dimension: int) -> Vector:
    """Position embeddings: sines in the first half, cosines in the second. float32 [count, dimension]."""
    half = dimension // 2
    frequencies = np.exp(np.arange(half) * -(np.log(10000.0) / (half - 1)))
    angles = np.arange(count)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def _model(graph: Builder) -> ModelProto:
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["source_length"]),
        helper.make_tensor_value_info("max_length", TensorProto.INT64, []),
    ]
    outputs = [helper.make_tensor_value_info("output_ids", TensorProto.INT64, ["target_length"])]
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph.graph("translation", inputs, outputs), opset_imports=opsets, ir_version=_IR_VERSION)
    model.producer_name = "edge-glasses"
    return model


def _row_scale(matrix: Matrix, precision: Precision) -> np.float32:
    """What a stored embedding row must be multiplied by to be the real one."""
    return np.float32(matrix.scale if precision == "int8" else 1.0)


def _tables(graph: Builder, source: Matrix, target: Matrix, shape: Shape) -> tuple[str, str]:
    """Embedding tables of both sides, as stored: int8, or float32 in the float graph."""

    def table(name: str, matrix: Matrix) -> str:
        return graph.constant(name, matrix.values if graph.precision == "int8" else dequantised(matrix))

    first = table("embeddings" if shape.shared else "source.embeddings", source)
    return first, first if shape.shared else table("target.embeddings", target)


def _encoder(graph: Builder, model: MarianModel, shape: Shape, table: str, positions: str) -> str:
    """Encoder states, float32 [1, S, d]."""
    source = model.matrix("Wemb" if shape.shared else "encoder_Wemb", (shape.source_size, shape.dimension))
    rows = graph.node("Gather", table, graph.node("Unsqueeze", "input_ids", graph.integers("front", 0)))
    if graph.precision == "int8":
        rows = graph.node("Cast", rows, to=TensorProto.FLOAT)
    factor = np.sqrt(np.float32(shape.dimension)) * _row_scale(source, graph.precision)
    embedded = graph.node("Mul", rows, graph.constant("source.factor", np.array(factor, np.float32)))
    length = graph.node("Shape", "input_ids")
    where = graph.node("Slice", positions, graph.integers("zero", 0), length)
    x = graph.node("Add", embedded, where)
    for layer in range(1, shape.encoder_layers + 1):
        prefix = f"encoder_l{layer}_self"
        queries, keys, values = (_weights(model, shape, prefix, kind) for kind in "qkv")
        biases = np.concatenate([part[1] for part in (queries, keys, values)])
        parts = [part[0] for part in (queries, keys, values)]
        fused = graph.linear(f"{prefix}.qkv", x, parts, biases)
        q, k, v = graph.nodes("Split", [fused], 3, axis=-1, num_outputs=3)
        attended = graph.node("MultiHeadAttention", q, k, v, domain=MICROSOFT, num_heads=shape.heads)
        x = _close(graph, model, shape, prefix, x, attended)
        x = _feed_forward(graph, model, shape, f"encoder_l{layer}", x)
    return x


def _weights(model: MarianModel, shape: Shape, prefix: str, kind: str) -> tuple[Matrix, Vector]:
    size = shape.dimension
    return model.matrix(f"{prefix}_W{kind}", (size, size)), model.vector(f"{prefix}_b{kind}", size)


def _close(graph: Builder, model: MarianModel, shape: Shape, prefix: str, x: str, attended: str) -> str:
    """Output projection of an attention block, then add and normalise."""
    weight, bias = _weights(model, shape, prefix, "o")
    return _normalise(graph, model, shape, f"{prefix}_Wo", x, graph.linear(f"{prefix}.o", attended, [weight], bias))


def _feed_forward(graph: Builder, model: MarianModel, shape: Shape, prefix: str, x: str) -> str:
    wide, narrow = shape.feed_forward, shape.dimension
    first = model.matrix(f"{prefix}_ffn_W1", (narrow, wide))
    second = model.matrix(f"{prefix}_ffn_W2", (wide, narrow))
    inner = graph.linear(f"{prefix}.ffn1", x, [first], model.vector(f"{prefix}_ffn_b1", wide))
    outer = graph.linear(
        f"{prefix}.ffn2", graph.node("Relu", inner), [second], model.vector(f"{prefix}_ffn_b2", narrow)
    )
    return _normalise(graph, model, shape, f"{prefix}_ffn_ffn", x, outer)


def _normalise(graph: Builder, model: MarianModel, shape: Shape, prefix: str, x: str, added: str) -> str:
    """Layer normalisation of x + added."""
    scale = graph.constant(f"{prefix}.scale", model.vector(f"{prefix}_ln_scale", shape.dimension))
    bias = graph.constant(f"{prefix}.shift", model.vector(f"{prefix}_ln_bias", shape.dimension))
    return graph.node("SkipLayerNormalization", x, added, scale, bias, domain=MICROSOFT, epsilon=_EPSILON)


def _candidates(graph: Builder, shape: Shape, shortlist: Shortlist) -> str:
    """Ids of the target tokens this sentence may use, ascending, int64 [n]."""
    always = np.arange(shape.target_size) < shortlist.first
    table = graph.constant("shortlist", shortlist.table)
    flat = graph.node("Reshape", graph.node("Gather", table, "input_ids"), graph.integers("any", -1))
    ids = graph.node("Cast", flat, to=TensorProto.INT64)
    if shape.copies:
        ids = graph.node("Concat", ids, "input_ids", axis=0)
    ones = graph.node("Expand", graph.constant("yes", np.array([True])), graph.node("Shape", ids))
    mask = graph.node("ScatterElements", graph.constant("always", always), ids, ones, axis=0)
    return graph.node("Reshape", graph.node("NonZero", mask), graph.integers("one_axis", -1))


def _candidate_rows(graph: Builder, table: str, candidates: str) -> str:
    """Embedding rows of the candidates, float32 [n, d] (times 1/scale in the int8 graph)."""
    rows = graph.node("Gather", table, candidates)
    return graph.node("Cast", rows, to=TensorProto.FLOAT) if graph.precision == "int8" else rows


def _memory(graph: Builder, model: MarianModel, shape: Shape, layer: int, encoded: str) -> tuple[str, str]:
    """Keys and values of one decoder layer's cross attention, float32 [1, heads, S, d / heads]."""
    prefix = f"decoder_l{layer}_context"
    (keys, key_bias), (values, value_bias) = (_weights(model, shape, prefix, kind) for kind in "kv")
    fused = graph.linear(f"{prefix}.kv", encoded, [keys, values], np.concatenate([key_bias, value_bias]))
    heads = graph.integers(f"{prefix}.heads", 1, -1, 2 * shape.heads, shape.dimension // shape.heads)
    split = graph.node("Transpose", graph.node("Reshape", fused, heads), perm=[0, 2, 1, 3])
    k, v = graph.nodes("Split", [split], 2, axis=1, num_outputs=2)
    return k, v


def _decoder_step(
    model: MarianModel,
    shape: Shape,
    memories: list[tuple[str, str]],
    captured: tuple[str, str, str],
    precision: Precision,
    target: Matrix,
) -> GraphProto:
    """Loop body: one greedy step. Carries the embedding of the previous token and one SSRU cell a layer."""
    step = Builder(precision, "step.")
    rows, biases, positions = captured
    position = step.node("Gather", positions, "step.number")
    x = step.node("Add", "step.embedded", position)
    cells = []
    for layer in range(1, shape.decoder_layers + 1):
        x, cell = _recurrence(step, model, shape, layer, x)
        cells.append(cell)
        prefix = f"decoder_l{layer}_context"
        weight, bias = _weights(model, shape, prefix, "q")
        query = step.linear(f"{prefix}.q", x, [weight], bias)
        keys, values = memories[layer - 1]
        attended = step.node("MultiHeadAttention", query, keys, values, domain=MICROSOFT, num_heads=shape.heads)
        x = _close(step, model, shape, prefix, x, attended)
        x = _feed_forward(step, model, shape, f"decoder_l{layer}", x)
    flat = step.node("Reshape", x, step.integers("row", 1, -1))
    scores = step.node("Gemm", flat, rows, biases, transB=1)
    best = step.node("ArgMax", scores, axis=1, keepdims=1, output="step.best")
    chosen = step.node("Gather", rows, best)
    factor = np.sqrt(np.float32(shape.dimension)) * _row_scale(target, precision)
    step.node("Mul", chosen, step.constant("factor", np.array(factor, np.float32)), output="step.next")
    best_scalar = step.node("Squeeze", best)
    step.node("Cast", best_scalar, to=TensorProto.BOOL, output="step.go_on")
    return _body(step, shape, cells)


def _recurrence(step: Builder, model: MarianModel, shape: Shape, layer: int, x: str) -> tuple[str, str]:
    """SSRU: c' = f c + (1 - f) z, output relu(c'). Gives the layer's output and the new cell."""
    prefix, size = f"decoder_l{layer}_rnn", shape.dimension
    parts = [model.matrix(f"{prefix}_Wf", (size, size)), model.matrix(f"{prefix}_W", (size, size))]
    bias = np.concatenate([model.vector(f"{prefix}_bf", size), np.zeros(size, np.float32)])
    gate, value = step.nodes("Split", [step.linear(prefix, x, parts, bias)], 2, axis=-1, num_outputs=2)
    gate = step.node("Sigmoid", gate)
    gap = step.node("Sub", f"step.cell_{layer}", value)
    cell = step.node("Add", step.node("Mul", gate, gap), value, output=f"step.new_cell_{layer}")
    return _normalise(step, model, shape, f"{prefix}_ffn", x, step.node("Relu", cell)), cell


def _body(step: Builder, shape: Shape, cells: list[str]) -> GraphProto:
    def info(name: str, kind: int = TensorProto.FLOAT, size: list[int] | None = None) -> helper.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, [1, 1, shape.dimension] if size is None else size)

    old = [f"step.cell_{layer}" for layer in range(1, shape.decoder_layers + 1)]
    inputs = [
        info("step.number", TensorProto.INT64, []),
        info("step.before", TensorProto.BOOL, []),
        info("step.embedded"),
        *(info(name) for name in old),
    ]
    outputs = [
        info("step.go_on", TensorProto.BOOL, []),
        info("step.next"),
        *(info(name) for name in cells),
        info("step.best", TensorProto.INT64, [1, 1]),
    ]
    return step.graph("greedy_step", inputs, outputs)
