"""quantize.py from end to end, on a tiny classifier made here and on the tiny models of every family."""

import json

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import ClassifierDescription, read_description

CLASSES = ("mug", "keys", "door", "lamp")
QUICK = ("--rounds", "3", "--methods", "dynamic", "weights8", "static")


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


@pytest.fixture
def steady(monkeypatch, _path):
    """On a clock of its own every candidate takes half as long as float: the choice is the same every time."""
    import quantize_trial
    from quantize_timing import Ratio

    monkeypatch.setattr(
        quantize_trial, "ratios", lambda _, others, *__: dict.fromkeys(others, Ratio(0.5, 0.5, 0.5, 9.0))
    )


@pytest.fixture
def folder(tmp_path):
    """A classifier as export.py leaves it."""
    random = np.random.default_rng(0)

    def tensor(name, *shape, scale=0.1):
        return numpy_helper.from_array(random.normal(0, scale, shape).astype(np.float32), name)

    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixel_values", "kernel"], ["a"], name="/stem/Conv", strides=[4, 4]),
            helper.make_node("Relu", ["a"], ["b"], name="/stem/Relu"),
            helper.make_node("GlobalAveragePool", ["b"], ["c"], name="/pool"),
            helper.make_node("Flatten", ["c"], ["d"], name="/flat"),
            helper.make_node("MatMul", ["d", "w1"], ["e"], name="/block/MatMul"),
            helper.make_node("Tanh", ["e"], ["f"], name="/block/Tanh"),
            helper.make_node("Gemm", ["f", "w2", "bias"], ["logits"], name="/head/Gemm"),
        ],
        "tiny",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(CLASSES)])],
        [tensor("kernel", 64, 3, 4, 4), tensor("w1", 64, 512), tensor("w2", 512, 4), tensor("bias", 4)],
    )
    made = tmp_path / "float"
    made.mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, made / "model.onnx")
    steps = {"fit": "squash", "height": 32, "width": 32}
    description = {"format": 2, "family": "classifier", "precision": "fp32", "graphs": {"model": "model.onnx"}}
    (made / "model.json").write_text(json.dumps({**description, "labels": CLASSES, "preprocessing": steps}))
    (made / "LICENSE").write_text("MIT")
    provenance(made)
    return made


def provenance(made):
    from provenance import Provenance

    Provenance(
        id="tiny-vit", task="image-recognition", architecture="vit", repository="tiny", revision="", licence="MIT",
        parameters=1, upstream={}, versions={}, seconds={"export": 1.0}, parity=[],
    ).write(made)  # fmt: skip


@pytest.fixture
def quantize(folder, tmp_path, capsys):
    """Function: run the script on the tiny classifier; exit status, what it printed, what it complained about."""
    import quantize as script

    def run(*arguments, source=folder, out=tmp_path / "out"):
        status = script.main([str(source), "--out", str(out), *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def record(out):
    return json.loads((out / "provenance.json").read_text())["quantization"]


def test_a_folder_is_made_whole(steady, quantize, tmp_path, folder):
    status, printed, _ = quantize(*QUICK)
    assert status == 0
    description = read_description(tmp_path / "out", ClassifierDescription, "tiny")
    assert description.precision in {"int8", "q8"}
    assert description.graphs["model"] == f"model_{description.precision}.onnx"
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"LICENSE", "model.json", "provenance.json", description.graphs["model"]}
    assert (tmp_path / "out" / description.graphs["model"]).stat().st_size < (folder / "model.onnx").stat().st_size
    assert "48 synthetic pictures" in printed
    assert "static: calibrated on 48 synthetic pictures" in printed
    assert "taken" in printed
    assert printed.rstrip().endswith(f"next: scripts/gate.py {tmp_path / 'out'} --against {folder}")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_table_goes_into_provenance(quantize, tmp_path):
    quantize(*QUICK)
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())
    found = told["quantization"]
    assert told["seconds"].keys() == {"export", "quantize"}
    assert found["rounds"] == 3
    graph = found["graphs"]["model"]
    rows = {row["name"]: row for row in graph["candidates"]}
    assert [*rows] == ["float", "dynamic", "weights8", "static"]
    assert graph["chosen"] in graph["front"]
    assert graph["data"] == "48 synthetic pictures"
    for row in rows.values():
        low, high = row["time_spread"]
        assert low <= row["time_ratio"] <= high
        assert row["sqnr_db"] > 20
    assert rows["dynamic"]["size_mb"] < rows["float"]["size_mb"]


def test_the_chosen_graph_answers_like_float(steady, quantize, tmp_path, folder):
    quantize(*QUICK)
    name = record(tmp_path / "out")["graphs"]["model"]["file"]
    x = {"pixel_values": np.random.default_rng(1).random((1, 3, 32, 32), dtype=np.float32)}
    one, two = (
        SessionFactory().open(path).run(None, x)[0] for path in (folder / "model.onnx", tmp_path / "out" / name)
    )
    assert np.abs(one - two).max() < 0.1 * np.abs(one).max()


def test_a_broken_candidate_is_seen_as_broken(quantize, tmp_path, monkeypatch):
    from quantize_methods import METHODS, Method

    def broken(model, excluded, calibration):
        made = METHODS["dynamic"].make(model, excluded, calibration)
        for tensor in made.graph.initializer:
            if tensor.name == "w1/int8_scale":
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 30, tensor.name))
        return made

    import quantize as script

    monkeypatch.setattr(script, "METHODS", {**METHODS, "broken": Method(broken, METHODS["dynamic"].kinds, "int8")})
    monkeypatch.setitem(METHODS, "broken", script.METHODS["broken"])
    status, printed, _ = quantize("--methods", "broken", "--rounds", 3)
    assert status == 0
    graph = record(tmp_path / "out")["graphs"]["model"]
    rows = {row["name"]: row for row in graph["candidates"]}
    assert rows["broken"]["sqnr_db"] < 6
    assert rows["broken"]["time_ratio"] is None
    assert "broken" not in graph["front"]
    assert graph["sensitivity"]["broken"][0]["group"] == "block/MatMul"
    assert rows["broken-1"]["excluded"] == ["block/MatMul"]
    assert rows["broken-1"]["sqnr_db"] > 20
    assert "suffers most in: block/MatMul" in printed.replace("\n", " ")


def test_float_stays_where_nothing_is_faithful_enough(quantize, tmp_path):
    status, _, _ = quantize("--methods", "weights8", "--rounds", 3, "--min-fidelity", 120)
    assert status == 0
    assert read_description(tmp_path / "out", ClassifierDescription, "tiny").precision == "fp32"
    assert (tmp_path / "out" / "model.onnx").is_file()


def test_pictures_of_a_folder_calibrate(quantize, tmp_path):
    data = tmp_path / "photos" / "mug"
    data.mkdir(parents=True)
    for number in range(5):
        cv2.imwrite(str(data / f"{number}.png"), np.full((40, 50, 3), 40 * number, np.uint8))
    quantize("--methods", "static", "--rounds", 3, "--data", tmp_path / "photos")
    assert record(tmp_path / "out")["graphs"]["model"]["data"] == "5 pictures of photos"


def test_what_came_too_late_is_told(quantize, tmp_path, monkeypatch):
    import quantize_trial

    class Late:
        @staticmethod
        def monotonic():
            return 1e12

    monkeypatch.setattr(quantize_trial, "time", Late)
    status, printed, _ = quantize("--methods", "dynamic", "weights8", "--rounds", 2)
    assert status == 0
    assert "weights8: not tried: out of time" in printed


def test_a_bare_graph_for_pictures(steady, quantize, tmp_path, folder):
    status, _, _ = quantize(*QUICK, source=folder / "model.onnx")
    assert status == 0
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert "quantization.json" in files
    assert len(files) == 2


def test_the_same_choice_gives_the_same_bytes(steady, quantize, tmp_path):
    for out in ("one", "two"):
        quantize("--methods", "weights8", "--rounds", 2, out=tmp_path / out)
    one, two = ((tmp_path / out / "model_q8.onnx").read_bytes() for out in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "magic"], "no method named 'magic'; known are dynamic, rows, weights8"),
        (["--data", "nowhere"], "nowhere is not a folder; give --data a folder of pictures"),
        (["--rounds", "0"], "--rounds and --time-limit are more than 0"),
    ],
)
def test_bad_options(quantize, tmp_path, arguments, message):
    status, _, complaint = quantize(*arguments)
    assert status == 2
    assert complaint.startswith(f"quantize: {message}")
    assert complaint.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_calibration_folder_without_pictures(quantize, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, complaint = quantize("--data", tmp_path / "empty")
    assert status == 2
    assert "empty holds no pictures (.jpg" in complaint
    assert not (tmp_path / "out").exists()


def test_a_picture_that_is_none(quantize, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"not a picture")
    status, _, complaint = quantize("--data", tmp_path / "photos")
    assert status == 2
    assert "a.jpg is no picture that can be decoded" in complaint


def test_a_folder_that_is_not_there(quantize, tmp_path):
    assert quantize(source=tmp_path / "none")[::2] == (
        2, f"quantize: {tmp_path / 'none'} is not there; make it with: scripts/export.py\n"
    )  # fmt: skip


def test_a_folder_that_export_did_not_make(quantize, tmp_path):
    (tmp_path / "strange").mkdir()
    status, _, complaint = quantize(source=tmp_path / "strange")
    assert status == 2
    assert "strange has no provenance.json; make it with: scripts/export.py" in complaint


def test_a_folder_of_an_unknown_family(quantize, folder):
    (folder / "model.json").write_text('{"family": "horoscope"}')
    status, _, complaint = quantize()
    assert status == 2
    assert "has no model.json of a known family" in complaint


def test_a_quantised_folder_given_as_float(steady, quantize, tmp_path):
    quantize(*QUICK)
    status, _, complaint = quantize(source=tmp_path / "out", out=tmp_path / "again")
    assert status == 2
    assert "quantised already" in complaint
    assert not (tmp_path / "again").exists()


def test_a_graph_that_does_not_take_what_its_description_says(quantize, folder):
    model = onnx.load(folder / "model.onnx")
    model.graph.input[0].name = model.graph.node[0].input[0] = "image"
    onnx.save(model, folder / "model.onnx")
    status, _, complaint = quantize()
    assert status == 2
    assert complaint.count("\n") == 1


def test_nothing_is_replaced_unasked(quantize, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    assert "is there already; name another folder, or replace it with --force" in quantize()[2]
    assert "was not made by this script" in quantize("--force")[2]
    assert (out / "mine.txt").read_text() == "precious"


def test_what_was_made_here_is_replaced_when_asked(quantize, tmp_path):
    quantize("--methods", "weights8", "--rounds", 2)
    assert quantize("--methods", "dynamic", "--rounds", 2)[0] == 2
    assert quantize("--methods", "dynamic", "--rounds", 2, "--force")[0] == 0
    assert [row["name"] for row in record(tmp_path / "out")["graphs"]["model"]["candidates"]] == ["float", "dynamic"]


def test_the_float_folder_is_never_overwritten(quantize, folder):
    status, _, complaint = quantize("--force", out=folder)
    assert status == 2
    assert "holds the float graphs" in complaint
    assert (folder / "model.onnx").is_file()


FAMILIES = {
    "vit": {"model"},
    "yolos": {"model"},
    "clip": {"image", "text"},
    "marian": {"encoder", "decoder"},
    "whisper": {"encoder", "decoder"},
}


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_family_is_quantised(steady, model_type, exported, quantize, tmp_path):
    status, _, complaint = quantize("--methods", "dynamic", "weights8", "--rounds", 2, source=exported(model_type))
    assert (status, complaint) == (0, "")
    found = record(tmp_path / "out")["graphs"]
    assert found.keys() == FAMILIES[model_type]
    assert {graph["chosen"] for graph in found.values()} != {"float"}
    for graph in found.values():
        assert (tmp_path / "out" / graph["file"]).is_file()
        rows = {row["name"]: row for row in graph["candidates"]}
        assert rows["weights8"]["sqnr_db"] > 25
        assert rows["weights8"]["size_mb"] < 0.9 * rows["float"]["size_mb"]


def test_a_whisper_of_any_choice_can_be_loaded(exported, quantize, tmp_path):
    from edge.perception.whisper_model import WhisperModel

    quantize("--methods", "weights8", "--rounds", 2, source=exported("whisper"))
    assert WhisperModel.load(tmp_path / "out", SessionFactory(), threads=1).empty_past()


def test_a_search_that_fails_leaves_the_rest_of_the_table(quantize, tmp_path, monkeypatch):
    import quantize_trial

    from edge.errors import ExportError

    def fail(*_):
        raise ExportError("no luck today")

    monkeypatch.setattr(quantize_trial, "measure", fail)
    status, printed, _ = quantize("--methods", "weights4", "weights8", "--rounds", 2, "--min-fidelity", 22)
    assert status == 0
    assert "weights4, partly: no luck today" in printed
    names = [row["name"] for row in record(tmp_path / "out")["graphs"]["model"]["candidates"]]
    assert names == ["float", "weights4", "weights4, partly", "weights8"]
