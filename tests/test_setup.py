"""scripts/setup, over a fake Python that remembers what it was told to install: which OpenCV, which torch."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAKE_PYTHON = """#!/bin/sh
cd "$(dirname "$0")/.."
echo "$@" >>log
case "$*" in
    "-c import cv2")
        [ -f opencv ] && [ -f headless ] && echo "both lie over each other" >&2 && exit 1
        [ -f headless ] && [ -f has-headless ] && exit 0
        [ -f opencv ] && [ -f has-libgl ] && exit 0
        printf 'Traceback (most recent call last):\\nImportError: libGL.so.1: no such file\\n' >&2
        exit 1 ;;
    "-c import importlib.metadata"*) [ -f torch ] ;;
    "-m pip install torch=="*) touch torch ;;
    "-c import sys, urllib"*) [ -f has-torch-index ] ;;
    "-m pip show --quiet opencv-python-headless") [ -f headless ] ;;
    "-m pip show --quiet onnxruntime-gpu") [ -f gpu-runtime ] ;;
    "-m pip uninstall"*) for name in $*; do
        [ "$name" = opencv-python ] && rm -f opencv
        [ "$name" = opencv-python-headless ] && rm -f headless
        done; true ;;
    "-m pip install"*requirements-headless.lock*) touch headless ;;
    "-m pip install"*requirements*.lock*) touch opencv ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A virtual environment whose Python only pretends; function that runs scripts/setup in it."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    (tmp_path / "has-headless").touch()

    def run(kind="run"):
        return subprocess.run(
            ["sh", str(ROOT / "scripts" / "setup"), kind],
            env={**os.environ, "EDGE_VENV_EXPORT" if kind == "export" else "EDGE_VENV": str(tmp_path)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    run.folder = tmp_path
    run.log = (tmp_path / "log").read_text
    return run


def _installed(machine):
    return {name for name in ("opencv", "headless") if (machine.folder / name).exists()}


@pytest.mark.parametrize(("kind", "lock"), [("run", "requirements.lock"), ("test", "requirements-test.lock")])
def test_a_machine_with_libgl_gets_opencv_with_windows(machine, kind, lock):
    (machine.folder / "has-libgl").touch()
    done = machine(kind)
    assert done.returncode == 0
    assert done.stderr == ""
    assert _installed(machine) == {"opencv"}
    assert f"--require-hashes -r {lock}" in machine.log()


def test_a_bare_board_gets_opencv_without_windows_and_is_told(machine):
    done = machine()
    assert done.returncode == 0, done.stderr
    assert _installed(machine) == {"headless"}
    assert done.stderr.count("\n") == 1
    assert "OpenCV without windows is installed, because ImportError: libGL.so.1: no such file" in done.stderr
    assert "sudo apt install libgl1 libglib2.0-0" in done.stderr
    log = machine.log()
    assert "--require-hashes --no-deps -r requirements-headless.lock" in log
    assert log.index("uninstall --yes opencv-python") < log.index("requirements-headless.lock")


def test_a_second_run_installs_nothing(machine):
    machine()
    (machine.folder / "log").unlink()
    assert machine().returncode == 0
    assert not (machine.folder / "log").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_was_installed_is_noted_for_the_reports_of_benchmarks(machine):
    machine()
    noted = machine.folder / ".edge-commit"
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    if head.returncode:
        assert not noted.exists()
    else:
        assert noted.read_text().removesuffix("\n").removesuffix("-dirty") == head.stdout.strip()


def test_when_something_changed_the_two_are_never_together(machine):
    machine()
    (machine.folder / ".edge-run").unlink()
    (machine.folder / "log").unlink()
    assert machine().returncode == 0
    assert _installed(machine) == {"headless"}
    log = machine.log()
    assert log.index("uninstall --yes opencv-python-headless") < log.index("-r requirements.lock")


def test_when_libgl_came_later_windows_come_back(machine):
    machine()
    (machine.folder / ".edge-run").unlink()
    (machine.folder / "has-libgl").touch()
    assert machine().returncode == 0
    assert _installed(machine) == {"opencv"}


def test_when_neither_loads_setup_fails_and_tries_again_next_time(machine):
    (machine.folder / "has-headless").unlink()
    done = machine()
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    assert not (machine.folder / ".edge-run").exists()


@pytest.mark.parametrize(("kind", "lock"), [("run", "requirements.lock"), ("test", "requirements-test.lock")])
def test_a_chosen_onnxruntime_is_not_overwritten(machine, kind, lock):
    """Both packages bring the folder onnxruntime: pip's own would take away the providers of Nvidia's."""
    (machine.folder / "gpu-runtime").touch()
    assert machine(kind).returncode == 0
    assert f"--require-hashes -r {machine.folder}/without-onnxruntime-{lock}" in machine.log()
    assert f"--require-hashes -r {lock}" not in machine.log()
    left = (machine.folder / f"without-onnxruntime-{lock}").read_text()
    pinned = _pinned(lock)
    assert "onnxruntime" in pinned
    assert dict(re.findall(r"^([a-z0-9-]+)==(\S+)", left, re.MULTILINE)) == {
        name: version for name, version in pinned.items() if name != "onnxruntime"
    }
    blocks = re.findall(r"^([a-z0-9-]+)==\S+.*\n((?:    .*\n)*)", (ROOT / lock).read_text(), re.MULTILINE)
    for name, hashes in blocks:
        assert (hashes in left) is (name != "onnxruntime"), name


def test_an_environment_of_another_name_is_refused(machine):
    done = machine("exprot")
    assert done.returncode == 2
    assert done.stderr == "setup: no environment named exprot; there are run, test, export and bench\n"
    assert not (machine.folder / "log").exists()


def test_the_export_environment_gets_torch_after_its_lock(machine):
    done = machine("export")
    assert done.returncode == 0, done.stderr
    log = machine.log()
    assert "--require-hashes --no-deps -r requirements-export.lock" in log
    assert log.index("requirements-export.lock") < log.index("pip install torch==")
    assert (machine.folder / ".edge-export").exists()
    (machine.folder / "log").unlink()
    assert machine("export").returncode == 0
    assert not (machine.folder / "log").exists()


def test_torch_is_not_fetched_again_when_something_else_changed(machine):
    machine("export")
    (machine.folder / ".edge-export").unlink()
    (machine.folder / "log").unlink()
    assert machine("export").returncode == 0
    assert "requirements-export.lock" in machine.log()
    assert "install torch" not in machine.log()


@pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere torch has no CUDA build to avoid")
@pytest.mark.parametrize("reached", [True, False])
def test_torch_for_the_cpu_is_taken_where_its_index_can_be_reached(machine, reached):
    if reached:
        (machine.folder / "has-torch-index").touch()
    machine("export")
    (line,) = (line for line in machine.log().splitlines() if "pip install torch==" in line)
    assert ("--extra-index-url https://download.pytorch.org/whl/cpu" in line) is reached


@pytest.mark.parametrize("kind", ["run", "test"])
def test_no_other_environment_gets_torch(machine, kind):
    machine(kind)
    assert "torch" not in machine.log()


def _pinned(lock):
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_no_device_environment_has_what_makes_models(lock):
    assert not {"torch", "transformers", "optimum", "requests", "safetensors"} & set(_pinned(lock))


def test_the_export_lock_has_everything_but_torch_and_never_accelerate():
    """With accelerate optimum ties embedding and output layer, and int8 leaves both float."""
    pinned = _pinned("requirements-export.lock")
    assert {"transformers", "optimum", "optimum-onnx", "onnx-ir", "sympy", "networkx", "setuptools"} <= set(pinned)
    assert not [name for name in pinned if name.startswith(("torch", "nvidia-", "cuda-", "triton", "accelerate"))]


def test_models_are_judged_with_what_runs_on_the_device():
    """The gate measures in the export environment: what computes there is what computes on the glasses."""
    device, export = _pinned("requirements.lock"), _pinned("requirements-export.lock")
    for name in ("numpy", "onnx", "onnxruntime", "opencv-python", "pillow", "av"):
        assert device[name] == export[name], name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock", "requirements-export.lock"])
def test_both_are_the_same_version(lock):
    pinned = re.search(r"^opencv-python==(\S+)", (ROOT / lock).read_text(), re.MULTILINE).group(1)
    headless = (ROOT / "requirements-headless.lock").read_text()
    assert headless.startswith(f"opencv-python-headless=={pinned} \\\n")
    assert headless.count("==") == 1
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", headless)) >= 4
