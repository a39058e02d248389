"""Image recognition: our int8 recogniser against the float ViT-S at 224 pixels that it was made from.

Both take turns on the same picture in one process with two threads; ours prepares the picture, the other is given
its tensor. Accuracy is on the pictures that training never saw (split of scripts/recognizer_data.py).

    python benchmarks/image_recognition.py [--data FOLDER] [--model FOLDER] [--weights FILE] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import EdgeError
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.perception.image_recognition import ImageRecognizer
from edge.settings import SceneSettings

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from recognizer_data import pictures, read
from recognizer_gate import ORIGINAL_SIZE, alternate, looks, quality

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "recognition"
RESULTS = Path(__file__).resolve().parent / "results" / "image_recognition.json"
WEIGHTS_ID, WEIGHTS_FILE = "vit-s14-focus", "vit_s_focus.onnx"
LIMITS = {"top-1": 0.85, "caltech101": 0.88, "auroc": 0.90}
MAX_RATIO = 0.55


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a limit is missed, 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    if not (options.data / "manifest.tsv").is_file():
        print(f"skipped: no pictures in {options.data} (manifest.tsv)")
        return 0
    try:
        weights = options.weights or ModelStore().open(WEIGHTS_ID) / WEIGHTS_FILE
        recogniser = ImageRecognizer.load(options.model, SessionFactory(), SceneSettings())
        original = SessionFactory().open(weights, threads=2)
    except EdgeError as error:
        print(f"skipped: {error}")
        return 0
    items = [item for item in pictures(options.data) if item.part == "test"][: options.pictures]
    image = read(options.data / items[0].file)
    feed = {"input_image": np.zeros((1, 3, ORIGINAL_SIZE, ORIGINAL_SIZE), np.float32)}
    runs = {"original": lambda: original.run(None, feed), "ours": lambda: recogniser.look(image)}
    report: dict[str, Any] = {"pictures": len(items), "threads": 2}
    for name, values in alternate(runs, options.rounds).items():
        p90 = statistics.quantiles(values, n=10)[-1]
        report[name] = {"median_ms": round(statistics.median(values), 2), "p90_ms": round(p90, 2)}
    report["ratio"] = round(report["ours"]["median_ms"] / report["original"]["median_ms"], 4)
    numbers = quality(looks(recogniser, items, options.data), items, recogniser.config)
    report["quality"] = {name: round(value, 4) for name, value in numbers.items()}
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if _passes(report) else 1


def _passes(report: dict[str, Any]) -> bool:
    checks = {f"{name} at least {least}": report["quality"][name] >= least for name, least in LIMITS.items()}
    checks[f"time ratio at most {MAX_RATIO}"] = report["ratio"] <= MAX_RATIO
    for check, held in checks.items():
        print(f"{'ok    ' if held else 'FAILED'} {check}")
    return all(checks.values())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with manifest.tsv")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "recognizer")
    parser.add_argument("--weights", type=Path, help="vit_s_focus.onnx; without it, the one in the model store")
    parser.add_argument("--pictures", type=int, help="at most so many; without it, the whole test part")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--json", type=Path, default=RESULTS, help="write all numbers here")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
