"""A made translation model over graphs whose answers are known: the words at every position, through the cache."""

import json

import numpy as np
import pytest
from seq2seq_files import END, decoder, pieces, translations, write_model

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.translation import Translator
from edge.perception.translation_model import TranslationModel
from edge.perception.translation_seq2seq import Seq2SeqModel
from edge.settings import TranslationSettings

ID = "opus-mt-en-de"


def load(folder, width=1):
    return Seq2SeqModel.load(folder, SessionFactory(), ID, width)


@pytest.fixture
def made(tmp_path):
    return write_model(tmp_path / "made")


def write(model, text, max_length=40):
    return model.generate(model.encode(text), max_length)


class TestWords:
    def test_every_word_through_the_cache(self, made):
        draft = write(load(made), "good day red car.")
        assert draft.text == "guten tag rotes auto."
        assert (draft.tokens, draft.complete) == (5, True)

    @pytest.mark.parametrize("layers", [1, 3])
    def test_any_number_of_layers(self, tmp_path, layers):
        assert write(load(write_model(tmp_path, layers=layers)), "red car").text == "rotes auto"

    @pytest.mark.parametrize("width", [2, 4])
    def test_a_beam_over_several_rows_says_the_same(self, made, width):
        assert write(load(made, width), "good day red car.").text == "guten tag rotes auto."

    def test_nothing_is_nothing(self, made):
        assert write(load(made), "").text == ""

    def test_languages_and_limit_of_the_description(self, tmp_path):
        model = load(write_model(tmp_path, source="fr", target="pt", max_positions=20))
        assert (model.source_language, model.target_language, model.max_tokens) == ("fr", "pt", 19)

    def test_the_longest_sentence_fits(self, tmp_path):
        model = load(write_model(tmp_path, max_positions=12))
        ids = model.encode("good day red car day good car red good day day car")[: model.max_tokens]
        assert model.generate(ids, 12).text == "guten tag rotes auto tag guten auto rotes guten tag tag"

    def test_the_sentence_is_read_once_and_its_keys_are_not_asked_for_again(self, made):
        model = load(made)
        asked = []
        run = model._decoder.run

        def spy(names, feeds):
            asked.append((names, feeds))
            return run(names, feeds)

        model._decoder.run = spy
        write(model, "good day red car")
        assert len(asked) == 5, "one call for the first word, one for each of the others and the end"
        assert [bool(feeds["use_cache_branch"][0]) for _, feeds in asked] == [False, True, True, True, True]
        assert not any("encoder" in name for names, _ in asked[1:] for name in names)
        first = asked[1][1]["past_key_values.0.encoder.key"]
        assert all(feeds["past_key_values.0.encoder.key"] is first for _, feeds in asked[1:])
        assert [feeds["past_key_values.1.decoder.value"].shape[2] for _, feeds in asked] == [0, 1, 2, 3, 4]

    def test_a_prefix_goes_before_every_sentence(self, tmp_path):
        language = pieces()[">>deu<<"]
        model = load(write_model(tmp_path, prefix=[language], changes={">>deu<<": "▁geh"}))
        assert write(model, "good day").text == "geh guten tag"
        assert model.max_tokens == 62
        assert model.encode("good") == [pieces()["▁good"]]


class TestLimits:
    def test_what_is_not_ended_is_not_complete(self, made):
        draft = write(load(made), "good day red car", max_length=3)
        assert (draft.text, draft.tokens, draft.complete) == ("guten tag rotes", 3, False)

    def test_ended_with_the_last_token_is_complete(self, made):
        draft = write(load(made), "good day", max_length=3)
        assert (draft.text, draft.complete) == ("guten tag", True)

    def test_the_end_may_be_forced(self, tmp_path):
        draft = write(load(write_model(tmp_path, forced_end=True)), "good day red car", max_length=3)
        assert (draft.text, draft.complete) == ("guten tag", False)

    def test_forbidden_tokens_are_not_written(self, tmp_path):
        known = pieces()
        model = load(write_model(tmp_path, forbidden=[known["▁guten"], known["<pad>"]]))
        assert write(model, "good day").text == "tag tag", "the next best for the first word"

    def test_a_loop_is_cut_and_not_complete(self, tmp_path):
        model = load(write_model(tmp_path, changes={"</s>": "▁tag"}))
        draft = write(model, "good day", max_length=60)
        assert (draft.text, draft.complete) == ("guten tag", False)

    @pytest.mark.parametrize("width", [1, 3])
    def test_a_sentence_that_repeats_itself_may_be_repeated(self, made, width):
        draft = write(load(made, width), "good day car good day car good day car good day car red")
        assert (draft.text, draft.complete) == ("guten tag auto " * 4 + "rotes", True)


class TestVocabulary:
    def test_pieces_of_the_other_language_are_not_read(self, made):
        model = load(made)
        assert pieces()["▁tag"] not in model.encode("tag")
        assert model.encode("guten") != [pieces()["▁guten"]]

    def test_what_the_vocabulary_lacks_is_unknown(self, made):
        model = load(made)
        assert not model.spells("zebra"), "a piece without a number in the model"
        assert not model.spells("好")
        assert model.spells("good day")
        assert model.spells("")

    def test_an_unknown_stretch_that_is_a_piece_of_the_other_language_has_its_number(self, made, tmp_path):
        known = pieces()
        tree = json.loads((made / "tokenizer.json").read_text(encoding="utf-8"))
        number = known["end"]
        tree["model"]["vocab"][number] = [" 好好", 0.0]
        (made / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
        assert load(made).encode("好好") == [known["▁"], number]
        assert load(made).encode("好") == [known["▁"], 1]

    @pytest.mark.parametrize("typed", ["</s>", "<unk>", "<pad>", ">>deu<<"])
    def test_nobody_can_type_a_control_token(self, made, typed):
        model = load(made)
        assert not {END, len(pieces()) - 1, pieces()[">>deu<<"]} & set(model.encode(f"good {typed} day"))


class TestBadFolders:
    def test_no_description(self, tmp_path):
        with pytest.raises(ModelNotFoundError, match=ID):
            load(tmp_path)

    def test_a_graph_is_missing(self, made):
        (made / "decoder_model_merged.onnx").unlink()
        with pytest.raises(ModelCorruptError, match="decoder_model_merged"):
            load(made)

    def test_a_graph_that_is_none(self, made):
        (made / "encoder_model.onnx").write_bytes(b"no graph")
        with pytest.raises(InferenceError, match="cannot be loaded"):
            load(made)

    def test_other_inputs_than_the_description_says(self, made):
        content = json.loads((made / "model.json").read_text())
        (made / "model.json").write_text(json.dumps(content | {"layers": 3}))
        with pytest.raises(ModelCorruptError, match=r"its inputs differ: it lacks past_key_values\.2"):
            load(made)

    def test_graphs_that_were_swapped(self, made):
        content = json.loads((made / "model.json").read_text())
        graphs = {"encoder": "decoder_model_merged.onnx", "decoder": "encoder_model.onnx"}
        (made / "model.json").write_text(json.dumps(content | {"graphs": graphs}))
        with pytest.raises(ModelCorruptError, match="its inputs differ"):
            load(made)

    @pytest.mark.parametrize("stated", [True, False])
    def test_another_vocabulary_than_the_description_says(self, made, stated):
        wide = np.pad(translations(), ((0, 0), (0, 3)))
        graph = decoder(wide, 2, stated=stated)
        (made / "decoder_model_merged.onnx").write_bytes(graph.SerializeToString())
        with pytest.raises(
            ModelCorruptError, match=rf"{len(wide) + 3} (?:columns instead of|tokens, not the) {len(wide)}"
        ):
            load(made)

    def test_a_tokenizer_that_is_too_small(self, made):
        tree = json.loads((made / "tokenizer.json").read_text(encoding="utf-8"))
        tree["model"]["vocab"] = tree["model"]["vocab"][:10]
        (made / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
        with pytest.raises(InferenceError, match="fewer tokens"):
            load(made)

    def test_a_tokenizer_that_is_none(self, made):
        (made / "tokenizer.json").write_text("{")
        with pytest.raises(InferenceError, match=r"tokenizer\.json cannot be read"):
            load(made)

    @pytest.mark.parametrize("graphs", [{"encoder": "encoder_model.onnx"}, {"model": "encoder_model.onnx"}])
    def test_a_role_without_a_graph(self, made, graphs):
        content = json.loads((made / "model.json").read_text())
        (made / "model.json").write_text(json.dumps(content | {"graphs": graphs}))
        with pytest.raises(ModelCorruptError, match=r"model\.json is corrupt \(graphs: \w+, not decoder, encoder"):
            load(made)


class TestTranslator:
    """The same guards as for every pack."""

    def open(self, folder, **settings):
        return Translator.load(folder, SessionFactory(), TranslationSettings(**settings), ID)

    def test_the_family_decides_who_runs_it(self, made):
        ours = self.open(made)
        assert isinstance(ours._model, Seq2SeqModel)
        assert (ours.source_language, ours.target_language) == ("en", "de")
        assert ours.translate("good day\n\nred car") == "guten tag\n\nrotes auto"

    def test_a_firefox_pack_stays_one(self, tmp_path, monkeypatch):
        (tmp_path / "model.json").write_text('{"format": 1}')
        asked = []
        monkeypatch.setattr(TranslationModel, "load", lambda folder, _: asked.append(folder) or FakePack())
        self.open(tmp_path)
        assert asked == [tmp_path]

    def test_the_beam_of_the_settings(self, made):
        assert self.open(made)._model._width == 1
        assert self.open(made, beam=4)._model._width == 4

    def test_a_glossary_term_comes_through(self, made, tmp_path):
        # X1 is read as unknown characters, which the model repeats: the code is lost, and the pieces go round it.
        (tmp_path / "terms.tsv").write_text("zebra\tZebra\n", encoding="utf-8")
        assert self.open(made, glossary=tmp_path / "terms.tsv").translate("good zebra") == "guten Zebra"

    def test_what_the_vocabulary_cannot_spell_comes_through(self, made):
        assert self.open(made).translate("good 好") == "guten 好"

    def test_a_song_is_translated_whole(self, made):
        said = self.open(made).translate("good day car good day car good day car good day car red")
        assert said == "guten tag auto " * 4 + "rotes"

    def test_no_loop_is_shown(self, tmp_path):
        ours = self.open(write_model(tmp_path, changes={"</s>": "▁tag"}))
        assert "tag tag" not in ours.translate("good day")

    def test_over_long_sentences_are_cut_at_clauses(self, tmp_path):
        ours = self.open(write_model(tmp_path, max_positions=8))
        said = ours.translate("good day red car red day car good red day car day.")
        assert said == "guten tag rotes auto rotes tag auto guten rotes tag auto tag."


class FakePack:
    source_language, target_language, max_tokens = "en", "de", 10


def test_logits_of_the_first_call_are_those_of_the_graph(made):
    """Greedy's log-probability is that of the softmax over the row of the first word."""
    model = load(made)
    found = model.write(model.encode("good"), 10)
    row = 10 * translations()[pieces()["▁good"]]
    row[-1] = -np.inf
    assert found.log_probabilities[0] == pytest.approx(row.max() - np.log(np.exp(row).sum()), abs=1e-4)
