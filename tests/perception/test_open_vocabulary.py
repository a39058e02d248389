"""Towers over tiny graphs whose words and pictures meet in colours: labels, tokens, both kinds of judgement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recognizer_files import BLUE, GREEN, GREY, RED, WORDS, picture, write_dual_encoder

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError, SettingsError
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.perception.descriptions import DualEncoderDescription, read_description
from edge.perception.open_vocabulary import (
    MOST_LABELS,
    OpenVocabularyRecognizer,
    checked_labels,
    split_labels,
    text_feed,
)


def load(folder, labels=("red", "green", "blue"), **options):
    return OpenVocabularyRecognizer.load(write_dual_encoder(folder, **options), SessionFactory(), "finder", labels)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
class TestLook:
    @pytest.mark.parametrize(("color", "index"), [(RED, 0), (GREEN, 1), (BLUE, 2)])
    def test_the_label_that_fits(self, tmp_path, activation, color, index):
        recognizer = load(tmp_path, activation=activation)
        glance = recognizer.look(picture(color))
        assert recognizer.labels == ("red", "green", "blue")
        assert int(glance.scores.argmax()) == index
        assert glance.known == float(glance.scores.max()) > 0.8
        assert glance.scores.shape == (3,)

    def test_labels_in_another_order(self, tmp_path, activation):
        recognizer = load(tmp_path, ("blue", "red"), activation=activation)
        assert int(recognizer.look(picture(RED)).scores.argmax()) == 1

    def test_none_of_them(self, tmp_path, activation):
        assert load(tmp_path, ("red", "green"), activation=activation).look(picture(BLUE)).known < 0.5

    def test_a_single_label_is_no_certainty(self, tmp_path, activation):
        assert load(tmp_path, ("red",), activation=activation).look(picture(GREY)).known < 0.5
        assert load(tmp_path, ("red",), activation=activation).look(picture(RED)).known > 0.8

    def test_capitals_do_not_matter_to_a_model_in_lower_case(self, tmp_path, activation):
        glance = load(tmp_path, ("RED",), activation=activation).look(picture(RED))
        assert glance.known > 0.8

    def test_warm(self, tmp_path, activation):
        load(tmp_path, activation=activation).warm_up()


class TestJudgement:
    def test_a_sigmoid_judges_each_label_for_itself(self, tmp_path):
        alone = load(tmp_path, ("red",)).look(picture(RED)).scores[0]
        twice = load(tmp_path, ("red", "red thing", "green")).look(picture(RED)).scores
        assert twice[0] == pytest.approx(alone)
        assert twice[1] == pytest.approx(alone), "two labels may be true at once"
        assert twice[2] < 0.01

    def test_it_is_the_sigmoid_of_scale_times_cosine_and_bias(self, tmp_path):
        image = np.full((8, 8, 3), RED, np.uint8)
        seen = (np.array([230, 40, 40]) / 255 - 0.5) / 0.25
        cosine = seen @ np.array([1, -1, -1]) / np.linalg.norm(seen) / 3**0.5
        assert load(tmp_path, ("red",)).look(image).scores[0] == pytest.approx(1 / (1 + np.exp(5 - 10 * cosine)))

    def test_a_softmax_leaves_a_share_to_everything_else(self, tmp_path):
        scores = load(tmp_path, ("red", "green"), activation="softmax").look(picture(GREY)).scores
        assert 0 < float(scores.sum()) < 0.99

    def test_nothing_is_taught_to_it(self, tmp_path):
        glance = load(tmp_path).look(picture(RED))
        assert glance.embedding is None
        assert glance.saliency is None


class TestTokens:
    @pytest.fixture
    def feed(self, tmp_path):
        def make(text, **options):
            folder = write_dual_encoder(tmp_path, **options)
            description = read_description(folder, DualEncoderDescription, "finder")
            return text_feed(Tokenizer.load(folder / "tokenizer.json"), description, text)

        return make

    def ids(self, *words):
        return [WORDS.index(word) for word in words]

    def test_end_and_padding(self, feed):
        found = feed("red thing", length=6)
        assert list(found) == ["input_ids"]
        assert found["input_ids"].dtype == np.int64
        assert found["input_ids"].tolist() == [self.ids("red", "thing", "</s>", "<pad>", "<pad>", "<pad>")]

    def test_start_and_no_padding(self, feed):
        found = feed("red", activation="softmax", start_token=1)
        assert found["input_ids"].tolist() == [self.ids("<s>", "red", "</s>")]

    def test_long_texts_are_cut_and_still_end(self, feed):
        found = feed("red " * 50, length=4, start_token=1)
        assert found["input_ids"].tolist() == [self.ids("<s>", "red", "red", "</s>")]

    def test_a_mask_where_the_model_wants_one(self, feed):
        found = feed("red thing", length=5, masked=True)
        assert found["attention_mask"].tolist() == [[1, 1, 1, 0, 0]]

    def test_the_mask_reaches_the_graph(self, tmp_path):
        assert load(tmp_path, masked=True).look(picture(RED)).known > 0.8

    def test_braces_in_a_label_are_letters(self, tmp_path):
        assert load(tmp_path, ("{0.__class__}", "red")).look(picture(RED)).scores[1] > 0.8


class TestLabels:
    def test_separated_by_commas_or_lines(self):
        assert split_labels("mug, keys\r\ndoor") == ["mug", " keys", "door"]
        assert checked_labels(split_labels("mug, keys\ndoor ,\n\n my  cup ")) == ("mug", "keys", "door", "my cup")

    def test_the_first_of_the_same_stays_in_its_place(self):
        assert checked_labels(["Mug", "keys", "mug ", "KEYS"]) == ("Mug", "keys")

    @pytest.mark.parametrize("labels", [[], ["", "  "]])
    def test_none(self, labels):
        with pytest.raises(SettingsError, match="--labels"):
            checked_labels(labels)

    def test_too_many(self):
        with pytest.raises(SettingsError, match=f"at most {MOST_LABELS}"):
            checked_labels([str(number) for number in range(MOST_LABELS + 1)])

    def test_the_word_for_none_of_them(self):
        with pytest.raises(SettingsError, match="choose another label"):
            checked_labels(["Unknown"])

    @given(st.lists(st.text(max_size=8), min_size=1, max_size=12))
    def test_any_text(self, labels):
        try:
            found = checked_labels(labels)
        except SettingsError:
            return
        assert len({label.casefold() for label in found}) == len(found)
        assert checked_labels(found) == found


class TestFolders:
    def test_nothing_there(self, tmp_path):
        with pytest.raises(ModelNotFoundError):
            OpenVocabularyRecognizer.load(tmp_path, SessionFactory(), "finder", ["red"])

    def test_labels_are_looked_at_first(self, tmp_path):
        with pytest.raises(SettingsError):
            OpenVocabularyRecognizer.load(tmp_path, SessionFactory(), "finder", [])

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({"graphs": {"image": "vision_model.onnx"}}, "graphs: image, not image, text"),
            ({"graphs": {"image": "text_model.onnx", "text": "text_model.onnx"}}, "lacks pixel_values"),
            ({"tokenizer": "../tokenizer.json"}, "tokenizer.json is corrupt"),
            ({"activation": "tanh"}, "activation"),
            ({"preprocessing": {"fit": "squash", "height": 9, "width": 8}}, r"\[8, 8\] instead of \[9, 8\]"),
        ],
    )
    def test_graphs_and_description_differ(self, tmp_path, options, why):
        with pytest.raises(ModelCorruptError, match=why):
            load(tmp_path, **options)

    def test_a_text_graph_with_another_input(self, tmp_path):
        folder = write_dual_encoder(tmp_path, masked=True)
        text = (folder / "model.json").read_text(encoding="utf-8").replace('"masked": true', '"masked": false')
        (folder / "model.json").write_text(text, encoding="utf-8")
        with pytest.raises(ModelCorruptError, match=r"text_model.onnx is corrupt .*it has attention_mask.*model.json"):
            OpenVocabularyRecognizer.load(folder, SessionFactory(), "finder", ["red"])

    def test_a_damaged_tokenizer(self, tmp_path):
        folder = write_dual_encoder(tmp_path)
        (folder / "tokenizer.json").write_text("{")
        with pytest.raises(InferenceError, match=r"tokenizer\.json cannot be read"):
            OpenVocabularyRecognizer.load(folder, SessionFactory(), "finder", ["red"])
