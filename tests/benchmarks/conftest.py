"""Benchmarks are scripts: their folders are no packages, and are on the path for as long as a test lasts."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "scripts", ROOT / "benchmarks", ROOT / "benchmarks" / "peer_workers")


@pytest.fixture
def script(monkeypatch):
    """Function from the name of a script to its module."""
    before = set(sys.modules)
    for folder in FOLDERS:
        monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).parent in FOLDERS:
            del sys.modules[name]
