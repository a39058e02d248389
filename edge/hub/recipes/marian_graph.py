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
    names = ("Wemb", "Wemb") if shape.shared else ("encoder_Wemb", "decoder_Wemb")
    source = model.matrix(names[0], (shape.source_size, shape.dimension))
    target = source if shape.shared else model.matrix(names[1], (shape.target_size, shape.dimension))
    source_table = _table(graph, names[0], source)
    target_table = source_table if shape.shared else _table(graph, names[1], target)
    positions = graph.constant("positions", sinusoids(POSITIONS, shape.dimension))
    encoded = _encoder(graph, model, shape, source_table, positions)
    candidates = _candidates(graph, shape, shortlist)
    rows = target_table.rows(candidates)
    memories = [_memory(graph, model, shape, layer, encoded) for layer in range(1, shape.decoder_layers + 1)]
    bias = model.vector("decoder_ff_logit_out_b", shape.target_size) * np.float32(np.sqrt(shape.dimension))
    bias[_UNKNOWN] = _NEVER
    biases = graph.node("Gather", graph.constant("output.bias", bias), candidates)
    body = _decoder_step(model, shape, memories, (rows, biases, positions), precision)
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


@dataclass(frozen=True)
class _Table:
    """Embeddings times sqrt(d), as the encoder and the next step want them.

    The scores of a step are larger by that factor too, which does not change the best one.
    """

    graph: Builder
    name: str
    scale: str

    def rows(self, ids: str) -> str:
        """Rows of the table, float32 [..., d]."""
        rows = self.graph.node("Gather", self.name, ids)
        return self.graph.node("DequantizeLinear", rows, self.scale) if self.scale else rows


def _table(graph: Builder, name: str, matrix: Matrix) -> _Table:
    factor = np.float32(np.sqrt(matrix.values.shape[1]))
    if graph.precision == "fp32":
        return _Table(graph, graph.constant(name, dequantised(matrix) * factor), "")
    scale = np.array(matrix.scale * factor, np.float32)
    return _Table(graph, graph.constant(name, matrix.values), graph.constant(f"{name}.scale", scale))


def _encoder(graph: Builder, model: MarianModel, shape: Shape, table: _Table, positions: str) -> str:
    """Encoder states, float32 [1, S, d]."""
    embedded = table.rows(graph.node("Unsqueeze", "input_ids", graph.integers("front", 0)))
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
    # Sum, not Add: ONNX Runtime fuses Add with the normalisation into an operator that is 7 % slower over all.
    return graph.node("LayerNormalization", graph.node("Sum", x, added), scale, bias, epsilon=_EPSILON)


def _candidates(graph: Builder, shape: Shape, shortlist: Shortlist) -> str:
    """Ids of the target tokens this sentence may use, each once, the end token first, int64 [n].

    The lists of all source tokens are laid end to end. Each entry writes its place into a table by token id; those
    that find their own place there are kept. (Marking them in a mask over the vocabulary and searching that costs
    three times as much.)
    """
    table = graph.constant("shortlist", shortlist.table)
    flat = graph.node("Reshape", graph.node("Gather", table, "input_ids"), graph.integers("any", -1))
    ids = graph.node("Cast", flat, to=TensorProto.INT64)
    if shape.copies:
        ids = graph.node("Concat", ids, "input_ids", axis=0)
    most = POSITIONS * (shortlist.table.shape[1] + 1)
    every_place = graph.constant("places", np.arange(most, dtype=np.int32))
    places = graph.node("Slice", every_place, graph.integers("first_place", 0), graph.node("Shape", ids))
    empty = graph.constant("no_places", np.zeros(shape.target_size, np.int32))
    taken = graph.node("Gather", graph.node("ScatterElements", empty, ids, places, axis=0), ids)
    others = graph.node("GreaterOrEqual", ids, graph.constant("always", np.array(shortlist.first, np.int64)))
    kept = graph.node("Compress", ids, graph.node("And", graph.node("Equal", taken, places), others), axis=0)
    return graph.node("Concat", graph.integers("first", *range(shortlist.first)), kept, axis=0)


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
    step.node("Gather", rows, best, output="step.next")
    step.node("Cast", step.node("Squeeze", best), to=TensorProto.BOOL, output="step.go_on")
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
