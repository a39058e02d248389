"""Ways to store the weights of a float graph in fewer bits: what a candidate is made by.

`dynamic` and `rows` compute in int8 with per-channel weights (`rows` gives every row of the activations a scale of its
own), `weights8` and `weights4` keep activations float and weights in blocks, `static` has scales of activations that
were measured beforehand. Tables of embeddings have 8 bits in all of them; a matrix that is also such a table is stored
once. Operators: docs/ContribOperators.md of ONNX Runtime.
"""

from __future__ import annotations

import copy
import io
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from quantize_graph import CONTRIB, Array, Patch, Place, places, rewrite, ties
from quantize_packing import BLOCKS, block_of, blocks_4

from edge.errors import ExportError
from edge.hub.recipes.packing import ZERO_8, blocks_8, per_channel
from edge.inference.cpu import CpuClass
from edge.inference.sessions import one_line

Feed = dict[str, npt.NDArray[Any]]

_SATURATING: frozenset[CpuClass] = frozenset(("avx2", "other"))
_PEAK = 127
_PEAK_SATURATING = 63
_INT8_COMPUTE = 4
_BLOCK_4 = 32
_SMALLEST_PEAK = 1e-6
_AXES_ARE_INPUTS = 18


@dataclass(frozen=True)
class Calibration:
    """What a method may know beyond the graph.

    Attributes:
        feeds: inputs that are like those of use.
        cpu: class of the processor that the graph is made for.
    """

    feeds: Sequence[Feed] = ()
    cpu: CpuClass = "avx512-vnni"

    @property
    def peak(self) -> int:
        """Largest int8 weight: seven bits where the products of eight saturate in sixteen."""
        return _PEAK_SATURATING if self.cpu in _SATURATING else _PEAK


Make = Callable[[onnx.ModelProto, set[str], Calibration], onnx.ModelProto]


@dataclass(frozen=True)
class Method:
    """A way to quantise.

    Attributes:
        make: (float graph, names of nodes that stay float, calibration) -> graph.
        kinds: kinds of places that it changes.
        precision: as in `model.json`; also the suffix of the file.
        vision_only: whether it is of use for pictures only.
    """

    make: Make
    kinds: frozenset[str]
    precision: str
    vision_only: bool = False


def selected(model: onnx.ModelProto, excluded: set[str], kinds: frozenset[str]) -> list[Place]:
    """The places of these kinds that are not excluded."""
    return [place for place in places(model) if place.kind in kinds and place.name not in excluded]


def dynamic(model: onnx.ModelProto, excluded: set[str], calibration: Calibration) -> onnx.ModelProto:
    """Int8 weights per channel, activations quantised with one scale when they come."""
    return _rewritten(model, excluded, lambda place, node, values, patch: _int8(
        place, node, values, patch, peak=calibration.peak, by_row=False
    ))  # fmt: skip


def rows(model: onnx.ModelProto, excluded: set[str], calibration: Calibration) -> onnx.ModelProto:
    """As `dynamic`, but every row of the activations is divided by its largest magnitude before, and multiplied after.

    One loud token no longer takes the resolution of all others.
    """
    return _rewritten(model, excluded, lambda place, node, values, patch: _int8(
        place, node, values, patch, peak=calibration.peak, by_row=True
    ))  # fmt: skip


def weights8(model: onnx.ModelProto, excluded: set[str], _: Calibration) -> onnx.ModelProto:
    """8-bit weights in blocks of up to 128 inputs."""
    return _rewritten(model, excluded, _blocks)


def weights4(model: onnx.ModelProto, excluded: set[str], _: Calibration) -> onnx.ModelProto:
    """4-bit weights in blocks of up to 32 inputs; matrices that are also tables keep the 8 bits of the table."""
    return _rewritten(model, excluded, lambda place, node, values, patch: _blocks(place, node, values, patch, bits=4))


def static(model: onnx.ModelProto, excluded: set[str], calibration: Calibration) -> onnx.ModelProto:
    """Int8 with scales of activations from the smallest and largest values over the calibration inputs."""
    return _static(model, excluded, calibration, "MinMax")


def static_percentile(model: onnx.ModelProto, excluded: set[str], calibration: Calibration) -> onnx.ModelProto:
    """As `static`, but the outermost values of the activations are cut off."""
    return _static(model, excluded, calibration, "Percentile")


_MATRICES = frozenset(("MatMul", "Gemm", "Gather"))
_PICTURES = frozenset(("Conv", "MatMul", "Gemm"))
METHODS: Mapping[str, Method] = {
    "dynamic": Method(dynamic, _MATRICES, "int8"),
    "rows": Method(rows, _MATRICES, "int8"),
    "weights8": Method(weights8, _MATRICES, "q8"),
    "weights4": Method(weights4, _MATRICES, "q4"),
    "static": Method(static, _PICTURES, "int8", vision_only=True),
    "static-percentile": Method(static_percentile, _PICTURES, "int8", vision_only=True),
}


def _rewritten(
    model: onnx.ModelProto, excluded: set[str], how: Callable[[Place, onnx.NodeProto, Array, Patch], None]
) -> onnx.ModelProto:
    """The graph with all chosen places written by `how`, but tables, and matrices stored as tables, in 8-bit blocks."""
    chosen = selected(model, excluded, _MATRICES)
    tables = {place.weight for place in chosen if place.kind == "Gather"}
    shareable = {tensor.name for tensor in model.graph.initializer if tensor.dims and tensor.dims[-1] % BLOCKS[-1] == 0}
    tables &= shareable
    tied = {weight: table for weight, table in ties(model).items() if table in tables}

    def write(place: Place, node: onnx.NodeProto, values: Array, patch: Patch) -> None:
        if place.kind == "Gather":
            _table(place, node, values, patch)
        elif place.weight in tied:
            _blocks(Place(place.name, place.kind, tied[place.weight], turned=False, parameters=place.parameters),
                    node, values.T, patch)  # fmt: skip
        elif place.weight in tables and not place.turned:
            _blocks(place, node, values, patch)
        else:
            how(place, node, values, patch)

    return rewrite(model, chosen, write)


def _table(place: Place, node: onnx.NodeProto, values: Array, patch: Patch) -> None:
    """Rows of a table, unpacked after they were picked."""
    width = values.shape[1]
    block = block_of(width) if width % block_of(width) == 0 else width
    packed, scale = _stored(place, values, patch, block)
    tokens, length = node.input[1], patch.tensor(f"edge/length_{width}", np.array([width], np.int64))
    picked = patch.op("Cast", patch.op("Gather", packed, tokens), to=onnx.TensorProto.FLOAT)
    centred = patch.op("Sub", picked, patch.tensor("edge/zero", np.array(ZERO_8, np.float32)))
    last = patch.tensor("edge/last", np.array([-1], np.int64))
    scaled = patch.op("Mul", centred, patch.op("Unsqueeze", patch.op("Gather", scale, tokens), last))
    shape = patch.op("Concat", patch.op("Shape", tokens), length, axis=0)
    patch.op("Reshape", scaled, shape, output=node.output[0])


def _int8(place: Place, node: onnx.NodeProto, values: Array, patch: Patch, *, peak: int, by_row: bool) -> None:
    name = f"{place.weight}/int8{'' if place.turned else '_rows'}"
    if name not in patch.tensors:
        packed, scale = per_channel(values.T if place.turned else values, peak)
        patch.tensor(name, packed.T)
        patch.tensor(f"{name}_scale", scale)
    stored = (name, f"{name}_scale")
    bias = node.input[2] if len(node.input) > 2 else ""  # noqa: PLR2004 - the third input of Gemm
    target = "" if bias else node.output[0]
    if by_row:
        loudest = _loudest(node.input[0], patch)
        normal = patch.op("Div", node.input[0], loudest)
        product = patch.op("DynamicQuantizeMatMul", normal, *stored, domain=CONTRIB)
        product = patch.op("Mul", product, loudest, output=target)
    else:
        product = patch.op("DynamicQuantizeMatMul", node.input[0], *stored, domain=CONTRIB, output=target)
    if bias:
        patch.op("Add", product, bias, output=node.output[0])


def _loudest(x: str, patch: Patch) -> str:
    magnitude = patch.op("Abs", x)
    if patch.opset >= _AXES_ARE_INPUTS:
        last = patch.tensor("edge/last", np.array([-1], np.int64))
        peak = patch.op("ReduceMax", magnitude, last, keepdims=1)
    else:
        peak = patch.op("ReduceMax", magnitude, axes=[-1], keepdims=1)
    return patch.op("Max", peak, patch.tensor("edge/smallest", np.array(_SMALLEST_PEAK, np.float32)))


def _blocks(place: Place, node: onnx.NodeProto, values: Array, patch: Patch, *, bits: int = 8) -> None:
    matrix = values.T if place.turned else values
    outputs, inputs = matrix.shape
    block = block_of(inputs, _BLOCK_4) if bits == 4 else block_of(inputs)  # noqa: PLR2004 - four bits
    packed, scale = _stored(place, matrix, patch, block, bits)
    bias = node.input[2] if len(node.input) > 2 else ""  # noqa: PLR2004 - the third input of Gemm
    product = patch.op(
        "MatMulNBits",
        *(node.input[0], packed, scale),
        output="" if bias else node.output[0],
        domain=CONTRIB,
        K=inputs,
        N=outputs,
        bits=bits,
        block_size=block,
        accuracy_level=_INT8_COMPUTE,
    )
    if bias:
        patch.op("Add", product, bias, output=node.output[0])


def _stored(place: Place, matrix: Array, patch: Patch, block: int, bits: int = 8) -> tuple[str, str]:
    name = f"{place.weight}/q{bits}_{block}{'' if place.turned else '_rows'}"
    if name not in patch.tensors:
        packed, scale = blocks_8(matrix, block) if bits == 8 else blocks_4(matrix, block)  # noqa: PLR2004 - eight bits
        patch.tensor(name, packed)
        patch.tensor(f"{name}_scale", scale)
    return name, f"{name}_scale"


def _static(model: onnx.ModelProto, excluded: set[str], calibration: Calibration, range_by: str) -> onnx.ModelProto:
    if not calibration.feeds:
        raise ExportError("static quantisation needs calibration inputs; give --data FOLDER with pictures")
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    options = {
        "quant_format": QuantFormat.QDQ,
        "per_channel": True,
        "reduce_range": calibration.peak < _PEAK,
        "activation_type": QuantType.QInt8 if calibration.cpu.startswith("arm") else QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        "nodes_to_quantize": [place.name for place in selected(model, excluded, _PICTURES)],
        "calibrate_method": CalibrationMethod[range_by],
        "extra_options": {"MatMulConstBOnly": True},
    }
    given = copy.deepcopy(model)  # its tensors are moved into a file
    with tempfile.TemporaryDirectory() as scratch, quiet():
        file = Path(scratch) / "static.onnx"
        try:
            quantize_static(given, file, _Reader(calibration.feeds), **options)
        except Exception as error:
            raise ExportError(f"onnxruntime cannot calibrate this graph: {one_line(error)}") from error
        return onnx.load(file)


class _Reader:
    """Calibration inputs one after the other, as the calibrator asks for them."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next one; None at the end."""
        return next(self._feeds, None)


@contextmanager
def quiet() -> Iterator[None]:
    """ONNX Runtime's quantisers write hundreds of lines to the root logger, and some to the terminal."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
