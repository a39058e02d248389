"""Classifiers, CLIP and SigLIP end to end on their tiny models: export, load on the device side, the same as torch."""

import json
import shutil

import numpy as np
import pytest

from edge.errors import ExportError
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.perception.descriptions import (
    ClassifierDescription,
    DualEncoderDescription,
    read_description,
)
from edge.perception.image_classification import ImageClassifier
from edge.perception.open_vocabulary import ELSE, OpenVocabularyRecognizer, text_feed

CLASSIFIERS = ("vit", "deit", "mobilevit", "dinov2")
TOWERS = ("clip", "siglip")
LABELS = ("coffee mug", "keys", "red door", "Stuhl", "\u676f\u5b50")
TEXTS = (
    "This is a photo of KEYS.", "a photo of a coffee mug, red!", "l'\u00e9t\u00e9 \u00e0 la caf\u00e9t\u00e9ria",
    "\u043a\u043b\u044e\u0447\u0438 \u0438 \u043a\u0440\u0443\u0436\u043a\u0430",
    "\u53a8\u623f\u91cc\u7684\u676f\u5b50",
    "\u0643\u0648\u0628 \u0642\u0647\u0648\u0629", "\uff26\uff35\uff2c\uff2c \u00bd \ufb01", "\U0001f511 key",
    "  two  spaces ",
    "don't (stop) {now} [or] <never>",
    "\u0130stanbul \u1e9e \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3 \u039f\u03a3",
    "word " * 40,
)  # fmt: skip
COLORS = ((220, 40, 40), (40, 220, 40), (40, 40, 220), (200, 200, 30), (10, 10, 10), (240, 240, 240))

REFERENCE = """
import json, sys
from pathlib import Path
import numpy as np, torch
from transformers import AutoImageProcessor, AutoModelForImageClassification, AutoModel, AutoTokenizer
job = json.loads(Path(sys.argv[1]).read_text())
pictures = [picture[:, :, ::-1] for picture in np.load(job["pictures"])]
said = {}
with torch.no_grad():
    for name, folder in job["classifiers"].items():
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        model = AutoModelForImageClassification.from_pretrained(folder).eval()
        logits = model(**processor(pictures, return_tensors="pt")).logits
        said[name] = {"scores": logits.softmax(-1).tolist(),
                      "labels": [model.config.id2label[int(best)] for best in logits.argmax(-1)]}
    for name, folder in job["towers"].items():
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder).eval()
        options = {"padding": "max_length", "truncation": True} if name == "siglip" else {"truncation": True}
        ids = [tokenizer([text], **options)["input_ids"][0] for text in job["texts"]]
        texts = [job["template"][name].replace("{}", label) for label in job["labels"][name]]
        options["padding"] = "max_length" if name == "siglip" else True
        inputs = processor(pictures, return_tensors="pt")
        logits = model(**tokenizer(texts, return_tensors="pt", **options), **inputs).logits_per_image
        scores = logits.sigmoid() if name == "siglip" else logits.softmax(-1)
        said[name] = {"ids": ids, "scores": scores.tolist()}
Path(sys.argv[2]).write_text(json.dumps(said))
"""

REFUSED = """
import json, shutil, sys
from pathlib import Path
import export
tiny, work = Path(sys.argv[1]), Path(sys.argv[2])

def copy(kind, name):
    return Path(shutil.copytree(tiny / kind, work / name))

def change(folder, file="config.json", **fields):
    content = json.loads((folder / file).read_text())
    content.update(fields)
    (folder / file).write_text(json.dumps(content))
    return folder

from safetensors.numpy import load_file, save_file
lacking = copy("deit", "lacking")
weights = load_file(lacking / "model.safetensors")
del weights["classifier.weight"]
save_file(weights, lacking / "model.safetensors", {"format": "pt"})
masked = change(copy("siglip", "masked"), "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
assert export.main([str(masked), "--out", str(work / "masked-float")]) == 0
from transformers import AutoModel, AutoTokenizer
import numpy as np
tokenizer = AutoTokenizer.from_pretrained(masked)
texts = tokenizer(["a mug", "the red door of keys"], padding="max_length", return_tensors="pt")
assert "attention_mask" in texts
wanted = AutoModel.from_pretrained(masked).eval().get_text_features(**texts).detach().numpy()
np.save(work / "wanted.npy", wanted)
shutil.rmtree(masked)
shutil.move(work / "masked-float", work.parent / "masked-float")
change(copy("vit", "labels"), id2label={str(2 * number): "mug" for number in range(7)})
change(copy("vit", "processor"), "preprocessor_config.json", crop_pct=0.9)
(copy("mobilevit", "silent") / "preprocessor_config.json").unlink()
(copy("siglip", "wordless") / "spiece.model").unlink()
(copy("siglip", "garbled") / "spiece.model").write_bytes(b"no pieces")
words = copy("clip", "words")
(words / "tokenizer.json").unlink()
(words / "vocab.json").unlink()
for folder in sorted(path for path in work.iterdir() if path.is_dir()):
    print(folder.name, export.main([str(folder), "--out", str(work / "out" / folder.name)]), file=sys.stderr)
    assert not (work / "out" / folder.name).exists()
"""


def picture(color, index):
    rows, columns = np.mgrid[: 50 + index, : 70 - index]
    waves = (40 * np.sin(rows / 5 + index) * np.cos(columns / 7))[:, :, np.newaxis]
    return np.clip(np.array(color) + waves, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures():
    return [picture(color, 0) for color in COLORS]


def labels_of(name):
    return [*LABELS, *ELSE] if name == "clip" else [*LABELS]


@pytest.fixture(scope="module")
def torch_says(tiny, exported, run_script, pictures, tmp_path_factory):
    """What the torch models say of the pictures and texts: one start of torch for all of them."""
    work = tmp_path_factory.mktemp("torch")
    np.save(work / "pictures.npy", np.stack(pictures))
    described = {name: read_description(exported(name), DualEncoderDescription, name) for name in TOWERS}
    job = {
        "pictures": str(work / "pictures.npy"),
        "classifiers": {name: str(tiny(name)) for name in CLASSIFIERS},
        "towers": {name: str(tiny(name)) for name in TOWERS},
        "texts": TEXTS,
        "labels": {name: labels_of(name) for name in TOWERS},
        "template": {name: described[name].template for name in TOWERS},
    }
    (work / "job.json").write_text(json.dumps(job))
    done = run_script("-c", REFERENCE, work / "job.json", work / "said.json")
    assert done.returncode == 0, done.stderr
    return json.loads((work / "said.json").read_text())


@pytest.mark.parametrize("name", CLASSIFIERS)
class TestClassifiers:
    def test_the_device_says_what_torch_says(self, name, exported, torch_says, pictures):
        classifier = ImageClassifier.load(exported(name), SessionFactory(), name)
        scores = np.array([classifier.look(one).scores for one in pictures])
        assert scores == pytest.approx(np.array(torch_says[name]["scores"]), abs=1e-4)
        assert [classifier.labels[best] for best in scores.argmax(axis=1)] == torch_says[name]["labels"]

    def test_the_folder_holds_what_it_should(self, name, exported):
        assert sorted(path.name for path in exported(name).iterdir()) == ["model.json", "model.onnx", "provenance.json"]
        found = read_description(exported(name), ClassifierDescription, name)
        assert (found.precision, len(found.labels), found.labels[1]) == ("fp32", 7, "umbrella")

    def test_any_number_of_pictures_of_one_size(self, name, exported):
        session = SessionFactory().open(exported(name) / "model.onnx")
        (taken,) = session.get_inputs()
        assert isinstance(taken.shape[0], str)
        side = taken.shape[2]
        assert taken.shape[1:] == [3, side, side]
        several = np.random.default_rng(0).standard_normal((3, 3, side, side)).astype(np.float32)
        together = session.run(["logits"], {"pixel_values": several})[0]
        alone = [session.run(["logits"], {"pixel_values": one[np.newaxis]})[0][0] for one in several]
        assert together == pytest.approx(np.array(alone), abs=1e-4)


def test_the_tiny_classifiers_tell_pictures_apart(torch_says):
    assert all(len(set(torch_says[name]["labels"])) > 2 for name in CLASSIFIERS)


@pytest.mark.parametrize("name", TOWERS)
class TestTowers:
    def test_the_device_says_what_torch_says(self, name, exported, torch_says, pictures):
        recognizer = OpenVocabularyRecognizer.load(exported(name), SessionFactory(), name, LABELS)
        scores = np.array([recognizer.look(one).scores for one in pictures])
        wanted = np.array(torch_says[name]["scores"])[:, : len(LABELS)]
        assert scores == pytest.approx(wanted, abs=1e-4)
        assert np.ptp(scores) > 0.05, "scores that are all alike would prove nothing"

    def test_the_tokens_are_those_of_transformers(self, name, exported, torch_says):
        folder = exported(name)
        description = read_description(folder, DualEncoderDescription, name)
        tokenizer = Tokenizer.load(folder / description.tokenizer)
        for text, wanted in zip(TEXTS, torch_says[name]["ids"], strict=True):
            assert text_feed(tokenizer, description, text)["input_ids"][0].tolist() == wanted, text

    def test_the_folder_holds_what_it_should(self, name, exported):
        names = ["model.json", "provenance.json", "text_model.onnx", "tokenizer.json", "vision_model.onnx"]
        assert sorted(path.name for path in exported(name).iterdir()) == names
        found = read_description(exported(name), DualEncoderDescription, name)
        assert found.scale == pytest.approx(np.exp(2.7))
        assert found.bias == (-2.0 if name == "siglip" else 0.0)
        assert (found.activation, found.padded) == (("sigmoid", True) if name == "siglip" else ("softmax", False))
        assert (found.start_token is None, found.end_token is None) == (name == "siglip", False)

    def test_texts_of_any_length_fit(self, name, exported):
        session = SessionFactory().open(exported(name) / "text_model.onnx")
        found = read_description(exported(name), DualEncoderDescription, name)
        lengths = [found.text_length] if found.padded else [3, 9, found.text_length]
        for length in lengths:
            ids = np.full((2, length), found.end_token, np.int64)
            assert session.run(["text_embeds"], {"input_ids": ids})[0].shape[0] == 2


def test_what_cannot_be_exported_is_refused_in_one_line_and_masks_are_kept(tiny, run_script, tmp_path):
    for name in (*CLASSIFIERS, *TOWERS):
        tiny(name)
    (tmp_path / "work").mkdir()
    done = run_script("-c", REFUSED, tiny("vit").parent, tmp_path / "work")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("export: ")]
    ended = [line for line in done.stderr.splitlines() if line.endswith(" 2")]
    assert [line.split()[0] for line in ended] == [
        "garbled", "labels", "lacking", "processor", "silent", "wordless", "words"
    ]  # fmt: skip
    reasons = [
        "tokenizer", "id2label", "classifier.weight", "crop_pct = 0.9", "preprocessor_config.json", "tokenizer",
        "tokenizer",
    ]  # fmt: skip
    assert len(said) == len(reasons), done.stderr
    for line, reason in zip(said, reasons, strict=True):
        assert reason in line
    recognizer = OpenVocabularyRecognizer.load(tmp_path / "masked-float", SessionFactory(), "masked", ["a mug"])
    assert recognizer.labels == ("a mug",)
    description = read_description(tmp_path / "masked-float", DualEncoderDescription, "masked")
    assert description.masked
    session = SessionFactory().open(tmp_path / "masked-float" / "text_model.onnx")
    tokenizer = Tokenizer.load(tmp_path / "masked-float" / "tokenizer.json")
    texts = [text_feed(tokenizer, description, text) for text in ("a mug", "the red door of keys")]
    got = np.concatenate([session.run(["text_embeds"], feed)[0] for feed in texts])
    assert got == pytest.approx(np.load(tmp_path / "work" / "wanted.npy"), abs=1e-3)


class TestLabels:
    @pytest.fixture
    def labels_of(self, scripts_on_path):
        import export_classifiers

        return export_classifiers.labels_of

    def test_in_the_order_of_their_numbers(self, labels_of):
        names = {str(number): f"thing {number} " for number in reversed(range(12))}
        assert labels_of({"id2label": names}) == tuple(f"thing {number}" for number in range(12))

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ({}, "id2label is missing"),
            ({"id2label": {}}, "id2label is missing"),
            ({"id2label": {"0": "a", "2": "b"}}, "does not number its 2 labels"),
            ({"id2label": {"first": "a"}}, "no table"),
            ({"id2label": ["a"]}, "no table"),
        ],
    )
    def test_gaps_and_nonsense(self, labels_of, content, why):
        with pytest.raises(ExportError, match=why):
            labels_of(content)


def test_a_tiny_model_is_the_same_every_time(run_script, tiny, tmp_path):
    done = run_script("tiny_models.py", "clip", "vit", "siglip", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("clip", "vit", "siglip"):
        files = sorted(path.name for path in tiny(name).iterdir())
        assert files == sorted(path.name for path in (tmp_path / name).iterdir())
        assert all((tiny(name) / file).read_bytes() == (tmp_path / name / file).read_bytes() for file in files), name
    shutil.rmtree(tmp_path)
