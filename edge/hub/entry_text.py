"""Entries of a catalogue as TOML text: one form for all, so that `models/catalog.toml` is written, not typed.

A field that has its default is left out; the others stand in the order of the schema (edge/hub/catalogue.py). Files,
and more than one measured quality, have a line each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from edge.hub.catalogue import Model, ModelFile, PackagedSource, UrlSource, WheelSource

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
        return ["quality = [", *(f"  {in_toml(score)}," for score in value), "]"]
    if name == "quality":
        return [f"quality = [ {in_toml(value[0])} ]"]
    return [f"{name} = {in_toml(value)}"]


def _files(files: Iterable[ModelFile], mirrors: Mirrors) -> list[str]:
    lines = ["files = ["]
    for file in files:
        start = f"  {{ name = {in_toml(file.name)}, size = {file.size}, sha256 = {in_toml(file.sha256)}"
        sources = [in_toml(source) for source in _sources(file.sources, mirrors)]
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


def in_toml(value: Any) -> str:
    """A value on one line, as TOML 1.0 has it (its strings are those of JSON)."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {in_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(in_toml(item) for item in value) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_bare else in_toml(key)
