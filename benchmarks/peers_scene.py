"""Naming what a picture shows: one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from peers_comparing import Answers, Place, Plan, Results, most
from peers_materials import ordered
from peers_measuring import Item
from peers_process import SPIN_DOWN_S, System
from peers_report import Limit
from recognizer_metrics import auroc

from edge.bench.inputs_scene import STRANGERS, Picture, drawn_looks, pictures
from edge.bench.report import Quality
from edge.settings import SceneSettings

TIMED, TIMED_QUICK = 12, 4
JUDGED, JUDGED_QUICK = 600, 30
THREADS = 2
MODEL = SceneSettings().model
WEIGHTS_ID, WEIGHTS_FILE = "vit-s14-focus", "vit_s_focus.onnx"
LOOKS = "one look"
DRAWN = "drawn"
OURS, ORIGINAL = "edge int8", "ONNX Runtime float32"
TOP_1, CALTECH, STRANGE = "top-1", "top-1 Caltech-101", "AUROC of strangers"
LEAST = {TOP_1: 85.0, CALTECH: 88.0, STRANGE: 90.0}
MOST_TIME = 0.55


def plan(place: Place) -> Plan:
    """All systems that look at a picture.

    Raises:
        ModelNotFoundError: without evaluation data, the samples of the catalogue must be there.
    """
    timed, judged = (TIMED_QUICK, JUDGED_QUICK) if place.quick else (TIMED, JUDGED)
    items, labels, data = _items(place, timed, judged)

    def judge(answers: Answers) -> tuple[Quality, ...]:
        return accuracy(answers, labels, data)

    drawn = any(one.source == DRAWN for one in labels.values())
    return Plan("scene", data, _systems(place), items, judge, time_limits if drawn else limits)


def _systems(place: Place) -> list[System]:
    installed, why = ordered(lambda: {"folder": str(place.store.open(MODEL)), "plain": False})
    weights, why_weights = ordered(lambda: {"weights": str(place.store.open(WEIGHTS_ID) / WEIGHTS_FILE)})
    why_torch = None if place.torch else "no torch here; run: scripts/setup export"
    return [
        System(OURS, "scene_edge", installed, "int8", THREADS, "same", ours=True, missing=why),
        System(
            ORIGINAL,
            "scene_plain",
            weights,
            "fp32",
            THREADS,
            "what ours was made from",
            judged=False,
            missing=why_weights,
            pause_s=SPIN_DOWN_S,
            note="ViT-S/14 at its own 224 pixels; it has no categories: speed only",
        ),
        System(
            "torch eager float32",
            "scene_torch",
            {},
            "fp32",
            THREADS,
            "same size, random",
            judged=False,
            missing=why_torch,
            python=place.torch,
            pause_s=SPIN_DOWN_S,
            note="ViT-S/14 of transformers at 224 pixels, random weights: speed only",
        ),
    ]


def _items(place: Place, timed: int, judged: int) -> tuple[list[Item], Mapping[str, Picture], str]:
    folder = place.data / "recognition" if place.data else None
    if folder is None or not (folder / "manifest.tsv").is_file():
        return _drawn(place)
    test = evenly([one for one in pictures(folder) if one.part == "test"], judged)
    chosen = {one.file for one in evenly(test, timed)}
    items = [Item(one.file, LOOKS, {"picture": str(folder / one.file)}, one.file in chosen) for one in test]
    return items, {one.file: one for one in test}, f"{len(test)} pictures that training never saw"


def _drawn(place: Place) -> tuple[list[Item], Mapping[str, Picture], str]:
    """What the program brings, as files."""
    items, labels = [], {}
    for number, look in enumerate(drawn_looks(place.store), 1):
        file = place.scratch / f"{DRAWN}-{number}.png"
        cv2.imwrite(str(file), look.image)
        items.append(Item(file.name, LOOKS, {"picture": str(file)}))
        labels[file.name] = Picture(file.name, look.label, DRAWN, "test")
    return items, labels, f"{len(items)} drawn pictures"


def evenly(items: Sequence[Picture], most_of: int) -> list[Picture]:
    """`items`, or so many of them at even distances."""
    if len(items) <= most_of:
        return list(items)
    return [items[number * len(items) // most_of] for number in range(most_of)]


def accuracy(answers: Answers, labels: Mapping[str, Picture], data: str) -> tuple[Quality, ...]:
    """Right categories of known things, in all and of one source; how well strangers are told from them."""
    known = [key for key in answers if key in labels and labels[key].label != STRANGERS]
    strange = [key for key in answers if key in labels and labels[key].label == STRANGERS]
    if not known:
        return ()
    groups = {TOP_1: known, CALTECH: [key for key in known if labels[key].source.startswith("caltech101")]}
    found = [
        Quality(
            metric=metric,
            value=round(100 * sum(answers[key]["label"] == labels[key].label for key in keys) / len(keys), 2),
            data=data,
            items=len(keys),
            better="higher",
        )
        for metric, keys in groups.items()
        if keys
    ]
    if strange:
        sure, unsure = (np.array([answers[key]["known"] for key in keys]) for keys in (known, strange))
        value = round(100 * auroc(sure, unsure), 2)
        found.append(Quality(metric=STRANGE, value=value, data=data, items=len(known) + len(strange), better="higher"))
    return tuple(found)


def time_limits(results: Results) -> tuple[Limit, ...]:
    """Time against the float original."""
    return most(results, ORIGINAL, MOST_TIME, what=f"median time, ratio to {ORIGINAL}")


def limits(results: Results) -> tuple[Limit, ...]:
    """The same, and our accuracy."""
    quality = results[OURS].quality if OURS in results else ()
    return (
        *time_limits(results),
        *(
            Limit(what=one.metric, value=one.value, limit=LEAST[one.metric], held=one.value >= LEAST[one.metric])
            for one in quality
        ),
    )
