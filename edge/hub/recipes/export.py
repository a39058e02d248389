"""Recipe `export`: models that are published for PyTorch only. They are listed, and cannot be built on the device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import RecipeError


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:  # noqa: ARG001 - as every recipe
    """Refuse.

    Raises:
        RecipeError: always.
    """
    raise RecipeError(
        "it is published for PyTorch and must be exported to ONNX first, on a computer: scripts/make ID, then here: "
        "edge models add FOLDER"
    )
