"""The arrows of the architecture: who may import whom, and who may import what from outside."""

import ast
from pathlib import Path

import pytest

import edge

PACKAGE = Path(edge.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
BASE = {"errors", "media", "results", "events"}
MAY_IMPORT = {
    "errors": set(),
    "media": set(),
    "results": {"media"},
    "events": set(),
    "settings": BASE,
    "channels": BASE,
    "telemetry": BASE | {"settings"},
    "worker": BASE | {"channels"},
    "scheduling": BASE | {"settings"},
    "sources": {"errors", "media", "settings", "channels"},
    "inference": {"errors", "settings", "telemetry"},
    "perception": {"errors", "media", "results", "settings", "inference"},
    "pipelines": {"errors", "media", "results", "events"},
    "hud": {"errors", "media", "results", "events", "settings"},
    "hub": {"errors", "settings", "inference"},
    "hardware": {"errors", "inference"},
}
OUTSIDE = {  # third parties and system modules with a single home
    "onnxruntime": {"inference"},
    "sounddevice": {"sources/microphone.py"},
    "onnx": {"hub"},
    "tokenizers": {"inference"},
    "typer": {
        "cli.py",
        "cli_bench.py",
        "cli_detect.py",
        "cli_models.py",
        "cli_options.py",
        "cli_read.py",
        "cli_run.py",
        "cli_scene.py",
    },
    "urllib.request": {"hub"},
    "http": {"hub"},
    "ssl": {"hub"},
    "socket": {"hub"},
    "huggingface_hub": {"hub"},
    "requests": set(),
    "httpx": set(),
    "torch": set(),
    "transformers": set(),
    "optimum": set(),
}
MODULE_LINES = 400


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_layers(path):
    allowed = MAY_IMPORT.get(layer(path))
    if allowed is None:
        return  # app, cli and the public face may import everything
    own = layer(path)
    bad = sorted(
        name for name in imports(path) if name.startswith("edge.") and name.split(".")[1] not in allowed | {own}
    )
    assert bad == []
    assert "." not in {name[:1] for name in imports(path)}, "relative import"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_outside_modules_have_one_home(path):
    here = str(path.relative_to(PACKAGE))
    bad = sorted(
        name
        for name in imports(path)
        for module, homes in OUTSIDE.items()
        if (name == module or name.startswith(f"{module}."))
        and not any(here == home or here.startswith(f"{home}/") for home in homes)
    )
    assert bad == []


def test_camera_and_window_calls_stay_at_their_ends():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        here = str(path.relative_to(PACKAGE))
        assert "VideoCapture(" not in text or here.startswith("sources/"), here
        assert "imshow(" not in text or here.startswith("hud/"), here


def test_modules_stay_small():
    sizes = {str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in sizes.items() if lines > MODULE_LINES} == {}


def test_functions_fit_a_screen():
    lengths = {
        f"{path.relative_to(PACKAGE)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    long = {name: lines for name, lines in lengths.items() if lines > 30}
    assert len(long) <= len(lengths) / 10, long
    assert max(lengths.values()) <= 60, max(lengths, key=lambda name: lengths[name])


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "main", "misc"])
def test_no_drawer_for_odds_and_ends(name):
    assert [path for path in FILES if path.stem == name] == []
