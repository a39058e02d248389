"""A brought classifier over a tiny graph that judges by colours, and folders that are not what they say."""

import numpy as np
import pytest
from recognizer_files import BLUE, GREEN, GREY, LABELS, RED, SIDE, picture, write_classifier

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.image_classification import ImageClassifier


def load(folder, **options):
    return ImageClassifier.load(write_classifier(folder, **options), SessionFactory(), "finder")


class TestLook:
    @pytest.mark.parametrize(("color", "index"), [(RED, 0), (GREEN, 1), (BLUE, 2)])
    def test_the_order_of_labels_and_scores_is_that_of_the_logits(self, tmp_path, color, index):
        classifier = load(tmp_path)
        glance = classifier.look(picture(color))
        assert classifier.labels == LABELS
        assert int(glance.scores.argmax()) == index
        assert glance.known == float(glance.scores.max()) > 0.9
        assert float(glance.scores.sum()) == pytest.approx(1)
        assert glance.scores.dtype == np.float32

    def test_the_scores_are_the_softmax_of_the_graph(self, tmp_path):
        level = (np.array([230, 40, 40]) / 255 - 0.5) / 0.25 * 4
        image = np.full((SIDE, SIDE, 3), RED, np.uint8)
        wanted = np.exp(level - level.max()) / np.exp(level - level.max()).sum()
        assert load(tmp_path).look(image).scores == pytest.approx(wanted, abs=1e-6)

    def test_a_picture_of_none_of_them_is_known_by_nobody(self, tmp_path):
        glance = load(tmp_path).look(picture(GREY))
        assert glance.known == pytest.approx(1 / 3, abs=0.02)

    def test_it_remembers_nothing_and_does_not_say_where(self, tmp_path):
        glance = load(tmp_path).look(picture(RED))
        assert glance.embedding is None
        assert glance.saliency is None

    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (480, 640)])
    def test_pictures_of_any_size(self, tmp_path, size):
        assert int(load(tmp_path).look(picture(GREEN, size)).scores.argmax()) == 1

    def test_warm(self, tmp_path):
        load(tmp_path).warm_up()

    def test_what_is_no_picture(self, tmp_path):
        with pytest.raises(ValueError, match="a picture is uint8"):
            load(tmp_path).look(np.zeros((4, 4), np.uint8))


class TestFolders:
    def test_nothing_there(self, tmp_path):
        with pytest.raises(ModelNotFoundError, match="edge models pull finder"):
            ImageClassifier.load(tmp_path, SessionFactory(), "finder")

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({"taken": "picture"}, r"model.onnx is corrupt .*lacks pixel_values; it has picture.*unlike model.json"),
            ({"given": "scores"}, r"model.onnx is corrupt .*lacks logits.*unlike model.json"),
            ({"classes": 2}, r"model.onnx is corrupt .*logits has 2 columns instead of 3.*unlike model.json"),
            ({"side": 16}, r"takes pictures of \[16, 16\] instead of \[8, 8\] pixels, unlike model.json"),
            ({"labels": ["one"]}, r"logits has 3 columns instead of 1"),
            ({"family": "detector"}, r"model.json is corrupt"),
            ({"graphs": {"encoder": "model.onnx"}}, r"graphs: encoder, not model"),
            ({"graphs": {"model": "absent.onnx"}}, r"absent.onnx is corrupt \(it is missing"),
            ({"graphs": {"model": "../model.onnx"}}, r"it is missing"),
            ({"preprocessing": {"fit": "squash"}}, r"preprocessing: .*needs height"),
            ({"surprise": 1}, r"surprise"),
        ],
    )
    def test_graph_and_description_differ(self, tmp_path, options, why):
        with pytest.raises(ModelCorruptError, match=why) as error:
            load(tmp_path, **options)
        assert "\n" not in str(error.value)

    def test_a_broken_graph(self, tmp_path):
        folder = write_classifier(tmp_path)
        (folder / "model.onnx").write_bytes(b"no graph")
        with pytest.raises(InferenceError, match=r"model\.onnx cannot be loaded"):
            ImageClassifier.load(folder, SessionFactory(), "finder")

    def test_a_graph_that_hides_how_many_categories_it_has(self, tmp_path):
        class Session:
            def run(self, names, feed):
                return [np.zeros((1, 5), np.float32)]

        classifier = load(tmp_path)
        classifier._session = Session()
        with pytest.raises(ModelCorruptError, match=r"it gives \[5\] for 3 labels"):
            classifier.look(picture(RED))
