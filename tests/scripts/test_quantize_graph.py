"""Reading float graphs: what is refused, and where weights are found."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


def weight(name="w", shape=(64, 64)):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def graph_of(nodes, tensors=(), outputs=("y",)):
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        list(tensors),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def matmul(name="", b="w", output="y"):
    return helper.make_node("MatMul", ["x", b], [output], name=name)


def loaded(tmp_path, model):
    from quantize_graph import load

    file = tmp_path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    return load(file)


def found_in(model):
    from quantize_graph import places

    return [(place.kind, place.weight, place.turned) for place in places(model)]


def test_a_missing_graph(tmp_path):
    from quantize_graph import load

    with pytest.raises(ValueError, match=r"model\.onnx is missing; run scripts/export\.py again"):
        load(tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"\x08", b"not a graph at all", b"\xff" * 100])
def test_a_damaged_graph(tmp_path, content):
    from quantize_graph import load

    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ValueError, match="is not an ONNX graph"):
        load(tmp_path / "model.onnx")


def test_a_cut_graph(tmp_path):
    from quantize_graph import load

    whole = graph_of([matmul("/layer/MatMul")], [weight()]).SerializeToString()
    (tmp_path / "model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is not an ONNX graph"):
        load(tmp_path / "model.onnx")


def test_a_graph_of_2_gb(tmp_path):
    from quantize_graph import load

    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(ValueError, match="2 GB or more"):
        load(tmp_path / "model.onnx")


def test_weights_in_another_file(tmp_path):
    from quantize_graph import load

    model = graph_of([matmul("/layer/MatMul")], [weight()])
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="model.data", size_threshold=1)
    with pytest.raises(ValueError, match="keeps its weights in another file"):
        load(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ["dynamic", "weights8"])
def test_a_graph_that_is_quantised_already(tmp_path, name):
    from quantize_methods import METHODS, Calibration

    made = METHODS[name].make(graph_of([matmul("/layer/MatMul")], [weight()]), set(), Calibration())
    with pytest.raises(ValueError, match="is quantised already"):
        loaded(tmp_path, made)


def test_nodes_get_names_of_their_own(tmp_path):
    model = graph_of([matmul("same", output="a"), matmul("same", output="b"), matmul(output="y")], [weight()])
    names = [node.name for node in loaded(tmp_path, model).graph.node]
    assert len(set(names)) == 3
    assert all(names)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (matmul(), [("MatMul", "w", True)]),
        (helper.make_node("Gemm", ["x", "w"], ["y"]), [("Gemm", "w", True)]),
        (helper.make_node("Gemm", ["x", "w"], ["y"], transB=1), [("Gemm", "w", False)]),
        (helper.make_node("Gemm", ["x", "w"], ["y"], alpha=0.5), []),
        (helper.make_node("Gemm", ["x", "w"], ["y"], transA=1), []),
        (helper.make_node("Gather", ["w", "x"], ["y"]), [("Gather", "w", False)]),
        (helper.make_node("Gather", ["w", "x"], ["y"], axis=1), []),
        (helper.make_node("MatMul", ["w", "x"], ["y"]), []),
        (helper.make_node("MatMul", ["x", "x"], ["y"]), []),
        (helper.make_node("Add", ["x", "w"], ["y"]), []),
    ],
)
def test_places_are_nodes_with_a_constant_matrix_in_its_place(node, expected):
    from quantize_graph import named

    assert found_in(named(graph_of([node], [weight()]))) == expected


@pytest.mark.parametrize("shape", [(8, 8), (4096,), (4, 32, 32)])
def test_small_tensors_vectors_and_stacks_are_no_matrices(shape):
    assert found_in(graph_of([matmul("/layer")], [weight(shape=shape)])) == []


def test_a_weight_behind_an_identity_is_found_and_the_identity_goes():
    from quantize_methods import METHODS, Calibration

    model = graph_of([helper.make_node("Identity", ["w"], ["same"], name="i"), matmul("/layer", b="same")], [weight()])
    assert found_in(model) == [("MatMul", "w", True)]
    made = METHODS["dynamic"].make(model, set(), Calibration())
    assert [node.op_type for node in made.graph.node] == ["DynamicQuantizeMatMul"]
    assert {tensor.name for tensor in made.graph.initializer} == {"w/int8", "w/int8_scale"}


def test_a_weight_that_something_else_reads_stays():
    from quantize_methods import METHODS, Calibration

    model = graph_of(
        [matmul("/layer", output="a"), helper.make_node("Add", ["a", "w"], ["y"], name="/add")], [weight()]
    )
    made = METHODS["dynamic"].make(model, set(), Calibration())
    assert {tensor.name for tensor in made.graph.initializer} == {"w", "w/int8", "w/int8_scale"}


def test_a_tensor_of_an_inner_graph_hides_the_outer_one():
    inner = helper.make_graph(
        [matmul("/inner")], "inner", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [weight()]
    )
    condition = numpy_helper.from_array(np.array(True), "yes")
    node = helper.make_node("If", ["yes"], ["y"], name="/if", then_branch=inner, else_branch=inner)
    assert found_in(graph_of([node], [weight(), condition])) == []


def test_only_equal_tables_are_tied():
    from quantize_graph import ties

    table = np.random.default_rng(0).normal(size=(80, 64)).astype(np.float32)
    other = table.copy()
    other[3, 3] += 1
    for turned, expected in ((table, {"w": "table"}), (other, {})):
        model = graph_of(
            [helper.make_node("Gather", ["table", "x"], ["a"], name="/embed"), matmul("/lm_head")],
            [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.ascontiguousarray(turned.T), "w")],
        )
        assert ties(model) == expected
