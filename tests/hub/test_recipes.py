"""The register of recipes, and the one that copies."""

import subprocess
import sys

import pytest

from edge.errors import RecipeError
from edge.hub import recipes
from edge.hub.recipes import copy


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    listed = {}
    for name in ("a.bin", "LICENSE"):
        path = folder / f"blob-of-{name}"
        path.write_bytes(name.encode())
        listed[name] = path
    return listed


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", recipes.VERSIONS)
def test_every_registered_recipe_loads(name):
    assert callable(recipes.load_recipe(name))


def test_unknown_recipe():
    with pytest.raises(RecipeError, match="no recipe named 'stew'"):
        recipes.load_recipe("stew")


def test_a_recipe_that_cannot_be_imported(monkeypatch):
    monkeypatch.setattr(recipes, "VERSIONS", {"gone": 1})
    with pytest.raises(RecipeError, match="recipe gone cannot be loaded"):
        recipes.load_recipe("gone")


def test_the_register_imports_no_recipe():
    code = "import sys, edge.hub.recipes; assert 'onnx' not in sys.modules; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_copy(files, out):
    copy.build(files, out, {})
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"a.bin": b"a.bin", "LICENSE": b"LICENSE"}


def test_copy_renames(files, out):
    copy.build(files, out, {"rename": {"a.bin": "b.bin"}})
    assert sorted(path.name for path in out.iterdir()) == ["LICENSE", "b.bin"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rename": {"c.bin": "d"}}, "does not know c.bin"),
        ({"gunzip": True}, "does not know gunzip"),
        ({"rename": {"a.bin": "../b"}}, "cannot write '../b'"),
        ({"rename": {"a.bin": "LICENSE"}}, "cannot write 'LICENSE'"),
    ],
)
def test_copy_refuses(files, out, options, says):
    with pytest.raises(RecipeError, match=says):
        copy.build(files, out, options)
    assert not (out.parent / "b").exists()
