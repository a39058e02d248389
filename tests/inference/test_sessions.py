import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import InferenceError
from edge.inference.sessions import SessionFactory, float32, int8_saturates, one_line
from edge.settings import InferenceSettings


@pytest.fixture
def doubler() -> bytes:
    """A graph with one input x [n] and one output y = x + x."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubler", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def test_a_session_runs_and_tells_its_inputs(doubler):
    session = SessionFactory().open(doubler)
    assert [node.name for node in session.get_inputs()] == ["x"]
    assert [node.name for node in session.get_outputs()] == ["y"]
    np.testing.assert_array_equal(session.run(None, {"x": float32([1, 2])})[0], [2, 4])


def test_a_file_works_like_bytes(doubler, tmp_path):
    path = tmp_path / "doubler.onnx"
    path.write_bytes(doubler)
    assert SessionFactory().open(path).run(["y"], {"x": float32([3])})[0].tolist() == [6.0]


@pytest.mark.parametrize("content", [b"", b"no graph at all"])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(InferenceError, match=r"broken\.onnx cannot be loaded: .*; run: edge doctor") as caught:
        SessionFactory().open(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InferenceError, match=r"none\.onnx cannot be loaded"):
        SessionFactory().open(tmp_path / "none.onnx")


def test_a_failing_run_is_an_error_of_ours(doubler):
    with pytest.raises(InferenceError, match=r"graph failed: .*run: edge doctor"):
        SessionFactory().open(doubler).run(None, {"x": np.zeros((2, 2), np.float32)})


def test_an_unknown_provider_is_an_error_or_falls_back(doubler):
    factory = SessionFactory(InferenceSettings(providers=("CPUExecutionProvider",)))
    assert factory.providers() == ["CPUExecutionProvider"]
    assert factory.open(doubler).run(None, {"x": float32([1])})[0].tolist() == [2.0]


def test_threads_are_capped_by_the_budget():
    assert SessionFactory(InferenceSettings(threads=1)).threads == 1


def test_telemetry_is_off_before_the_runtime_is_imported():
    program = (
        "import os, sys; os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "import edge.inference.sessions as s; assert 'onnxruntime' not in sys.modules, 'imported too early'\n"
        "s.import_onnxruntime(); assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_one_line_is_one_line():
    assert one_line(ValueError("\n\n  first \n second")) == "first"
    assert one_line(ValueError()) == "ValueError"


def test_float32_copies_only_when_it_must():
    values = np.ones(3, np.float32)
    assert float32(values) is values
    assert float32([1, 2]).dtype == np.float32


def test_the_helper_graph_is_valid(doubler):
    onnx.checker.check_model(onnx.load_from_string(doubler))


@pytest.mark.parametrize(
    ("cpuinfo", "saturates"),
    [
        ("processor : 0\nflags : fpu sse2 avx2\n", True),
        ("flags\t\t: fpu sse2 avx2 avx512_vnni\n", False),
        ("flags\t\t: fpu sse2 avx2 avx_vnni\n", False),
        ("processor : 0\nFeatures : fp asimd asimddp\n", False),
        ("", False),
    ],
)
def test_only_x86_without_vnni_is_asked_for_the_exact_product(tmp_path, cpuinfo, saturates):
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert int8_saturates(tmp_path / "cpuinfo") is saturates


def test_an_unknown_cpu_is_left_alone(tmp_path):
    assert int8_saturates(tmp_path / "none") is False
