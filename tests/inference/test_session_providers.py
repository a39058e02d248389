"""Which provider a session runs on: measured, asked for, missing, unloadable, breaking."""

import logging
import threading

import pytest
from fake_runtime import CPU, CUDA, FakeRuntime

from edge.errors import InferenceError
from edge.inference.provider_choices import Choice, Choices, circumstances
from edge.inference.sessions import SessionFactory
from edge.settings import InferenceSettings

OPENVINO = "OpenVINOExecutionProvider"


@pytest.fixture
def runtime(monkeypatch):
    """Puts a fake runtime in the place of onnxruntime."""

    def put(**attributes):
        made = FakeRuntime(**attributes)
        monkeypatch.setattr("edge.inference.sessions.import_onnxruntime", lambda: made)
        return made

    return put


@pytest.fixture
def model(tmp_path):
    """A file of a store, and a way to write down a choice for it."""

    def chosen(runtime, provider):
        choice = {"m/f/model.onnx": Choice(provider=provider, why="measured")}
        Choices(machine=circumstances(runtime, 2), choices=choice).write(tmp_path)
        return tmp_path / "built" / "m" / "f" / "model.onnx"

    return chosen


def ran_on(session) -> str:
    return str(session.run(None, {})[0][0])


def test_without_a_measurement_the_cpu_is_used_though_there_is_more(runtime, tmp_path):
    made = runtime()
    assert ran_on(SessionFactory().open(tmp_path / "built" / "m" / "f" / "model.onnx")) == CPU
    assert made.made[0].asked == [CPU]


def test_the_measured_provider_is_used_with_its_options(runtime, model, tmp_path):
    made = runtime(available=(OPENVINO, CPU))
    assert ran_on(SessionFactory().open(model(made, OPENVINO), threads=2)) == OPENVINO
    [(name, options), cpu] = made.made[0].asked
    assert (name, cpu) == (OPENVINO, (CPU, {}))
    assert options["cache_dir"] == str(tmp_path / "provider-cache" / "openvino")
    assert options["num_of_threads"] == "2"
    assert made.made[0].options.intra_op_num_threads == 1, "both pools would fight for the cores"


def test_a_list_in_the_settings_wins(runtime, model):
    made = runtime(available=(OPENVINO, CUDA, CPU))
    file = model(made, OPENVINO)
    assert ran_on(SessionFactory(InferenceSettings(providers=(CPU,))).open(file)) == CPU
    assert ran_on(SessionFactory(InferenceSettings(providers=(CUDA, OPENVINO))).open(file)) == CUDA
    assert [name for name, _ in made.made[1].asked] == [CUDA, OPENVINO, CPU]


def test_the_cpu_first_is_the_cpu(runtime):
    made = runtime()
    assert ran_on(SessionFactory(InferenceSettings(providers=(CPU, CUDA))).open(b"graph")) == CPU
    assert made.made[0].asked == [CPU]


def test_a_graph_in_memory_has_no_choice(runtime):
    runtime()
    assert ran_on(SessionFactory().open(b"graph")) == CPU


def fails(caplog, settings, times=2):
    """Opens a graph some times; the answers come from the CPU. Returns what was told."""
    factory = SessionFactory(settings)
    with caplog.at_level(logging.WARNING):
        assert [ran_on(factory.open(b"graph")) for _ in range(times)] == [CPU] * times
    return [record.message for record in caplog.records]


ASKED = InferenceSettings(providers=(CUDA,))


def test_one_that_is_not_in_this_build_is_told_once(runtime, caplog):
    runtime(available=(CPU,))
    assert fails(caplog, ASKED) == [
        f"{CUDA} cannot be used (this onnxruntime has only {CPU}); the CPU runs it instead; run: edge doctor"
    ]


def test_one_that_cannot_be_loaded_is_told_once(runtime, caplog):
    runtime(unloadable={CUDA: "no driver\nand a long story"})
    assert fails(caplog, ASKED) == [
        f"{CUDA} cannot be used (graph cannot be loaded with it: no driver); the CPU runs it instead; run: edge doctor"
    ]


def test_one_whose_library_is_missing_is_told_though_the_runtime_is_silent(runtime, caplog):
    runtime(missing=(CUDA,))
    [line] = fails(caplog, ASKED)
    assert "its libraries or its device are missing" in line


def test_one_that_breaks_while_running_is_replaced_for_good(runtime, caplog):
    made = runtime(breaking=(CUDA,))
    session = SessionFactory(ASKED).open(b"graph")
    with caplog.at_level(logging.WARNING):
        assert [ran_on(session), ran_on(session)] == [CPU, CPU]
    [line] = [record.message for record in caplog.records]
    assert "graph failed: CUDA failure 700: an illegal memory access" in line
    assert "\n" not in line
    assert len(made.made) == 2


def test_several_threads_that_break_together_get_one_replacement(runtime):
    made = runtime(breaking=(CUDA,))
    session = SessionFactory(ASKED).open(b"graph")
    answers = []
    together = [threading.Thread(target=lambda: answers.append(ran_on(session))) for _ in range(8)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert answers == [CPU] * 8
    assert len(made.made) == 2


def test_a_failure_of_the_cpu_is_an_error(runtime):
    runtime(breaking=(CPU, CUDA))
    with pytest.raises(InferenceError, match="graph failed: CUDA failure 700"):
        SessionFactory(ASKED).open(b"graph").run(None, {})


@pytest.mark.parametrize("trouble", [{"available": (CPU,)}, {"unloadable": {CUDA: "no"}}, {"missing": (CUDA,)}])
def test_measuring_wants_the_provider_or_an_error(runtime, trouble):
    runtime(**trouble)
    with pytest.raises(InferenceError, match=f"{CUDA} cannot be used .*; run: edge doctor"):
        SessionFactory(ASKED, strict=True).open(b"graph")


def test_measuring_is_told_what_broke(runtime):
    runtime(breaking=(CUDA,))
    with pytest.raises(InferenceError, match="graph failed: CUDA failure 700"):
        SessionFactory(ASKED, strict=True).open(b"graph").run(None, {})


def test_the_logger_of_the_runtime_speaks_again_afterwards(runtime):
    made = runtime(unloadable={CUDA: "no"})
    SessionFactory(ASKED).open(b"graph")
    assert made.severities == [4, 2]
