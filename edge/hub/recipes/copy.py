"""Recipe `copy`: the upstream files as they are.

Options: `rename = { upstream-name = "name in the model folder" }`, optional.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import RecipeError


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
    """Copy every file to `out`, under its catalogue name or the name that `rename` gives it.

    Raises:
        RecipeError: an unknown option, or a name that is renamed but not listed or not a plain file name.
    """
    rename = dict(options.get("rename", {}))
    unknown = sorted(set(options) - {"rename"}) + sorted(set(rename) - set(files))
    if unknown:
        raise RecipeError(f"recipe copy does not know {', '.join(unknown)}; check models/catalog.toml")
    for name, path in files.items():
        target = str(rename.get(name, name))
        if Path(target).name != target or (out / target).exists():
            raise RecipeError(f"recipe copy cannot write {target!r}: not a plain, unused file name")
        shutil.copyfile(path, out / target)
