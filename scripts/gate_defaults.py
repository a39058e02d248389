"""The gate's measurements of the default models that are quantised here: the recipe's int8 beside its own float.

    python scripts/gate_defaults.py [ID...] [--data FOLDER] [--limit N]

Both builds are made from the upstream files in a scratch folder. Quality of translation is measured on FLORES, that of
Whisper by benchmarks/whisper_precision.py; here it is heard on few clips, for time and memory. The numbers go into
benchmarks/results/default_models.json, entry by entry, and from there into the cards (scripts/default_cards.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gate_compare import Pair, compare
from gate_limits import limits
from gate_measure import ROUNDS, machine, memory_mb
from provenance import versions

from edge.errors import EdgeError
from edge.hub.catalogue import Model, load_catalogue
from edge.hub.deep_verify import rederive
from edge.hub.store import ModelStore

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "default_models.json"
DATA = ROOT.parent / "shared" / "data"
FOLDERS = {
    "whisper-base": "speech-en",
    "mt-en-pt-2021": "flores",
    "mt-pt-en-2021": "flores",
}
"""Models whose recipe can also write float graphs, and the folder of their data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 when a model would be refused by the gate, 2 when it could not be made or measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(FOLDERS)}; none: all")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with flores/ and speech-en/")
    parser.add_argument("--limit", type=int, default=12, help="most clips; translations are measured on all lines")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of timing")
    parser.add_argument("--memory", action="store_true", help="only the memory of what is installed, once more")
    options = parser.parse_args(arguments)
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    worst = 0
    for id_ in options.ids or FOLDERS:
        if id_ not in FOLDERS:
            print(f"gate_defaults: {id_} is not one of {', '.join(FOLDERS)}", file=sys.stderr)
            return 2
        try:
            if options.memory and id_ in found:
                found[id_]["ram_mb"] = memory_mb(ModelStore().open(id_))
            else:
                found[id_] = measure(load_catalogue().get(id_), options)
        except (EdgeError, OSError) as error:
            print(f"gate_defaults: {error}", file=sys.stderr)
            return 2
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{id_}: {'; '.join(found[id_]['reasons']) or 'passes'}")
        worst = max(worst, bool(found[id_]["reasons"]))
    return worst


def measure(model: Model, options: argparse.Namespace) -> dict[str, Any]:
    """Build the model twice and compare; the verdict as gate.py writes it.

    Raises:
        DownloadError, RecipeError, StoreError: it cannot be built.
        ExportError: the data is not there.
    """
    data = options.data / FOLDERS[model.id]
    with tempfile.TemporaryDirectory(prefix="edge-defaults-") as scratch:
        small, large = (build(model, precision, Path(scratch) / precision) for precision in ("int8", "fp32"))
        verdict: dict[str, Any] = {
            "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
            "machine": machine(),
            "versions": versions(),
        }
        few = None if model.task == "translation" else options.limit
        pair = Pair(small, large, large, data, few, options.rounds)
        verdict["reasons"] = compare(pair, limits([]), verdict)
    verdict["replaces"] = "its own float graphs"
    if model.task != "translation":
        verdict["quality"] = []  # few clips are no measurement
        verdict["reasons"] = [reason for reason in verdict["reasons"] if reason.startswith("neither")]
    return verdict


def build(model: Model, precision: str, into: Path) -> Path:
    """The model in this precision, made from its upstream files; gives the folder."""
    options = {**model.options, "precision": precision}
    return rederive(ModelStore(), model.model_copy(update={"options": options}), into)


if __name__ == "__main__":
    sys.exit(main())
