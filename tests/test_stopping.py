import os
import signal
import subprocess
import sys
import threading

import pytest

from edge.stopping import stop_on_signals


@pytest.fixture(autouse=True)
def _as_in_a_terminal():
    """A shell starts background jobs with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_interrupts_nothing(number):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as wanted:
        assert wanted() is False
        os.kill(os.getpid(), number)
        assert wanted() is True
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_second_signal_does_not_wait():
    with stop_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_every_session_begins_anew():
    for _ in range(2):
        with stop_on_signals() as wanted:
            assert not wanted()
            os.kill(os.getpid(), signal.SIGINT)
            assert wanted()


def test_another_thread_catches_nothing():
    answers = []

    def session():
        with stop_on_signals() as wanted:
            answers.append((wanted(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=session)
    thread.start()
    thread.join()
    assert answers == [(False, signal.default_int_handler)]


@pytest.mark.parametrize(
    ("work", "told"),
    [
        ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "said"),
        ("threading.Thread(target=time.sleep, args=(0.2,)).start()", "said, and the interpreter ended"),
    ],
)
def test_a_thread_that_nobody_waits_for_does_not_spoil_the_end(work, told):
    code = (
        "import atexit, threading, time\n"
        "from edge.stopping import leave\n"
        "atexit.register(print, ', and the interpreter ended', end='')\n"
        f"{work}\n"
        "print('said', end='')\n"
        "leave(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (3, told, "")
