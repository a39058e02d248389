"""OPUS-MT from torch to `edge translate`: the tiny model knows thirty sentences, which must come out at the end."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from edge.errors import ExportError
from edge.hub.add import add
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import Seq2SeqDescription, read_description
from edge.perception.translation import Translator
from edge.perception.translation_seq2seq import Seq2SeqModel
from edge.settings import TranslationSettings

ID = "opus-mt-tiny-en-de"


@pytest.fixture
def pairs(scripts_on_path):
    from tiny_marian import PAIRS

    return PAIRS


@pytest.fixture
def made(exported):
    return exported("marian")


class TestWhatIsMade:
    def test_files_are_those_of_the_field_and_no_others(self, made):
        assert sorted(path.name for path in made.iterdir()) == [
            "decoder_model_merged.onnx", "encoder_model.onnx", "model.json", "provenance.json", "tokenizer.json",
        ]  # fmt: skip

    def test_description(self, made, tiny):
        found = read_description(made, Seq2SeqDescription, ID)
        pad = json.loads((tiny("marian") / "vocab.json").read_text(encoding="utf-8"))["<pad>"]
        assert (found.source, found.target, found.precision) == ("en", "de", "fp32")
        assert (found.layers, found.heads, found.head_size, found.max_positions) == (2, 4, 16, 64)
        assert (found.start_token, found.end_token, found.pad_token, found.unknown_token) == (pad, 0, pad, 1)
        assert (found.vocabulary, found.forbidden, found.forced_end, found.prefix) == (pad + 1, (pad,), True, ())

    def test_parity_of_every_output_and_of_whole_sentences(self, made):
        parity = json.loads((made / "provenance.json").read_text())["parity"]
        outputs = {(each["graph"], each["output"]) for each in parity}
        assert ("encoder_model.onnx", "last_hidden_state") in outputs
        for call in ("first", "cached"):
            assert ("decoder_model_merged.onnx", f"{call} logits") in outputs
            assert ("decoder_model_merged.onnx", f"{call} present.1.decoder.value") in outputs
        assert ("decoder_model_merged.onnx", "first present.1.encoder.key") in outputs
        assert parity[-1]["output"] == "sentences"
        assert parity[-1]["max_difference"] == 0
        assert all(each["max_difference"] <= 1e-4 < each["largest"] for each in parity[:-1])


class TestOnTheDevice:
    @pytest.mark.parametrize("beam", [1, 4])
    def test_every_sentence_it_knows(self, made, pairs, beam):
        ours = Translator.load(made, SessionFactory(), TranslationSettings(beam=beam), ID)
        assert [ours.translate(english) for english, _ in pairs] == [german for _, german in pairs]

    def test_a_broken_weight_is_seen(self, made, pairs, tmp_path):
        """The other way round: these sentences do not come out of a decoder that is damaged."""
        import onnx
        from onnx import numpy_helper

        shutil.copytree(made, tmp_path / "broken")
        file = tmp_path / "broken" / "decoder_model_merged.onnx"
        model = onnx.load(file)
        largest = max(
            (each for each in model.graph.initializer if len(each.dims) == 2 and each.dims[0] == each.dims[1] == 64),
            key=lambda each: each.name,
        )
        largest.CopyFrom(numpy_helper.from_array(-3 * numpy_helper.to_array(largest), largest.name))
        onnx.save(model, file)
        ours = Translator.load(tmp_path / "broken", SessionFactory(), TranslationSettings(), ID)
        assert sum(ours.translate(english) == german for english, german in pairs) < len(pairs) // 2

    def test_a_paragraph_with_what_it_does_not_know(self, made):
        ours = Translator.load(made, SessionFactory(), TranslationSettings(), ID)
        assert ours.translate("The sun is shining. \U0001f600\n\nThank you very much.") == (
            "Die Sonne scheint. \U0001f600\n\nVielen Dank."
        )


def entry(folder):
    """Write the entry and the card that scripts/gate.py would write."""
    files = "\n".join(
        f'[[models.files]]\nname = "{path.name}"\nsha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n'
        f"size = {path.stat().st_size}\nsources = []"
        for path in sorted(folder.iterdir())
    )
    text = (
        f'[[models]]\nid = "{ID}"\ntask = "translation"\ntitle = "Tiny"\nsource = "en"\ntarget = "de"\n'
        'licence = "CC0-1.0"\nlicence_url = "https://example.org/licence"\nrecipe = "made"\nram_mb = 1\ndisk_mb = 1.0\n'
        f'upstream = {{ repository = "tiny", revision = "" }}\n{files}\n'
    )
    (folder / "entry.toml").write_text(text, encoding="utf-8")
    (folder / "card.md").write_text(hashlib.sha256(text.encode()).hexdigest(), encoding="utf-8")


@pytest.fixture(scope="module")
def installed(exported, tmp_path_factory):
    """Root of a store that has the tiny model and nothing else."""
    folder = shutil.copytree(exported("marian"), tmp_path_factory.mktemp("gated") / "made")
    entry(folder)
    root = tmp_path_factory.mktemp("store")
    add(ModelStore(root), folder, accept_licence=False)
    return root


class TestTheCommand:
    @pytest.fixture
    def translate(self, installed, edge_command):
        def run(*options, text="", source="en", target="de"):
            return subprocess.run(
                [*edge_command, "translate", "--from", source, "--to", target, *options],
                input=text, env={**os.environ, "EDGE_MODELS": str(installed)}, capture_output=True, text=True,
                encoding="utf-8", timeout=60, check=False,
            )  # fmt: skip

        return run

    def test_by_its_id_with_a_glossary(self, translate, tmp_path):
        (tmp_path / "terms.tsv").write_text("\U0001f600\tlacht\n", encoding="utf-8")
        text = "I have lost my key. The lift is out of order.\n\nMind the step.\n"
        done = translate("--model", ID, "--glossary", str(tmp_path / "terms.tsv"), text=text)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "Ich habe meinen Schlüssel verloren. Der Aufzug ist außer Betrieb.", "", "Vorsicht, Stufe.",
        ]  # fmt: skip

    def test_without_being_named_where_it_is_the_only_one(self, translate):
        done = translate(text="No smoking.\n")
        assert (done.returncode, done.stdout) == (0, "Rauchen verboten.\n")

    def test_another_direction_is_refused(self, translate):
        done = translate("--model", ID, source="de", target="en")
        assert done.returncode == 2
        assert done.stderr == (
            f"edge: {ID} translates en to de, not de to en; run: edge translate --from en --to de --model {ID}\n"
        )

    def test_an_unknown_model_is_refused(self, translate):
        done = translate("--model", "opus-mt-tiny-en-d")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"did you mean {ID}?" in done.stderr


class TestLanguages:
    """Which languages a folder is for; torch is not needed to say so."""

    @pytest.fixture
    def languages(self, scripts_on_path):
        import export_marian
        from export_families import ExportOptions

        def ask(settings, vocabulary=("<unk>",), **options):
            numbers = {piece: number for number, piece in enumerate(vocabulary)}
            return export_marian._languages(settings, numbers, dataclasses.replace(ExportOptions(), **options))

        return ask

    @pytest.mark.parametrize(
        ("source", "target", "found"),
        [("eng", "deu", ("en", "de")), ("en", "pt_br", ("en", "pt")), ("zho", "nob", ("zh", "nb"))],
    )
    def test_of_its_configuration(self, languages, source, target, found):
        assert languages({"source_lang": source, "target_lang": target}) == found

    def test_of_the_user(self, languages):
        assert languages({}, source="en", target="por") == ("en", "pt")

    @pytest.mark.parametrize(
        ("settings", "options", "why"),
        [
            ({"target_lang": "deu"}, {}, "no source_lang; give the language's code with --from"),
            ({"source_lang": "eng"}, {}, "no target_lang; give the language's code with --to"),
            ({"source_lang": "eng", "target_lang": "roa"}, {}, "'roa' is no language.*--to"),
            ({"source_lang": "eng", "target_lang": "deu"}, {"target": "xx"}, "'xx' is no language.*--to"),
            (
                {"source_lang": "eng", "target_lang": "deu"},
                {"target": "fr"},
                "has target_lang de, not fr; leave out --to",
            ),
            ({"source_lang": "eng", "target_lang": "deu"}, {"source": "fr"}, "has source_lang en, not fr"),
        ],
    )
    def test_what_is_missing_or_wrong_is_told(self, languages, settings, options, why):
        with pytest.raises(ExportError, match=why):
            languages(settings, **options)

    def test_a_group_says_which_languages_it_has(self, languages):
        vocabulary = ("<unk>", ">>por<<", ">>spa<<")
        with pytest.raises(ExportError, match="choose one with --to: por, spa"):
            languages({"source_lang": "en", "target_lang": "ROMANCE"}, vocabulary)
        assert languages({"source_lang": "en", "target_lang": "ROMANCE"}, vocabulary, target="spa") == ("en", "es")


ONE_START = """
import json, sys
from pathlib import Path
import warnings
warnings.simplefilter("ignore")
import export
from transformers import MarianTokenizer, MarianMTModel

folder, other, work = map(Path, sys.argv[1:4])
texts = json.loads((work / "texts.json").read_text(encoding="utf-8"))
tokenizer = MarianTokenizer.from_pretrained(folder)
ids = [tokenizer(text).input_ids[:-1] for text in texts]
(work / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
decoded = [tokenizer.decode(each, skip_special_tokens=True) for each in ids]
(work / "decoded.json").write_text(json.dumps(decoded), encoding="utf-8")

model = MarianMTModel.from_pretrained(other)
model.generation_config.bad_words_ids = [[1, 2]]
model.save_pretrained(work / "bad")
model.generation_config.bad_words_ids = [[5]]
model.generation_config.forced_eos_token_id = None
model.save_pretrained(work / "several")
for name in ("bad", "several"):
    for file in folder.iterdir():
        if file.suffix == ".spm" or file.name in ("vocab.json", "tokenizer_config.json"):
            (work / name / file.name).write_bytes(file.read_bytes())
vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
last = list(vocab)[-2]
number = vocab.pop(last)
vocab[">>por<<"] = number
(work / "several" / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
config = json.loads((folder / "tokenizer_config.json").read_text())
for name, changes in (("several", {"target_lang": "ROMANCE"}), ("bad", {})):
    (work / name / "tokenizer_config.json").write_text(json.dumps({**config, **changes}))
(work / "split").mkdir()
for file in folder.iterdir():
    (work / "split" / file.name).write_bytes(file.read_bytes())
(work / "split" / "tokenizer_config.json").write_text(json.dumps({**config, "separate_vocabs": True}))
for name, options in (("bad", []), ("split", []), ("several", []), ("several", ["--to", "pt"])):
    print("=====", name, flush=True)
    sys.stderr.write(f"===== {name}\\n")
    export.main([str(work / name), "--out", str(work / "out" / name), *options])
"""


@pytest.fixture(scope="module")
def one_start(tiny, run_script, tmp_path_factory):
    """Folder with what one start of torch gave: MarianTokenizer's answers, and the exports of changed models."""
    work = tmp_path_factory.mktemp("work")
    texts = ["", "Where is the station?", "\U0001f600 hi", "caf\u00e9 na\u00efve", "\u201cThe door\u201d is  open"]
    texts += ["12:45", "\u65e5\u672c", "\u00df\u00df \u00fc", "x" * 90, " lead and trail ", "\ufb01nd \uff21"]
    (work / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    done = run_script("-c", ONE_START, tiny("marian"), tiny("marian"), work)
    assert done.returncode == 0, done.stderr
    (work / "stderr").write_text(done.stderr, encoding="utf-8")
    return work


def said(one_start, name, turn=0):
    parts = (one_start / "stderr").read_text(encoding="utf-8").split(f"===== {name}\n")
    return parts[turn + 1].split("=====")[0].strip()


class TestAgainstTransformers:
    def test_ids_and_texts_are_those_of_its_tokenizer(self, one_start, made):
        model = Seq2SeqModel.load(made, SessionFactory(), ID)
        read = {
            name: json.loads((one_start / f"{name}.json").read_text("utf-8")) for name in ("texts", "ids", "decoded")
        }
        assert [model.encode(text) for text in read["texts"]] == read["ids"]
        assert [model._pieces.decode(ids) for ids in read["ids"]] == read["decoded"]

    def test_bad_words_of_several_tokens_are_refused(self, one_start):
        assert said(one_start, "bad").endswith("forbids sequences of several tokens; only single ones can be")
        assert not (one_start / "out" / "bad").exists()

    def test_two_vocabularies_are_refused(self, one_start):
        assert "a vocabulary for each language" in said(one_start, "split")

    def test_a_model_of_several_languages_asks_which(self, one_start):
        assert said(one_start, "several").endswith("choose one with --to: por")

    def test_and_has_its_token_before_every_sentence(self, one_start, tiny):
        assert said(one_start, "several", 1) == ""
        found = read_description(one_start / "out" / "several", Seq2SeqDescription, ID)
        number = json.loads((one_start / "several" / "vocab.json").read_text(encoding="utf-8"))[">>por<<"]
        assert (found.prefix, found.target, found.forbidden, found.forced_end) == ((number,), "pt", (5,), False)
