"""What a model was really asked is kept, and can be asked again."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.bench.provider_recording import KEPT, Recording, RecordingSessions, Run, read_runs, record
from edge.bench.stage import Prepared, Stage
from edge.errors import BenchmarkError, ModelNotFoundError
from edge.hub.store import ModelStore
from edge.inference.sessions import float32
from edge.settings import InferenceSettings, Settings


@pytest.fixture
def model(tmp_path):
    """y = x + x, as a file of a store."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice", value[:1], value[1:])
    file = tmp_path / "built" / "m" / "f00d" / "model.onnx"
    file.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


def asking(model, times=1, threads=1):
    """A stage that asks the model so often, with 0, 1, 2 ... times an array that it uses again."""

    def prepare(bench):
        session = bench.sessions.open(model, threads=threads)
        array = float32(np.zeros(3))

        def sample():
            for _ in range(times):
                session.run(["y"], {"x": array})
                array[:] += 1  # a recording must have its own copy

        return Prepared([sample])

    return Stage("fake.twice", "one", prepare)


def recorded(tmp_path, *stages, threads=2):
    said = []
    settings = Settings(inference=InferenceSettings(threads=threads))
    return record(stages, ModelStore(tmp_path), settings, said.append), said


def test_inputs_and_outputs_are_kept_as_they_were(tmp_path, model):
    [found], said = recorded(tmp_path, asking(model, 2, threads=2))
    assert said == []
    assert (found.model, found.threads) == (model, 2)
    assert [run.inputs["x"].tolist() for run in found.runs] == [[0.0] * 3, [1.0] * 3]
    assert [run.outputs["y"].tolist() for run in found.runs] == [[0.0] * 3, [2.0] * 3]


def test_early_and_late_runs_are_kept(tmp_path, model):
    [found], _ = recorded(tmp_path, asking(model, 40))
    assert [run.inputs["x"][0] for run in found.runs] == list(KEPT)
    assert found.seen == 40


def test_two_stages_with_one_model_are_one_recording_with_the_most_threads(tmp_path, model):
    [found], _ = recorded(tmp_path, asking(model, threads=2), asking(model, threads=1))
    assert (len(found.runs), found.threads) == (2, 2)


def test_threads_are_capped_as_in_the_program(tmp_path, model):
    [found], _ = recorded(tmp_path, asking(model, threads=8), threads=1)
    assert found.threads == 1


def test_a_stage_without_its_model_is_told_and_the_others_run(tmp_path, model):
    def prepare(bench):
        raise ModelNotFoundError("whisper-base")

    found, said = recorded(tmp_path, Stage("fake.missing", "one", prepare), asking(model))
    assert len(found) == 1
    assert said == [
        "fake.missing: left out (model whisper-base is not installed; run: edge models pull whisper-base)",
    ]


def test_a_state_is_put_back_before_each_sample(tmp_path):
    seen = []
    prepared = Prepared([lambda: seen.append("ran"), lambda: seen.append("ran")], before_each=lambda: seen.append("-"))
    assert recorded(tmp_path, Stage("fake.state", "one", lambda bench: prepared)) == ([], [])
    assert seen == ["-", "ran", "-", "ran"]


def test_graphs_in_memory_are_not_recorded(model):
    sessions = RecordingSessions(InferenceSettings())
    assert sessions.open(model.read_bytes()).run(None, {"x": float32([4])})[0].tolist() == [8.0]
    assert sessions.recordings == {}


def test_outputs_without_names_are_named_after_the_graph(model):
    sessions = RecordingSessions(InferenceSettings())
    sessions.open(model).run(None, {"x": float32([4])})
    assert sessions.recordings[model].runs[0].outputs["y"].tolist() == [8.0]


def test_the_cpu_is_asked_whatever_the_settings_say():
    assert RecordingSessions(InferenceSettings(providers=("CUDAExecutionProvider",))).providers() == [
        "CPUExecutionProvider"
    ]


def test_runs_survive_the_file(tmp_path):
    recording = Recording(tmp_path / "m.onnx", 1)
    runs = [Run({"a|b": np.array([1, 2]), "c": float32([n])}, {"y": float32([[n]])}) for n in range(3)]
    for run in runs:
        recording.keep(run)
    recording.save(tmp_path / "runs.npz")
    found = read_runs(tmp_path / "runs.npz")
    assert len(found) == 2, "the third is not kept"
    for run, right in zip(found, runs[:2], strict=True):
        assert list(run.inputs) == ["a|b", "c"]
        assert run.inputs["a|b"].dtype == right.inputs["a|b"].dtype
        np.testing.assert_array_equal(run.inputs["c"], right.inputs["c"])
        np.testing.assert_array_equal(run.outputs["y"], right.outputs["y"])


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_recording_is_told(tmp_path, content):
    (tmp_path / "runs.npz").write_bytes(content)
    with pytest.raises(BenchmarkError, match=r"is no recording of a model; run: edge bench --providers"):
        read_runs(tmp_path / "runs.npz")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BenchmarkError, match=r"none\.npz is no recording"):
        read_runs(tmp_path / "none.npz")
