"""Write the Firefox Translations part of models/catalog.toml from a list of the published models.

    python scripts/import_firefox.py LIST.json

The list is an object with `repository`, `commit` and `models`; each model has `architecture`, `pair`, `source`,
`target`, `version`, `flores`, `model_sha256`, `model_bytes` and `files` (name -> `sha256_gz`, `bytes_gz`). Everything
between the two marker lines of the catalogue is replaced.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edge.hub.catalogue import Model
from edge.hub.entry_text import render

CATALOGUE = Path(__file__).resolve().parent.parent / "models" / "catalog.toml"
BEGIN = "# BEGIN of the part that scripts/import_firefox.py writes"
END = "# END of the part that scripts/import_firefox.py writes"

MIRROR = "firefox-translations"
_BASE = "https://mirror.invalid"  # in place of the addresses, which only the catalogue names

PREFERENCE = ("tiny", "base-memory", "base")
"""The first architecture that a pair has gets the plain id."""
FALLBACKS = {"mt-en-pt": "mt-en-pt-2021", "mt-pt-en": "mt-pt-en-2021"}
"""These are the default pairs, with what stands in where the published location cannot be reached."""
RAM_MB = {"tiny": 80, "base-memory": 135, "base": 175}
"""Tiny: as the gate measured it (benchmarks/results/default_models.json); the others in proportion to the weights."""


def main() -> None:
    """Replace the generated part in place."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list", type=Path, help="JSON file with the published models")
    listed = json.loads(parser.parse_args().list.read_text(encoding="utf-8"))
    before, _, rest = CATALOGUE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"{CATALOGUE} has no marker lines")
    CATALOGUE.write_text(f"{before}{BEGIN}\n\n{generate(listed)}\n{END}{after}", encoding="utf-8")


def generate(listed: dict[str, Any]) -> str:
    """The entries as TOML, sorted by id."""
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for model in listed["models"]:
        pairs[_language(model["source"]), _language(model["target"])].append(model)
    entries = {}
    for (source, target), models in pairs.items():
        models.sort(key=lambda model: PREFERENCE.index(model["architecture"]))
        for model in models:
            suffix = "" if model is models[0] else f"-{model['architecture']}"
            model_id = f"mt-{source}-{target}{suffix}"
            entries[model_id] = _entry(model_id, source, target, model, listed)
    return "\n".join(entries[model_id] for model_id in sorted(entries))


def _entry(model_id: str, source: str, target: str, model: dict[str, Any], listed: dict[str, Any]) -> str:
    architecture, page = model["architecture"], f"https://github.com/{listed['repository']}"
    version = f" {model['version']}" if model["version"] else ""
    fallback = FALLBACKS.get(model_id)
    entry = {
        "id": model_id,
        "task": "translation",
        "title": f"Firefox Translations {source} to {target}, {architecture}{version}",
        "source": source,
        "target": target,
        "licence": "MPL-2.0",
        "licence_url": f"{page}/blob/{listed['commit']}/LICENSE",
        "upstream": {"repository": page, "revision": listed["commit"]},
        "recipe": "marian",
        "options": {"source": source, "target": target, "model_sha256": model["model_sha256"]},
        "default": fallback is not None,
        "fallback": fallback,
        "ram_mb": RAM_MB[architecture],
        "disk_mb": _disk_mb(model),
        "quality": _quality(model),
        "files": _files(model),
    }
    return render(Model.model_validate(entry), {MIRROR: (_BASE,)})


def _files(model: dict[str, Any]) -> list[dict[str, Any]]:
    """All but the scores of the translation, which nothing here uses."""
    folder = f"models/{model['architecture']}/{model['pair']}"
    return [
        {
            "name": name,
            "size": file["bytes_gz"],
            "sha256": file["sha256_gz"],
            "sources": [{"url": f"{_BASE}/{folder}/{quote(name)}", "path": f"{folder}/{name}"}],
        }
        for name, file in sorted(model["files"].items())
        if not name.startswith("qualityModel")
    ]


def _quality(model: dict[str, Any]) -> list[dict[str, Any]]:
    """FLORES scores as the publisher gives them."""
    names = {"bleu": "BLEU", "comet": "COMET"}
    return [
        {"metric": names[key], "data": "FLORES", "value": value, "by": "upstream"}
        for key, value in sorted((model["flores"] or {}).items())
        if key in names and value is not None
    ]


def _disk_mb(model: dict[str, Any]) -> float:
    """Estimate: weights, shortlist as 16-bit ids, vocabulary."""
    return round(int(model["model_bytes"]) / 1e6 + 6.0, 1)


def _language(code: str) -> str:
    """`zh-Hans` is what everything else here calls `zh`."""
    return code.split("-", maxsplit=1)[0]


if __name__ == "__main__":
    main()
