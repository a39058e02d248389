"""CTranslate2's Whisper as a Hugging Face folder: transformers loads it strictly and says the same."""

import json

import ct2_files
import pytest
from ct2_files import AUDIO, LAYERS, MELS, ROWS, TEXT, WIDTH

from edge.errors import ExportError, RecipeError
from edge.hub.recipes.safetensors_format import read_safetensors

LOAD = """
import json, sys
import numpy as np, torch
from transformers import WhisperForConditionalGeneration
load = WhisperForConditionalGeneration.from_pretrained
model, said = load(sys.argv[1], output_loading_info=True, dtype=torch.float32)
feeds = np.load(sys.argv[2])
with torch.no_grad():
    logits = model.eval()(
        input_features=torch.tensor(feeds["mel"])[None], decoder_input_ids=torch.tensor(feeds["tokens"])[None]
    ).logits
np.save(sys.argv[3], logits[0].numpy())
print(json.dumps({name: sorted(map(str, found)) for name, found in said.items()}))
"""


@pytest.fixture
def script(scripts_on_path):
    import whisper_folder

    return whisper_folder


@pytest.fixture
def ct2(tmp_path):
    folder = tmp_path / "ct2"
    folder.mkdir()
    ct2_files.write_files(folder)
    (folder / "LICENSE").write_text("MIT")
    return folder


def test_the_folder_is_laid_out_as_transformers_does(script, ct2, tmp_path):
    out = tmp_path / "hf"
    assert script.main([str(ct2), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "LICENSE", "config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json",
        "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    config = json.loads((out / "config.json").read_text())
    assert (config["d_model"], config["encoder_layers"], config["vocab_size"]) == (WIDTH, LAYERS, ROWS)
    assert (config["max_source_positions"], config["max_target_positions"]) == (AUDIO, TEXT)
    assert config["encoder_ffn_dim"] == 4 * WIDTH
    generation = json.loads((out / "generation_config.json").read_text())
    assert generation["suppress_tokens"] == [1, 2, 3]
    assert generation["decoder_start_token_id"] == ct2_files.special("startoftranscript")
    preprocessor = json.loads((out / "preprocessor_config.json").read_text())
    assert (preprocessor["feature_size"], preprocessor["nb_max_frames"]) == (MELS, 2 * AUDIO)
    assert (out / "tokenizer.json").read_bytes() == (ct2 / "tokenizer.json").read_bytes()


def test_no_number_is_rounded_and_keys_have_no_bias(script, ct2, tmp_path):
    script.write_folder({path.name: path for path in ct2.iterdir()}, tmp_path / "hf")
    tensors = read_safetensors(tmp_path / "hf" / "model.safetensors")
    variables = ct2_files.random_variables()
    joint = variables["decoder/layer_1/self_attention/linear_0/weight"]
    for number, name in enumerate("qkv"):
        found = tensors[f"model.decoder.layers.1.self_attn.{name}_proj.weight"]
        assert (found == joint[number * WIDTH : (number + 1) * WIDTH]).all()
    assert not [name for name in tensors if name.endswith("k_proj.bias")]
    assert (
        sum(tensor.size for tensor in tensors.values())
        == sum(array.size for name, array in variables.items() if array.ndim) - 3 * LAYERS * WIDTH
    )


def test_a_bias_of_keys_is_not_dropped_in_silence(script, tmp_path):
    variables = ct2_files.random_variables()
    variables["encoder/layer_0/self_attention/linear_0/bias"][WIDTH + 3] = 1
    files = ct2_files.write_files(tmp_path, variables)
    with pytest.raises(RecipeError, match="bias for keys"):
        script.write_folder(files, tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


def test_a_folder_that_is_there_stays(script, ct2, tmp_path, capsys):
    (tmp_path / "hf").mkdir()
    with pytest.raises(ExportError, match="is there already"):
        script.write_folder({}, tmp_path / "hf")
    assert script.main([str(ct2), "--out", str(tmp_path / "hf")]) == 2
    assert capsys.readouterr().err.startswith("whisper_folder: ")


@pytest.mark.parametrize(("model", "message"), [("no-such", "no model named"), ("silero-vad", "is no Whisper")])
def test_other_models_are_refused(script, tmp_path, capsys, model, message):
    assert script.main([model, "--out", str(tmp_path / "hf")]) == 2
    assert message in capsys.readouterr().err


def test_transformers_loads_it_strictly_and_computes_the_same(script, ct2, tmp_path, run_script):
    import numpy as np

    script.write_folder({path.name: path for path in ct2.iterdir()}, tmp_path / "hf")
    rng = np.random.default_rng(5)
    mel = rng.standard_normal((MELS, 2 * AUDIO)).astype(np.float32)
    tokens = np.array([257, 5, 77, 1000, 5])
    np.savez(tmp_path / "feeds.npz", mel=mel, tokens=tokens)
    done = run_script("-c", LOAD, tmp_path / "hf", tmp_path / "feeds.npz", tmp_path / "logits.npy")
    assert done.returncode == 0, done.stderr
    assert set(map(tuple, json.loads(done.stdout).values())) == {()}
    reference = ct2_files.Reference(ct2_files.random_variables())
    encoded = reference.encode(mel)
    expected = reference.decode(tokens, [reference.cross(encoded, layer) for layer in range(LAYERS)])
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-4)
