"""aarch64 code under emulation, where `scripts/arm64 prepare` made a root for it; else these tests are skipped."""

import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from edge.hub.store import ModelStore

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "scripts" / "arm64"
WORK = Path(os.environ.get("EDGE_ARM64", CHECKOUT / ".arm64"))
SPOKEN_S = (8.4, 10.3)


@pytest.fixture(scope="session", autouse=True)
def root():
    """The prepared root; skips the test where there is none."""
    if not (WORK / ".code").is_file():
        pytest.skip("no aarch64 root here; run: scripts/arm64 prepare")
    if shutil.which("unshare") is None:
        pytest.skip("unshare is missing (package util-linux)")
    return WORK / "root"


@pytest.fixture(scope="session")
def samples(demo_speech, model_folder, tmp_path_factory):
    """Folder with a short utterance and a photo."""
    folder = tmp_path_factory.mktemp("arm64")
    with wave.open(str(demo_speech)) as whole, wave.open(str(folder / "speech.wav"), "wb") as part:
        rate = whole.getframerate()
        whole.setpos(round(SPOKEN_S[0] * rate))
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round((SPOKEN_S[1] - SPOKEN_S[0]) * rate)))
    shutil.copy(model_folder("demo-things") / "coffee.png", folder / "thing.png")
    return folder


@pytest.fixture(scope="session")
def emulated(complete_store, tmp_path_factory):
    """Function that runs a command as aarch64 code; `scratch` is /scratch there, the checkout /checkout."""

    def run(*command: str, scratch: Path | None = None, cpu: str = "cortex-a76") -> subprocess.CompletedProcess:
        places = {
            "EDGE_ARM64_STORE": str(complete_store),
            "EDGE_ARM64_SCRATCH": str(scratch or ""),
            "EDGE_ARM64_CPU": cpu,
        }
        done = subprocess.run(
            [SCRIPT, "run", *command], env=os.environ | places, capture_output=True, text=True, check=False
        )
        assert done.returncode != 3, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def native():
    """Function that runs a Python file with this interpreter."""

    def run(file: Path, *arguments: str) -> str:
        done = subprocess.run([sys.executable, file, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    return run


@pytest.fixture(scope="session")
def store_models():
    return [model.id for model in ModelStore().catalogue.defaults()]
