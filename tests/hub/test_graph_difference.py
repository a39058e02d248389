"""What is said about two builds that are not the same bytes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.hub.graph_difference import file_difference, folder_differences


def write(path, *, weight=1.0, op="Add", tensors=("w",), then=2.0, opset=17, producer="x"):
    """x plus (or times) weights, then a branch whose tensor is `then`."""
    values = [numpy_helper.from_array(np.full((2, 2), weight, np.float32), name) for name in tensors]
    branch = helper.make_graph(
        [helper.make_node("Identity", ["t"], ["out"], name="inner")],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.array([then], np.float32), "t")],
    )
    constant = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node(op, ["x", tensors[0]], ["y"], name="first"),
        helper.make_node("Constant", [], ["c"], value=constant, name="one"),
        helper.make_node("If", ["flag"], ["z"], then_branch=branch, else_branch=branch, name="choice"),
    ]
    graph = helper.make_graph(nodes, "g", [], [], values)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_version=producer
    )
    onnx.save(model, path)
    return path


@pytest.fixture
def differ(tmp_path):
    def compare(first, second):
        return file_difference(write(tmp_path / "a.onnx", **first), write(tmp_path / "b.onnx", **second))

    return compare


def test_a_tensor_by_its_distance(differ):
    assert differ({}, {"weight": 1.25}) == "1 of 4 tensors differ: w by 0.25"


def test_a_tensor_inside_a_branch(differ):
    said = differ({}, {"then": 4.0})
    assert said == "2 of 4 tensors differ: choice/else_branch/t by 2, choice/then_branch/t by 2"


def test_the_worst_first_and_not_all_of_them(differ):
    names = tuple("pqrst")
    assert differ({"tensors": names}, {"tensors": names, "weight": 3.0}) == (
        "5 of 8 tensors differ: p by 2, q by 2, r by 2 and 2 more"
    )


def test_other_nodes(differ):
    assert differ({}, {"op": "Mul"}) == "1 of 5 nodes differ: Add first"


def test_lost_and_new_tensors(differ):
    assert differ({"tensors": ("w", "old")}, {"tensors": ("w", "new")}) == "1 tensors lost: old; 1 tensors new: new"


def test_versions(differ):
    said = differ({}, {"opset": 18, "producer": "y"})
    assert "producer_version x became y" in said
    assert "operator sets [('', 17)] became [('', 18)]" in said


def test_not_a_number_is_far_away(differ):
    assert differ({}, {"weight": float("nan")}) == "1 of 4 tensors differ: w by inf"


def test_shapes_and_types_are_infinitely_far(tmp_path):
    first = write(tmp_path / "a.onnx")
    model = onnx.load(first)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones(3, np.float32), "w"))
    onnx.save(model, tmp_path / "b.onnx")
    assert file_difference(first, tmp_path / "b.onnx") == "1 of 4 tensors differ: w by inf"


def test_only_notes_of_the_file(tmp_path):
    first = write(tmp_path / "a.onnx")
    model = onnx.load(first)
    model.doc_string = "made on a Monday"
    onnx.save(model, tmp_path / "b.onnx")
    assert file_difference(first, tmp_path / "b.onnx").startswith("same nodes and tensors")


def test_no_graph_at_all(tmp_path):
    (tmp_path / "b.onnx").write_bytes(b"\xff\xff\xff")
    assert file_difference(write(tmp_path / "a.onnx"), tmp_path / "b.onnx") == "one of them is no ONNX graph"


def test_other_files_by_their_first_byte(tmp_path):
    for name, content in {"a.json": b"abcd", "b.json": b"abX"}.items():
        (tmp_path / name).write_bytes(content)
    said = file_difference(tmp_path / "a.json", tmp_path / "b.json")
    assert said == "4 bytes installed, 3 made again; they differ from byte 2 on"


def test_folders(tmp_path):
    for folder, files in {"a": {"same": "1", "gone": "2"}, "b": {"same": "1", "extra": "3"}}.items():
        (tmp_path / folder).mkdir()
        for name, content in (files | {"manifest.json": folder}).items():
            (tmp_path / folder / name).write_text(content)
    assert folder_differences(tmp_path / "a", tmp_path / "b") == [
        "gone was not made again",
        "extra was made, but is not installed",
    ]
    assert folder_differences(tmp_path / "a", tmp_path / "a") == []
