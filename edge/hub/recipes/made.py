"""Recipe `made`: the files that scripts/make made, as they are. They come with their entry (`edge models add`)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import RecipeError


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
    """Copy every file to `out` under its catalogue name.

    Raises:
        RecipeError: there are options; this recipe has none.
    """
    if options:
        raise RecipeError(f"recipe made does not know {', '.join(sorted(options))}; make the model again")
    for name, path in files.items():
        shutil.copyfile(path, out / name)
