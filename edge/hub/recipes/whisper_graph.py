"""Writes the two Whisper graphs layer by layer (a pre-norm transformer; Radford et al. 2022, arXiv:2212.04356).

The encoder graph takes a log-mel of any even number of frames and gives, for every decoder layer, the keys and values
of cross attention. The decoder graph takes tokens with a past of any length, zero included, so that one graph does the
prompt and every later step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.hub.recipes.whisper_weights import Linear, WhisperWeights

OPSET = 20
CONTRIB = "com.microsoft"
_IR_VERSION = 9
_EPSILON = 1e-5
_SHAPE = list[str | int]

Projection = Callable[["GraphWriter", str, str, Linear], str]
"""(writer, input, name, map) -> output: how an affine map is stored and computed."""


class GraphWriter:
    """Collects nodes and constants; every method returns the name of its output."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """A stored tensor; the first under a name stays."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)
        return name

    def has(self, name: str) -> bool:
        """Whether a tensor is stored under `name`."""
        return name in self._constants

    def integers(self, *values: int) -> str:
        """A stored int64 vector."""
        return self.constant("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def scalar(self, value: int) -> str:
        """A stored int64 scalar."""
        return self.constant(f"scalar_{value}", np.array(value, np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", output: str | None = None, **attributes: object) -> str:
        """One node with one output."""
        return self.ops(kind, *inputs, outputs=1, domain=domain, names=[output] if output else None, **attributes)[0]

    def ops(
        self,
        kind: str,
        *inputs: str,
        outputs: int,
        domain: str = "",
        names: Sequence[str] | None = None,
        **attributes: object,
    ) -> list[str]:
        """One node with several outputs."""
        made = list(names) if names else [f"{kind}_{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, made, name=made[0], domain=domain, **attributes))
        return made

    def norm(self, x: str, name: str, scale_shift: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]) -> str:
        """Layer normalisation over the last axis."""
        scale, shift = scale_shift
        gamma, beta = self.constant(f"{name}/gamma", scale), self.constant(f"{name}/beta", shift)
        return self.op("LayerNormalization", x, gamma, beta, axis=-1, epsilon=_EPSILON)

    def add_norm(
        self,
        x: str,
        change: str,
        name: str,
        scale_shift: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    ) -> tuple[str, str]:
        """The sum of `x` and `change`, and its layer normalisation (the fused operator takes eight times as long)."""
        total = self.op("Add", x, change)
        return total, self.norm(total, name, scale_shift)

    def model(self, inputs: dict[str, tuple[int, _SHAPE]], outputs: dict[str, tuple[int, _SHAPE]]) -> onnx.ModelProto:
        """The finished model; `inputs` and `outputs` map a name to element type and shape."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
            [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
            list(self._constants.values()),
        )
        imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION, producer_name="edge-glasses")


def dense(writer: GraphWriter, x: str, name: str, linear: Linear) -> str:
    """A projection in float32."""
    product = writer.op("MatMul", x, writer.constant(f"{name}/weight", linear.weight.T))
    if linear.bias is None:
        return product
    return writer.op("Add", product, writer.constant(f"{name}/bias", linear.bias))


def dense_embedding(writer: GraphWriter, tokens: str, name: str, table: Linear) -> str:
    """Rows of a table in float32."""
    return writer.op("Gather", writer.constant(f"{name}/weight", table.weight), tokens)


def dense_unembedding(writer: GraphWriter, x: str, name: str, table: Linear) -> str:
    """The product of [batch, width] with the transposed table, which is stored once."""
    return writer.op("Gemm", x, writer.constant(f"{name}/weight", table.weight), transB=1)


def write_encoder(weights: WhisperWeights, project: Projection) -> onnx.ModelProto:
    """The encoder with the cross-attention projections of all decoder layers.

    Input `mel` float32 [1, mels, frames], frames even. Outputs per decoder layer i: `cross_key_i` float32
    [1, heads, width/heads, frames/2] (transposed, as the product with a query wants it) and `cross_value_i` float32
    [1, heads, frames/2, width/heads].
    """
    writer = GraphWriter("whisper_encoder")
    x = _convolutions(writer, weights)
    normal = writer.norm(x, "encoder/layer_0/before", weights.norm("encoder/layer_0/self_attention/layer_norm"))
    for layer in range(weights.encoder_layers):
        name = f"encoder/layer_{layer}"
        mixed = _encoder_attention(writer, normal, f"{name}/self_attention", weights, project)
        x, normal = writer.add_norm(x, mixed, f"{name}/ffn", weights.norm(f"{name}/ffn/layer_norm"))
        thought = _feed_forward(writer, normal, name, weights, project)
        x, normal = writer.add_norm(x, thought, f"{name}/after", weights.norm(_next_norm("encoder", layer, weights)))
    outputs: dict[str, tuple[int, _SHAPE]] = {}
    size = weights.width // weights.heads
    for layer in range(weights.decoder_layers):
        name = f"decoder/layer_{layer}/attention/linear_1"
        both = weights.linear(name)
        key, value = both.rows(0, weights.width), both.rows(weights.width, 2 * weights.width)
        _heads(writer, project(writer, normal, f"{name}/key", key), weights, keys=True, output=f"cross_key_{layer}")
        _heads(writer, project(writer, normal, f"{name}/value", value), weights, output=f"cross_value_{layer}")
        outputs[f"cross_key_{layer}"] = (TensorProto.FLOAT, [1, weights.heads, size, "positions"])
        outputs[f"cross_value_{layer}"] = (TensorProto.FLOAT, [1, weights.heads, "positions", size])
    return writer.model({"mel": (TensorProto.FLOAT, [1, weights.mels, "frames"])}, outputs)


def write_decoder(
    weights: WhisperWeights, project: Projection, embed: Projection, unembed: Projection
) -> onnx.ModelProto:
    """The decoder with a key/value past of any length.

    Inputs: `tokens` int64 [batch, count]; per layer i `past_key_i` and `past_value_i` float32
    [batch, heads, past, width/heads], and `cross_key_i`, `cross_value_i` as the encoder gives
    them (batch 1, shared by the whole batch); `cross_bias` float32 [positions], added to the scores of cross attention:
    log(n) makes one position count like n. Outputs: `logits` float32 [batch, vocabulary] of the last position
    and per layer `key_i`, `value_i`, the past with the new positions appended.
    """
    writer = GraphWriter("whisper_decoder")
    table = Linear(weights.array("decoder/embeddings/weight"), None)
    past = writer.op("Squeeze", writer.op("Shape", "past_value_0", start=2, end=3), writer.integers(0))
    count = writer.op("Squeeze", writer.op("Shape", "tokens", start=1, end=2), writer.integers(0))
    total = writer.op("Add", past, count)
    positions = writer.op("Range", past, total, writer.scalar(1))
    places = writer.constant("decoder/positions", weights.array("decoder/position_encodings/encodings"))
    x = writer.op("Add", embed(writer, "tokens", "decoder/embeddings", table), writer.op("Gather", places, positions))
    normal = writer.norm(x, "decoder/layer_0/before", weights.norm("decoder/layer_0/self_attention/layer_norm"))
    for layer in range(weights.decoder_layers):
        name = f"decoder/layer_{layer}"
        mixed = _self_attention(writer, normal, layer, weights, project)
        x, normal = writer.add_norm(x, mixed, f"{name}/cross", weights.norm(f"{name}/attention/layer_norm"))
        mixed = _cross_attention(writer, normal, layer, weights, project)
        x, normal = writer.add_norm(x, mixed, f"{name}/ffn", weights.norm(f"{name}/ffn/layer_norm"))
        thought = _feed_forward(writer, normal, name, weights, project)
        x, normal = writer.add_norm(x, thought, f"{name}/after", weights.norm(_next_norm("decoder", layer, weights)))
    last = writer.op("Gather", normal, writer.scalar(-1), axis=1)
    logits = unembed(writer, last, "decoder/embeddings", table)
    writer.op("Identity", logits, output="logits")
    return writer.model(*_decoder_border(weights))


def _decoder_border(
    weights: WhisperWeights,
) -> tuple[dict[str, tuple[int, _SHAPE]], dict[str, tuple[int, _SHAPE]]]:
    heads, size = weights.heads, weights.width // weights.heads
    inputs: dict[str, tuple[int, _SHAPE]] = {
        "tokens": (TensorProto.INT64, ["batch", "count"]),
        "cross_bias": (TensorProto.FLOAT, ["positions"]),
    }
    outputs: dict[str, tuple[int, _SHAPE]] = {"logits": (TensorProto.FLOAT, ["batch", weights.vocabulary])}
    for layer in range(weights.decoder_layers):
        inputs[f"past_key_{layer}"] = (TensorProto.FLOAT, ["batch", heads, "past", size])
        inputs[f"past_value_{layer}"] = (TensorProto.FLOAT, ["batch", heads, "past", size])
        inputs[f"cross_key_{layer}"] = (TensorProto.FLOAT, [1, heads, size, "positions"])
        inputs[f"cross_value_{layer}"] = (TensorProto.FLOAT, [1, heads, "positions", size])
        outputs[f"key_{layer}"] = (TensorProto.FLOAT, ["batch", heads, "total", size])
        outputs[f"value_{layer}"] = (TensorProto.FLOAT, ["batch", heads, "total", size])
    return inputs, outputs


def _convolutions(writer: GraphWriter, weights: WhisperWeights) -> str:
    """Two convolutions with GELU, the second of stride 2, and the positional table: [1, frames/2, width]."""
    x = "mel"
    for name, stride in (("encoder/conv1", 1), ("encoder/conv2", 2)):
        weight = writer.constant(f"{name}/weight", weights.array(f"{name}/weight"))
        bias = writer.constant(f"{name}/bias", weights.array(f"{name}/bias"))
        x = writer.op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])
        x = writer.op("Gelu", x)
    x = writer.op("Transpose", x, perm=[0, 2, 1])
    length = writer.op("Shape", x, start=1, end=2)
    table = writer.constant("encoder/positions", weights.array("encoder/position_encodings/encodings"))
    return writer.op("Add", x, writer.op("Slice", table, writer.integers(0), length, writer.integers(0)))


def _next_norm(side: str, layer: int, weights: WhisperWeights) -> str:
    """Name of the normalisation behind `layer`: the next layer's first, or the final one."""
    layers = weights.encoder_layers if side == "encoder" else weights.decoder_layers
    return f"{side}/layer_{layer + 1}/self_attention/layer_norm" if layer + 1 < layers else f"{side}/layer_norm"


def _heads(
    writer: GraphWriter, x: str, weights: WhisperWeights, *, keys: bool = False, output: str | None = None
) -> str:
    """[batch, n, width] to [batch, heads, n, size], or for keys to [batch, heads, size, n]."""
    shape = writer.integers(0, 0, weights.heads, weights.width // weights.heads)
    return writer.op(
        "Transpose", writer.op("Reshape", x, shape), perm=[0, 2, 3, 1] if keys else [0, 2, 1, 3], output=output
    )


def _attend(
    writer: GraphWriter, query: str, key: str, value: str, weights: WhisperWeights, bias: str | None = None
) -> str:
    """Softmax attention; the scale of the query is already in its projection. Gives [batch, n, width]."""
    scores = writer.op("MatMul", query, key)
    if bias is not None:
        scores = writer.op("Add", scores, bias)
    mixed = writer.op("MatMul", writer.op("Softmax", scores, axis=-1), value)
    rows = writer.op("Transpose", mixed, perm=[0, 2, 1, 3])
    return writer.op("Reshape", rows, writer.integers(0, 0, weights.width))


def _scaled(linear: Linear, weights: WhisperWeights, outputs: int) -> Linear:
    """`linear` with the attention scale folded into its first `outputs` rows, and no bias of pure zeros."""
    scale = np.ones(len(linear.weight), np.float32)
    scale[:outputs] = (weights.width // weights.heads) ** -0.5
    return Linear(linear.weight * scale[:, None], None if linear.bias is None else linear.bias * scale)


def _encoder_attention(writer: GraphWriter, x: str, name: str, weights: WhisperWeights, project: Projection) -> str:
    joint = _scaled(weights.linear(f"{name}/linear_0"), weights, weights.width)
    parts = writer.ops("Split", project(writer, x, f"{name}/linear_0", joint), outputs=3, axis=-1, num_outputs=3)
    query, value = (_heads(writer, part, weights) for part in (parts[0], parts[2]))
    mixed = _attend(writer, query, _heads(writer, parts[1], weights, keys=True), value, weights)
    return project(writer, mixed, f"{name}/linear_1", weights.linear(f"{name}/linear_1"))


def _self_attention(writer: GraphWriter, x: str, layer: int, weights: WhisperWeights, project: Projection) -> str:
    name = f"decoder/layer_{layer}/self_attention"
    joint = project(writer, x, f"{name}/linear_0", weights.linear(f"{name}/linear_0"))
    parts = writer.ops("Split", joint, outputs=3, axis=-1, num_outputs=3)
    mixed = writer.ops(
        "MultiHeadAttention",
        *(*parts, "", "", "", f"past_key_{layer}", f"past_value_{layer}"),
        outputs=3,
        domain=CONTRIB,
        names=[f"{name}/mixed", f"key_{layer}", f"value_{layer}"],
        num_heads=weights.heads,
        unidirectional=1,
    )[0]
    return project(writer, mixed, f"{name}/linear_1", weights.linear(f"{name}/linear_1"))


def _cross_attention(writer: GraphWriter, x: str, layer: int, weights: WhisperWeights, project: Projection) -> str:
    """Attention to the sound. One row at a time per batch: laying the batch along the sequence was slower."""
    name = f"decoder/layer_{layer}/attention"
    question = _scaled(weights.linear(f"{name}/linear_0"), weights, weights.width)
    query = _heads(writer, project(writer, x, f"{name}/linear_0", question), weights)
    mixed = _attend(writer, query, f"cross_key_{layer}", f"cross_value_{layer}", weights, "cross_bias")
    return project(writer, mixed, f"{name}/linear_2", weights.linear(f"{name}/linear_2"))


def _feed_forward(writer: GraphWriter, normal: str, name: str, weights: WhisperWeights, project: Projection) -> str:
    hidden = writer.op("Gelu", project(writer, normal, f"{name}/ffn/linear_0", weights.linear(f"{name}/ffn/linear_0")))
    return project(writer, hidden, f"{name}/ffn/linear_1", weights.linear(f"{name}/ffn/linear_1"))
