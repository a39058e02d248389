"""One process at a time."""

import subprocess
import sys
import textwrap
import threading

import pytest

from edge.hub.locks import exclusive

HOLD = """
    import sys
    from pathlib import Path
    from edge.hub.locks import exclusive
    with exclusive(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until it is told to end, or killed."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_free_lock_is_taken_at_once(tmp_path):
    waits = []
    with exclusive(tmp_path / "new" / "lock", lambda: waits.append(1)):
        pass
    with exclusive(tmp_path / "new" / "lock", lambda: waits.append(1)):
        pass
    assert waits == []


def test_a_held_lock_is_waited_for(tmp_path, holder):
    waits, entered = [], threading.Event()

    def release():
        waits.append(entered.is_set())
        holder.stdin.write("\n")
        holder.stdin.flush()

    with exclusive(tmp_path / "lock", release):
        entered.set()
    assert waits == [False]  # told once, before it had the lock
    assert holder.wait(10) == 0


def test_a_killed_holder_holds_nothing(tmp_path, holder):
    with exclusive(tmp_path / "lock", holder.kill):
        pass


def test_an_error_inside_frees_the_lock(tmp_path):
    def fail():
        with exclusive(tmp_path / "lock"):
            raise KeyError("inside")

    with pytest.raises(KeyError):
        fail()
    waits = []
    with exclusive(tmp_path / "lock", lambda: waits.append(1)):
        pass
    assert waits == []
