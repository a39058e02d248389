"""From torch to the store: a tiny translator passes, a broken one does not, no change after the gate is missed."""

import json
import shutil

import made_models
import pytest

from edge.errors import ModelCorruptError, StoreError
from edge.hub.add import add
from edge.hub.store import ModelStore

pytestmark = pytest.mark.usefixtures("scripts_on_path")


@pytest.fixture(scope="module")
def marian(exported, tmp_path_factory):
    """Float folder of the tiny translator from torch, with a licence."""
    folder = tmp_path_factory.mktemp("marian") / "float"
    shutil.copytree(exported("marian"), folder)
    made_models.change_json(folder / "provenance.json", licence="CC-BY-4.0")
    return folder


@pytest.fixture
def quantised(marian, tmp_path):
    return made_models.write_int8(marian, tmp_path / "quantised", operators=["MatMul", "Gather"])


@pytest.fixture
def sentences(tmp_path):
    """What the tiny translator has learned."""
    from tiny_marian import PAIRS

    data = tmp_path / "learned"
    data.mkdir()
    for place, code in enumerate(("en", "de")):
        (data / f"pairs.{code}").write_text("\n".join(pair[place] for pair in PAIRS) + "\n", encoding="utf-8")
    return data


def run(folder, against, data):
    import gate

    return gate.main([str(folder), "--against", str(against), "--data", str(data), "--rounds", "3"])


def verdict(folder):
    return json.loads((folder / "provenance.json").read_text())["verdict"]


def test_a_sound_translator_passes_and_is_installed(quantised, marian, sentences, tmp_path):
    assert run(quantised, marian, sentences) == 0
    bleu, chrf = verdict(quantised)["quality"]
    assert (bleu["metric"], chrf["metric"], bleu["items"]) == ("BLEU", "chrF", 30)
    assert bleu["reference"] > 95  # it knows its sentences
    card = (quantised / "card.md").read_text()
    assert f"| BLEU | {bleu['candidate']:.2f} | {bleu['reference']:.2f} | 0.3 | learned/pairs | 30 |" in card
    store = ModelStore(tmp_path / "store")
    model = add(store, quantised, accept_licence=False)
    assert (model.source, model.target, model.licence) == ("en", "de", "CC-BY-4.0")
    assert {score.metric for score in model.quality} == {"BLEU", "chrF"}
    assert store.open(model.id).is_dir()


def test_one_scale_three_times_too_large_is_refused(quantised, marian, sentences, capsys):
    made_models.break_scale(quantised / "encoder_model_int8.onnx", "_scale", factor=3.0)
    assert run(quantised, marian, sentences) == 1
    said = capsys.readouterr().out
    assert "refused: BLEU falls by " in said
    assert "(limit 0.3)" in said
    assert verdict(quantised)["passed"] is False
    assert not (quantised / "entry.toml").exists()


class TestChangesAfterTheGate:
    """`edge models add` trusts nothing but the hashes."""

    @pytest.fixture
    def passed(self, quantised, marian, sentences):
        assert run(quantised, marian, sentences) == 0
        return quantised

    @pytest.fixture
    def refused(self, passed, tmp_path):
        """Function: adding it fails with these words, and nothing is installed."""

        def check(words):
            store = ModelStore(tmp_path / "store")
            with pytest.raises((StoreError, ModelCorruptError), match=words):
                add(store, passed, accept_licence=True)
            assert "marian" not in store.installed()

        return check

    def test_another_graph(self, passed, refused):
        made_models.break_scale(passed / "encoder_model_int8.onnx", "_scale")
        refused("encoder_model_int8.onnx has SHA-256 .* changed after the gate")

    def test_a_prettier_verdict(self, passed, refused):
        found = verdict(passed)
        found["quality"][0]["candidate"] = 99.9
        made_models.change_json(passed / "provenance.json", verdict=found)
        refused("provenance.json has .* instead of")

    def test_a_prettier_entry(self, passed, refused):
        entry = passed / "entry.toml"
        entry.write_text(entry.read_text().replace('licence = "CC-BY-4.0"', 'licence = "MIT"'))
        refused("entry.toml is not the one that card.md was written for")

    def test_a_refused_folder(self, passed, refused, marian, sentences):
        made_models.break_scale(passed / "encoder_model_int8.onnx", "_scale")
        assert run(passed, marian, sentences) == 1
        refused("it has not passed the gate")
