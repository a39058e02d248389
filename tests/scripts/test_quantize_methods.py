"""The ways to quantise, on small graphs made here."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.inference.sessions import SessionFactory

WIDTH, HIDDEN, WORDS = 64, 128, 300


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


def tensor(name, *shape, seed=0, scale=1.0):
    values = np.random.default_rng([seed, *name.encode()]).normal(0, scale, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def model_of(nodes, inputs, outputs, tensors, opset=20):
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.checker.check_model(made)
    return made


def perceptron(opset=20, inputs=WIDTH):
    """[batch, n, inputs] -> MatMul, Relu, MatMul -> [batch, n, WIDTH]."""
    return model_of(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"], name="/first/MatMul"),
            helper.make_node("Relu", ["a"], ["b"], name="/first/Relu"),
            helper.make_node("MatMul", ["b", "w2"], ["y"], name="/second/MatMul"),
        ],
        {"x": (TensorProto.FLOAT, ["batch", "n", inputs])},
        {"y": (TensorProto.FLOAT, ["batch", "n", WIDTH])},
        [tensor("w1", inputs, HIDDEN), tensor("w2", HIDDEN, WIDTH)],
        opset,
    )


def classifier():
    """Picture [batch, 3, 32, 32] -> Conv, Relu, mean, Gemm with bias -> logits [batch, 80]."""
    return model_of(
        [
            helper.make_node(
                "Conv", ["pixel_values", "kernel", "kernel_bias"], ["a"], name="/stem/Conv", strides=[2, 2]
            ),
            helper.make_node("Relu", ["a"], ["b"], name="/stem/Relu"),
            helper.make_node("GlobalAveragePool", ["b"], ["c"], name="/pool"),
            helper.make_node("Flatten", ["c"], ["d"], name="/flat"),
            helper.make_node("Gemm", ["d", "head", "head_bias"], ["logits"], name="/head/Gemm", transB=1),
        ],
        {"pixel_values": (TensorProto.FLOAT, ["batch", 3, 32, 32])},
        {"logits": (TensorProto.FLOAT, ["batch", 80])},
        [tensor("kernel", 48, 3, 4, 4), tensor("kernel_bias", 48), tensor("head", 80, 48), tensor("head_bias", 80)],
    )


def language_model(*, copied=True, width=WIDTH):
    """Tokens -> table -> MatMul with the transposed table; `copied`: stored twice, as exporters do."""
    table = tensor("table", WORDS, width)
    last = helper.make_node("Gemm", ["flat", "table"], ["logits"], name="/lm_head", transB=1)
    tensors = [table, numpy_helper.from_array(np.array([-1, width], np.int64), "shape")]
    if copied:
        last = helper.make_node("MatMul", ["flat", "table_turned"], ["logits"], name="/lm_head")
        turned = np.ascontiguousarray(numpy_helper.to_array(table).T)
        tensors.append(numpy_helper.from_array(turned, "table_turned"))
    return model_of(
        [
            helper.make_node("Gather", ["table", "tokens"], ["x"], name="/embed"),
            helper.make_node("Reshape", ["x", "shape"], ["flat"], name="/flat"),
            last,
        ],
        {"tokens": (TensorProto.INT64, ["batch", "n"])},
        {"logits": (TensorProto.FLOAT, ["rows", WORDS])},
        tensors,
    )


def merged():
    """A decoder as optimum merges it: the same weight in both branches of an `If`."""

    def branch(name, kind):
        return helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "w1"], [f"{name}_a"], name="/layer/MatMul"),
                helper.make_node(kind, [f"{name}_a"], [f"{name}_y"], name=f"/layer/{kind}"),
            ],
            name, [], [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, ["n", HIDDEN])],
        )  # fmt: skip

    branches = {"then_branch": branch("with", "Relu"), "else_branch": branch("without", "Neg")}
    return model_of(
        [helper.make_node("If", ["use_cache_branch"], ["y"], name="/if", **branches)],
        {"x": (TensorProto.FLOAT, ["n", WIDTH]), "use_cache_branch": (TensorProto.BOOL, [1])},
        {"y": (TensorProto.FLOAT, ["n", HIDDEN])},
        [tensor("w1", WIDTH, HIDDEN)],
    )  # fmt: skip


def run(model, feed):
    return SessionFactory().open(model.SerializeToString()).run(None, feed)[0]


def sqnr(exact, other):
    return 10 * np.log10(np.square(exact).sum() / np.square(exact - other).sum())


def quantised(name, model, excluded=(), feeds=(), cpu="avx512-vnni"):
    from quantize_methods import METHODS, Calibration

    return METHODS[name].make(model, set(excluded), Calibration(feeds, cpu))


def operators(model):
    from quantize_graph import graphs

    return [node.op_type for graph in graphs(model) for node in graph.node]


X = np.random.default_rng(5).normal(size=(2, 7, WIDTH)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "least", "share"), [("dynamic", 30, 0.35), ("rows", 32, 0.4), ("weights8", 32, 0.4), ("weights4", 17, 0.3)]
)
def test_a_method_keeps_the_numbers_and_saves_the_bytes(name, least, share):
    model = perceptron()
    made = quantised(name, model)
    assert sqnr(run(model, {"x": X}), run(made, {"x": X})) > least
    assert len(made.SerializeToString()) < share * len(model.SerializeToString())
    assert "MatMul" not in operators(made)


@pytest.mark.parametrize("name", ["dynamic", "rows", "weights8", "weights4"])
def test_the_float_graph_is_not_changed(name):
    model = perceptron()
    before = model.SerializeToString(deterministic=True)
    quantised(name, model)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("name", ["dynamic", "rows", "weights8", "weights4"])
def test_the_same_bytes_come_out_every_time(name):
    first, second = (quantised(name, perceptron()).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_as_good_as_the_quantiser_of_onnxruntime(tmp_path):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from quantize_methods import quiet

    model = perceptron()
    with quiet():
        only = {"op_types_to_quantize": ["MatMul"], "per_channel": True, "weight_type": QuantType.QInt8}
        quantize_dynamic(model, tmp_path / "theirs.onnx", **only)
    theirs = sqnr(run(model, {"x": X}), run(onnx.load(tmp_path / "theirs.onnx"), {"x": X}))
    assert sqnr(run(model, {"x": X}), run(quantised("dynamic", model), {"x": X})) > theirs - 1


def test_rows_forgive_a_loud_token():
    model = perceptron()
    loud = X.copy()
    loud[0, 0] *= 50
    exact, one, every = (
        run(made, {"x": loud}) for made in (model, quantised("dynamic", model), quantised("rows", model))
    )
    assert sqnr(exact[0, 1:], every[0, 1:]) > sqnr(exact[0, 1:], one[0, 1:]) + 15


def test_rows_of_nothing_stay_nothing():
    assert np.all(run(quantised("rows", perceptron()), {"x": np.zeros((1, 2, WIDTH), np.float32)}) == 0)


def test_rows_before_opset_18_have_their_axes_in_an_attribute():
    model = perceptron(opset=17)
    assert sqnr(run(model, {"x": X}), run(quantised("rows", model), {"x": X})) > 32


def test_excluded_nodes_stay_as_they_are():
    made = quantised("dynamic", perceptron(), excluded=["/second/MatMul"])
    assert operators(made) == ["DynamicQuantizeMatMul", "Relu", "MatMul"]
    assert {entry.name for entry in made.graph.initializer} == {"w1/int8", "w1/int8_scale", "w2"}


@pytest.mark.parametrize("name", ["dynamic", "rows", "weights8", "weights4"])
def test_both_branches_of_a_merged_decoder_are_quantised_and_share_the_weight(name):
    model = merged()
    made = quantised(name, model)
    assert "MatMul" not in operators(made)
    assert len(made.SerializeToString()) < 0.6 * len(model.SerializeToString())
    for cached in (True, False):
        feed = {"x": X[0], "use_cache_branch": np.array([cached])}
        assert sqnr(run(model, feed), run(made, feed)) > 17


@pytest.mark.parametrize("name", ["dynamic", "rows", "weights8", "weights4"])
@pytest.mark.parametrize("copied", [True, False])
def test_the_table_of_words_is_stored_once_in_8_bits(name, copied):
    model = language_model(copied=copied)
    made = quantised(name, model)
    feed = {"tokens": np.arange(12).reshape(2, 6)}
    assert sqnr(run(model, feed), run(made, feed)) > 32
    table = WORDS * WIDTH
    assert table < len(made.SerializeToString()) < 1.4 * table


@pytest.mark.parametrize("copied", [True, False])
def test_a_table_of_odd_width_has_a_scale_a_row(copied):
    model = language_model(copied=copied, width=50)
    feed = {"tokens": np.arange(12).reshape(2, 6)}
    assert sqnr(run(model, feed), run(quantised("weights8", model), feed)) > 32


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 3)])
def test_a_table_gives_the_shape_of_the_float_one(shape):
    model = model_of(
        [helper.make_node("Gather", ["table", "tokens"], ["x"], name="/embed")],
        {"tokens": (TensorProto.INT64, list(shape))},
        {"x": (TensorProto.FLOAT, [*shape, WIDTH])},
        [tensor("table", WORDS, WIDTH)],
    )
    feed = {"tokens": np.full(shape, 7)}
    exact, made = run(model, feed), run(quantised("dynamic", model), feed)
    assert made.shape == exact.shape == (*shape, WIDTH)
    assert sqnr(exact, made) > 35


@pytest.mark.parametrize("inputs", [16, 50, 96, 250])
@pytest.mark.parametrize("name", ["weights8", "weights4"])
def test_blocks_for_any_number_of_inputs(name, inputs):
    model = perceptron(inputs=inputs)
    x = np.random.default_rng(1).normal(size=(1, 5, inputs)).astype(np.float32)
    assert sqnr(run(model, {"x": x}), run(quantised(name, model), {"x": x})) > 15


@pytest.mark.parametrize("name", ["dynamic", "rows", "weights8", "weights4"])
def test_a_gemm_keeps_its_bias(name):
    model = classifier()
    feed = {"pixel_values": np.random.default_rng(2).normal(size=(2, 3, 32, 32)).astype(np.float32)}
    made = quantised(name, model)
    assert "Gemm" not in operators(made)
    assert sqnr(run(model, feed), run(made, feed)) > 17


def test_saturating_processors_get_seven_bits():
    def largest(cpu):
        stored = quantised("dynamic", perceptron(), cpu=cpu).graph.initializer
        return max(np.abs(numpy_helper.to_array(one).astype(int)).max() for one in stored if one.name.endswith("int8"))

    assert {cpu: largest(cpu) for cpu in ("avx2", "other", "avx-vnni", "arm-dotprod")} == {
        "avx2": 63, "other": 63, "avx-vnni": 127, "arm-dotprod": 127,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["static", "static-percentile"])
def test_static_scales_come_from_the_calibration_inputs(name):
    model = classifier()
    generator = np.random.default_rng(3)
    feeds = [{"pixel_values": generator.normal(size=(1, 3, 32, 32)).astype(np.float32)} for _ in range(12)]
    made = quantised(name, model, feeds=feeds)
    assert "QuantizeLinear" in operators(made)
    assert sqnr(run(model, feeds[-1]), run(made, feeds[-1])) > 22
    narrow = quantised(name, model, feeds=[{key: value / 100 for key, value in feed.items()} for feed in feeds])
    assert sqnr(run(model, feeds[-1]), run(narrow, feeds[-1])) < 10


def test_static_leaves_excluded_nodes_float():
    feeds = [{"pixel_values": np.ones((1, 3, 32, 32), np.float32)}]
    made = quantised("static", classifier(), excluded=["/stem/Conv"], feeds=feeds)
    kernel = next(entry for entry in made.graph.initializer if entry.name == "kernel")
    assert kernel.data_type == TensorProto.FLOAT


def test_static_needs_calibration_inputs():
    with pytest.raises(ValueError, match="needs calibration inputs; give --data"):
        quantised("static", classifier())
