"""Operations of small graphs, counted by hand: 2 for every multiplication with its addition."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.bench.floor_counting import count_operations, tally, weight_bytes
from edge.inference.profiling import NodeRun, ProfiledSessions, Tensor
from edge.settings import InferenceSettings

MICROSOFT = "com.microsoft"


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def node(operator, inputs, outputs, weights=0, written=0, kind="float"):
    return NodeRun(
        name="n",
        operator=operator,
        inputs=tuple(Tensor(kind, shape) for shape in inputs),
        outputs=tuple(Tensor(kind, shape) for shape in outputs),
        weight_bytes=weights,
        output_bytes=written,
    )


@pytest.fixture
def ran(tmp_path):
    """Runs nodes with constants on one input and tallies what really ran."""

    def run(nodes, x, constants, result=TensorProto.FLOAT):
        kind = helper.np_dtype_to_tensor_dtype(x.dtype)
        graph = helper.make_graph(
            nodes,
            "g",
            [value("x", x.shape, kind)],
            [helper.make_tensor_value_info("y", result, None)],
            [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        sessions = ProfiledSessions(InferenceSettings(), tmp_path)
        sessions.open(model.SerializeToString()).run(None, {"x": x})
        return tally(sessions.executed()[0])

    return run


def f32(*shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def test_a_product_of_matrices(ran):
    found = ran([helper.make_node("MatMul", ["x", "w"], ["y"])], f32(2, 5, 8), {"w": f32(8, 3)})
    assert (found.floats, found.int8) == (2 * 2 * 5 * 8 * 3, 0)
    assert (found.weight_bytes, found.working_set_bytes) == (8 * 3 * 4, 8 * 3 * 4)


def test_a_gemm_with_either_side_transposed(ran):
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transA=1, transB=1)
    found = ran([node], f32(8, 5), {"w": f32(3, 8), "b": f32(3)})
    assert found.floats == 2 * 5 * 8 * 3
    assert found.weight_bytes == (3 * 8 + 3) * 4


def test_a_convolution_in_groups_with_stride(ran):
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=2, strides=[2, 2], kernel_shape=[3, 3])
    found = ran([node], f32(1, 4, 9, 9), {"w": f32(6, 2, 3, 3)})
    assert found.floats == 2 * (6 * 4 * 4) * (2 * 3 * 3)


def test_a_transposed_convolution(ran):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    found = ran([node], f32(1, 4, 5, 5), {"w": f32(4, 3, 2, 2)})
    assert found.floats == 2 * (4 * 5 * 5) * (3 * 2 * 2)


def test_int8_as_the_quantiser_writes_it_is_fused_and_counted(ran):
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["sums"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["scale", "ws"], ["both"]),
        helper.make_node("Mul", ["sums", "both"], ["y"]),
    ]
    found = ran(nodes, f32(4, 16), {"w": np.ones((16, 6), np.int8), "ws": f32(6)})
    assert (found.int8, found.floats) == (2 * 4 * 16 * 6, 0)
    assert 16 * 6 <= found.weight_bytes <= 16 * 6 + 8 * 6


def test_weights_of_few_bits_are_counted_packed_as_they_are(ran):
    constants = {"w": np.ones((6, 1, 16), np.uint8), "s": f32(6)}
    attributes = {"K": 32, "N": 6, "bits": 4, "block_size": 32}
    found = ran([helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain=MICROSOFT, **attributes)],
                f32(3, 32), constants)  # fmt: skip
    assert found.int8 == 2 * 3 * 32 * 6
    assert found.weight_bytes == 6 * 16 + 6 * 4


def test_a_convolution_in_int8(ran):
    x = np.arange(1 * 3 * 6 * 6, dtype=np.uint8).reshape(1, 3, 6, 6)
    node = helper.make_node("ConvInteger", ["x", "w"], ["y"])
    found = ran([node], x, {"w": np.ones((5, 3, 3, 3), np.uint8)}, TensorProto.INT32)
    assert found.int8 == 2 * (5 * 4 * 4) * (3 * 3 * 3)


def test_a_recurrent_layer(ran):
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=4)
    found = ran([node], f32(7, 1, 5), {"w": f32(1, 16, 5), "r": f32(1, 16, 4)})
    assert found.floats == 2 * 7 * (16 * 5 + 16 * 4)


def test_attention_fused(ran):
    node = helper.make_node("MultiHeadAttention", ["x", "x", "x"], ["y"], domain=MICROSOFT, num_heads=2)
    found = ran([node], f32(1, 9, 8), {})
    assert found.floats == 2 * (2 * 9 * 9 * 8)


def test_attention_over_what_was_kept():
    step = node("MultiHeadAttention", [(1, 1, 8), (1, 1, 8), (1, 1, 8)], [(1, 1, 8), (1, 2, 31, 4), (1, 2, 31, 4)])
    assert count_operations(step) == 2 * (2 * 1 * 31 * 8)


def test_attention_over_keys_by_heads():
    assert count_operations(node("MultiHeadAttention", [(1, 3, 8), (1, 2, 20, 4)], [(1, 3, 8)])) == 4 * 3 * 8 * 20


def test_attention_with_its_projection():
    fused = node("Attention", [(1, 10, 16), (16, 48), (48,)], [(1, 10, 16)])
    assert count_operations(fused) == 2 * 10 * 16 * 48 + 2 * (2 * 10 * 10 * 16)


def test_a_quantised_convolution_with_scales_between_its_arrays():
    inputs = [(1, 3, 6, 6), (), (), (5, 3, 3, 3), (), (), (), ()]
    assert count_operations(node("QLinearConv", inputs, [(1, 5, 4, 4)])) == 2 * (5 * 4 * 4) * 27


@pytest.mark.parametrize("operator", ["Add", "Softmax", "LayerNormalization", "Gather", "SomethingNew"])
def test_what_is_no_product_is_not_counted(operator):
    assert count_operations(node(operator, [(4, 4)], [(4, 4)])) == 0


def test_a_vector_is_a_row():
    assert count_operations(node("MatMul", [(8,), (8, 3)], [(3,)])) == 2 * 8 * 3


def test_an_embedding_is_read_by_rows(ran):
    x = np.array([3, 5], np.int64)
    found = ran([helper.make_node("Gather", ["w", "x"], ["y"])], x, {"w": f32(1000, 16)})
    assert found.weight_bytes == 2 * 16 * 4


def test_a_body_is_not_counted_twice():
    assert weight_bytes(node("Loop", [(4, 4)], [(4, 4)], weights=4096, written=64)) == 0
    assert weight_bytes(node("Add", [(4, 4)], [(4, 4)], weights=4096, written=64)) == 4096


def test_weights_read_again_are_read_again_but_held_once():
    turns = [node("MatMul", [(1, 8), (8, 3)], [(1, 3)], weights=96, written=12)] * 5
    found = tally(turns)
    assert (found.weight_bytes, found.working_set_bytes, found.floats) == (480, 96, 5 * 48)


def test_an_empty_session_did_nothing():
    found = tally([])
    assert (found.int8, found.floats, found.weight_bytes, found.working_set_bytes) == (0, 0, 0, 0)
