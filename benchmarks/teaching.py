"""Teach five things from five pictures each: how often they are recognised again, and strangers named falsely.

Pictures are those that training never saw (the recogniser's own split). Two kinds of things:

- `products`: one product or variety of the groceries; the recogniser knows the kind of thing at most.
- `categories`: a category that the recogniser knows, taught under another name; each picture shows another specimen.

Strangers are pictures of other things of the same kind, and pictures of none of the categories. Not of products of
the category of a taught one: the next carton on the shelf, often of the same brand and colours, is counted apart, as
`siblings_named`. Things are dealt into two halves. `recognised` and `falsely_named` are of one half at the threshold
that comes with the recogniser; `at_chosen` compares rules at thresholds chosen on the other half, so that there of
neither kind more than 4 % of the strangers get a name.

    python benchmarks/teaching.py [--data FOLDER] [--model FOLDER] [--trials 60] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import EdgeError
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception.category_names import CategoryNames
from edge.perception.image_recognition import CONFIG_FILE, ImageRecognizer, RecognizerConfig
from edge.perception.prototypes import direction, load_cohort
from edge.perception.taught import TaughtThings
from edge.scene_sense import SceneSense, fingerprint
from edge.settings import SceneSettings
from edge.telemetry import StageTimes

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "recognition"
STRANGERS = "_background"
THINGS = VIEWS = 5
FEWEST_PICTURES = VIEWS + 2
COHORT = 512
MOST_STRANGERS = 300  # of one trial
ALLOWED_FALSE = 0.04
LIMITS = {"recognised": 0.80, "falsely named": 0.05}

Floats = npt.NDArray[np.float32]
Rule = Callable[[Floats, Floats, Floats], Floats]
"""Views of a thing [n, d], cohort [m, d], seen [q, d] -> how surely each is the thing [q]."""


def least_squares(views: Floats, cohort: Floats, seen: Floats) -> Floats:
    """What `edge teach` uses."""
    return np.asarray(seen @ direction(views, cohort), np.float32)


def mean_cosine(views: Floats, _: Floats, seen: Floats) -> Floats:
    """Cosine to the mean of the views."""
    mean = views.mean(axis=0)
    return np.asarray(seen @ (mean / np.linalg.norm(mean)), np.float32)


def nearest_view(views: Floats, _: Floats, seen: Floats) -> Floats:
    """Cosine to the nearest view."""
    return np.asarray((seen @ views.T).max(axis=1), np.float32)


OURS = "least squares"
RULES: dict[str, Rule] = {OURS: least_squares, "mean cosine": mean_cosine, "nearest view": nearest_view}


@dataclass(frozen=True)
class Kind:
    """Things of one kind in one half.

    Attributes:
        things: embeddings [n, d] of each.
        families: things of one family are siblings.
        strangers: embeddings [m, d] of pictures of none.
    """

    things: Mapping[str, Floats]
    families: Mapping[str, str]
    strangers: Floats


@dataclass(frozen=True)
class Outcome:
    """Of all trials of one kind.

    Attributes:
        own: the best value of each picture of a taught thing.
        right: whether that was the thing's.
        strange: the best value of each stranger.
        siblings: the same of pictures of things that were not taught, of the family of one that was.
    """

    own: Floats
    right: npt.NDArray[np.bool_]
    strange: Floats
    siblings: Floats

    def recognised(self, threshold: float) -> float:
        """Share of the pictures of taught things that get the right name."""
        return float((self.right & (self.own >= threshold)).mean())

    def falsely_named(self, threshold: float) -> float:
        """Share of the strangers that get any name."""
        return float((self.strange >= threshold).mean())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a limit is missed, 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    if not (options.data / "manifest.tsv").is_file():
        print(f"skipped: no pictures in {options.data}")
        return 0
    try:
        folder = options.model or ModelStore().open(SceneSettings().model)
        report = measure(options.data, folder, options.trials)
    except EdgeError as error:
        print(f"skipped: {error}")
        return 0
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))
    missed = [
        kind
        for kind, numbers in report["kinds"].items()
        if numbers["recognised"] < LIMITS["recognised"] or numbers["falsely_named"] > LIMITS["falsely named"]
    ]
    print(f"missed: {', '.join(missed)}" if missed else "all limits are kept")
    return 1 if missed else 0


def measure(data: Path, folder: Path, trials: int) -> dict[str, Any]:
    """The report."""
    with tempfile.TemporaryDirectory() as scratch:
        sense = load_sense(folder, Path(scratch))
        files = pictures(data)
        cohort = load_cohort(folder, "recognizer")
        if not len(cohort):
            cohort = make_cohort(sense, data, files["train"])
        halves = {half: kinds(sense, data, files, half) for half in ("choose", "report")}
    outcomes = {
        (half, kind, rule): play(halves[half][kind], cohort, RULES[rule], trials)
        for half in halves
        for kind in halves[half]
        for rule in RULES
    }
    thresholds = {rule: choose([outcomes["choose", kind, rule] for kind in halves["choose"]]) for rule in RULES}
    shipped = RecognizerConfig.read(folder / CONFIG_FILE, folder.name).taught_threshold
    report: dict[str, Any] = {
        "model": fingerprint(folder),
        "things": THINGS,
        "views": VIEWS,
        "trials": trials,
        "threshold": shipped,
        "chosen": {rule: round(threshold, 4) for rule, threshold in thresholds.items()},
        "kinds": {},
    }
    for kind, one in halves["report"].items():
        own = outcomes["report", kind, OURS]
        at_chosen = {rule: _numbers(outcomes["report", kind, rule], thresholds[rule]) for rule in RULES}
        report["kinds"][kind] = {"of": len(one.things), **_numbers(own, shipped), "at_chosen": at_chosen}
    return report


def load_sense(folder: Path, scratch: Path) -> SceneSense:
    """The sense over the model in `folder`, with nothing taught."""
    settings = SceneSettings()
    recognizer = ImageRecognizer.load(folder, SessionFactory(), settings)
    nothing = TaughtThings(scratch, "", np.zeros((0, 0), np.float32), 1.0)
    unknown = recognizer.config.unknown_threshold
    return SceneSense("en", settings, recognizer, CategoryNames.load("en"), nothing, StageTimes(), unknown)


def pictures(data: Path) -> dict[str, list[tuple[str, str, str]]]:
    """(file, category, product) of every picture, by the part of the split that it is in."""
    sys.path.insert(0, str(ROOT / "scripts"))
    from recognizer_data import part_of  # a script, found through the line above

    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    with (data / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[part_of(row["file"])].append((row["file"], row["label"], row["source"]))
    return found


def make_cohort(sense: SceneSense, data: Path, files: Sequence[tuple[str, str, str]]) -> Floats:
    """Embeddings of pictures that the recogniser was trained on."""
    chosen = np.random.default_rng(0).permutation(len(files))[:COHORT]
    return np.stack([sense.embedding(read(data / files[index][0])) for index in chosen])


def kinds(sense: SceneSense, data: Path, files: Mapping[str, list[tuple[str, str, str]]], half: str) -> dict[str, Kind]:
    """Things and strangers of a half, by kind."""
    unseen = [*files["validation"], *files["test"]]
    strangers_part = "validation" if half == "choose" else "test"
    strange_files = [file for file, label, _ in files[strangers_part] if label == STRANGERS]
    strange = np.stack([sense.embedding(read(data / file)) for file in strange_files])
    products: dict[str, list[Floats]] = defaultdict(list)
    categories: dict[str, list[Floats]] = defaultdict(list)
    families: dict[str, str] = {}
    for file, label, product in unseen:
        is_product = "/" in product
        name = product if is_product else label
        families[name] = label
        if label != STRANGERS and half_of(name) == half:
            (products if is_product else categories)[name].append(sense.embedding(read(data / file)))
    return {
        "products": Kind(_enough(products), families, strange),
        "categories": Kind(_enough(categories), families, strange),
    }


def _enough(found: Mapping[str, list[Floats]]) -> dict[str, Floats]:
    return {name: np.stack(rows) for name, rows in found.items() if len(rows) >= FEWEST_PICTURES}


def half_of(name: str) -> str:
    """`choose` or `report`, by the name of a thing and nothing else."""
    return "choose" if hashlib.sha256(name.encode()).digest()[0] % 2 else "report"


def play(kind: Kind, cohort: Floats, rule: Rule, trials: int) -> Outcome:
    """Teach five things of the kind at random, look at their other pictures and at strangers; so many times."""
    generator = np.random.default_rng(1)
    outcomes = [_trial(kind, cohort, rule, generator) for _ in range(trials)]
    return Outcome(*(np.concatenate(values) for values in zip(*outcomes, strict=True)))


def _trial(kind: Kind, cohort: Floats, rule: Rule, generator: np.random.Generator) -> tuple[Floats, ...]:
    """The four arrays of an `Outcome`."""
    chosen = [str(name) for name in generator.permutation(sorted(kind.things))]
    rows = [generator.permutation(kind.things[name]) for name in chosen[:THINGS]]

    def values(seen: Floats) -> Floats:
        return np.stack([rule(views[:VIEWS], cohort, seen) for views in rows], axis=1)

    shown = values(np.concatenate([pictures[VIEWS:] for pictures in rows]))
    truth = np.concatenate([np.full(len(pictures) - VIEWS, number) for number, pictures in enumerate(rows)])
    taught_families = {kind.families[name] for name in chosen[:THINGS]}
    others: dict[bool, list[Floats]] = {True: [], False: [kind.strangers]}
    for name in chosen[THINGS:]:
        others[kind.families[name] in taught_families].append(kind.things[name])
    strange = values(generator.permutation(np.concatenate(others[False]))[:MOST_STRANGERS])
    siblings = values(np.concatenate(others[True])).max(axis=1) if others[True] else np.zeros(0, np.float32)
    return shown.max(axis=1), shown.argmax(axis=1) == truth, strange.max(axis=1), siblings


def choose(outcomes: Sequence[Outcome]) -> float:
    """The threshold at which each kind's false names are at most `ALLOWED_FALSE`."""
    return max(float(np.quantile(outcome.strange, 1 - ALLOWED_FALSE)) for outcome in outcomes)


def read(file: Path) -> Image:
    """BGR uint8 [h, w, 3]."""
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(file)
    return np.asarray(image, np.uint8)


def _numbers(outcome: Outcome, threshold: float) -> dict[str, float]:
    return {
        "recognised": round(outcome.recognised(threshold), 4),
        "falsely_named": round(outcome.falsely_named(threshold), 4),
        "right_among_the_five": round(float(outcome.right.mean()), 4),
        **(
            {"siblings_named": round(float((outcome.siblings >= threshold).mean()), 4)} if len(outcome.siblings) else {}
        ),
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--model", type=Path, help="folder of a recogniser; default: the installed one")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
