"""What a model is exported from, checked before anything heavy is loaded: a folder of files, or a repository of a hub.

A source is a `config.json` that names an architecture, weights in safetensors, and small files of tokenizer or
processor. Weights in other formats are pickles or may hold them: they are never opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export_families import FAMILIES, TASKS
from provenance import UpstreamFile, hash_file

from edge.errors import ExportError

CONFIG_FILE = "config.json"
WANTED = ("*.json", "*.txt", "*.model", "*.spm", "*.safetensors", "LICEN[SC]E*")
"""What a family may see of a folder; everything else stays where it is."""

HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")


@dataclass(frozen=True)
class Origin:
    """Where a folder of upstream files came from.

    Attributes:
        folder: the files.
        repository: address on the hub, or the name of a local folder.
        revision: commit; empty for a local folder.
        licence: SPDX id, or `LicenseRef-unknown`.
        files: file name to its hash and size; empty: not hashed yet.
    """

    folder: Path
    repository: str
    revision: str
    licence: str
    files: Mapping[str, UpstreamFile]


@dataclass(frozen=True)
class Source:
    """A checked source.

    Attributes:
        origin: where the files came from.
        config: content of `config.json`.
        model_type: architecture, one of `FAMILIES`.
        task: of the catalogue.
        parameters: numbers in the weights.
        weight_bytes: size of the safetensors files.
    """

    origin: Origin
    config: Mapping[str, Any]
    model_type: str
    task: str
    parameters: int
    weight_bytes: int


def local_origin(folder: Path, licence: str | None) -> Origin:
    """A folder of this machine.

    Raises:
        ExportError: it is no folder.
    """
    if not folder.is_dir():
        raise ExportError(f"{folder} is neither a folder nor a repository of the form owner/name")
    return Origin(folder, folder.resolve().name, "", licence or "LicenseRef-unknown", {})


def stage(origin: Origin, into: Path) -> dict[str, UpstreamFile]:
    """Link the files that a family may see into the empty folder `into`, and hash them."""
    seen: dict[str, UpstreamFile] = {}
    for path in sorted({path for pattern in WANTED for path in origin.folder.glob(pattern) if path.is_file()}):
        seen[path.name] = origin.files.get(path.name) or hash_file(path)
        (into / path.name).symlink_to(path.resolve())
    return seen


def check(origin: Origin) -> Source:
    """Read the configuration and the headers of the weights; nothing is loaded.

    Raises:
        ExportError: what is missing, damaged or not supported, and what to do about it.
    """
    config = read_config(origin.folder)
    model_type = str(config["model_type"])
    if model_type not in FAMILIES:
        raise ExportError(f"architecture {model_type!r} is not supported; known are {', '.join(sorted(FAMILIES))}")
    weights = sorted(origin.folder.glob("*.safetensors"))
    if not weights:
        raise ExportError(f"{origin.folder} has no *.safetensors")
    return Source(
        origin, config, model_type, TASKS[FAMILIES[model_type]], 0, sum(path.stat().st_size for path in weights)
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Content of `config.json`.

    Raises:
        ExportError: there is none, or it does not name an architecture.
    """
    path = folder / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ExportError(f"{folder} has no {CONFIG_FILE}: it is not a folder of a transformers model") from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} is not valid JSON ({error}); get the file again") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ExportError(f"{path} names no model_type: it is not the configuration of a transformers model")
    return config


Note = Callable[[str], None]
