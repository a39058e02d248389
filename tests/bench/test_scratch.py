"""A benchmark's folder goes with it; that of a killed one goes with the next."""

import signal
import subprocess
import sys

import pytest

from edge.bench.scratch import PREFIX, scratch_folder

KILLED = """
import os, pathlib, signal, sys
from edge.bench.scratch import scratch_folder
with scratch_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "film.mkv").write_bytes(b"large")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_there_and_then_gone(tmp_path):
    with scratch_folder(tmp_path) as folder:
        (folder / "film.mkv").write_bytes(b"large")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_it_goes_when_something_breaks(tmp_path):
    with pytest.raises(KeyboardInterrupt), scratch_folder(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_next_one_sweeps_up_after_a_killed_one(tmp_path):
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert died.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / "film.mkv").exists()
    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_those_of_others_that_live_stay(tmp_path):
    (tmp_path / "film").mkdir()
    (tmp_path / f"{PREFIX}nobody-knows").mkdir()  # without a lock file: not ours to judge
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert one.is_dir()
        assert one != other
    assert {path.name for path in tmp_path.iterdir()} == {"film", f"{PREFIX}nobody-knows"}
