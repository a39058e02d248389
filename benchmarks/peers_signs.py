"""Reading text in photos, with the letters missed and invented in the same run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import cv2
from peers_comparing import Answers, Place, Plan, Results
from peers_materials import ordered
from peers_measuring import Item
from peers_process import SPIN_DOWN_S, System
from peers_report import Limit

from edge.bench.inputs_signs import Photo, drawn_signs, sign_photos
from edge.bench.report import Quality
from edge.bench.scoring import letters
from edge.settings import TextSettings

TIMED, TIMED_QUICK = 12, 4
JUDGED_QUICK = 12
THREADS = 2
TESSERACT_ROUNDS = 1
"""It takes several seconds for some photos."""
PICTURES = "one picture"
OURS, PEER = "edge", "rapidocr"
MISSED = "letters missed"
LIMITS = {"glasses": 15.0, "groceries": 14.0, "other": 5.0}
GOALS = {"glasses"}
"""Of the limits, those that were never reached."""
MOST_TIME = 0.8
DRAWN = "drawn_"
_STARTS = {"ic15_": "glasses", "groc_": "groceries", "syn_": "synthetic", DRAWN: "drawn"}


def plan(place: Place) -> Plan:
    """All systems that read.

    Raises:
        ModelNotFoundError: without evaluation data, the fonts of the catalogue must be there.
    """
    photos: Sequence[Photo] = sign_photos(place.data) if place.data else ()
    data = "photos"
    if not photos:
        photos, data = _drawn(place), "drawn signs"
    if place.quick:
        photos = evenly(photos, JUDGED_QUICK)
    data = f"{len(photos)} {data}"
    timed = {photo.path for photo in evenly(photos, TIMED_QUICK if place.quick else TIMED)}
    items = [Item(one.path.name, PICTURES, {"picture": str(one.path)}, one.path in timed) for one in photos]
    named = {photo.path.name: photo for photo in photos}

    def judge(answers: Answers) -> tuple[Quality, ...]:
        given = data if len(answers) == len(named) else f"{len(answers)} of {data}"
        return missed_and_invented(answers, named, given)

    return Plan("signs", data, _systems(place), items, judge, limits)


def _systems(place: Place) -> list[System]:
    settings = TextSettings()
    installed, why = ordered(
        lambda: {
            "detector": str(place.store.open(settings.detector)),
            "recognizer": str(place.store.open(settings.recognizer)),
            "plain": False,
        }
    )
    return [
        System(OURS, "signs_edge", installed, "fp32", THREADS, "same", ours=True, missing=why),
        System(
            PEER,
            "signs_rapidocr",
            {},
            "fp32",
            THREADS,
            "same",
            pause_s=SPIN_DOWN_S,
            note="PP-OCRv6 small in plain ONNX Runtime float32, as it comes",
        ),
        System(
            "tesseract",
            "signs_tesseract",
            {},
            "as it comes",
            THREADS,
            "its own",
            rounds=TESSERACT_ROUNDS,
            timed_only=True,
            note="a program: start, loading and decoding of the picture are in its time; given the timed ones only",
        ),
        System(
            "ONNX Runtime float32",
            "signs_edge",
            {},
            "fp32",
            THREADS,
            "same",
            missing="our text models are float32 in ONNX Runtime already, and rapidocr is those in plain sessions",
        ),
    ]


def _drawn(place: Place) -> list[Photo]:
    """Pictures that are drawn here, as files."""
    photos = []
    for number, picture in enumerate(drawn_signs(place.store), 1):
        path = place.scratch / f"{DRAWN}{number}.png"
        cv2.imwrite(str(path), picture.image)
        photos.append(Photo(path, letters(" ".join(line.text for line in picture.lines)), Counter()))
    return photos


def group_of(name: str) -> str:
    """Which kind of photo it is, by its name."""
    return next((group for start, group in _STARTS.items() if name.startswith(start)), "other")


def evenly(photos: Sequence[Photo], most_of: int) -> list[Photo]:
    """`photos`, or so many of them at even distances."""
    if len(photos) <= most_of:
        return list(photos)
    return [photos[number * len(photos) // most_of] for number in range(most_of)]


def missed_and_invented(answers: Answers, photos: Mapping[str, Photo], data: str) -> tuple[Quality, ...]:
    """In percent of the required letters: those that were not found, by kind of photo, and those that stand nowhere."""
    counts: dict[str, list[int]] = {}
    for key, texts in answers.items():
        photo, found = photos[key], letters("".join(texts))
        for group in (group_of(key), "all"):
            count = counts.setdefault(group, [0, 0, 0])
            count[0] += photo.required.total()
            count[1] += (photo.required - found).total()
            count[2] += (found - photo.required - photo.optional).total()
    rows = [(f"{MISSED}, {group}", missed, total) for group, (total, missed, _) in sorted(counts.items())]
    if "all" in counts:
        rows.append(("letters invented, all", counts["all"][2], counts["all"][0]))
    return tuple(
        Quality(metric=metric, value=round(100 * wrong / total, 2), data=data, items=total, better="lower")
        for metric, wrong, total in rows
        if total
    )


def limits(results: Results) -> tuple[Limit, ...]:
    """Time of all timed photos together against rapidocr, and letters missed."""
    found = {one.metric: one.value for one in results[OURS].quality} if OURS in results else {}
    return (
        *_time(results),
        *(
            Limit(what=metric, value=found[metric], limit=limit, held=found[metric] <= limit, goal=group in GOALS)
            for group, limit in LIMITS.items()
            if (metric := f"{MISSED}, {group}") in found
        ),
    )


def _time(results: Results) -> tuple[Limit, ...]:
    if OURS not in results or PEER not in results:
        return ()
    ours, theirs = (sum(group.total_ms or 0.0 for group in results[name].groups) for name in (OURS, PEER))
    ratio = round(ours / theirs, 4)
    what = f"time of all timed pictures, ratio to {PEER}"
    return (Limit(what=what, value=ratio, limit=MOST_TIME, held=ratio <= MOST_TIME),)
