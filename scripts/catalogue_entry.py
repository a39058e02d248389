"""Entries of the catalogue as TOML text: one form for all, so that `models/catalog.toml` is written, not typed.

A field that has its default is left out; the others stand in the order of the schema (edge/hub/catalogue.py). Files,
and more than one measured quality, have a line each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provenance import Provenance, hash_file

from edge.errors import UnknownModelError
from edge.hub.catalogue import Catalogue, Model, ModelFile, PackagedSource, UrlSource, WheelSource

ENTRY_FILE = "entry.toml"
CARD_FILE = "card.md"

TO_BE_EXPORTED = "; to be exported"
"""End of the title of an entry that has no files yet."""

Source = WheelSource | UrlSource | PackagedSource
Mirrors = Mapping[str, Sequence[str]]


def render(model: Model, mirrors: Mirrors | None = None) -> str:
    """One entry, from `[[models]]` to the end of its last line.

    Args:
        model: what it says.
        mirrors: name of a mirror to its addresses; sources that lie under all of them are written as its path.
    """
    lines = ["[[models]]"]
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if field.is_required() or value != field.get_default(call_default_factory=True):
            lines += _files(value, mirrors or {}) if name == "files" else _field(name, _plain(value))
    return "\n".join(lines) + "\n"


def _field(name: str, value: Any) -> list[str]:
    if name == "quality" and len(value) > 1:
        return ["quality = [", *(f"  {_toml(score)}," for score in value), "]"]
    if name == "quality":
        return [f"quality = [ {_toml(value[0])} ]"]
    return [f"{name} = {_toml(value)}"]


def _files(files: Iterable[ModelFile], mirrors: Mirrors) -> list[str]:
    lines = ["files = ["]
    for file in files:
        start = f"  {{ name = {_toml(file.name)}, size = {file.size}, sha256 = {_toml(file.sha256)}"
        sources = [_toml(source) for source in _sources(file.sources, mirrors)]
        if not sources:
            lines.append(f"{start} }},")
        elif isinstance(file.sources[0], PackagedSource):
            lines.append(f"{start}, sources = [ {', '.join(sources)} ] }},")
        else:
            lines += [f"{start}, sources = [", *(f"    {source}," for source in sources[:-1])]
            lines.append(f"    {sources[-1]} ] }},")
    return [*lines, "]"]


def _sources(sources: Sequence[Source], mirrors: Mirrors) -> list[dict[str, Any]]:
    """Addresses of one path under every address of a mirror become `{mirror, path}` again."""
    found: list[dict[str, Any]] = []
    rest = list(sources)
    while rest:
        first = rest[0]
        path = first.path if isinstance(first, UrlSource) else ""
        for name, bases in mirrors.items() if path else ():
            head = [source.url for source in rest[: len(bases)] if isinstance(source, UrlSource)]
            if head == [f"{base}/{quote(path)}" for base in bases]:
                found.append({"mirror": name, "path": path})
                del rest[: len(bases)]
                break
        else:
            found.append(rest.pop(0).model_dump(exclude_defaults=True))
    return found


def _plain(value: Any) -> Any:
    """Nested records as dictionaries, without what has its default."""
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_defaults=True)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _toml(value: Any) -> str:
    """A value on one line, as TOML 1.0 has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_bare else _toml(key)


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
