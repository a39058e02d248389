"""The recipe `whisper` from Hugging Face's files: the same bytes as from CTranslate2's, and nothing odd taken."""

import json
import sys
from pathlib import Path

import ct2_files
import numpy as np
import pytest

from edge.errors import RecipeError
from edge.hub.recipes.safetensors_format import read_safetensors, write_safetensors
from edge.hub.recipes.whisper import build

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OUTPUTS = ("decoder_model_int8.onnx", "encoder_model_int8.onnx", "model.json", "tokenizer.json")


@pytest.fixture
def write_folder(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import whisper_folder

    yield whisper_folder.write_folder
    del sys.modules["whisper_folder"]


@pytest.fixture
def upstream(tmp_path):
    folder = tmp_path / "ct2"
    folder.mkdir()
    return ct2_files.write_files(folder)


@pytest.fixture
def hugging_face(tmp_path, upstream, write_folder):
    write_folder(upstream, tmp_path / "hf")
    return {path.name: path for path in (tmp_path / "hf").iterdir()}


def made(out, files, **options):
    out.mkdir()
    build(files, out, options)
    return out


def change(file, **values):
    content = json.loads(file.read_text())
    content.update(values)
    file.write_text(json.dumps({key: value for key, value in content.items() if value != "absent"}))


def with_tensors(file, edit):
    tensors = {name: np.array(tensor) for name, tensor in read_safetensors(file).items()}
    edit(tensors)
    write_safetensors(file, tensors)


def test_both_formats_give_the_same_bytes(tmp_path, upstream, hugging_face):
    one = made(tmp_path / "one", upstream, multilingual=True)
    two = made(tmp_path / "two", hugging_face, multilingual=True)
    for name in OUTPUTS:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_float32_weights_of_the_same_values_give_the_same_bytes(tmp_path, upstream, hugging_face):
    def widen(tensors):
        tensors.update({name: tensor.astype(np.float32) for name, tensor in tensors.items()})

    with_tensors(hugging_face["model.safetensors"], widen)
    one, two = made(tmp_path / "one", upstream), made(tmp_path / "two", hugging_face)
    assert (one / OUTPUTS[0]).read_bytes() == (two / OUTPUTS[0]).read_bytes()


def test_shards_and_a_base_model_without_prefix_are_the_same_model(tmp_path, upstream, hugging_face):
    tensors = read_safetensors(hugging_face["model.safetensors"])
    names = sorted(tensors)
    shards = {}
    for number, part in enumerate((names[:20], names[20:]), start=1):
        file = tmp_path / f"model-{number:05}-of-00002.safetensors"
        write_safetensors(file, {name.removeprefix("model."): np.array(tensors[name]) for name in part})
        shards[file.name] = file
    del hugging_face["model.safetensors"]
    one, two = made(tmp_path / "one", upstream), made(tmp_path / "two", hugging_face | shards)
    for name in OUTPUTS:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_what_generation_config_says_is_taken(tmp_path, hugging_face):
    change(
        hugging_face["generation_config.json"], is_multilingual=True, suppress_tokens=[9, 4], begin_suppress_tokens=None
    )
    described = json.loads((made(tmp_path / "out", hugging_face) / "model.json").read_text())
    assert described["multilingual"] is True
    assert set(described["languages"]) == {"en", "pt", "zh"}
    assert described["suppress"] == [4, 9]
    assert described["suppress_first"] == []


def test_an_old_repository_says_it_in_config_json(tmp_path, hugging_face):
    del hugging_face["generation_config.json"]
    change(hugging_face["config.json"], suppress_tokens=[5], begin_suppress_tokens=[6])
    described = json.loads((made(tmp_path / "out", hugging_face) / "model.json").read_text())
    assert described["multilingual"] is False  # by the size of the vocabulary
    assert (described["suppress"], described["suppress_first"]) == ([5], [6])


def test_a_stored_output_embedding_must_be_the_inputs(tmp_path, hugging_face):
    file = hugging_face["model.safetensors"]
    with_tensors(
        file, lambda tensors: tensors.update({"proj_out.weight": tensors["model.decoder.embed_tokens.weight"]})
    )
    made(tmp_path / "tied", hugging_face)
    with_tensors(file, lambda tensors: tensors.update({"proj_out.weight": tensors["proj_out.weight"] + 1}))
    with pytest.raises(RecipeError, match="output embedding of its own"):
        made(tmp_path / "untied", hugging_face)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "wav2vec2"}, "'wav2vec2', not whisper"),
        ({"model_type": "absent"}, "None, not whisper"),
        ({"activation_function": "relu"}, "relu, an activation other than GELU"),
        ({"encoder_layers": "absent"}, "no number encoder_layers"),
        ({"decoder_layers": 0}, "no number decoder_layers"),
        ({"decoder_layers": 3}, "no tensor decoder.layers.2"),
        ({"encoder_layers": 1}, "tensor encoder.layers.1.* that its config.json does not account for"),
        ({"encoder_attention_heads": 3, "decoder_attention_heads": 3}, "3 attention heads do not fit"),
        ({"decoder_attention_heads": 4}, "attention heads do not fit"),
        ({"d_model": 64}, "d_model 64, its tensors say 128"),
        ({"vocab_size": 9}, "vocab_size 9"),
        ({"num_mel_bins": 80}, "num_mel_bins 80, its tensors say 8"),
        ({"max_source_positions": 1500}, "max_source_positions 1500"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tmp_path, hugging_face, values, message):
    change(hugging_face["config.json"], **values)
    with pytest.raises(RecipeError, match=message):
        made(tmp_path / "out", hugging_face)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("model.decoder.layers.1.fc1.bias", None, "no tensor decoder.layers.1.fc1.bias"),
        ("model.encoder.layers.0.self_attn.q_proj.weight", np.zeros((2, 128), np.float16), r"shapes \[\[2, 128\]"),
        ("model.encoder.layers.0.self_attn.out_proj.weight", np.zeros((64, 128), np.float16), r"expected \[128, 128\]"),
        ("model.encoder.layers.0.self_attn.k_proj.bias", np.zeros(128, np.float16), "does not account for"),
        ("model.encoder.conv1.weight", np.zeros((128, 8), np.float16), r"shape \[128, 8\]"),
        ("model.decoder.embed_tokens.weight", np.zeros(128, np.float16), r"shape \[128\]"),
        ("model.encoder.layer_norm.weight", np.zeros(4, np.float16), r"shape \[4\], expected \[128\]"),
        ("model.encoder.layer_norm.weight", np.zeros(128, np.int8), "stored as int8"),
        ("classifier.weight", np.zeros((2, 128), np.float16), "tensor classifier.weight"),
    ],
)
def test_tensors_of_another_model_are_refused(tmp_path, hugging_face, name, tensor, message):
    def edit(tensors):
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor

    with_tensors(hugging_face["model.safetensors"], edit)
    with pytest.raises(RecipeError, match=message):
        made(tmp_path / "out", hugging_face)


def test_truncated_weights_are_named(tmp_path, hugging_face):
    file = hugging_face["model.safetensors"]
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(RecipeError, match=r"model\.safetensors is truncated"):
        made(tmp_path / "out", hugging_face)


def test_a_model_that_no_graph_file_can_hold_is_refused_before_it_is_written(tmp_path, hugging_face, monkeypatch):
    monkeypatch.setattr("edge.hub.recipes.whisper._LARGEST", 100_000)
    with pytest.raises(RecipeError, match=r"takes 0\.\d GB as fp32, and a graph file holds 2 GB"):
        made(tmp_path / "out", hugging_face, precision="fp32")
    assert not list((tmp_path / "out").iterdir())
