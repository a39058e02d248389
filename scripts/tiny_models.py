"""Makes tiny models of the architectures that `export.py` knows, to try and to test the chain where there is no hub.

    python scripts/tiny_models.py vit marian --out out/tiny     ->  out/tiny/vit, out/tiny/marian
    python scripts/tiny_models.py all --out out/tiny

Every folder is what the hub would have: `config.json`, `model.safetensors`, and the files of tokenizer or processor.
Seeded, so that a folder is the same every time. Run it in the export environment (`scripts/setup export`).
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from export_families import FAMILIES

from edge.errors import EdgeError, ExportError

MAKERS: Mapping[str, str] = {
    "export_marian": "tiny_marian",
    "export_whisper": "tiny_whisper",
    "export_classifiers": "tiny_classifiers",
    "export_dual_encoders": "tiny_dual_encoders",
    "export_detectors": "tiny_detectors",
}
"""Family module -> the module that makes its tiny models."""


class Maker(Protocol):
    """What a module of `MAKERS` offers."""

    def make(self, model_type: str, out: Path) -> None:
        """Save a tiny model of this `model_type` and all files it comes with into the existing empty folder `out`."""
        ...


def make_all(model_types: Iterable[str], out: Path) -> None:
    """Make one folder per architecture under `out`; one that is there already is replaced.

    Raises:
        ExportError: an architecture that no family knows.
    """
    for model_type in model_types:
        if model_type not in FAMILIES:
            raise ExportError(f"architecture {model_type!r} is not known; known are {', '.join(sorted(FAMILIES))}")
    out.mkdir(parents=True, exist_ok=True)
    for model_type in model_types:
        maker: Maker = importlib.import_module(MAKERS[FAMILIES[model_type]])
        with tempfile.TemporaryDirectory(dir=out, prefix=f".{model_type}-") as scratch:
            made = Path(scratch) / model_type
            made.mkdir()
            maker.make(model_type, made)
            shutil.rmtree(out / model_type, ignore_errors=True)
            made.replace(out / model_type)
        print(out / model_type)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the command line names; 2 when it names something unknown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_types", nargs="+", metavar="ARCHITECTURE", help=f"all, or of {', '.join(FAMILIES)}")
    parser.add_argument("--out", type=Path, required=True, help="folder under which the models are made")
    options = parser.parse_args(arguments)
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
    try:
        make_all(FAMILIES if options.model_types == ["all"] else options.model_types, options.out)
    except EdgeError as error:
        print(f"tiny_models: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
