"""The catalogue entry of a model that was made here: what it is, where it is from, its files and measured quality."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provenance import Provenance, hash_file

from edge.errors import UnknownModelError
from edge.hub.catalogue import Catalogue, Model

ENTRY_FILE = "entry.toml"
CARD_FILE = "card.md"

TO_BE_EXPORTED = "; to be exported"
"""End of the title of an entry that has no files yet."""


def made_entry(folder: Path, provenance: Provenance, catalogue: Catalogue, precision: str) -> Model:
    """The entry of a model that passed the gate: recipe `made`, every file with its hash.

    Args:
        folder: the model; card and entry in it are not part of it.
        provenance: with the gate's verdict.
        catalogue: gives title and languages of an entry that was waiting to be made.
        precision: of the graphs.
    """
    try:
        waiting: Model | None = catalogue.get(provenance.id)
    except UnknownModelError:
        waiting = None
    verdict = provenance.verdict or {}
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    files = [path for path in sorted(folder.iterdir()) if path.name not in (ENTRY_FILE, CARD_FILE)]
    size = sum(path.stat().st_size for path in files)
    is_translation = provenance.task == "translation"
    return Model.model_validate(
        {
            "id": provenance.id,
            "task": provenance.task,
            "title": _title(provenance, waiting, precision),
            "languages": waiting.languages if waiting else _languages(provenance.task, described),
            "source": described["source"] if is_translation else None,
            "target": described["target"] if is_translation else None,
            "licence": provenance.licence,
            "licence_url": provenance.licence_url or provenance.repository,
            "upstream": {"repository": provenance.repository, "revision": provenance.revision or "local folder"},
            "recipe": "made",
            "parameters": provenance.parameters or None,
            "ram_mb": math.ceil(verdict.get("ram_mb", 0)),
            "disk_mb": max(0.1, round(size / 1e6, 1)),
            "quality": _quality(verdict),
            "files": [{"name": path.name, **hash_file(path).model_dump()} for path in files],
        }
    )


def _title(provenance: Provenance, waiting: Model | None, precision: str) -> str:
    if waiting is not None:
        return f"{waiting.title.removesuffix(TO_BE_EXPORTED)}, {precision}"
    count = provenance.parameters
    size = f"{count / 1e6:.0f} M" if count >= 1e6 else f"{count:,}"  # noqa: PLR2004 - a million
    name = provenance.repository.removeprefix("https://huggingface.co/")
    return f"{name}: {provenance.architecture}, {size} parameters, {precision}"


def _languages(task: str, described: Mapping[str, Any]) -> tuple[str, ...]:
    if task != "speech-recognition":
        return ()
    return ("multilingual",) if described.get("multilingual") else ("en",)


def _quality(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"metric": row["metric"], "data": row["data"], "value": round(row["candidate"], 2), "by": "here"}
        for row in verdict.get("quality", ())
    ]
