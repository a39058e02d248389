"""Processes that measure: what they say, how they end, and that nothing of them stays."""

import sys
import tempfile
from pathlib import Path

import pytest

from edge.bench.process import run_process

SOON_S, LONG_S = 1.0, 60.0


def python(code):
    return sys.executable, "-c", code


class Meter:
    """Counts up by one joule each time it is read."""

    def __init__(self, *readings):
        self.readings = list(readings)

    def joules(self):
        return self.readings.pop(0)


def test_the_last_line_is_the_answer_and_marks_are_none():
    outcome = run_process(python("print('began'); print('ended'); print('{}')"), LONG_S, Meter(5.0, 12.5))
    assert (outcome.answer, outcome.status, outcome.energy_j) == ("{}", 0, 7.5)
    assert 0 < outcome.before_s <= outcome.wall_s


def test_a_meter_that_fails_gives_no_energy():
    assert run_process(python("print('began'); print('ended')"), LONG_S, Meter(5.0, None)).energy_j is None
    assert run_process(python("print('began')"), LONG_S, Meter(5.0)).energy_j is None


def test_what_it_tells_on_stderr_is_kept_by_its_last_line():
    outcome = run_process(python("import sys; sys.stderr.write('one\\nwhy\\n\\n'); sys.exit(3)"), LONG_S)
    assert (outcome.answer, outcome.status, outcome.told, outcome.before_s) == (None, 3, "why", None)


def test_a_process_that_is_killed_says_by_which_signal():
    assert run_process(python("import os; os.kill(os.getpid(), 9)"), LONG_S).status == -9


def test_a_process_that_hangs_is_ended_with_its_own_children():
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    outcome = run_process(python(code), SOON_S)
    assert outcome.status is None
    state = Path(f"/proc/{outcome.answer}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("end", ["", "; time.sleep(600)"], ids=["by itself", "when its time is up"])
def test_its_temporary_folder_is_its_own_and_goes_with_it(tmp_path, monkeypatch, end):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = f"import tempfile, time; print(tempfile.mkdtemp(), flush=True){end}"
    outcome = run_process(python(code), SOON_S if end else LONG_S)
    assert Path(outcome.answer).parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_nobody_needs_it_any_more():
    assert run_process(python("import sys; sys.exit(len(sys.stdin.read()))"), SOON_S).status is None  # stdin stays open
