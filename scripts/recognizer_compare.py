"""Accuracy against latency: other input sizes for the trained weights, other depths with a fitted head only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from recognizer_assembly import outputs_of
from recognizer_data import MEAN, STD, STRANGERS, labels_of
from recognizer_export import Recognizer, export, quantise
from recognizer_features import Cache
from recognizer_gate import ORIGINAL_SIZE, alternate
from recognizer_metrics import top_one
from recognizer_model import WIDTH, Shape, Top, Trunk, Weights
from recognizer_training import start_head
from torch import nn

from edge.inference.sessions import Session, SessionFactory
from edge.perception.image_recognition import RecognizerConfig

SIZES = (112, 140, 168, 224)
DEPTHS = (9, 10, 11, 12)

_ROUNDS = 15
_PICTURES = 1500  # of the training part, for the heads of the depths


def compare(cache: Cache, top: Top, weights: Weights, original: Path, scratch: Path) -> list[dict[str, Any]]:
    """Rows of the table, also in `scratch`/comparison.json; graphs that were made before are measured again."""
    folder = scratch / "compared"
    made: dict[tuple[int, int, str], Path] = {}
    for size in SIZES:
        shape = replace(cache.shape, size=size)
        how = "tuned" if size == cache.shape.size else f"tuned at {cache.shape.size}"
        made[size, shape.depth, how] = _graph(shape, top, weights, folder / f"size_{size}.onnx")
    for depth in DEPTHS:
        shape = replace(cache.shape, depth=depth)
        file = folder / f"depth_{depth}.onnx"
        made[shape.size, depth, "head only"] = _fitted(cache, shape, weights, file)
    rows: list[dict[str, Any]] = [
        {"size": size, "depth": depth, "how": how, "top-1": accuracy(cache, size, file)}
        for (size, depth, how), file in made.items()
    ]
    rows = [{**row, **spent} for row, spent in zip(rows, _times(made, original), strict=True)]
    (scratch / "comparison.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


def accuracy(cache: Cache, size: int, file: Path) -> float:
    """Top-1 of an int8 graph on the known things of the validation part."""
    labels = labels_of(cache.items)
    items = [item for item in cache.items if item.part == "validation" and item.label != STRANGERS]
    config = RecognizerConfig(labels, size, MEAN, STD, 1.0, (1.0, 0.0, 0.0), 0.0, 0.5, 0.5, 1)
    logits, _ = outputs_of(SessionFactory().open(file, threads=2), config, items, cache.data)
    return top_one(logits[:, :-1].argmax(axis=1), np.array([labels.index(item.label) for item in items]))


def _graph(shape: Shape, top: Top, weights: Weights, file: Path) -> Path:
    small = file.with_name(f"{file.stem}_int8.onnx")
    if not small.exists():
        trunk = Trunk(shape)
        trunk.load(weights)
        model = Recognizer(trunk, top, nn.Linear(4 * WIDTH, shape.embedding), nn.Linear(WIDTH, 1))
        export(model, shape.size, file)
        quantise(file, small)
        file.unlink()
    return small


def _fitted(cache: Cache, shape: Shape, weights: Weights, file: Path) -> Path:
    top = Top(shape)
    if not file.with_name(f"{file.stem}_int8.onnx").exists():
        top.load(weights)
        start_head(cache, top.eval(), labels_of(cache.items), limit=_PICTURES)
    return _graph(shape, top.eval(), weights, file)


def _times(made: dict[tuple[int, int, str], Path], original: Path) -> list[dict[str, float]]:
    sessions = SessionFactory()
    first = sessions.open(original, threads=2)
    runs = {"original": _run(first, "input_image", ORIGINAL_SIZE)}
    for (size, depth, how), file in made.items():
        runs[f"{size} {depth} {how}"] = _run(sessions.open(file, threads=2), "image", size)
    medians = [float(np.median(values)) for values in alternate(runs, _ROUNDS).values()]
    return [{"ms": value, "ratio": value / medians[0]} for value in medians[1:]]


def _run(session: Session, name: str, size: int) -> Callable[[], object]:
    feed = {name: np.zeros((1, 3, size, size), np.float32)}
    return lambda: session.run(None, feed)
