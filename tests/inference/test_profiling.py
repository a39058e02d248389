import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import InferenceError
from edge.inference.profiling import NodeRun, ProfiledSessions, Tensor
from edge.inference.sessions import float32
from edge.settings import InferenceSettings


def graph(nodes, inputs, outputs, constants=()) -> bytes:
    made = helper.make_graph(nodes, "g", inputs, outputs, [onnx.numpy_helper.from_array(v, n) for n, v in constants])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture
def product() -> bytes:
    """x [rows, 8] times a constant [8, 3]."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    return graph([node], [value("x", ["rows", 8])], [value("y", ["rows", 3])], [("w", np.ones((8, 3), np.float32))])


@pytest.fixture
def sessions(tmp_path):
    return ProfiledSessions(InferenceSettings(), tmp_path)


def listed(sessions) -> list[list[NodeRun]]:
    return [list(nodes) for nodes in sessions.executed()]


def test_a_node_is_told_with_its_shapes_and_weights(sessions, product):
    session = sessions.open(product)
    assert session.run(None, {"x": float32(np.ones((5, 8)))})[0].tolist() == [[8.0] * 3] * 5
    [[node]] = listed(sessions)
    assert node == NodeRun(
        name="product",
        operator="MatMul",
        inputs=(Tensor("float", (5, 8)), Tensor("float", (8, 3))),
        outputs=(Tensor("float", (5, 3)),),
        weight_bytes=8 * 3 * 4,
        output_bytes=5 * 3 * 4,
    )


def test_the_answers_are_those_of_any_session(sessions, product):
    session = sessions.open(product)
    assert [one.name for one in session.get_inputs()] == ["x"]
    assert [one.name for one in session.get_outputs()] == ["y"]
    with pytest.raises(InferenceError, match=r"a profiled session failed: .*run: edge doctor"):
        session.run(None, {"x": float32([1])})


def test_what_ran_before_the_mark_is_forgotten(sessions, product):
    session = sessions.open(product)
    for rows in (1, 2):
        session.run(None, {"x": float32(np.ones((rows, 8)))})
    sessions.mark()
    for rows in (3, 4):
        session.run(None, {"x": float32(np.ones((rows, 8)))})
    nodes = listed(sessions)[0]
    assert [node.outputs[0].shape for node in nodes] == [(3, 3), (4, 3)]
    assert [(node.inputs[1].shape, node.weight_bytes) for node in nodes] == [((8, 3), 96)] * 2  # though it is packed


def test_a_session_opened_after_the_mark_counts_from_its_start(sessions, product):
    sessions.open(product).run(None, {"x": float32(np.ones((1, 8)))})
    sessions.mark()
    sessions.open(product).run(None, {"x": float32(np.ones((2, 8)))})
    assert [[node.outputs[0].shape for node in nodes] for nodes in listed(sessions)] == [[], [(2, 3)]]


def test_the_inside_of_a_loop_is_told_at_every_turn(sessions):
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "w"], ["next"], name="turn"),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("state", [1, 4])],
        [value("on", [], TensorProto.BOOL), value("next", [1, 4])],
        [onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")],
    )
    loop = helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)
    model = graph([loop], [value("count", [], TensorProto.INT64), value("x", [1, 4])], [value("y", [1, 4])])
    sessions.open(model).run(None, {"count": np.array(3), "x": float32([[1, 2, 3, 4]])})
    turns = [node for node in listed(sessions)[0] if node.operator == "MatMul"]
    assert [node.weight_bytes for node in turns] == [64, 64, 64]


def test_nothing_ran(sessions, product):
    sessions.open(product)
    assert listed(sessions) == [[]]


def test_profiles_lie_in_the_folder_alone(sessions, product, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    sessions.open(product)
    sessions.executed()
    assert not list(elsewhere.iterdir())
    assert [file.name[:3] for file in tmp_path.glob("*.json")] == ["000"]


def test_the_work_is_counted_on_the_cpu(tmp_path):
    sessions = ProfiledSessions(InferenceSettings(providers=("CUDAExecutionProvider",)), tmp_path)
    assert sessions.providers() == ["CPUExecutionProvider"]
