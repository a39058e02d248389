import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelCorruptError, RecipeError
from edge.hub.recipes.ppocr import build
from edge.inference.sessions import SessionFactory
from edge.perception.text_recognition import LINE_HEIGHT, TextRecognizer
from edge.settings import TextSettings

STEP = 8


def upstream(path, characters="ab", *, last="Softmax", classes=None, listed=None):
    """A graph in the shape of the real one: a pool over each step's columns, an affine map, identities, a softmax.

    Class i is likeliest where a step is as bright as i * 0.4 - 0.8.
    """
    count = classes or len(characters) + 2
    levels = np.arange(count) * 0.4 - 0.8
    weights = np.stack([40 * levels]).astype(np.float32)
    bias = (-20 * levels**2).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["columns"], axes=[1], keepdims=1),
        helper.make_node(
            "AveragePool", ["columns"], ["steps"], kernel_shape=[LINE_HEIGHT, STEP], strides=[LINE_HEIGHT, STEP]
        ),
        helper.make_node("Identity", ["steps"], ["cast.0"]),
        helper.make_node("Squeeze", ["cast.0"], ["flat"], axes=[1, 2]),
        helper.make_node("Unsqueeze", ["flat"], ["column"], axes=[2]),
        helper.make_node("MatMul", ["column", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Identity", ["sum"], ["cast.1"]),
        helper.make_node(last, ["cast.1"], ["fetch"], **({"axis": 2} if last == "Softmax" else {})),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, LINE_HEIGHT, "w"])],
        [helper.make_tensor_value_info("fetch", TensorProto.FLOAT, ["n", "t", count])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    if listed is None:
        listed = "\n".join(characters)
    if listed:
        helper.set_model_props(model, {"character": listed})
    onnx.save(model, path)
    return path


def made(tmp_path, name="out", **options):
    out = tmp_path / name
    out.mkdir()
    build({"rec.onnx": upstream(tmp_path / "rec.onnx", **options)}, out, {})
    return out


def bright(classes):
    """A line whose steps are as bright as the classes want it."""
    values = np.repeat([(number * 0.4 - 0.8 + 1) * 127.5 for number in classes], STEP)
    return np.rint(np.tile(values[None, :, None], (LINE_HEIGHT, 1, 3))).astype(np.uint8)


def test_the_made_folder_reads(tmp_path):
    recognizer = TextRecognizer.load(made(tmp_path), SessionFactory(), TextSettings())
    (read,) = recognizer.recognize([bright([0, 1, 1, 0, 1, 3, 2, 0])])
    assert read.text == "aa b"
    assert 0.5 < read.confidence <= 1.0


def test_the_graph_decides_as_its_probabilities_do(tmp_path):
    out = made(tmp_path)
    values = np.random.default_rng(0).uniform(-1, 1, (2, 3, LINE_HEIGHT, 80)).astype(np.float32)
    sessions = SessionFactory()
    (expected,) = sessions.open(tmp_path / "rec.onnx").run(None, {"x": values})
    classes, probabilities = sessions.open(out / "model.onnx").run(["classes", "probabilities"], {"x": values})
    np.testing.assert_array_equal(classes, expected.argmax(axis=2))
    np.testing.assert_allclose(probabilities, expected.max(axis=2), rtol=1e-5)


def test_identities_and_the_property_are_gone_and_the_characters_are_a_file(tmp_path):
    out = made(tmp_path, characters="aé猫")
    model = onnx.load(out / "model.onnx")
    assert "Identity" not in {node.op_type for node in model.graph.node}
    assert not model.metadata_props
    assert (out / "characters.txt").read_bytes() == "a\né\n猫\n".encode()


def test_the_same_input_gives_the_same_bytes(tmp_path):
    one, two = made(tmp_path, "one"), made(tmp_path, "two")
    assert (one / "model.onnx").read_bytes() == (two / "model.onnx").read_bytes()


def test_other_files_are_copied(tmp_path):
    (tmp_path / "LICENSE").write_text("Apache")
    out = tmp_path / "out"
    out.mkdir()
    build({"rec.onnx": upstream(tmp_path / "rec.onnx"), "LICENSE": tmp_path / "LICENSE"}, out, {})
    assert (out / "LICENSE").read_text() == "Apache"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"last": "Sigmoid"}, "does not end"),
        ({"classes": 9}, "does not end"),
        ({"listed": "ab\nc"}, "one character a line"),
        ({"listed": ""}, "no property"),
    ],
)
def test_other_graphs_are_refused(tmp_path, options, message):
    with pytest.raises(RecipeError, match=message):
        made(tmp_path, **options)


def test_damaged_files_options_and_several_graphs_are_refused(tmp_path):
    broken = tmp_path / "rec.onnx"
    broken.write_bytes(b"\xff\xff not a graph")
    with pytest.raises(RecipeError, match="not an ONNX file"):
        build({"rec.onnx": broken}, tmp_path, {})
    with pytest.raises(RecipeError, match="precision"):
        build({"rec.onnx": broken}, tmp_path, {"precision": "int8"})
    with pytest.raises(RecipeError, match="not 2"):
        build({"a.onnx": broken, "b.onnx": broken}, tmp_path, {})


def test_a_folder_with_the_graph_as_it_came_is_refused(tmp_path):
    out = made(tmp_path)
    (out / "model.onnx").write_bytes((tmp_path / "rec.onnx").read_bytes())
    with pytest.raises(ModelCorruptError, match="its outputs are fetch"):
        TextRecognizer.load(out, SessionFactory(), TextSettings())
