import numpy as np
import pytest

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.crew import Crew
from edge.perception.text_recognition import LINE_HEIGHT, RecognizedLine, TextRecognizer, decode, prepare
from edge.settings import TextSettings

CHARACTERS = ["a", "b", "c"]
CLASSES = ["", *CHARACTERS, " "]


class Node:
    name = "x"


class ColourReader:
    """A recogniser that reads every eighth column: the blue value is the class, the green one its probability."""

    def __init__(self):
        self.widths = []

    def get_inputs(self):
        return [Node()]

    def get_outputs(self):
        return []

    def run(self, names, feed):
        assert list(names) == ["classes", "probabilities"]
        values = (feed["x"][:, :, LINE_HEIGHT // 2, ::8] + 1) * 127.5
        self.widths.append(feed["x"].shape[3])
        classes = np.rint(values[:, 0] / 10).astype(np.int64)
        return [np.where(classes < len(CLASSES), classes, 0), values[:, 1] / 255]


def written(classes, certainty=1.0):
    columns = np.zeros((LINE_HEIGHT, 8 * len(classes), 3), np.uint8)
    columns[:, :, 0] = np.repeat([10 * number for number in classes], 8)
    columns[:, :, 1] = round(certainty * 255)
    return columns


def recognizer(session=None, threads=1):
    return TextRecognizer(session or ColourReader(), CHARACTERS, Crew(threads))


def test_repeats_count_once_unless_a_blank_parts_them():
    read = decode(np.array([1, 1, 0, 1, 2, 2, 0, 0]), np.ones(8, np.float32), CLASSES)
    assert read == RecognizedLine("aab", 1.0)


def test_spaces_stay_between_words_only():
    assert decode(np.array([4, 1, 4, 2, 4]), np.ones(5, np.float32), CLASSES).text == "a b"


def test_confidence_is_the_mean_of_the_characters_without_blanks():
    read = decode(np.array([0, 1, 0, 2]), np.array([0.1, 0.8, 0.1, 0.6], np.float32), CLASSES)
    assert read.confidence == pytest.approx(0.7)


@pytest.mark.parametrize("classes", [[0, 0, 0], [4, 4, 0], []])
def test_nothing_read_has_no_confidence(classes):
    assert decode(np.array(classes, np.int64), np.ones(len(classes), np.float32), CLASSES) == RecognizedLine("", 0.0)


def test_results_come_in_the_order_of_the_lines_whatever_their_width():
    lines = [written([1, 0, 1, 0, 1, 0, 2]), written([3] * 4), written([2, 0, 3, 0, 0, 0])]
    assert [one.text for one in recognizer(threads=2).recognize(lines)] == ["aaab", "c", "bc"]


def test_a_line_is_read_at_its_own_width_and_short_ones_are_padded():
    session = ColourReader()
    recognizer(session).recognize([written([1] * 10), written([1])])
    assert sorted(session.widths) == [32, 80]


def test_no_lines_need_no_session():
    session = ColourReader()
    assert recognizer(session).recognize([]) == []
    assert session.widths == []


def test_the_checkpoint_is_called_before_every_line_of_one_thread():
    calls = []
    recognizer().recognize([written([1])] * 3, lambda: calls.append("checkpoint"))
    assert len(calls) == 3


def test_padding_is_grey_and_values_lie_between_minus_one_and_one():
    line = np.full((LINE_HEIGHT, 33, 3), 255, np.uint8)
    values = prepare(line)
    assert values.shape == (1, 3, LINE_HEIGHT, 40)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[..., :33], 1.0)
    np.testing.assert_array_equal(values[..., 33:], 0.0)
    np.testing.assert_allclose(prepare(np.zeros_like(line))[..., :33], -1.0)


def test_very_wide_lines_are_squeezed():
    assert prepare(np.zeros((LINE_HEIGHT, 50_000, 3), np.uint8)).shape[3] == 2400


@pytest.mark.parametrize("shape", [(47, 100, 3), (48, 100)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="48 pixels high"):
        prepare(np.zeros(shape, np.uint8))


def test_an_empty_folder_is_a_missing_model(tmp_path):
    with pytest.raises(ModelNotFoundError, match="ppocr-rec-small"):
        TextRecognizer.load(tmp_path, SessionFactory(), TextSettings())


@pytest.mark.parametrize("damage", [b"a\nbc\n", b"\xff\n", b"a\n\nb\n"])
def test_a_damaged_list_of_characters_is_noticed(tmp_path, damage):
    (tmp_path / "model.onnx").write_bytes(b"never opened")
    (tmp_path / "characters.txt").write_bytes(damage)
    with pytest.raises(ModelCorruptError, match=r"characters\.txt"):
        TextRecognizer.load(tmp_path, SessionFactory(), TextSettings())
