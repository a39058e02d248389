"""What may be published, under which name, and that nothing personal is in it."""

from pathlib import Path

import pytest
import sample_report

from edge.bench.report import read_report
from edge.bench.submission import board_slug, refusal, submit
from edge.errors import BenchmarkError


def changed(**changes):
    return sample_report.report(full=False, sessions=False, changes=changes)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "benchmarks" / "boards").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"complete": False}, "not complete"),
        ({"machine": sample_report.machine(emulated=True)}, "emulated"),
        ({"slowdown": {"speech.mel": 1.3}}, "--plant"),
        ({"kind": "chosen"}, "chosen"),
        ({"stages": ()}, "nothing was measured"),
    ],
)
def test_refused_on_one_line_and_not_written(checkout, changes, why):
    with pytest.raises(BenchmarkError, match=why) as refused:
        submit(changed(**changes), here=checkout)
    assert "\n" not in str(refused.value)
    assert "edge bench" in str(refused.value)
    assert list((checkout / "benchmarks" / "boards").iterdir()) == []
    assert refusal(changed()) is None


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ({"board": "Raspberry Pi 5 Model B Rev 1.0"}, "raspberry-pi-5"),
        ({"board": "Raspberry Pi 3 Model B Plus Rev 1.3"}, "raspberry-pi-3-model-b-plus"),
        ({"board": None, "cpu": "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"}, "intel-core-i5-8250u-4-cores"),
        ({"board": None, "cpu": None, "cores": 1}, "aarch64-1-core"),
        ({"board": "../../etc"}, "etc"),
    ],
)
def test_named_after_the_kind_of_machine(machine, name):
    assert board_slug(sample_report.machine(**machine)) == name


def test_the_same_machine_replaces_its_file_and_another_does_not(checkout):
    first = submit(changed(), here=checkout)
    assert first == checkout / "benchmarks" / "boards" / "board-of-tests.json"
    assert submit(changed(seconds=5.0), here=checkout) == first
    assert read_report(first).seconds == 5.0
    other = submit(changed(machine=sample_report.machine(memory_mb=4096.0)), here=checkout)
    assert other.name == "board-of-tests-2.json"


def test_paths_and_homes_are_cut(checkout):
    one = changed().stages[0]
    reason = f"no file {Path.home()}/models/encoder.onnx and /srv/anna/x.onnx; run: edge models pull"
    told = one.model_copy(update={"status": "failed", "reason": reason})
    written = read_report(submit(changed(stages=(one, told)), here=checkout)).stages[1].reason
    assert "anna" not in written
    assert str(Path.home()) not in written
    assert written.endswith("run: edge models pull")
