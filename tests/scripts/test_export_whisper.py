"""Whisper from Hugging Face files to float graphs: the same words as transformers, and refusals."""

import json

import numpy as np
import pytest

from edge.inference.decoding import Rules, greedy, mask
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.whisper_model import WhisperModel, prompt_tokens
from edge.settings import RecognitionSettings

NEW_TOKENS = 12
GENERATE = """
import json, sys
import numpy as np, torch
from transformers import WhisperForConditionalGeneration
folder, feeds, out = sys.argv[1:]
model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
mels = np.load(feeds)
model.generation_config.suppress_tokens += list(range(268, model.config.vocab_size))  # times, as the program does
said = [
    model.generate(torch.tensor(mel)[None], language=language, task="transcribe", do_sample=False, max_new_tokens=12)
    for mel in mels for language in ("en", "pt")
]
print(json.dumps([tokens[0].tolist() for tokens in said]))
"""
# One start of torch for everything that must fail, and for the tokenizer of old repositories.
FAILURES = """
import json, pathlib, shutil, sys
import export, edge.hub.recipes.whisper_graph as graph
from edge.hub.recipes.safetensors_format import read_safetensors, write_safetensors
tiny, scratch = map(pathlib.Path, sys.argv[1:])
def attempt(name, source, *options):
    status = export.main([str(source), "--out", str(scratch / "out" / name), *options])
    print(json.dumps([name, status, (scratch / "out" / name).exists()]))
old = scratch / "old"
shutil.copytree(tiny, old)
tokenizer = json.loads((old / "tokenizer.json").read_text())
(old / "tokenizer.json").unlink()
attempt("without tokenizer", old)
(old / "vocab.json").write_text(json.dumps(tokenizer["model"]["vocab"]))
(old / "merges.txt").write_text("#version: 0.2\\n")
added = {entry["id"]: {**entry, "id": None} for entry in tokenizer["added_tokens"]}
for entry in added.values():
    del entry["id"]
said = {"tokenizer_class": "WhisperTokenizer", "added_tokens_decoder": added}
(old / "tokenizer_config.json").write_text(json.dumps(said))
attempt("old tokenizer", old)
config = json.loads((old / "config.json").read_text())
(old / "config.json").write_text(json.dumps({**config, "max_source_positions": 60}))
tensors = read_safetensors(old / "model.safetensors")
table = "model.encoder.embed_positions.weight"
write_safetensors(scratch / "cut", {**tensors, table: tensors[table][:60]})
(scratch / "cut").replace(old / "model.safetensors")
attempt("short window", old)
attempt("languages", tiny, "--from", "en", "--to", "de")
attempt("strict", tiny, "--tolerance", "1e-12")
scaled = graph._scaled
graph._scaled = lambda linear, weights, outputs: linear
attempt("scale forgotten", tiny)
graph._scaled = scaled
graph._EPSILON = float("nan")
attempt("not a number", tiny)
"""


@pytest.fixture(scope="module")
def attempts(run_script, tiny, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("whisper")
    done = run_script("-c", FAILURES, tiny("whisper"), scratch)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    assert len(rows) == 7, done.stderr
    return {name: (status, exists) for name, status, exists in rows}, done.stderr, scratch / "out"


@pytest.fixture
def mels():
    """Sounds of different colour: over a whole window the differences of mere noise average out."""
    rng = np.random.default_rng(8)
    return (rng.standard_normal((3, 80, 1)) * 2 + rng.standard_normal((3, 80, 3000))).astype(np.float32)


def test_folder_and_parity(exported):
    out = exported("whisper")
    assert sorted(path.name for path in out.iterdir()) == [
        "decoder_model_fp32.onnx", "encoder_model_fp32.onnx", "model.json", "provenance.json", "tokenizer.json",
    ]  # fmt: skip
    described = json.loads((out / "model.json").read_text())
    assert described["multilingual"] is True
    assert set(described["languages"]) == {"en", "de", "es", "pt"}
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["architecture"] == "whisper"
    outputs = [row["output"] for row in provenance["parity"]]
    assert [output.split("_")[1] for output in outputs[:4]] == ["key", "value"] * 2
    assert [output.split(", ")[1] for output in outputs[:4]] == ["300 positions"] * 2 + ["1500 positions"] * 2
    assert all(row["max_difference"] <= row["tolerance"] < 1e-3 for row in provenance["parity"])
    assert all(row["largest"] > 1 for row in provenance["parity"])  # differences of outputs near zero prove nothing


def test_words_are_those_of_transformers(exported, tiny, run_script, mels, tmp_path):
    np.save(tmp_path / "mels.npy", mels)
    done = run_script("-c", GENERATE, tiny("whisper"), tmp_path / "mels.npy", tmp_path / "x")
    assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)
    model = WhisperModel.load(exported("whisper"), SessionFactory(), 1)
    configuration = model.configuration
    assert configuration.tokens.timestamps == 268
    always = mask(configuration.vocabulary, configuration.suppress, configuration.tokens.timestamps)
    first = always + mask(configuration.vocabulary, configuration.suppress_first)
    said = []
    for mel in mels:
        context = model.encode(mel)
        for language in ("en", "pt"):
            prompt = [configuration.tokens.start, *prompt_tokens(configuration, language, "transcribe")]
            logits, past = model.step(np.array([prompt]), model.empty_past(), context)
            rules = Rules(configuration.tokens.end, always, first, NEW_TOKENS)
            found = greedy(lambda t, p, c=context: model.step(t, p, c), logits, past, rules)
            said.append(list(found.tokens))
    for tokens, whole in zip(said, expected, strict=True):
        # our decoder stops at a loop; transformers goes on to its limit, and gives prompt and end too or not
        assert tokens
        assert [token for token in whole if token < configuration.tokens.end][: len(tokens)] == tokens
    assert len({tuple(tokens) for tokens in said}) > 1


def test_the_product_runs_it(exported):
    folder = exported("whisper")
    settings = RecognitionSettings(min_log_probability=-100, max_compression_ratio=100, sure_log_probability=-100)
    recognizer = SpeechRecognizer.load(folder, SessionFactory(), settings)
    assert recognizer.longest_s == 30
    assert recognizer.languages == ["en", "de", "es", "pt"]
    sound = np.random.default_rng(3).standard_normal(16000).astype(np.float32) * np.repeat([0.3, 0.0001], 8000)
    heard = recognizer.transcribe(sound.astype(np.float32), ["pt"])
    assert heard.language == "pt"
    assert heard.tokens > 0
    assert heard.text == "" or set(heard.text) <= set("abcdefghijklmnopqrstuvwxyz ")
    assert Tokenizer.load(folder / "tokenizer.json").decode([72, 105])


@pytest.mark.parametrize(
    "name", ["without tokenizer", "short window", "languages", "strict", "scale forgotten", "not a number"]
)
def test_what_is_wrong_leaves_nothing_behind(attempts, name):
    assert attempts[0][name] == (2, False)


def test_reasons_are_given(attempts):
    _, said, _ = attempts
    lines = [line for line in said.splitlines() if line.startswith("export: ")]
    assert len(lines) == 6, said
    assert "neither tokenizer.json nor vocab.json and merges.txt" in lines[0]
    assert "listens to 60 positions" in lines[1]
    assert "--from and --to" in lines[2]
    assert all("away from torch" in line for line in lines[3:])
    assert "Traceback" not in said


def test_a_tokenizer_in_the_old_files_is_converted(attempts, exported):
    outcome, said, out = attempts
    assert outcome["old tokenizer"] == (0, True), said
    one, two = (
        json.loads((folder / "model.json").read_text()) for folder in (exported("whisper"), out / "old tokenizer")
    )
    assert one == two
    tokenizers = [Tokenizer.load(folder / "tokenizer.json") for folder in (exported("whisper"), out / "old tokenizer")]
    assert tokenizers[0].decode(list(b"gr\xc3\xbcn")) == tokenizers[1].decode(list(b"gr\xc3\xbcn")) == "gr\u00fcn"
