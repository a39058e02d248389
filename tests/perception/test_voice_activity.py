"""The detector around a tiny graph that shows what it was given, and around the real model where it is installed."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.voice_activity import CONTEXT, MODEL_FILE, MODEL_ID, WINDOW, VoiceActivityDetector


def _graph(state_name="state"):
    """Probability = first context sample + 10 x last sample + 100 x state; the next state is state + 1."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    weights = np.zeros((CONTEXT + WINDOW, 1), np.float32)
    weights[0], weights[-1] = 1.0, 10.0
    pick = np.zeros((128, 1), np.float32)
    pick[0] = 100.0
    nodes = [
        helper.make_node("MatMul", ["input", "weights"], ["heard"]),
        helper.make_node("MatMul", [state_name, "pick"], ["remembered_all"]),  # [2, 1, 1]
        helper.make_node("Slice", ["remembered_all", "zero", "until"], ["remembered_3d"]),
        helper.make_node("Squeeze", ["remembered_3d", "zero"], ["remembered"]),
        helper.make_node("Add", ["heard", "remembered"], ["output"]),
        helper.make_node("Add", [state_name, "one"], ["stateN"]),
        helper.make_node("Identity", ["sr"], ["rate"]),
    ]
    graph = helper.make_graph(
        nodes,
        "vad",
        [
            helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, None]),
            helper.make_tensor_value_info(state_name, TensorProto.FLOAT, [2, 1, 128]),
            helper.make_tensor_value_info("sr", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1]),
            helper.make_tensor_value_info("stateN", TensorProto.FLOAT, [2, 1, 128]),
        ],
        [
            one,
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(pick, "pick"),
            helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
            helper.make_tensor("until", TensorProto.INT64, [1], [1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture
def detector(tmp_path):
    (tmp_path / MODEL_FILE).write_bytes(_graph())
    return VoiceActivityDetector.load(tmp_path, SessionFactory())


def _window(first_of_tail=0.0, last=0.0):
    samples = np.zeros(WINDOW, np.float32)
    samples[-CONTEXT] = first_of_tail
    samples[-1] = last
    return samples


def test_the_end_of_a_window_is_the_context_of_the_next(detector):
    assert detector.detect(_window(first_of_tail=0.5)) == pytest.approx(0.0)  # context is silence at first
    detector_second = detector.detect(_window())
    assert detector_second == pytest.approx(100.0 + 0.5)  # state 1, and the sample 64 before the end


def test_state_is_handed_on(detector):
    assert [detector.detect(_window()) for _ in range(3)] == pytest.approx([0.0, 100.0, 200.0])


def test_reset_forgets_state_and_context(detector):
    detector.detect(_window(first_of_tail=0.7, last=0.1))
    detector.detect(_window(first_of_tail=0.7, last=0.1))
    detector.reset()
    assert detector.detect(_window(last=0.25)) == pytest.approx(2.5)


def test_windows_are_not_changed(detector):
    samples = _window(0.3, 0.4)
    before = samples.copy()
    detector.detect(samples)
    assert np.array_equal(samples, before)


@pytest.mark.parametrize("shape", [(511,), (513,), (0,), (1, 512)])
def test_other_lengths_are_refused(detector, shape):
    with pytest.raises(ValueError, match="512"):
        detector.detect(np.zeros(shape, np.float32))


def test_missing_model_names_the_command(tmp_path):
    with pytest.raises(ModelNotFoundError, match="edge models pull silero-vad"):
        VoiceActivityDetector.load(tmp_path, SessionFactory())


def test_another_graph_is_refused(tmp_path):
    (tmp_path / MODEL_FILE).write_bytes(_graph(state_name="h"))
    with pytest.raises(ModelCorruptError, match="its inputs are h, input, sr"):
        VoiceActivityDetector.load(tmp_path, SessionFactory())


def test_garbage_is_refused(tmp_path):
    (tmp_path / MODEL_FILE).write_bytes(b"no graph at all")
    with pytest.raises(InferenceError, match="edge doctor"):
        VoiceActivityDetector.load(tmp_path, SessionFactory())


@pytest.mark.models
def test_the_real_model_is_quiet_in_silence_and_noise(model_folder):
    detector = VoiceActivityDetector.load(model_folder(MODEL_ID), SessionFactory())
    noise = np.random.default_rng(1).normal(0, 0.02, (60, WINDOW)).astype(np.float32)
    assert max(detector.detect(window) for window in np.zeros_like(noise)) < 0.1
    detector.reset()
    assert max(detector.detect(window) for window in noise) < 0.3


@pytest.mark.models
def test_the_real_model_hears_a_vowel(model_folder):
    """A buzz with formants is speech enough for it; fed without context it stays at 0.0006."""
    time = np.arange(30 * WINDOW) / 16_000
    pitch = 120 + 15 * np.sin(2 * np.pi * 3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    weights = {
        k: 1 / (1 + ((k * 120 - 700) / 120) ** 2) + 0.5 / (1 + ((k * 120 - 1200) / 120) ** 2) for k in range(1, 30)
    }
    vowel = sum(weight * np.sin(k * phase) for k, weight in weights.items())
    vowel = (0.2 * vowel / np.abs(vowel).max() * np.clip(np.sin(2 * np.pi * 4 * time) + 0.6, 0, 1)).astype(np.float32)
    detector = VoiceActivityDetector.load(model_folder(MODEL_ID), SessionFactory())
    heard = max(detector.detect(window) for window in vowel.reshape(-1, WINDOW))
    assert heard > 0.5
