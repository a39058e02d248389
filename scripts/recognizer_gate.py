"""The gate: both graphs on pictures that never saw training, and their time against the original's."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from recognizer_data import STRANGERS, Picture, Pixels, pictures, read
from recognizer_fitting import teaching
from recognizer_metrics import auroc, top_one

from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception.image_recognition import CONFIG_FILE, MODEL_FILE, ImageRecognizer, RecognizerConfig, salient_box
from edge.perception.prototypes import direction, load_cohort
from edge.results import Glance

FLOAT_FILE = "model_fp32.onnx"
LIMITS = {"top-1": 0.85, "top-1 caltech101": 0.88, "AUROC": 0.90, "int8 loss": 0.01, "time ratio": 0.55}
ORIGINAL_SIZE = 224

_ROUNDS = 21
_SCENES = 300
_TRIALS = 100


def measure(data: Path, folder: Path, weights: Path, scratch: Path) -> dict[str, Any]:
    """All numbers; also written to `scratch`/gate.json."""
    sessions = SessionFactory()
    config = RecognizerConfig.read(folder / CONFIG_FILE, folder.name)
    small = ImageRecognizer(sessions.open(folder / MODEL_FILE, threads=2), config)
    large = ImageRecognizer(sessions.open(scratch / FLOAT_FILE, threads=2), config)
    items = [item for item in pictures(data) if item.part == "test"]
    glances = {name: looks(one, items, data) for name, one in (("int8", small), ("fp32", large))}
    report: dict[str, Any] = {name: quality(seen, items, config) for name, seen in glances.items()}
    report |= {
        "pictures": len(items),
        "strangers": sum(item.label == STRANGERS for item in items),
        "bytes": (folder / MODEL_FILE).stat().st_size,
        "config": {name: getattr(config, name) for name in ("input_size", "temperature", "unknown_threshold")},
        "per class": per_class(glances["int8"], items, config),
        "confusion": confusion(glances["int8"], items, config),
        "teach": taught(glances["int8"], items, config, load_cohort(folder, folder.name)),
        "small things": small_things(small, items, data),
        "time": times(small, large, weights, sessions),
    }
    (scratch / "gate.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def passes(report: dict[str, Any]) -> bool:
    """Print every limit with what was measured; whether all hold."""
    seen = {
        "top-1": report["int8"]["top-1"],
        "top-1 caltech101": report["int8"]["caltech101"],
        "AUROC": report["int8"]["auroc"],
        "int8 loss": report["fp32"]["top-1"] - report["int8"]["top-1"],
        "time ratio": report["time"]["ratio"],
    }
    fine = True
    for name, limit in LIMITS.items():
        most = name in ("int8 loss", "time ratio")
        held = seen[name] <= limit if most else seen[name] >= limit
        fine &= held
        print(f"{'ok    ' if held else 'FAILED'} {name}: {seen[name]:.4f} (at {'most' if most else 'least'} {limit})")
    return fine


def looks(recogniser: ImageRecognizer, items: Sequence[Picture], data: Path) -> list[Glance]:
    """One look at each whole picture."""
    return [recogniser.look(read(data / item.file)) for item in items]


def quality(glances: Sequence[Glance], items: Sequence[Picture], config: RecognizerConfig) -> dict[str, float]:
    """Accuracy by source, and what the threshold of strangers does."""
    best, targets, known = _answers(glances, items, config)
    sure = np.array([glance.known for glance in glances])
    kept = sure >= config.unknown_threshold
    source = np.array([item.source.partition("/")[0] for item in items])
    shop = np.array([item.other_shop for item in items])
    five = np.array([t in np.argsort(-g.scores)[:5] for g, t in zip(glances, targets, strict=True)])
    numbers = {"top-1": top_one(best[known], targets[known]), "top-5": float(five[known].mean())}
    for name in ("caltech101", "grocery"):
        rows = known & (source == name)
        numbers[name] = top_one(best[rows], targets[rows])
    numbers |= {
        "other shop": top_one(best[shop], targets[shop]),
        "auroc": auroc(sure[known], sure[~known]),
        "known kept": float(kept[known].mean()),
        "strangers refused": float((~kept[~known]).mean()),
        "right of those named": top_one(best[kept], targets[kept]),
    }
    return numbers


def per_class(glances: Sequence[Glance], items: Sequence[Picture], config: RecognizerConfig) -> dict[str, list[int]]:
    """Right answers and pictures of each category."""
    best, targets, _ = _answers(glances, items, config)
    return {
        label: [int((best[targets == number] == number).sum()), int((targets == number).sum())]
        for number, label in enumerate(config.labels)
    }


def confusion(glances: Sequence[Glance], items: Sequence[Picture], config: RecognizerConfig) -> list[list[Any]]:
    """The most frequent mistakes: what it is, what was said, how often."""
    best, targets, known = _answers(glances, items, config)
    wrong = Counter(
        (config.labels[t], config.labels[b]) for t, b in zip(targets[known], best[known], strict=True) if t != b
    )
    return [[truth, said, count] for (truth, said), count in wrong.most_common(20)]


def taught(
    glances: Sequence[Glance], items: Sequence[Picture], config: RecognizerConfig, cohort: npt.NDArray[np.float32]
) -> dict[str, float]:
    """Five things taught from five pictures each, at the threshold of the configuration."""
    embeddings = np.stack([glance.embedding for glance in glances if glance.embedding is not None])
    labels = [item.label for item in items]
    best, right, strange = teaching(embeddings, labels, lambda views: direction(views, cohort), _TRIALS, seed=1)
    return {
        "recognised": float((right & (best >= config.taught_threshold)).mean()),
        "strangers named": float((strange >= config.taught_threshold).mean()),
    }


def small_things(recogniser: ImageRecognizer, items: Sequence[Picture], data: Path) -> dict[str, float]:
    """Pictures pasted at 30 to 40 % of the sides of a frame: the whole frame, and its salient part."""
    random = np.random.default_rng(11)
    behind = [item for item in items if item.label == STRANGERS]
    things = [item for item in items if item.label != STRANGERS]
    hits = {"whole frame": 0, "salient part": 0, "surer of both": 0}
    for number in random.permutation(len(things))[:_SCENES]:
        frame = scene(read(data / things[number].file), read(data / behind[number % len(behind)].file), random)
        target = recogniser.labels.index(things[number].label)
        whole = recogniser.look(frame)
        left, top, right, bottom = salient_box(whole.saliency, (frame.shape[1], frame.shape[0]))
        part = recogniser.look(frame[top:bottom, left:right])
        surer = part if part.known > whole.known else whole
        for name, glance in zip(hits, (whole, part, surer), strict=True):
            hits[name] += int(glance.scores.argmax() == target)
    return {name: count / min(_SCENES, len(things)) for name, count in hits.items()}


def scene(thing: Pixels, behind: Pixels, random: np.random.Generator) -> Image:
    """A frame of 640 x 360 with a small thing somewhere in it."""
    frame = np.asarray(cv2.resize(behind, (640, 360), interpolation=cv2.INTER_LINEAR), np.uint8)
    share = random.uniform(0.3, 0.4) * np.sqrt(640 * 360)
    ratio = np.sqrt(np.clip(thing.shape[1] / thing.shape[0], 0.5, 2.0))
    width, height = int(share * ratio), int(min(355, share / ratio))
    left, top = int(random.integers(640 - width)), int(random.integers(360 - height))
    frame[top : top + height, left : left + width] = cv2.resize(thing, (width, height), interpolation=cv2.INTER_AREA)
    return frame


def times(small: ImageRecognizer, large: ImageRecognizer, weights: Path, sessions: SessionFactory) -> dict[str, float]:
    """Medians in milliseconds, in turn, two threads; `ratio`: int8 with its preparation to the bare original."""
    original = sessions.open(weights, threads=2)
    feed = {"input_image": np.zeros((1, 3, ORIGINAL_SIZE, ORIGINAL_SIZE), np.float32)}
    image = np.random.default_rng(0).integers(0, 255, (360, 480, 3), np.uint8)
    runs: dict[str, Callable[[], object]] = {
        "original float 224": lambda: original.run(None, feed),
        "ours float": lambda: large.look(image),
        "ours int8": lambda: small.look(image),
    }
    medians = {name: float(np.median(values)) for name, values in alternate(runs, _ROUNDS).items()}
    return medians | {"ratio": medians["ours int8"] / medians["original float 224"]}


def alternate(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every call, in turn, so that a busy machine hurts all alike; a first round is not counted."""
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            spent[name].append((time.perf_counter() - started) * 1e3)
    return {name: values[1:] for name, values in spent.items()}


def _answers(
    glances: Sequence[Glance], items: Sequence[Picture], config: RecognizerConfig
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    best = np.array([glance.scores.argmax() for glance in glances])
    numbers = {label: number for number, label in enumerate(config.labels)}
    targets = np.array([numbers.get(item.label, -1) for item in items])
    return best, targets, targets >= 0
