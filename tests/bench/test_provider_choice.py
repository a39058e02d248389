"""Which provider is chosen for a model: faster by a tenth and agreeing, else the CPU, whatever breaks."""

import json
import sys

import pytest
from fake_runtime import CPU, CUDA, FakeRuntime

from edge import cli
from edge.bench import provider_choice
from edge.bench.provider_choice import ROUNDS, Trial, choose, chosen, line, tried, try_in_process
from edge.bench.provider_recording import Recording, Run
from edge.bench.provider_trial import LONGEST_REASON, TrialAnswer, TrialOrder
from edge.bench.stage import Prepared, Stage
from edge.errors import BenchmarkError
from edge.hub.store import ModelStore
from edge.inference.provider_choices import FILE, ChosenProviders, describe, read_choices
from edge.inference.sessions import float32
from edge.settings import InferenceSettings, Settings

TENSORRT = "TensorrtExecutionProvider"
KEY = "whisper-base/32e3/encoder.onnx"
SETTINGS = Settings(inference=InferenceSettings(threads=2))
PAGES = "exception in std::basic_format_string<char>\n" * 40


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "built" / KEY
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    return file


@pytest.fixture
def recording(model):
    made = Recording(model, 2)
    made.keep(Run({"x": float32([1])}, {"y": float32([2])}))
    return made


@pytest.fixture
def runtime(monkeypatch):
    def put(**attributes):
        made = FakeRuntime(**attributes)
        monkeypatch.setattr("edge.inference.sessions.import_onnxruntime", lambda: made)
        monkeypatch.setattr("edge.bench.provider_choice.import_onnxruntime", lambda: made)
        return made

    return put


@pytest.fixture
def attempts(monkeypatch):
    """Plays processes: provider -> its answers in turn, the last one for ever; gives the providers that were tried."""

    def play(**answers):
        asked = []

        def attempt(order):
            so_far = asked.count(order.provider)
            asked.append(order.provider)
            of_it = answers[order.provider.removesuffix("ExecutionProvider")]
            return of_it[min(so_far, len(of_it) - 1)]

        monkeypatch.setattr(provider_choice, "try_in_process", attempt)
        return attempt, asked

    return play


def took(*turns_ms, **more):
    return [TrialAnswer(turn_ms=turn_ms, load_ms=5.0, **more) for turn_ms in turns_ms]


def stage(model):
    """A stage that asks the model once."""

    def prepare(bench):
        session = bench.sessions.open(model, threads=2)
        return Prepared([lambda: session.run(["y"], {"x": float32([1])})])

    return Stage("fake.encoder", "one", prepare)


def judged(recording, tmp_path, attempt, names=(CUDA,)):
    return tried(recording, names, tmp_path, attempt)


class TestOneModel:
    def test_faster_and_agreeing_is_chosen(self, recording, tmp_path, attempts):
        attempt, asked = attempts(CPU=took(11, 10), CUDA=took(4, 5, difference=0.001))
        cpu, cuda = judged(recording, tmp_path, attempt)
        assert (cpu.chosen, cuda.chosen) == (False, True)
        assert (cuda.speedup, cuda.difference, cuda.refused) == (2.0, 0.001, None)
        assert (cuda.model, cuda.threads, cuda.runs) == ("whisper-base/encoder.onnx", 2, 1)
        assert (cuda.turns_ms, cuda.load_ms) == ((4.0, 5.0), 5.0)
        assert asked == [CPU, CUDA] * ROUNDS, "in turns, for a machine gets hot"

    @pytest.mark.parametrize(("cuda_ms", "is_chosen"), [(10.0 / 1.11, True), (10.0 / 1.09, False), (20.0, False)])
    def test_a_tenth_is_the_least(self, recording, tmp_path, attempts, cuda_ms, is_chosen):
        attempt, _ = attempts(CPU=took(10), CUDA=took(cuda_ms))
        cpu, cuda = judged(recording, tmp_path, attempt)
        assert (cpu.chosen, cuda.chosen) == (not is_chosen, is_chosen)
        assert (cuda.refused is None) is is_chosen

    def test_the_slowest_round_counts_against_the_fastest_of_the_cpu(self, recording, tmp_path, attempts):
        attempt, _ = attempts(CPU=took(10, 20), CUDA=took(5, 9.5))
        cuda = judged(recording, tmp_path, attempt)[1]
        assert (cuda.speedup, cuda.chosen) == (1.053, False)
        assert cuda.refused == "1.05 times as fast as the CPU is too little"

    def test_another_answer_is_refused_however_fast(self, recording, tmp_path, attempts):
        attempt, asked = attempts(CPU=took(10), CUDA=took(1, difference=0.5, wrong="y: differs by 50.0%"))
        cpu, cuda = judged(recording, tmp_path, attempt)
        assert (cpu.chosen, cuda.chosen, cuda.refused) == (True, False, "wrong: y: differs by 50.0%")
        assert asked.count(CUDA) == 1, "a second round is of no use"

    def test_an_answer_that_is_wrong_only_once_is_refused_too(self, recording, tmp_path, attempts):
        answers = [*took(1), *took(1, wrong="y: not finite")]
        cuda = judged(recording, tmp_path, attempts(CPU=took(10), CUDA=answers)[0])[1]
        assert (cuda.chosen, cuda.refused) == (False, "wrong: y: not finite")

    @pytest.mark.parametrize("answers", [[TrialAnswer(failed="boom")], [*took(1), TrialAnswer(failed="boom")]])
    def test_one_that_fails_in_any_round_is_refused(self, recording, tmp_path, attempts, answers):
        cpu, cuda = judged(recording, tmp_path, attempts(CPU=took(10), CUDA=answers)[0])
        assert (cpu.chosen, cuda.chosen, cuda.refused, cuda.turns_ms) == (True, False, "boom", ())

    def test_the_fastest_of_several(self, recording, tmp_path, attempts):
        attempt, _ = attempts(CPU=took(10), CUDA=took(4), Tensorrt=took(2))
        found = judged(recording, tmp_path, attempt, (TENSORRT, CUDA))
        assert [one.provider for one in found if one.chosen] == [TENSORRT]
        assert line(found[2]).endswith("not chosen: another is faster")

    def test_without_a_time_of_the_cpu_there_is_no_choice(self, recording, tmp_path, attempts):
        attempt, _ = attempts(CPU=[TrialAnswer(failed="boom")], CUDA=took(4))
        cpu, cuda = judged(recording, tmp_path, attempt)
        assert (cpu.chosen, cuda.chosen) == (True, False)
        assert line(cuda) == "whisper-base/encoder.onnx, CUDA: not chosen: the CPU itself could not be measured"

    @pytest.mark.parametrize("answer", [{"failed": PAGES}, {"wrong": PAGES}])
    def test_reasons_are_short_lines(self, recording, tmp_path, attempts, answer):
        broken = [TrialAnswer(turn_ms=1, **answer)]
        attempt, _ = attempts(CPU=took(10), CUDA=broken, Tensorrt=broken)
        found = judged(recording, tmp_path, attempt, (TENSORRT, CUDA))
        assert max(len(one.refused) for one in found[1:]) == LONGEST_REASON
        why = chosen([recording], found)[KEY].why
        assert len(why) <= LONGEST_REASON
        assert "\n" not in why + found[1].refused + line(found[1])
        assert "Tensorrt: " in why
        assert "CUDA: " in why


class TestTheCommand:
    def test_the_choice_is_written_and_read_by_the_program(self, tmp_path, model, runtime, attempts):
        made = runtime()
        attempts(CPU=took(10), CUDA=took(4, difference=0.001))
        said = []
        report = choose(ModelStore(tmp_path), SETTINGS, said.append, tmp_path / "report.json", [stage(model)])
        assert said == [
            "whisper-base/encoder.onnx, CUDA: 2.50 times as fast as the CPU, answers 0.10% apart, chosen",
        ]
        assert ChosenProviders(made, 2).of(model) == CUDA
        assert describe(tmp_path, SETTINGS.inference, made, [model])[1:] == [
            "whisper-base/encoder.onnx: CUDA, 2.50 times as fast as the CPU, answers agree (0.10% apart)"
        ]
        written = json.loads((tmp_path / "report.json").read_text())
        assert written == json.loads(report.model_dump_json())
        assert [trial["chosen"] for trial in written["trials"]] == [False, True]

    def test_a_provider_that_crashes_leaves_the_cpu_and_its_reason(self, tmp_path, model, runtime, attempts):
        made = runtime()
        attempts(CPU=took(10), CUDA=[TrialAnswer(failed="its process was ended by signal 11")])
        said = []
        choose(ModelStore(tmp_path), SETTINGS, said.append, None, [stage(model)])
        assert said == ["whisper-base/encoder.onnx, CUDA: not chosen: its process was ended by signal 11"]
        assert ChosenProviders(made, 2).of(model) == CPU
        assert describe(tmp_path, SETTINGS.inference, made, [model])[1:] == [
            "whisper-base/encoder.onnx: CPU, CUDA: its process was ended by signal 11"
        ]

    def test_a_newer_choice_replaces_the_older_one(self, tmp_path, model, runtime, attempts):
        made = runtime()
        for cuda_ms, provider in ((4, CUDA), (9.9, CPU)):
            attempts(CPU=took(10), CUDA=took(cuda_ms))
            choose(ModelStore(tmp_path), SETTINGS, lambda _: None, None, [stage(model)])
            assert ChosenProviders(made, 2).of(model) == provider

    def test_models_outside_the_store_are_left_alone(self, tmp_path, runtime, attempts):
        runtime()
        attempts(CPU=took(10), CUDA=took(4))
        with pytest.raises(BenchmarkError, match="no installed model could be run"):
            choose(ModelStore(tmp_path), SETTINGS, lambda _: None, None, [stage(tmp_path / "own.onnx")])

    def test_with_the_cpu_alone_that_is_told_and_nothing_written(self, tmp_path, model, runtime, attempts):
        runtime(available=("AzureExecutionProvider", CPU))
        _, asked = attempts()
        said = []
        report = choose(ModelStore(tmp_path), SETTINGS, said.append, tmp_path / "report.json", [stage(model)])
        assert (report.trials, asked) == ((), [])
        assert len(said) == 1
        assert said[0].startswith("this onnxruntime has no execution provider but the CPU, which runs every model")
        assert read_choices(tmp_path) is None
        assert json.loads((tmp_path / "report.json").read_text())["trials"] == []

    def test_a_report_that_cannot_be_written_is_told(self, tmp_path, model, runtime, attempts):
        made = runtime()
        attempts(CPU=took(10), CUDA=took(4))
        with pytest.raises(BenchmarkError, match=r"cannot be written \(.*\); choose another --json"):
            choose(ModelStore(tmp_path), SETTINGS, lambda _: None, tmp_path / "none" / "r.json", [stage(model)])
        assert ChosenProviders(made, 2).of(model) == CUDA, "the choices are there all the same"


class TestTheCommandLine:
    @pytest.fixture
    def edge(self, monkeypatch, tmp_path, capsys):
        monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
        monkeypatch.delenv("EDGE_SETTINGS", raising=False)

        def run(*arguments):
            monkeypatch.setattr(sys, "argv", ["edge", "bench", "--providers", *arguments])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            captured = capsys.readouterr()
            return ended.value.code or 0, captured.out.splitlines(), captured.err.splitlines()

        return run

    def test_with_the_cpu_alone_it_ends_well(self, edge, runtime, tmp_path):
        runtime(available=(CPU,))
        code, out, err = edge()
        assert (code, len(out), err) == (0, 1, [])
        assert "there is nothing to choose" in out[0]
        assert not (tmp_path / "store" / FILE).exists()

    def test_without_models_it_ends_with_one_line(self, edge, runtime, attempts, tmp_path):
        runtime()
        _, asked = attempts()
        assert edge() == (
            2,
            [],
            ["edge: no installed model could be run, so no provider was tried; run: edge models pull"],
        )
        assert asked == []
        assert not (tmp_path / "store" / FILE).exists()


class TestTheProcess:
    @pytest.fixture
    def interpreter(self, monkeypatch, tmp_path):
        """A shell script in the place of Python; its arguments are -m MODULE ORDER ANSWER."""

        def put(script):
            file = tmp_path / "python"
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)
            monkeypatch.setattr(provider_choice.sys, "executable", str(file))

        return put

    @pytest.fixture
    def order(self, tmp_path):
        return TrialOrder(model=tmp_path / "m.onnx", recording=tmp_path / "runs.npz", provider=CUDA, threads=1)

    def test_a_crash_is_an_answer(self, interpreter, order):
        interpreter("kill -SEGV $$")
        assert try_in_process(order).failed == "its process was ended by signal 11"

    def test_an_exit_is_an_answer_with_its_last_word(self, interpreter, order):
        interpreter("echo loud; echo 'terminate called' >&2; echo >&2; exit 134")
        assert try_in_process(order).failed == "its process ended with status 134: terminate called"

    def test_an_exit_without_a_word(self, interpreter, order):
        interpreter("exit 0")
        assert try_in_process(order).failed == "its process ended with status 0: no word"

    def test_a_hang_is_ended(self, interpreter, order):
        interpreter("exec sleep 60")
        assert try_in_process(order, 0.2).failed == "took longer than 0 s"

    def test_half_an_answer_is_none(self, interpreter, order):
        interpreter("""printf '{"turn_ms": 1' > "$4" """)
        assert try_in_process(order).failed == "its process did not write its answer to the end"

    def test_a_crash_after_the_answer_does_not_matter(self, interpreter, order):
        """Drivers crash when they are unloaded; what was measured before holds."""
        interpreter("""test -s "$3" && printf '{"turn_ms": 1.5}' > "$4"; kill -ABRT $$""")
        assert try_in_process(order) == TrialAnswer(turn_ms=1.5)

    def test_a_real_process_answers(self, order):
        assert "is no recording of a model" in try_in_process(order).failed


def test_a_line_for_each_verdict():
    bare = Trial(model="m/f.onnx", provider=CUDA, threads=1, runs=6)
    measured = bare.model_copy(update={"turns_ms": (1.0,), "speedup": 1.04, "difference": 0.0123, "refused": "slow"})
    assert line(bare.model_copy(update={"refused": "boom"})) == "m/f.onnx, CUDA: not chosen: boom"
    assert line(measured) == ("m/f.onnx, CUDA: 1.04 times as fast as the CPU, answers 1.23% apart, not chosen: slow")
