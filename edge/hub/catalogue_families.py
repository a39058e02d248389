"""Entries by pattern: one `[[families]]` table of the catalogue stands for a model per language pair.

    [[families]]
    id = "opus-mt-{source}-{target}"
    title = "OPUS-MT {source} to {target}; to be exported"
    hub = { repository = "Helsinki-NLP/opus-mt-{source}-{target}" }
    pairs = ["de-en", "en-de"]
    ...

Every other field is that of a `[[models]]` table; `{source}` and `{target}` are replaced in all texts.
"""

from __future__ import annotations

import re
from typing import Any

from edge.errors import StoreError


def expand_families(tree: dict[str, Any]) -> dict[str, Any]:
    """Replace `families` by entries in `models`, after those that are there.

    Args:
        tree: the parsed TOML file; changed in place.

    Raises:
        StoreError: pairs that are not like `de-en`, or one twice.
        AttributeError, KeyError, TypeError: the tables are not what they should be.
    """
    models = tree.setdefault("models", [])
    for family in tree.pop("families", []):
        pairs = family["pairs"]
        if len(set(pairs)) != len(pairs):
            raise StoreError(f"catalogue: {family['id']} lists a pair twice; reinstall edge-glasses")
        for pair in pairs:
            match = re.fullmatch(r"([a-z]{2,3})-([a-z]{2,3})", pair)
            if match is None:
                raise StoreError(f"catalogue: {family['id']} has no pair {pair!r}; reinstall edge-glasses")
            models.append(_entry(family, match[1], match[2]))
    return tree


def _entry(family: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    entry = {key: _filled(value, source, target) for key, value in family.items() if key != "pairs"}
    return {**entry, "source": source, "target": target}


def _filled(value: Any, source: str, target: str) -> Any:
    if isinstance(value, str):
        return value.replace("{source}", source).replace("{target}", target)
    if isinstance(value, dict):
        return {key: _filled(item, source, target) for key, item in value.items()}
    return value
