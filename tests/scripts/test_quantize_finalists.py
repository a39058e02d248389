"""Quality on real data decides among the last few: scores are faked here, but for the last test."""

import json

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


def candidate(name, size_mb, median, sqnr_db):
    from quantize_choice import Candidate, unchanged
    from quantize_timing import Ratio

    if name == "float":
        return unchanged(size_mb)
    return Candidate(name, "q8", size_mb, Ratio(median, median, median, 50.0), sqnr_db)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "float"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"graphs": {"encoder": "encoder.onnx", "decoder": "decoder.onnx"}}))
    return folder


@pytest.fixture
def trial_of(source, tmp_path):
    """Function: a trial of a graph with candidates whose files hold their own name."""
    from quantize_inputs import Inputs
    from quantize_trial import Trial

    def make(role, *candidates):
        files = {}
        for one in candidates:
            files[one.name] = (source if one.name == "float" else tmp_path) / f"{role}.onnx"
            if one.name != "float":
                files[one.name] = tmp_path / f"{role}.{one.name}.onnx"
            files[one.name].write_text(one.name)
        inputs = Inputs(source / f"{role}.onnx", [], [], "nothing", ("y",))
        return Trial(inputs, list(candidates), files)

    return make


@pytest.fixture
def judge(source, tmp_path, monkeypatch):
    """Function: trials and WER by content of the graphs -> runs the finalists; what was measured."""
    import quantize_finalists
    from quality import Score
    from quantize_trial import Wishes

    def run(trials, errors, metric="WER", better="lower"):
        seen = []

        def measure(folder, data, limit):
            graphs = json.loads((folder / "model.json").read_text())["graphs"]
            held = tuple((folder / name).read_text() for name in graphs.values())
            seen.append(held)
            worst = (max if better == "lower" else min)(errors[one] for one in held)
            return [Score(metric, worst, better, "clips", limit)]

        monkeypatch.setattr(quantize_finalists, "measure", measure)
        by_quality = quantize_finalists.by_quality(source, tmp_path, 40)
        quantize_finalists.judge_finalists(source, trials, Wishes((), 20.0, 0.0, "avx2"), by_quality)
        return seen

    return run


def row(trial, name):
    return next(one for one in trial.candidates if one.name == name)


def test_what_loses_too_much_is_refused_and_the_next_is_taken(trial_of, judge):
    whole = candidate("float", 100, 1, 150)
    trials = {
        "encoder": trial_of("encoder", whole, candidate("fast", 25, 0.4, 22), candidate("slow", 25, 0.7, 30)),
        "decoder": trial_of("decoder", whole, candidate("fast", 25, 0.4, 22)),
    }
    errors = {"float": 8.0, "fast": 12.0, "slow": 8.4}
    judge(trials, errors)
    encoder = trials["encoder"]
    assert encoder.chosen == "slow"
    assert row(encoder, "fast").refused == "WER rises by 4.0 (limit 0.5), from 8.0 to 12.0 on clips, 40 items"
    assert row(encoder, "fast").scores == {"WER on clips": 12.0}
    assert row(encoder, "slow").refused == ""
    assert trials["decoder"].chosen == "float"


def test_a_finalist_is_judged_with_what_is_decided_and_the_rest_in_float(trial_of, judge):
    trials = {
        "encoder": trial_of("encoder", candidate("float", 100, 1, 150), candidate("small", 25, 0.4, 22)),
        "decoder": trial_of("decoder", candidate("float", 100, 1, 150), candidate("tiny", 20, 0.4, 22)),
    }
    seen = judge(trials, {"float": 8.0, "small": 8.0, "tiny": 8.0})
    assert seen == [("float", "float"), ("small", "float"), ("small", "tiny")]
    assert (trials["encoder"].chosen, trials["decoder"].chosen) == ("small", "tiny")


def test_a_gain_is_no_loss(trial_of, judge):
    trials = {
        "encoder": trial_of("encoder", candidate("float", 100, 1, 150), candidate("small", 25, 0.4, 22)),
        "decoder": trial_of("decoder", candidate("float", 100, 1, 150)),
    }
    judge(trials, {"float": 30.0, "small": 31.0}, metric="BLEU", better="higher")
    assert trials["encoder"].chosen == "small"


def test_without_data_the_first_whose_answers_are_those_of_float_is_taken(trial_of, source):
    from quantize_finalists import Verdict, judge_finalists
    from quantize_trial import Wishes

    others = [candidate(f"c{index}", 25 + index, 0.4 + index / 20, 22 + index) for index in range(5)]
    trials = {"encoder": trial_of("encoder", candidate("float", 100, 1, 150), *others)}
    (source / "model.json").write_text(json.dumps({"graphs": {"encoder": "encoder.onnx"}}))
    seen = []

    def judge(folder):
        seen.append((folder / "encoder_q8.onnx").read_text())
        return Verdict({"agreement": 0.5}, "" if seen[-1] == "c2" else "agreement is 0.5")

    judge_finalists(source, trials, Wishes((), 20.0, 0.0, "avx2"), judge, most=9, first=True)
    assert seen == ["c0", "c1", "c2"]
    assert trials["encoder"].chosen == "c2"
    assert row(trials["encoder"], "c1").refused == "agreement is 0.5"


@pytest.mark.parametrize(("sure", "taken"), [("c1", "c1"), ("nobody", "c0")])
def test_a_doubtful_one_is_taken_only_where_no_other_passes(trial_of, source, sure, taken):
    from quantize_finalists import Verdict, judge_finalists
    from quantize_trial import Wishes

    (source / "model.json").write_text(json.dumps({"graphs": {"encoder": "encoder.onnx"}}))
    others = [candidate(f"c{index}", 25 + index, 0.4 + index / 20, 22 + index) for index in range(3)]
    trials = {"encoder": trial_of("encoder", candidate("float", 100, 1, 150), *others)}

    def judge(folder):
        return Verdict(doubtful=(folder / "encoder_q8.onnx").read_text() != sure)

    judge_finalists(source, trials, Wishes((), 20.0, 0.0, "avx2"), judge, most=9, first=True)
    assert trials["encoder"].chosen == taken


@pytest.mark.parametrize(
    ("wrong", "refused", "doubtful"),
    [(0, False, False), (2, False, False), (3, False, True), (4, False, True), (5, True, True)],
)
def test_half_of_what_the_gate_allows_is_sure(tmp_path, monkeypatch, wrong, refused, doubtful):
    import quantize_finalists
    from quality_subjects import Subject

    asked = []

    def load(folder):
        def answer(_):
            asked.append(folder)
            return ["cup", "mug"] if folder == tmp_path or len(asked) > 48 + wrong else ["mug", "cup"]

        return Subject("recognition", answer)

    monkeypatch.setattr(quantize_finalists, "load", load)
    verdict = quantize_finalists.by_agreement(tmp_path)(tmp_path / "made")
    assert (bool(verdict.refused), verdict.doubtful) == (refused, doubtful)
    assert verdict.scores == {"agreement on 48 synthetic pictures": round(1 - wrong / 48, 3)}


def test_float_is_left_where_all_are_refused(trial_of, source):
    from quantize_finalists import Verdict, judge_finalists
    from quantize_trial import Wishes

    (source / "model.json").write_text(json.dumps({"graphs": {"encoder": "encoder.onnx"}}))
    trials = {"encoder": trial_of("encoder", candidate("float", 100, 1, 150), candidate("c", 25, 0.4, 30))}
    judge_finalists(source, trials, Wishes((), 20.0, 0.0, "avx2"), lambda _: Verdict({}, "no"))
    assert trials["encoder"].chosen == "float"


@pytest.mark.parametrize(
    ("kind", "count"), [("translation", 12), ("speech", 4), ("recognition", 48), ("detection", 12)]
)
def test_as_many_items_as_the_gate_has_but_other_ones(kind, count):
    import quality
    from quality_subjects import Subject
    from quantize_finalists import items_for

    subject = Subject(kind, lambda item: item, ("en",))
    mine, theirs = items_for(subject), quality.tasks(subject, None)[0]
    assert len(mine.items) == len(theirs.items) == count
    assert mine.data == theirs.data
    if kind in {"recognition", "detection"}:
        assert not {item.tobytes() for item in mine.items} & {item.tobytes() for item in theirs.items}


def test_only_a_few_faithful_ones_of_the_front_are_measured(trial_of):
    from quantize_finalists import finalists
    from quantize_trial import Wishes

    others = [candidate(f"c{index}", 25 + index, 0.4 + index / 50, 22 + index) for index in range(6)]
    trial = trial_of("encoder", candidate("float", 100, 1, 150), *others, candidate("bad", 10, 0.1, 5))
    found = [one.name for one in finalists(trial, Wishes((), 20.0, 0.0, "avx2"))]
    assert found == ["c0", "c1", "c2"]


def test_quality_of_a_tiny_classifier(tmp_path, capsys):
    """No fakes: a net that knows red from blue, whose broken form does not."""
    import quantize
    import quantize_trial
    from provenance import Provenance
    from quantize_methods import METHODS, Method
    from quantize_timing import Ratio

    folder = tmp_path / "float"
    folder.mkdir()
    head = np.zeros((3, 400), np.float32)
    head[0, 0], head[2, 1] = 9, 9
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pixel_values"], ["a"], name="/pool"),
            helper.make_node("Flatten", ["a"], ["b"], name="/flat"),
            helper.make_node("MatMul", ["b", "w"], ["logits"], name="/head/MatMul"),
        ],
        "colours",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 400])],
        [numpy_helper.from_array(head, "w")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "model.onnx")
    labels = ["red", "blue", *(f"thing {index}" for index in range(398))]
    (folder / "model.json").write_text(json.dumps({
        "family": "classifier", "graphs": {"model": "model.onnx"}, "labels": labels,
        "preprocessing": {"fit": "squash", "height": 8, "width": 8},
    }))  # fmt: skip
    Provenance(
        id="colours", task="image-recognition", architecture="vit", repository="x", revision="", licence="MIT",
        parameters=1, upstream={}, versions={}, parity=[],
    ).write(folder)  # fmt: skip
    for name, colour in (("red", (0, 0, 255)), ("blue", (255, 0, 180))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            values = np.clip(np.array(colour) - 20 * number, 0, 255)
            cv2.imwrite(str(tmp_path / "photos" / name / f"{number}.png"), np.full((9, 9, 3), values, np.uint8))

    def broken(model, excluded, calibration):
        made = METHODS["weights8"].make(model, excluded, calibration)
        for tensor in made.graph.initializer:
            if tensor.name.endswith("_scale"):
                scale = numpy_helper.to_array(tensor).copy()
                scale[1] *= 0.5
                tensor.CopyFrom(numpy_helper.from_array(scale, tensor.name))
        return made

    everything = [str(folder), "--out", str(tmp_path / "out"), "--data", str(tmp_path / "photos"), "--rounds", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize_trial, "ratios", lambda _, others, *__: dict.fromkeys(others, Ratio(0.5, 0.5, 0.5, 9.0)))
        patch.setitem(METHODS, "broken", Method(broken, METHODS["weights8"].kinds, "q8"))
        arguments = [*everything, "--limit", "8", "--methods", "broken", "--min-fidelity", "1", "--min-agreement", "0"]
        assert quantize.main(arguments) == 0
    graph_told = json.loads((tmp_path / "out" / "provenance.json").read_text())["quantization"]["graphs"]["model"]
    rows = {one["name"]: one for one in graph_told["candidates"]}
    assert graph_told["chosen"] == "float"
    assert rows["broken"]["scores"]["top-1 on photos"] == 50
    assert "top-1 falls by 50.0 (limit 0.5)" in rows["broken"]["refused"]
    assert "refused: top-1 falls by 50.0" in capsys.readouterr().out.replace("\n", " ")
