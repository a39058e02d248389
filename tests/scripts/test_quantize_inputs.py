"""What graphs are judged with."""

import json
import wave

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


def bare(tmp_path, shape=("batch", 3, 20, 24), kind=TensorProto.FLOAT, second=False):
    """A graph that gives back its input."""
    inputs = [helper.make_tensor_value_info("image", kind, list(shape))]
    nodes = [helper.make_node("Identity", ["image"], ["same"])]
    if second:
        inputs.append(helper.make_tensor_value_info("other", kind, list(shape)))
        nodes = [helper.make_node("Add", ["image", "other"], ["same"])]
    outputs = [helper.make_tensor_value_info("same", kind, list(shape))]
    graph = helper.make_graph(nodes, "bare", inputs, outputs)
    file = tmp_path / "graph.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return file


def made(source, data=None):
    from quantize_inputs import inputs_of

    return inputs_of(source, data)


def photos(folder, count, value=10):
    folder.mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.full((30, 40, 3), value * number % 256, np.uint8))
    return folder


def test_a_bare_graph_gets_pictures_of_its_size(tmp_path):
    found = made(bare(tmp_path))["model"]
    assert {feed["image"].shape for feed in (*found.calibration, *found.check)} == {(1, 3, 20, 24)}
    assert (len(found.calibration), len(found.check)) == (16, 32)
    assert found.outputs == ("same",)
    assert found.vision
    assert found.data == "48 synthetic pictures"


def test_a_dynamic_size_is_the_usual_one(tmp_path):
    found = made(bare(tmp_path, ("batch", 3, "height", "width")))["model"]
    assert found.check[0]["image"].shape == (1, 3, 224, 224)


@pytest.mark.parametrize(
    "wrong", [{"shape": ("batch", 5, 20, 24)}, {"shape": ("n", 80)}, {"kind": TensorProto.INT64}, {"second": True}]
)
def test_a_bare_graph_that_takes_no_pictures_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="does not take pictures"):
        made(bare(tmp_path, **wrong))


def test_calibration_and_judgement_see_different_pictures(tmp_path):
    found = made(bare(tmp_path))["model"]
    calibrating = {feed["image"].tobytes() for feed in found.calibration}
    assert not calibrating & {feed["image"].tobytes() for feed in found.check}


def test_synthetic_pictures_are_always_the_same(tmp_path):
    one, two = (made(bare(tmp_path))["model"] for _ in range(2))
    assert all(np.array_equal(a["image"], b["image"]) for a, b in zip(one.check, two.check, strict=True))


def test_pictures_of_a_folder_are_spread_over_it(tmp_path):
    found = made(bare(tmp_path), photos(tmp_path / "photos" / "mugs", 60, value=4).parent)["model"]
    assert found.data == "48 pictures of photos"
    for feeds in (found.calibration, found.check):
        values = [float(feed["image"].mean()) for feed in feeds]
        assert values == sorted(values)
        assert values[-1] - values[0] > 3


def test_few_pictures_are_shared_out(tmp_path):
    found = made(bare(tmp_path), photos(tmp_path / "photos", 5))["model"]
    assert (len(found.calibration), len(found.check)) == (2, 3)
    single = made(bare(tmp_path), photos(tmp_path / "one", 1))["model"]
    assert (len(single.calibration), len(single.check)) == (1, 1)


@given(st.lists(st.integers(), min_size=1, max_size=40), st.integers(1, 30))
def test_a_spread_keeps_the_order_and_the_ends(items, count):
    from quantize_inputs import spread

    found = spread([*enumerate(items)], count)
    assert len(found) == min(count, len(items))
    assert found == sorted(found)
    assert found[0][0] == 0
    assert count == 1 or found[-1][0] == len(items) - 1


def test_a_folder_without_a_description(tmp_path):
    with pytest.raises(ValueError, match=r"no model\.json of a known family; make it with: scripts/export\.py"):
        made(tmp_path)


def test_a_description_that_promises_another_file(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"family": "classifier", "graphs": {"model": "none.onnx"}}))
    with pytest.raises(ValueError, match=r"model\.json is corrupt"):
        made(tmp_path)


def test_sentences_of_the_language_that_is_read(exported, tmp_path):
    data = tmp_path / "flores"
    data.mkdir()
    (data / "dev.en").write_text("\n\n".join(f"Good morning number {index}." for index in range(40)))
    (data / "dev.de").write_text("Guten Morgen.")
    found = made(exported("marian"), data)
    assert found["encoder"].data == "16 sentences of flores/dev.en"
    assert found["encoder"].check[0]["input_ids"].shape[0] == 1
    step = found["decoder"].check[-1]
    assert step["use_cache_branch"].tolist() == [True]
    assert step["input_ids"].shape == (1, 1)
    assert step["past_key_values.0.decoder.key"].shape[2] > 0
    with pytest.raises(ValueError, match=r"holds no files \*\.en"):
        made(exported("marian"), photos(tmp_path / "photos", 1))


def test_sounds_of_a_folder(exported, tmp_path):
    data = tmp_path / "clips"
    data.mkdir()
    for number in range(3):
        with wave.open(str(data / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(
                np.random.default_rng(number).integers(-99, 99, 8000 * (number + 2)).astype("<i2").tobytes()
            )
    found = made(exported("whisper"), data)
    assert found["encoder"].data == "3 sounds of clips"
    assert {feed["mel"].shape[2] % 2 for feed in found["encoder"].check} == {0}
    assert found["decoder"].outputs == ("logits",)
    assert len({feed["past_key_0"].shape[2] for feed in found["decoder"].check}) > 2


def test_a_tower_for_words_gets_what_the_program_gives_it(exported):
    found = made(exported("clip"))
    assert found["text"].outputs == ("text_embeds",)
    assert found["text"].check[0]["input_ids"].dtype == np.int64
    assert found["image"].vision
    assert not found["text"].vision


def test_a_mask_is_given_where_it_is_asked_for(exported, tmp_path):
    from quantize_inputs import inputs_of

    folder = exported("yolos")
    asked = json.loads((folder / "model.json").read_text())["masked"]
    feed = inputs_of(folder)["model"].check[0]
    assert ("pixel_mask" in feed) == asked
