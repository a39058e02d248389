"""Processes that measure: what they say, how they end, and that nothing of them stays."""

import contextlib
import sys
import tempfile
from pathlib import Path

import pytest

from edge.bench.child import Ask
from edge.bench.process import Worker, measure_peaks

SOON_S, LONG_S = 1.0, 60.0


def python(code):
    return sys.executable, "-c", code


class Meter:
    """Counts up by one joule each time it is read."""

    def __init__(self, *readings):
        self.readings = list(readings)

    def joules(self):
        return self.readings.pop(0)


def first_answer(command, limit_s, meter=None):
    with contextlib.closing(Worker(command, meter)) as worker:
        return worker.answer(limit_s)


ECHO = "import sys\nfor line in sys.stdin: print('began\\nended', flush=True); print(line, end='', flush=True)"


def test_it_answers_before_and_after_it_is_asked_and_marks_are_no_answers():
    with contextlib.closing(
        Worker(python(f"print('{{}}', flush=True); {ECHO}".replace("; import", "\nimport")))
    ) as one:
        assert one.answer(LONG_S).answer == "{}"
        for seconds in (1.0, 2.0):
            ask = Ask(what="round", seconds=seconds)
            assert Ask.model_validate_json(one.ask(ask, LONG_S).answer) == ask


def test_energy_is_that_between_the_marks_of_each_answer():
    with contextlib.closing(Worker(python(ECHO), Meter(5.0, 12.5, 20.0, 21.0))) as worker:
        ask = Ask(what="round")
        assert [worker.ask(ask, LONG_S).energy_j for _ in range(2)] == [7.5, 1.0]


def test_a_meter_that_fails_gives_no_energy():
    with contextlib.closing(Worker(python(ECHO), Meter(5.0, None))) as worker:
        assert worker.ask(Ask(what="round"), LONG_S).energy_j is None
    assert first_answer(python("print('began'); print('{}')"), LONG_S, Meter(5.0)).energy_j is None


def test_what_it_tells_on_stderr_is_kept_by_its_last_line():
    outcome = first_answer(python("import sys; sys.stderr.write('one\\nwhy\\n\\n'); sys.exit(3)"), LONG_S)
    assert (outcome.answer, outcome.status, outcome.told) == (None, 3, "why")
    assert outcome.wall_s > 0


def test_a_process_that_is_killed_says_by_which_signal():
    assert first_answer(python("import os; os.kill(os.getpid(), 9)"), LONG_S).status == -9


def test_who_is_asked_after_its_end_says_how_it_ended():
    worker = Worker(python("print('{}', flush=True); raise SystemExit(4)"))
    assert worker.answer(LONG_S).answer == "{}"
    assert worker.ask(Ask(what="round"), LONG_S).status == 4
    worker.close()


def test_a_process_that_hangs_is_ended_with_its_own_children():
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    with contextlib.closing(Worker(python(code))) as worker:
        child = worker.answer(LONG_S).answer
        assert worker.ask(Ask(what="round"), SOON_S).status is None
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("end", ["", "; time.sleep(600)"], ids=["by itself", "when it is closed"])
def test_its_temporary_folder_is_its_own_and_goes_with_it(tmp_path, monkeypatch, end):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outcome = first_answer(python(f"import tempfile, time; print(tempfile.mkdtemp(), flush=True){end}"), LONG_S)
    assert Path(outcome.answer).parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_its_stdin_stays_open_until_it_is_closed():
    assert first_answer(python("import sys; sys.exit(len(sys.stdin.read()))"), SOON_S).status is None


def test_peaks_are_measured_in_a_process():
    outcome = measure_peaks(0, LONG_S)  # no threads: an error, which shows that it ran
    assert outcome.answer is None
    assert outcome.status != 0
