"""Fixtures of the scripts' tests: the export environment, tiny models of every architecture, their float exports."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_ENDPOINT": "http://127.0.0.1:9",  # nothing listens: an attempt fails at once instead of reaching a hub
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONPATH": str(SCRIPTS),
}
EXPORT_SEVERAL = """
import sys, export
for pair in sys.argv[1:]:
    source, out = pair.split("|")
    print(out, "->", export.main([source, "--out", out, *export_arguments.get(source.rsplit("/", 1)[1], ())]))
"""
EXPORT_ARGUMENTS: dict[str, list[str]] = {}
"""What an architecture's tiny model needs to be told beyond its folder."""


@pytest.fixture
def scripts_on_path(monkeypatch):
    """Scripts import each other by flat names; the modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield SCRIPTS
    for name in set(sys.modules) - before:
        if str(SCRIPTS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(scope="session")
def export_python(request):
    """Interpreter of the export environment (torch, transformers, optimum); skips the test where there is none."""
    if os.environ.get("EDGE_TEST_EXPORT") == "0":
        pytest.skip("EDGE_TEST_EXPORT=0: tests that need torch are left out")
    python = ROOT / os.environ.get("EDGE_VENV_EXPORT", ".venv-export") / "bin" / "python"
    if not python.exists():
        why = f"no export environment at {python}; make it with: scripts/setup export"
        if request.config.getoption("--need-models"):
            pytest.fail(why)
        pytest.skip(why)
    return python


@pytest.fixture(scope="session")
def run_script(export_python):
    """Function: run a script of `scripts/` in the export environment, offline; gives the finished process.

    A start of torch and transformers takes seconds: let one start do all it can.
    """

    def run(script, *arguments, env=None, timeout=280):
        command = [str(export_python), *([script] if script == "-c" else [str(SCRIPTS / script)]), *map(str, arguments)]
        return subprocess.run(
            command, env={**os.environ, **OFFLINE, **(env or {})},
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return run


def _siblings(model_type):
    """Architectures of the same family: made and exported in one start of torch."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        from export_families import FAMILIES
    finally:
        sys.path.remove(str(SCRIPTS))
    groups = defaultdict(list)
    for known, family in FAMILIES.items():
        groups[family].append(known)
    return groups[FAMILIES[model_type]]


@pytest.fixture(scope="session")
def tiny(run_script, tmp_path_factory):
    """Function: `model_type` -> folder of its tiny torch model, made once a session. Do not change it."""
    root = tmp_path_factory.mktemp("tiny")
    said = {}

    def folder(model_type):
        if model_type not in said:
            siblings = _siblings(model_type)
            done = run_script("tiny_models.py", *siblings, "--out", root)
            said.update(dict.fromkeys(siblings, f"{done.stdout}\n{done.stderr}"))
        assert (root / model_type / "config.json").is_file(), said[model_type]
        return root / model_type

    return folder


@pytest.fixture(scope="session")
def exported(tiny, run_script, tmp_path_factory):
    """Function: `model_type` -> folder of the float export of its tiny model, made once a session. Do not change."""
    root = tmp_path_factory.mktemp("exported")
    said = {}

    def folder(model_type):
        if model_type not in said:
            made = tiny(model_type).parent
            siblings = [sibling for sibling in _siblings(model_type) if (made / sibling / "config.json").is_file()]
            pairs = [f"{made / sibling}|{root / sibling}" for sibling in siblings]
            code = f"export_arguments = {EXPORT_ARGUMENTS!r}\n{EXPORT_SEVERAL}"
            done = run_script("-c", code, *pairs, env={"PYTHONHASHSEED": "0"})  # as export.py starts itself
            said.update(dict.fromkeys(siblings, f"{done.stdout}\n{done.stderr}"))
        assert (root / model_type / "provenance.json").is_file(), said[model_type]
        return root / model_type

    return folder
