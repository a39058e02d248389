"""The program and a part of its tests as aarch64 code."""

import json

import pytest

pytestmark = [pytest.mark.arm64, pytest.mark.models]

# What runs in seconds there, and what depends on the processor: arithmetic, drawing, fonts, threads, decoding of sound.
SUITE = (
    "tests/inference", "tests/hardware", "tests/hud/test_golden.py", "tests/hud/test_layout.py",
    "tests/hud/test_overlay.py",
    "tests/perception/test_mel.py", "tests/perception/test_resample.py", "tests/perception/test_motion.py",
    "tests/perception/test_preprocessing.py", "tests/perception/test_quads.py", "tests/sources/test_recording.py",
    "tests/test_channels.py", "tests/test_worker.py",
)  # fmt: skip


@pytest.mark.timeout(600)
def test_a_part_of_the_suite_passes(emulated):
    done = emulated("sh", "-c", f"cd /checkout && python3.11 -m pytest -q -p no:cacheprovider {' '.join(SUITE)}")
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert " failed" not in done.stdout


@pytest.mark.parametrize(
    "module", ["av", "cv2", "numpy", "onnx", "onnxruntime", "PIL", "pydantic", "sounddevice", "tokenizers", "typer"]
)
def test_every_wheel_of_the_runtime_can_be_imported(emulated, module):
    done = emulated("python3.11", "-c", f"import platform, {module}; print(platform.machine())")
    assert (done.returncode, done.stdout.strip()) == (0, "aarch64"), done.stderr


def test_commands_work(emulated, store_models):
    listed = emulated("python3.11", "-m", "edge.cli", "models", "list")
    assert listed.returncode == 0, listed.stderr
    installed = {line.split()[0] for line in listed.stdout.splitlines() if " installed " in line}
    assert "whisper-base" in installed & set(store_models)
    said = emulated("sh", "-c", "echo 'Good morning.' | python3.11 -m edge.cli translate --from en --to pt")
    assert (said.returncode, said.stdout.strip()) == (0, "Bom dia."), said.stderr


def test_an_emulated_machine_says_so(emulated):
    """Its times are no times of a board, so no report of it may be published."""
    done = emulated("python3.11", "-c", "from edge.hardware import machine; print(machine().model_dump_json())")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["emulated"] is True
    assert told["architecture"] == "aarch64"
    assert told["board"].startswith("Raspberry Pi 5")
