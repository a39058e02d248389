"""Graphs that are not what `model.json` says are found before anything runs on them."""

import json

import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.graph_contract import check_graphs


def write_graph(file, inputs, outputs):
    """A graph whose every output is a constant; `outputs`: name to shape."""
    tensors = {name: [1 if isinstance(size, str) else size for size in shape] for name, shape in outputs.items()}
    nodes = []
    for name, shape in tensors.items():
        size = 1
        for part in shape:
            size *= part
        value = helper.make_tensor(f"{name}_value", TensorProto.FLOAT, shape, [0.0] * size)
        nodes.append(helper.make_node("Constant", [], [name], value=value))
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, file)


def describe(folder, **fields):
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"format": 2, **fields}))


PREPROCESSING = {"fit": "squash", "height": 4, "width": 4}
CLASSIFIER = {
    "family": "classifier",
    "graphs": {"model": "model.onnx"},
    "labels": ["cat", "dog"],
    "preprocessing": PREPROCESSING,
}


@pytest.fixture
def check(tmp_path):
    return lambda: check_graphs(tmp_path, SessionFactory(), "tiny")


class TestClassifier:
    def test_as_described(self, tmp_path, check):
        describe(tmp_path, **CLASSIFIER)
        write_graph(tmp_path / "model.onnx", ["pixel_values"], {"logits": [1, 2], "extra": [1]})
        assert check() == ["model.onnx"]

    @pytest.mark.parametrize(
        ("inputs", "outputs", "why"),
        [
            (["image"], {"logits": [1, 2]}, "it lacks pixel_values; it has image"),
            (["pixel_values", "mask"], {"logits": [1, 2]}, "its inputs differ: it has mask"),
            (["pixel_values"], {"scores": [1, 2]}, "its outputs differ: it lacks logits; it has scores"),
            (["pixel_values"], {"logits": [1, 3]}, "logits has 3 columns instead of 2"),
        ],
    )
    def test_otherwise(self, tmp_path, check, inputs, outputs, why):
        describe(tmp_path, **CLASSIFIER)
        write_graph(tmp_path / "model.onnx", inputs, outputs)
        with pytest.raises(ModelCorruptError, match=rf"model.onnx is corrupt .*{why}, unlike model.json"):
            check()

    def test_a_graph_that_is_missing(self, tmp_path, check):
        describe(tmp_path, **CLASSIFIER)
        with pytest.raises(ModelCorruptError, match=r"model.onnx is corrupt"):
            check()

    def test_a_truncated_graph(self, tmp_path, check):
        describe(tmp_path, **CLASSIFIER)
        write_graph(tmp_path / "model.onnx", ["pixel_values"], {"logits": [1, 2]})
        content = (tmp_path / "model.onnx").read_bytes()
        (tmp_path / "model.onnx").write_bytes(content[: len(content) // 2])
        with pytest.raises(InferenceError, match="cannot be loaded"):
            check()


def test_both_graphs_of_a_translation_model(tmp_path, check):
    fields = {"layers": 1, "heads": 1, "head_size": 2, "vocabulary": 9, "max_positions": 8}
    tokens = {f"{name}_token": number for number, name in enumerate(("start", "end", "pad", "unknown"))}
    graphs = {"encoder": "encoder_model.onnx", "decoder": "decoder_model_merged.onnx"}
    describe(tmp_path, family="marian", source="en", target="pt", graphs=graphs, **fields, **tokens)
    cells = [f"0.{of}.{part}" for of in ("decoder", "encoder") for part in ("key", "value")]
    write_graph(tmp_path / graphs["encoder"], ["input_ids", "attention_mask"], {"last_hidden_state": [1]})
    inputs = ["input_ids", "encoder_attention_mask", "encoder_hidden_states", "use_cache_branch"]
    inputs += [f"past_key_values.{cell}" for cell in cells]
    present = {f"present.{cell}": [1] for cell in cells}
    write_graph(tmp_path / graphs["decoder"], inputs, {"logits": [1, 9], **present})
    assert check() == [graphs["encoder"], graphs["decoder"]]
    write_graph(tmp_path / graphs["decoder"], inputs[:-1], {"logits": [1, 9], **present})
    with pytest.raises(ModelCorruptError, match=r"it lacks past_key_values.0.encoder.value"):
        check()


def test_both_towers(tmp_path, check):
    rest = {"text_length": 8, "padded": True, "pad_token": 0, "masked": True, "scale": 1.0, "activation": "softmax"}
    graphs = {"image": "vision_model.onnx", "text": "text_model.onnx"}
    describe(tmp_path, family="dual-encoder", graphs=graphs, preprocessing=PREPROCESSING, **rest)
    write_graph(tmp_path / graphs["image"], ["pixel_values"], {"image_embeds": [1, 4]})
    write_graph(tmp_path / graphs["text"], ["input_ids"], {"text_embeds": [1, 4]})
    with pytest.raises(ModelCorruptError, match=r"text_model.onnx is corrupt .*it lacks attention_mask"):
        check()


def test_the_class_of_nothing_counts(tmp_path, check):
    describe(tmp_path, **{**CLASSIFIER, "family": "detector"}, activation="softmax")
    write_graph(tmp_path / "model.onnx", ["pixel_values"], {"logits": [1, 5, 3], "pred_boxes": [1, 5, 4]})
    assert check() == ["model.onnx"]
    describe(tmp_path, **{**CLASSIFIER, "family": "detector"}, activation="sigmoid")
    with pytest.raises(ModelCorruptError, match="3 columns instead of 2"):
        check()


def test_other_families_promise_nothing(tmp_path, check):
    (tmp_path / "model.json").write_text('{"format": 1, "kind": "translation"}')
    assert check() == []


def test_a_description_that_does_not_validate(tmp_path, check):
    describe(tmp_path, **{**CLASSIFIER, "labels": 3})
    with pytest.raises(ModelCorruptError, match="labels"):
        check()


def test_a_whisper_folder_without_graphs(tmp_path, check):
    describe(tmp_path, family="whisper")
    with pytest.raises((ModelCorruptError, ModelNotFoundError)):
        check()


@pytest.mark.models
def test_the_default_whisper_is_as_described(tmp_path):
    from edge.hub.store import ModelStore

    assert len(check_graphs(ModelStore().open("whisper-base"), SessionFactory(), "whisper-base")) == 2
