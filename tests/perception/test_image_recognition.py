"""The recogniser over a tiny graph that names a picture by its colours; preprocessing, calibration, salient boxes."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.image_recognition import (
    CONFIG_FILE,
    MODEL_FILE,
    ImageRecognizer,
    RecognizerConfig,
    evidence,
    prepare,
    salient_box,
    softmax,
)
from edge.settings import SceneSettings

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SIZE = 28
LABELS = ("red", "green", "blue")
SETTINGS = SceneSettings()
CONFIG = {
    "labels": list(LABELS),
    "input_size": SIZE,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "temperature": 2.0,
    "known_weights": [1.0, 0.0, 0.0],
    "known_bias": 0.0,
    "unknown_threshold": 0.5,
    "taught_threshold": 0.5,
    "embedding_size": 3,
}


def graph(outputs=("logits", "embedding", "saliency"), classes=4):
    """Logits: mean of each normalised colour, and 0 for the stranger; saliency: the red plane, each 14 pixels."""
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["colours"], keepdims=0),
        helper.make_node("Gemm", ["colours", "matrix"], ["logits"]),
        helper.make_node("LpNormalization", ["colours"], ["embedding"], axis=1, p=2),
        helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[14, 14], strides=[14, 14]),
        helper.make_node("Gather", ["pooled", "first"], ["saliency"], axis=1),
    ]
    constants = {
        "axes": np.array([2, 3]),
        "matrix": np.eye(3, classes, dtype=np.float32),
        "first": np.array(0),
    }
    shapes = {"logits": ["n", classes], "embedding": ["n", 3], "saliency": ["n", SIZE // 14, SIZE // 14]}
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    return model


def write(folder, config=CONFIG, model=None):
    folder.mkdir(exist_ok=True)
    (folder / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
    onnx.save(model or graph(), str(folder / MODEL_FILE))
    return folder


@pytest.fixture
def recogniser(tmp_path):
    return ImageRecognizer.load(write(tmp_path / "model"), SessionFactory(), SETTINGS)


def plain(colour, height=40, width=60):
    return np.full((height, width, 3), colour, np.uint8)


BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


@pytest.mark.parametrize("name", LABELS)
def test_colours_are_told_apart_so_blue_green_red_becomes_red_green_blue(recogniser, name):
    glance = recogniser.look(plain(BGR[name]))
    assert recogniser.labels[glance.scores.argmax()] == name


def test_scores_are_probabilities_at_the_temperature_of_the_configuration(recogniser):
    glance = recogniser.look(plain(BGR["red"]))
    assert glance.scores.sum() == pytest.approx(1, abs=1e-6)
    assert glance.scores.dtype == np.float32
    assert glance.scores == pytest.approx(softmax(np.array([2.0, -2.0, -2.0], np.float32) / 2), abs=1e-5)


def test_known_rises_with_the_odds_against_the_stranger(recogniser):
    bright, dark = recogniser.look(plain(BGR["red"])), recogniser.look(plain((0, 0, 0)))
    odds = np.log(np.exp(2) + 2 * np.exp(-2))
    assert bright.known == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)
    assert dark.known < 0.5 < bright.known


def test_embedding_has_length_one(recogniser):
    assert np.linalg.norm(recogniser.look(plain((10, 90, 200))).embedding) == pytest.approx(1, abs=1e-6)


def test_saliency_lies_where_the_thing_is(recogniser):
    image = plain((0, 0, 0), 56, 112)
    image[:28, 56:] = BGR["red"]
    saliency = recogniser.look(image).saliency
    assert saliency.shape == (2, 2)
    assert saliency[0, 1] > 0.85
    assert saliency[1, 0] < 0.15


@pytest.mark.parametrize("shape", [(1, 1), (20, 20_000), (20_000, 20), (2, 1), (27, 28), (3000, 4000)])
def test_any_size_and_shape_is_looked_at(recogniser, shape):
    glance = recogniser.look(plain(BGR["green"], *shape))
    assert LABELS[glance.scores.argmax()] == "green"


def test_views_of_arrays_are_looked_at_too(recogniser):
    image = plain(BGR["blue"], 80, 80)[::-2, ::-1]
    assert LABELS[recogniser.look(image).scores.argmax()] == "blue"


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(recogniser, image):
    with pytest.raises(ValueError, match="a picture is uint8"):
        recogniser.look(image)


def test_warm_up_runs_the_graph(recogniser):
    recogniser.warm_up()


def test_a_missing_configuration_or_graph_says_what_to_pull(tmp_path):
    with pytest.raises(ModelNotFoundError, match="edge models pull recognizer-vit-s14"):
        ImageRecognizer.load(tmp_path, SessionFactory(), SETTINGS)
    folder = write(tmp_path / "model")
    (folder / MODEL_FILE).unlink()
    with pytest.raises(ModelNotFoundError):
        ImageRecognizer.load(folder, SessionFactory(), SETTINGS)


@pytest.mark.parametrize(
    "config",
    [
        {},
        [],
        {**CONFIG, "labels": []},
        {**CONFIG, "mean": [0.5]},
        {**CONFIG, "labels": 3},
        {name: value for name, value in CONFIG.items() if name != "temperature"},
    ],
)
def test_a_strange_configuration_is_corrupt(tmp_path, config):
    with pytest.raises(ModelCorruptError, match=CONFIG_FILE):
        ImageRecognizer.load(write(tmp_path / "model", config), SessionFactory(), SETTINGS)


def test_a_configuration_that_is_no_json_is_corrupt(tmp_path):
    folder = write(tmp_path / "model")
    (folder / CONFIG_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(ModelCorruptError):
        ImageRecognizer.load(folder, SessionFactory(), SETTINGS)


def test_a_graph_of_another_kind_is_corrupt(tmp_path):
    folder = write(tmp_path / "model", model=graph(outputs=("logits", "embedding")))
    with pytest.raises(ModelCorruptError, match="outputs"):
        ImageRecognizer.load(folder, SessionFactory(), SETTINGS)


def test_a_graph_with_other_categories_is_corrupt(tmp_path):
    folder = write(tmp_path / "model", model=graph(classes=3))
    with pytest.raises(ModelCorruptError, match="categories"):
        ImageRecognizer.load(folder, SessionFactory(), SETTINGS)


def test_a_broken_graph_is_an_inference_error(tmp_path):
    folder = write(tmp_path / "model")
    (folder / MODEL_FILE).write_bytes(b"not a graph")
    with pytest.raises(InferenceError):
        ImageRecognizer.load(folder, SessionFactory(), SETTINGS)


@pytest.mark.parametrize("shape", [(200, 301), (97, 60), (28, 28), (1, 500)])
def test_preparation_is_that_of_training(monkeypatch, shape):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from recognizer_data import MEAN, STD, squash, tensor_of

    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    config = RecognizerConfig(**{**CONFIG, "labels": LABELS, "mean": MEAN, "std": STD})
    assert np.array_equal(prepare(image, config), tensor_of(squash(image, SIZE)))


def test_evidence_is_odds_largest_logit_and_largest_log_probability():
    odds, top, sure = evidence(np.array([1.0, 3.0, 0.5], np.float32))
    assert odds == pytest.approx(np.log(np.exp(1) + np.exp(3)) - 0.5, abs=1e-5)
    assert top == 3
    assert sure == pytest.approx(np.log(softmax(np.array([1.0, 3.0], np.float32))[1]), abs=1e-5)


def test_evidence_of_many_and_of_huge_logits_is_finite():
    signs = evidence(np.array([[900.0, -900.0, 5.0], [0.0, 0.0, 0.0]], np.float32))
    assert signs.shape == (2, 3)
    assert np.isfinite(signs).all()


def test_salient_box_surrounds_the_thing_with_a_margin():
    saliency = np.zeros((12, 12), np.float32)
    saliency[4:8, 2:6] = 1
    left, top, right, bottom = salient_box(saliency, (1200, 600))
    assert (left, right) == (100, 700)
    assert (top, bottom) == (150, 450)


def test_a_flat_map_gives_the_whole_picture():
    assert salient_box(np.full((12, 12), 0.4, np.float32), (640, 360)) == (0, 0, 640, 360)


def test_a_tiny_thing_in_the_corner_gives_a_box_of_the_least_size():
    saliency = np.zeros((20, 20), np.float32)
    saliency[0, 19] = 1
    left, top, right, bottom = salient_box(saliency, (1000, 1000), least=0.3)
    assert right == 1000
    assert top == 0
    assert (right - left, bottom - top) == (300, 300)


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(0, 10_000), st.integers(1, 16), st.integers(1, 16))
def test_salient_box_is_never_empty_and_never_outside(width, height, seed, rows, columns):
    saliency = np.random.default_rng(seed).random((rows, columns)).astype(np.float32) ** 4
    left, top, right, bottom = salient_box(saliency, (width, height))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_importing_loads_neither_opencv_nor_onnxruntime():
    import subprocess

    code = "import sys, edge.perception.image_recognition; sys.exit(bool({'cv2', 'onnxruntime'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def real():
    model = ImageRecognizer.load(SCRIPTS.parent / "models" / "recognizer", SessionFactory(), SETTINGS)
    model.warm_up()
    return model


@pytest.fixture(scope="module")
def pictures(shared_data):
    sys.path.insert(0, str(SCRIPTS))
    try:
        from recognizer_data import pictures, read
    finally:
        sys.path.remove(str(SCRIPTS))
    folder = shared_data / "recognition"
    if not (folder / "manifest.tsv").is_file():
        pytest.skip(f"no pictures at {folder}")
    unseen = [item for item in pictures(folder) if item.part == "test"]
    return [(item.label, read(folder / item.file)) for item in unseen[::23]]


class TestCommittedModel:
    """The model of this repository; the pictures are of the part that never saw training."""

    def test_its_parts_belong_together(self, real):
        glance = real.look(plain((40, 90, 160), 360, 480))
        assert len(real.labels) == 143
        assert list(real.labels) == sorted(real.labels)
        assert glance.scores.shape == (143,)
        assert glance.embedding.shape == (real.config.embedding_size,)
        assert np.linalg.norm(glance.embedding) == pytest.approx(1, abs=1e-3)
        assert 0 < real.config.unknown_threshold < 1
        assert 0 < real.config.taught_threshold < 1

    @pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (90, 120, 200)])
    def test_nothing_to_see_is_unknown(self, real, colour):
        assert real.look(plain(colour, 360, 480)).known < real.config.unknown_threshold

    @pytest.mark.shared
    def test_most_unseen_pictures_get_their_name(self, real, pictures):
        glances = [(label, real.look(image)) for label, image in pictures]
        known = [(label, glance) for label, glance in glances if label in real.labels]
        right = [real.labels[glance.scores.argmax()] == label for label, glance in known]
        assert len(right) > 50
        assert np.mean(right) > 0.8

    @pytest.mark.shared
    def test_half_the_size_gives_nearly_the_same_embedding(self, real, pictures):
        alike = []
        for _, image in pictures[:15]:
            half = np.ascontiguousarray(image[::2, ::2])
            alike.append(float(real.look(image).embedding @ real.look(half).embedding))
        others = [
            float(real.look(one).embedding @ real.look(two).embedding)
            for (_, one), (_, two) in zip(pictures[:14], pictures[20:34], strict=True)
        ]
        assert np.median(alike) > 0.6
        assert np.median(alike) > np.median(others) + 0.3
