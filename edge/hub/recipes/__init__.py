"""Recipes turn verified upstream files into the files a model folder holds.

A recipe is a module here with `build(files, out, options)`: `files` maps the catalogue's file names to verified
local files, `out` is an existing empty folder to fill. The same input gives the same bytes. numpy and onnx only.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from edge.errors import RecipeError

VERSIONS: Mapping[str, int] = {"copy": 1, "export": 1, "made": 1, "marian": 3, "ppocr": 1, "whisper": 2}
"""Recipe -> version. Raise it when a recipe's output changes: installed models of the old version are built anew."""


class Build(Protocol):
    """What every recipe module offers as `build`."""

    def __call__(self, files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
        """Fill `out` from `files`; raises RecipeError on anything not understood."""


def load_recipe(name: str) -> Build:
    """Import the recipe `name` (only then, because recipes import onnx).

    Raises:
        RecipeError: no such recipe.
    """
    if name not in VERSIONS:
        raise RecipeError(f"no recipe named {name!r}; this catalogue needs a newer edge-glasses")
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise RecipeError(f"recipe {name} cannot be loaded ({error}); reinstall edge-glasses") from error
    build: Build = module.build
    return build
