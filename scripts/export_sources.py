"""What a model is exported from, checked before anything heavy is loaded: a folder of files, or a repository of a hub.

A source is a `config.json` that names an architecture and its head, weights in safetensors (`export_weights`), and
small files of tokenizer or processor. Code that comes with a model is never run, and such a model is refused.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export_families import FAMILIES, HEADS, TASKS
from export_weights import Weights, read_weights
from provenance import UpstreamFile, hash_file

from edge.errors import ExportError, StoreError
from edge.hub.memory import available_mb

CONFIG_FILE = "config.json"
SMALL_FILES = ("*.json", "*.txt", "*.model", "*.spm", "LICEN[SC]E*")
"""What a family may see beside the weights; everything else stays where it is."""

UNKNOWN_LICENCE = "LicenseRef-unknown"
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*( (AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*")
_HUB_ID = re.compile(r"(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w./-]+))?")
_LARGEST_SMALL_FILE = 200_000_000

_DISK, _MEMORY, _LIBRARIES = 4, 6, 10**9
"""Times the weights as float32, on disk and in memory, and torch, transformers and ONNX Runtime. The largest case is an
encoder and decoder, of which optimum writes four graphs to merge two: 2.7 GB of memory for the 296 MB of an OPUS-MT."""


@dataclass(frozen=True)
class Origin:
    """Where a folder of upstream files came from.

    Attributes:
        folder: the files.
        name: of the repository or the folder, to make an id from.
        repository: address on the hub, or the name of a local folder.
        revision: commit; empty for a local folder.
        licence: SPDX id, or `LicenseRef-unknown`.
        licence_url: where it is stated; empty for a local folder.
    """

    folder: Path
    name: str
    repository: str
    revision: str = ""
    licence: str = UNKNOWN_LICENCE
    licence_url: str = ""


@dataclass(frozen=True)
class Source:
    """A checked source.

    Attributes:
        origin: where the files came from.
        model_type: architecture, one of `FAMILIES`.
        architecture: class of transformers, with its head.
        task: of the catalogue.
        weights: what their headers say.
    """

    origin: Origin
    model_type: str
    architecture: str
    task: str
    weights: Weights


def find(model: str, revision: str | None, licence: str | None, *, accept_licence: bool) -> Origin:
    """The folder called `model`, or a snapshot of the repository `owner/name[@revision]`.

    Args:
        model: a folder if there is one of this name.
        revision: branch, tag or commit of a repository.
        licence: SPDX id of a local folder's model; a repository states its own.
        accept_licence: also take a repository whose licence does not allow every use.

    Raises:
        ExportError: neither a folder nor a repository, or an option that does not belong to it.
        DownloadError, LicenceError, StoreError: the repository cannot be had.
    """
    folder = Path(model)
    if model and folder.is_dir():
        if revision:
            raise ExportError("--revision belongs to a repository of the hub, and a folder is what it is")
        if licence and not _SPDX.fullmatch(licence):
            raise ExportError(f"{licence!r} is no SPDX expression such as Apache-2.0 or CC-BY-4.0")
        name = folder.resolve().name
        return Origin(folder.resolve(), name, name, licence=licence or UNKNOWN_LICENCE)
    named = _HUB_ID.fullmatch(model)
    if folder.exists() or not named:
        raise ExportError(f"{model!r} is neither a folder nor a repository of the form owner/name")
    if licence:
        raise ExportError("--licence belongs to a local folder; a repository states its own")
    from edge.hub.hub_snapshot import cache_root, snapshot

    taken = snapshot(
        named["repository"], revision or named["revision"], cache_root(), accept_licence=accept_licence, note=print
    )
    name = named["repository"].rpartition("/")[2]
    return Origin(taken.folder, name, taken.repository, taken.revision, taken.licence, taken.licence_url)


def check(origin: Origin) -> Source:
    """Read the configuration and the headers of the weights; no tensor is loaded.

    Raises:
        ExportError: what is missing, damaged or not supported, and what to do about it.
        RecipeError: weights that are truncated or damaged.
    """
    folder = origin.folder
    _refuse_links(folder)
    config = _read_config(folder)
    model_type = str(config["model_type"])
    if model_type not in FAMILIES:
        raise ExportError(f"architecture {model_type!r} is not supported; known are {', '.join(sorted(FAMILIES))}")
    architecture = _head(folder, config, model_type)
    if "quantization_config" in config:
        raise ExportError(f"{folder} is quantised already ({CONFIG_FILE}: quantization_config); export the original")
    return Source(origin, model_type, architecture, TASKS[FAMILIES[model_type]], read_weights(folder))


def stage(source: Source, into: Path) -> dict[str, UpstreamFile]:
    """Link the files that a family may see into the empty folder `into`, and hash them.

    Whatever the family calls then finds no pickle and no code, whether it looks for them or not.
    """
    folder = source.origin.folder
    paths = {path for pattern in SMALL_FILES for path in folder.glob(pattern)} | set(source.weights.files)
    for path in sorted(paths):
        (into / path.name).symlink_to(path)
    return {path.name: hash_file(path) for path in sorted(paths)}


def check_room(source: Source, out: Path) -> str:
    """One line about what the export needs at most, on disk and in memory.

    Raises:
        StoreError: the disk of `out` has not as much.
    """
    disk = _DISK * source.weights.float_bytes
    free = shutil.disk_usage(out).free
    if disk > free:
        raise StoreError(f"not enough disk at {out}: {_size(disk)} needed, {_size(free)} free")
    memory = _MEMORY * source.weights.float_bytes + _LIBRARIES
    line = (
        f"{source.origin.name}: {source.architecture}, {source.task}, {source.weights.parameters / 1e6:.2f} million "
        f"parameters, {source.origin.licence}; takes up to {_size(disk)} of disk and {_size(memory)} of memory"
    )
    available = available_mb()
    short = available is not None and available * 10**6 < memory
    return line + (f", and only {available} MB are free" if short else "")


def _refuse_links(folder: Path) -> None:
    link = next((path for path in sorted(folder.iterdir()) if path.is_symlink()), None)
    if link:
        raise ExportError(f"{link} is a link to somewhere else; copy the files themselves: cp -rL {folder} NEW_FOLDER")
    for pattern in SMALL_FILES:
        for path in sorted(folder.glob(pattern)):
            if not path.is_file() or path.stat().st_size > _LARGEST_SMALL_FILE:
                raise ExportError(f"{path} is no file that belongs to a model")


def _read_config(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise ExportError(f"{folder} has no {CONFIG_FILE}: it is no folder of a transformers model")
    config = read_json(path)
    if not isinstance(config.get("model_type"), str):
        raise ExportError(f"{path} names no model_type: it is not the configuration of a transformers model")
    for other in sorted(folder.glob("*config.json")):
        if "auto_map" in read_json(other):
            raise ExportError(f"{other} asks for code that comes with the model (auto_map), and such code is never run")
    return config


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ExportError: there is another thing in it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ExportError(f"{path} is not valid JSON ({error}); get the file again") from error
    if not isinstance(content, dict):
        raise ExportError(f"{path} holds no JSON object; get the file again")
    return content


def _head(folder: Path, config: Mapping[str, Any], model_type: str) -> str:
    """The class of the model, which must be the one whose head does the family's task."""
    wanted = HEADS[FAMILIES[model_type]]
    listed = config.get("architectures")
    found = [str(name) for name in listed] if isinstance(listed, list) else []
    fitting = [name for name in found if any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)]
    if not fitting:
        raise ExportError(
            f"{folder / CONFIG_FILE} names {', '.join(found) or 'no architectures'}: for "
            f"{TASKS[FAMILIES[model_type]]} a {model_type} must be {' or '.join(wanted)}"
        )
    return fitting[0]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"
