"""Folders of brought recognisers with tiny graphs that judge pictures by their colours."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelNotFoundError

SIDE = 8
LABELS = ("coffee mug, mug", "umbrella", "gizmo")
"""Of red, green and blue pictures."""
RED, GREEN, BLUE, GREY = (40, 40, 230), (40, 230, 40), (230, 40, 40), (128, 128, 128)
PREPROCESSING = {"fit": "squash", "height": SIDE, "width": SIDE, "mean": [0.5] * 3, "std": [0.25] * 3}
WORDS = ("<pad>", "<s>", "</s>", "<unk>", "red", "green", "blue", "thing", "picture", "else", "something")


def picture(color, size=(30, 40)):
    """BGR uint8 of one colour with a little texture, lighter in its upper half: not blank."""
    noise = np.random.default_rng(0).integers(-20, 21, (*size, 1))
    noise[: size[0] // 2] += 20
    return np.clip(np.full((*size, 3), color) + noise, 0, 255).astype(np.uint8)


def _save(file, nodes, inputs, outputs, constants):
    graph = helper.make_graph(
        nodes, "tiny", inputs, outputs, [numpy_helper.from_array(value, name) for name, value in constants.items()]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), file)


def _colors(output, classes=3, gain=4.0, side=SIDE, taken="pixel_values"):
    """Mean of each normalised colour times `gain`."""
    nodes = [
        helper.make_node("ReduceMean", [taken, "axes"], ["colours"], keepdims=0),
        helper.make_node("Gemm", ["colours", "matrix"], [output]),
    ]
    pixels = helper.make_tensor_value_info(taken, TensorProto.FLOAT, ["batch", 3, side, side])
    given = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", classes])
    constants = {"axes": np.array([2, 3]), "matrix": gain * np.eye(3, classes, dtype=np.float32)}
    return nodes, [pixels], [given], constants


def write_classifier(folder, classes=3, side=SIDE, taken="pixel_values", given="logits", **changes):
    """Classifier whose logits are the colours; `changes`: of model.json."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    _save(Path(folder) / "model.onnx", *_colors(given, classes, side=side, taken=taken))
    description = {
        "format": 2,
        "family": "classifier",
        "graphs": {"model": "model.onnx"},
        "labels": list(LABELS),
        "preprocessing": PREPROCESSING,
        **changes,
    }
    (Path(folder) / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return Path(folder)


def write_dual_encoder(folder, activation="sigmoid", length=8, masked=False, **changes):
    """Pair of towers over colours: the words red, green and blue point where such pictures do."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / "vision_model.onnx", *_colors("image_embeds"))
    table = np.full((len(WORDS), 3), 0.0, np.float32)
    table[WORDS.index("red") : WORDS.index("blue") + 1] = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    table[WORDS.index("something")] = 0.5
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("ReduceSum", ["vectors", "axis"], ["text_embeds" if not masked else "summed"], keepdims=0),
    ]
    names = ["input_ids"]
    if masked:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["floats", "axis"], ["count"], keepdims=1),
            helper.make_node("Div", ["summed", "count"], ["text_embeds"]),
        ]
        names.append("attention_mask")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "n"]) for name in names]
    outputs = [helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["batch", 3])]
    _save(folder / "text_model.onnx", nodes, inputs, outputs, {"table": table, "axis": np.array([1])})
    _write_words(folder / "tokenizer.json")
    description = {
        "format": 2,
        "family": "dual-encoder",
        "graphs": {"image": "vision_model.onnx", "text": "text_model.onnx"},
        "preprocessing": PREPROCESSING,
        "text_length": length,
        "padded": activation == "sigmoid",
        "pad_token": WORDS.index("<pad>"),
        "end_token": WORDS.index("</s>"),
        "start_token": None,
        "lower_case": True,
        "masked": masked,
        "scale": 10.0,
        "bias": -5.0 if activation == "sigmoid" else 0.0,
        "activation": activation,
        "template": "picture {}",
        **changes,
    }
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


def _write_words(file):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    vocabulary = {word: index for index, word in enumerate(WORDS)}
    backend = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106 - no password
    backend.pre_tokenizer = Whitespace()
    backend.save(str(file))


class FolderStore:
    """A store whose models are folders: id to folder."""

    def __init__(self, **folders):
        self.folders = {name.replace("_", "-"): Path(folder) for name, folder in folders.items()}
        self.root = Path("store")

    def open(self, model_id):
        if model_id not in self.folders:
            raise ModelNotFoundError(model_id)
        return self.folders[model_id]

    def installed(self):
        return ()

    def resolve(self, model_id):
        return None

    @property
    def catalogue(self):
        class Catalogue:
            models = ()

        return Catalogue()
