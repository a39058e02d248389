import json

import ct2_files
import numpy as np
import onnx
import pytest
from ct2_files import AUDIO, HEADS, LAYERS, MELS, ROWS, WIDTH, Reference

from edge.errors import RecipeError
from edge.hub.recipes.packing import per_channel
from edge.hub.recipes.whisper import build
from edge.hub.recipes.whisper_quantise import BLOCK, per_block
from edge.inference.sessions import SessionFactory
from edge.perception.whisper_model import WhisperModel, append, condense

FRAMES = 40


def made(tmp_path, name="out", files=None, **options):
    out = tmp_path / name
    out.mkdir()
    if files is None:
        upstream = tmp_path / "upstream"
        upstream.mkdir(exist_ok=True)
        files = ct2_files.write_files(upstream)
    build(files, out, {"multilingual": True, **options})
    return out


@pytest.fixture(scope="module")
def variables():
    return ct2_files.random_variables()


@pytest.fixture(scope="module")
def fp32(tmp_path_factory):
    return WhisperModel.load(made(tmp_path_factory.mktemp("fp32"), precision="fp32"), SessionFactory(), 1)


@pytest.fixture(scope="module")
def mel():
    return np.random.default_rng(1).standard_normal((MELS, FRAMES)).astype(np.float32)


def reference_context(reference, encoded):
    return [reference.cross(encoded, layer) for layer in range(LAYERS)]


def apart(part, number):
    """Keys [1, heads, size, n] or values [1, heads, n, size] as [n, width]."""
    rows = part[0].transpose(2, 0, 1) if number % 2 == 0 else part[0].transpose(1, 0, 2)
    return rows.reshape(len(rows), WIDTH)


def test_encoder_computes_the_equations(fp32, variables, mel):
    reference = Reference(variables)
    context = fp32.encode(mel)
    expected = [part for pair in reference_context(reference, reference.encode(mel)) for part in pair]
    assert len(context.parts) == len(expected) == 2 * LAYERS
    for number, part in enumerate(context.parts):
        # keys come without the attention scale, which is in the query
        np.testing.assert_allclose(apart(part, number), expected[number], atol=2e-5)


def test_decoder_computes_the_equations(fp32, variables, mel):
    reference = Reference(variables)
    tokens = [256 + 1, 5, 77, 1000, 5]
    expected = reference.decode(tokens, reference_context(reference, reference.encode(mel)))
    logits, past = fp32.step(np.array([tokens]), fp32.empty_past(), fp32.encode(mel))
    assert logits.shape == (1, ROWS)
    np.testing.assert_allclose(logits[0], expected[-1], atol=1e-4)
    assert {part.shape for part in past} == {(1, HEADS, len(tokens), WIDTH // HEADS)}


def test_steps_with_a_past_equal_one_run_without(fp32, variables, mel):
    tokens = [257, 9, 300, 41]
    expected = Reference(variables)
    expected = expected.decode(tokens, reference_context(expected, expected.encode(mel)))
    context = fp32.encode(mel)
    logits, past = fp32.step(np.array([tokens[:2]]), fp32.empty_past(), context)
    np.testing.assert_allclose(logits[0], expected[1], atol=1e-4)
    for at in (2, 3):
        logits, past = fp32.step(np.array([tokens[at : at + 1]]), past, context)
        np.testing.assert_allclose(logits[0], expected[at], atol=1e-4)


def test_a_batch_shares_one_context(fp32, mel):
    context = fp32.encode(mel)
    rows = [[257, 9], [257, 200]]
    together, past = fp32.step(np.array(rows), tuple(np.repeat(p, 2, 0) for p in fp32.empty_past()), context)
    assert past[0].shape[0] == 2
    for row, logits in zip(rows, together, strict=True):
        alone, _ = fp32.step(np.array([row]), fp32.empty_past(), context)
        np.testing.assert_allclose(logits, alone[0], atol=1e-4)


def test_encoder_takes_any_even_length_up_to_its_positions(fp32, variables):
    for frames in (2, 2 * AUDIO):
        mel = np.random.default_rng(frames).standard_normal((MELS, frames)).astype(np.float32)
        context = fp32.encode(mel)
        reference = Reference(variables)
        assert context.bias.shape == (frames // 2,)
        np.testing.assert_allclose(apart(context.parts[1], 1), reference.cross(reference.encode(mel), 0)[1], atol=2e-5)


def test_one_position_of_weight_n_counts_like_n_equal_ones(fp32, mel):
    """What makes condensed silence exact: the bias log(n)."""
    context = fp32.encode(mel)
    constant = [np.repeat(part[..., :1], 20, 3) if n % 2 == 0 else np.repeat(part[:, :, :1], 20, 2)
                for n, part in enumerate(context.parts)]  # fmt: skip
    plain = type(context)(tuple(constant), np.zeros(20, np.float32))
    short = condense(plain, 5)
    assert short.bias.shape == (4,)
    tokens = np.array([[257, 9]])
    whole, _ = fp32.step(tokens, fp32.empty_past(), append(context, plain, 1))
    few, _ = fp32.step(tokens, fp32.empty_past(), append(context, short, 5))
    np.testing.assert_allclose(few, whole, atol=1e-4)


def test_append_takes_only_what_lies_behind(fp32, mel):
    front, back = fp32.encode(mel[:, :14]), fp32.encode(mel)
    joined = append(front, condense(back, 5), 5)
    # 7 positions in front, 20 behind in 4 groups of 5: the groups that start at 10 and 15 remain
    assert joined.bias.shape == (9,)
    np.testing.assert_array_equal(joined.bias[:7], 0)
    np.testing.assert_allclose(joined.bias[7:], np.log(5), rtol=1e-6)
    np.testing.assert_allclose(joined.parts[1][0, 0, 7], back.parts[1][0, 0, 10:15].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(joined.parts[0][0, 0, :, 8], back.parts[0][0, 0, :, 15:20].mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("encoder", ["dynamic", "blockwise"])
def test_int8_stays_near_the_equations(tmp_path, variables, mel, encoder):
    model = WhisperModel.load(made(tmp_path, encoder=encoder), SessionFactory(), 1)
    reference = Reference(variables)
    context = reference_context(reference, reference.encode(mel))
    parts = model.encode(mel).parts
    for layer, pair in enumerate(context):
        for side, expected in enumerate(pair):
            error = apart(parts[2 * layer + side], side) - expected
            assert np.linalg.norm(error) < 0.02 * np.linalg.norm(expected)
    tokens = [257, 5, 77]
    expected = reference.decode(tokens, context)[-1]
    logits, _ = model.step(np.array([tokens]), model.empty_past(), model.encode(mel))
    assert np.linalg.norm(logits[0] - expected) < 0.04 * np.linalg.norm(expected)


def test_loud_rows_do_not_drown_quiet_ones_in_the_int8_encoder(tmp_path, mel):
    """Activations are scaled per row: a row's error depends on that row only."""
    graph = onnx.load(made(tmp_path) / "encoder_model_int8.onnx")
    kinds = [node.op_type for node in graph.graph.node]
    products = kinds.count("DynamicQuantizeMatMul")
    assert products == LAYERS * 4 + LAYERS * 2
    assert kinds.count("ReduceMax") == products
    assert "MatMulInteger" not in kinds


def test_input_and_output_embedding_are_one_tensor(tmp_path):
    graph = onnx.load(made(tmp_path) / "decoder_model_int8.onnx")
    large = [tensor.name for tensor in graph.graph.initializer if tensor.dims[:1] == [ROWS] and len(tensor.dims) == 3]
    assert large == ["decoder/embeddings/blocks"]


def test_configuration_says_what_the_files_say(tmp_path):
    described = json.loads((made(tmp_path) / "model.json").read_text())
    assert described["languages"] == {code: ct2_files.special(code) for code in ("en", "pt", "zh")}
    assert described["tokens"]["start"] == ct2_files.special("startoftranscript")
    assert described["tokens"]["no_speech"] == ct2_files.special("nocaptions")
    assert described["tokens"]["timestamps"] == ROWS - 1501
    assert (described["layers"], described["heads"], described["width"]) == (LAYERS, HEADS, WIDTH)
    assert (described["audio_positions"], described["text_positions"]) == (AUDIO, ct2_files.TEXT)
    assert described["suppress"] == [1, 2, 3]
    assert described["precision"] == "int8"


def test_a_small_vocabulary_is_taken_for_english_only(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    build(ct2_files.write_files(tmp_path), out, {})
    described = json.loads((out / "model.json").read_text())
    assert described["multilingual"] is False
    assert described["languages"] == {}


def test_same_files_give_the_same_bytes_whole_or_in_parts(tmp_path):
    folders = []
    for parts in (1, 1, 3):
        upstream = tmp_path / f"upstream{len(folders)}"
        upstream.mkdir()
        files = ct2_files.write_files(upstream, parts=parts)
        folders.append(made(tmp_path, f"out{len(folders)}", dict(reversed(files.items()))))
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == ["decoder_model_int8.onnx", "encoder_model_int8.onnx", "model.json", "tokenizer.json"]
    for name in names:
        assert len({(folder / name).read_bytes() for folder in folders}) == 1


def test_graphs_pass_the_checker(tmp_path):
    out = made(tmp_path, precision="fp32")
    for name in ("encoder", "decoder"):
        onnx.checker.check_model(onnx.load(out / f"{name}_model_fp32.onnx"))


@pytest.mark.parametrize("keep", [0, 3, 10, 40, 5000, -1])
def test_truncated_weights_are_named(tmp_path, keep):
    files = ct2_files.write_files(tmp_path)
    files["model.bin"].write_bytes(files["model.bin"].read_bytes()[:keep])
    with pytest.raises(RecipeError, match="truncated"):
        made(tmp_path, files=files)


def test_bytes_after_the_end_are_refused(tmp_path):
    files = ct2_files.write_files(tmp_path)
    files["model.bin"].write_bytes(files["model.bin"].read_bytes() + b"xyz")
    with pytest.raises(RecipeError, match="3 bytes after its end"):
        made(tmp_path, files=files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 5}, "version 5"),
        ({"specification": "TransformerSpec"}, "TransformerSpec"),
    ],
)
def test_other_formats_are_refused(tmp_path, variables, change, message):
    files = ct2_files.write_files(tmp_path)
    files["model.bin"].write_bytes(ct2_files.packed(variables, **change))
    with pytest.raises(RecipeError, match=message):
        made(tmp_path, files=files)


def test_garbage_is_refused(tmp_path):
    files = ct2_files.write_files(tmp_path)
    files["model.bin"].write_bytes(np.random.default_rng(3).bytes(4000))
    with pytest.raises(RecipeError):
        made(tmp_path, files=files)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("decoder/layer_1/ffn/linear_0/bias", None, "no variable decoder/layer_1/ffn/linear_0/bias"),
        ("decoder/layer_0/ffn/linear_0/bias", np.zeros(7, np.float32), r"shape \[7\]"),
        ("encoder/conv1/weight", np.zeros((WIDTH, MELS, 3), np.int8), "int8"),
        ("decoder/activation", np.array(0, np.int8), "GELU"),
        ("encoder/num_heads", np.array(3, np.int16), "heads"),
    ],
)
def test_models_of_another_shape_are_refused(tmp_path, variables, name, array, message):
    changed = dict(variables)
    if array is None:
        del changed[name]
    else:
        changed[name] = array
    with pytest.raises(RecipeError, match=message):
        made(tmp_path, files=ct2_files.write_files(tmp_path, changed))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b"\xff\xfe"])
def test_damaged_descriptions_are_refused(tmp_path, name, content):
    files = ct2_files.write_files(tmp_path)
    files[name].write_bytes(content)
    with pytest.raises(RecipeError, match=r"config\.json|tokenizer\.json"):
        made(tmp_path, files=files)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.bin"])
def test_missing_files_are_named(tmp_path, missing):
    files = ct2_files.write_files(tmp_path)
    del files[missing]
    with pytest.raises(RecipeError, match=missing):
        made(tmp_path, files=files)


def test_a_gap_in_the_parts_is_refused(tmp_path):
    files = ct2_files.write_files(tmp_path, parts=3)
    del files["model.bin.part2"]
    with pytest.raises(RecipeError, match="gap"):
        made(tmp_path, files=files)


@pytest.mark.parametrize("options", [{"precision": "q4"}, {"encoder": "static"}])
def test_unknown_options_are_refused(tmp_path, options):
    with pytest.raises(RecipeError, match="recipe whisper has no"):
        made(tmp_path, **options)


def test_tokenizer_must_fit_the_weights(tmp_path, variables):
    fewer = {**variables, "decoder/embeddings/weight": variables["decoder/embeddings/weight"][:-1]}
    with pytest.raises(RecipeError, match=f"{ROWS} tokens, the weights {ROWS - 1}"):
        made(tmp_path, files=ct2_files.write_files(tmp_path, fewer))


def test_quantised_weights_come_back_within_half_a_step():
    weight = np.random.default_rng(0).standard_normal((6, 2 * BLOCK)).astype(np.float32)
    weight[2] = 0
    packed, scale = per_channel(weight)
    assert np.abs(packed * scale[:, None] - weight).max() <= scale.max() / 2 + 1e-6
    assert np.abs(packed).max() == 127
    blocks, scales = per_block(weight)
    back = (blocks.astype(np.float32) - 128) * scales[:, :, None]
    assert blocks.shape == (6, 2, BLOCK)
    assert (np.abs(back.reshape(weight.shape) - weight).max(axis=1) <= scales.max(axis=1) / 2 + 1e-6).all()
    assert not back[2].any()


def test_blocks_must_divide_the_inputs():
    with pytest.raises(RecipeError, match="blocks of 128"):
        per_block(np.zeros((4, 100), np.float32))
