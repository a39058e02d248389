"""Workers as real processes: those that answer, fail, hang and die."""

import os
import sys
from pathlib import Path

import pytest

HEAD = "from peer_protocol import serve\n"
SERVE = "\nserve(load, ('numpy',))\n"
ECHO = "def load(order):\n    return lambda item: lambda: [order['threads'], item['value']]"


@pytest.fixture
def process(script, monkeypatch, tmp_path):
    module = script("peers_process")
    monkeypatch.setattr(module, "_PATHS", (*module._PATHS, module.WORKERS))
    monkeypatch.setattr(module, "WORKERS", tmp_path)
    return module


@pytest.fixture
def started(process, tmp_path):
    workers = []

    def start(body, *, answer_s=30.0, threads=1, **order):
        (tmp_path / "fake.py").write_text(HEAD + body + SERVE, encoding="utf-8")
        system = process.System("fake", "fake", order, "fp32", threads, "same")
        workers.append(process.Worker(system, tmp_path / "log", answer_s=answer_s))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def test_a_worker_answers_and_ends(started):
    worker = started(ECHO, threads=2)
    assert worker.load_ms >= 0
    assert "numpy" in worker.versions
    taken_ms, answer = worker.run({"value": "\u00e1"})
    assert taken_ms >= 0
    assert answer == [2, "\u00e1"]
    assert worker.end()["peak_rss_mb"] > 1


def test_what_a_library_prints_is_no_answer(started):
    noisy = (
        "import os\ndef load(order):\n    print('hello')\n    os.system('echo from a child')\n"
        "    return lambda item: lambda: 1"
    )
    assert started(noisy).run({})[1] == 1


def test_a_missing_package_is_told(process, started):
    with pytest.raises(process.MissingError, match="no_such_package"):
        started("def load(order):\n    import no_such_package")


def test_a_system_that_cannot_be_loaded_says_why(process, started):
    with pytest.raises(process.WorkerError, match="ValueError: too small"):
        started("def load(order):\n    raise ValueError('too small')")


def test_a_process_that_dies_says_how(process, started):
    worker = started(
        "import os, sys\ndef load(order):\n"
        "    def prepare(item):\n        print('out of memory', file=sys.stderr, flush=True)\n"
        "        os.kill(os.getpid(), 9)\n    return prepare"
    )
    with pytest.raises(process.WorkerError, match=r"died .signal 9: out of memory"):
        worker.run({})
    with pytest.raises(process.WorkerError):
        worker.run({})


def test_a_worker_that_cannot_even_start_says_so(process, started):
    with pytest.raises(process.WorkerError, match=r"died .status 3"):
        started("import sys\nsys.exit(3)\nload = None")


def test_a_worker_that_hangs_is_given_up_and_ended(process, started):
    worker = started("import time\ndef load(order):\n    return lambda item: lambda: time.sleep(60)", answer_s=3.0)
    with pytest.raises(process.WorkerError, match="no answer in 3 s"):
        worker.run({})
    worker.close()
    assert worker._process.poll() is not None


def test_the_interpreter_can_be_another_one(process, tmp_path):
    (tmp_path / "fake.py").write_text(HEAD + ECHO + SERVE, encoding="utf-8")
    mine = tmp_path / "python"
    mine.write_text(f'#!/bin/sh\nMARK=here exec "{sys.executable}" "$@"\n', encoding="utf-8")
    mine.chmod(0o755)
    system = process.System("fake", "fake", {}, "fp32", 1, "same", python=mine)
    worker = process.Worker(system, tmp_path / "log")
    try:
        assert worker.run({"value": 1})[1] == [1, 1]
    finally:
        worker.close()
    with pytest.raises(OSError, match="gone"):
        process.Worker(process.System("fake", "fake", {}, "fp32", 1, "same", python=Path("/gone")), tmp_path / "log")


def test_every_kind_of_pool_gets_the_same_threads_and_nobody_calls_home(process, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("PYTHONHOME", "/somewhere")
    found = process.environment(2)
    assert {found[name] for name in process._THREAD_LIMITS} == {"2"}
    assert found["OMP_NUM_THREADS"] == "2"
    assert found["OPENBLAS_NUM_THREADS"] == "1"
    assert found["ORT_DISABLE_TELEMETRY"] == found["HF_HUB_OFFLINE"] == "1"
    assert "PYTHONHOME" not in found
    assert str(process.ROOT) in found["PYTHONPATH"].split(os.pathsep)
