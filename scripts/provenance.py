"""What happened to a model on its way from upstream to here: `provenance.json` in every folder of the chain.

`export.py` begins it, `quantize.py` adds how the weights were stored, `gate.py` adds the verdict. The card and the
catalogue entry are written from it. The device never reads it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ExportError

PROVENANCE_FILE = "provenance.json"
_PACKAGES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "numpy", "tokenizers")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class UpstreamFile(_Record):
    """One file as it came from upstream."""

    sha256: str
    size: int


class Parity(_Record):
    """How far the exported graph is from the torch model on fixed inputs."""

    graph: str
    output: str
    max_difference: float
    """Largest absolute difference over all compared elements."""
    largest: float
    """Largest magnitude of the torch model's output, to judge the difference by."""
    tolerance: float
    """Most `max_difference` may be."""

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerance (never so for NaN)."""
        return self.max_difference <= self.tolerance


class Provenance(_Record):
    """Everything the card says about the origin."""

    id: str
    """Catalogue id that the model will have."""
    task: str
    """As in the catalogue: `translation`, `speech-recognition`, `image-recognition`, `object-detection`."""
    architecture: str
    """`model_type` of transformers."""
    repository: str
    """Address of the hub repository, or the name of the local folder."""
    revision: str
    """Commit; empty for a local folder."""
    licence: str
    """SPDX id, or `LicenseRef-unknown`."""
    licence_url: str = ""
    parameters: int
    upstream: dict[str, UpstreamFile]
    versions: dict[str, str]
    seconds: dict[str, float] = Field(default_factory=dict)
    """Step of the chain (`export`, `quantize`, `gate`) to how long it took."""
    parity: list[Parity]
    quantization: dict[str, Any] | None = None
    """Written by quantize.py: the chosen method for every graph, and the table of candidates."""
    verdict: dict[str, Any] | None = None
    """Written by gate.py."""

    def write(self, folder: Path) -> None:
        """Put it beside the model."""
        (folder / PROVENANCE_FILE).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Provenance:
        """What is known of the model in `folder`.

        Raises:
            ExportError: the folder is not one that export.py made.
        """
        try:
            return cls.model_validate(json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8")))
        except OSError as error:
            raise ExportError(f"{folder} has no {PROVENANCE_FILE}; make it with: scripts/export.py") from error
        except (ValueError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise ExportError(
                f"{folder / PROVENANCE_FILE} is damaged ({reason}); run scripts/export.py again"
            ) from error


def hash_file(path: Path) -> UpstreamFile:
    """Size and SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return UpstreamFile(sha256=digest.hexdigest(), size=path.stat().st_size)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what comes out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # noqa: PERF203 - each may be absent
            continue
    return found
