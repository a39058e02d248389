"""Characters missed and time of reading photos of signs, against rapidocr with its defaults and tesseract, in one run.

The systems take turns on every photo, two threads each, so that a busy machine hurts them alike; judge the ratios.
Missed: characters (letters and digits, case and order ignored) of the required lines that a system does not have;
invented: those it has and neither the required nor the optional lines do. rapidocr runs in an interpreter of its own.

    python benchmarks/text_reading.py --peer PYTHON_WITH_RAPIDOCR [--data FOLDER] [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import EdgeError
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.perception.text_reading import TextReader
from edge.settings import InferenceSettings, TextSettings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
THREADS = 2
LIMITS = {"glasses": 15.0, "groceries": 14.0, "other": 5.0, "time": 0.8}
TESSERACT_LANGUAGES = "eng+por+chi_sim"

Answer = tuple[float, list[str]]
"""Seconds, and the texts of the lines."""
System = Callable[[Path], Answer]


@dataclass(frozen=True)
class Photo:
    """A photo with what stands in it."""

    path: Path
    group: str
    required: Counter[str]
    optional: Counter[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a limit is missed, 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    photos = read_manifest(options.data / "signs" / "manifest.tsv")
    if not photos:
        print(f"skipped: no signs/manifest.tsv in {options.data}")
        return 0
    try:
        systems = {"edge": ours()}
    except EdgeError as error:
        print(f"skipped: {error}")
        return 0
    if options.peer:
        systems["rapidocr"] = rapidocr(options.peer)
    if shutil.which("tesseract"):
        systems["tesseract"] = tesseract
    for name in ("rapidocr", "tesseract"):
        if name not in systems:
            print(f"without {name}: " + ("give --peer" if name == "rapidocr" else "it is not installed"))
    report = measure(photos, systems, options.rounds)
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(missed_limits(report))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", type=Path, help="Python interpreter that has rapidocr installed")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with signs/manifest.tsv")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write all numbers here")
    return parser.parse_args(arguments)


def read_manifest(file: Path) -> list[Photo]:
    """Photos of a tab-separated manifest (file, language, text, optional_text, kind); none where there is none."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Photo(file.parent / row["file"], group_of(row), letters(row["text"]), letters(row["optional_text"]))
        for row in rows
    ]


def group_of(row: dict[str, str]) -> str:
    """Which kind of photo a row of the manifest is: `glasses`, `groceries`, `synthetic` or `other`."""
    starts = {"ic15_": "glasses", "groc_": "groceries", "syn_": "synthetic"}
    return next((group for start, group in starts.items() if row["file"].startswith(start)), "other")


def letters(text: str) -> Counter[str]:
    """How often every letter and digit stands in a text, compatibility forms and case put aside."""
    return Counter(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def ours() -> System:
    """Reads with the installed models and default settings."""
    store = ModelStore()
    settings = TextSettings()
    sessions = SessionFactory(InferenceSettings(threads=THREADS))
    reader = TextReader.load(store.open(settings.detector), store.open(settings.recognizer), sessions, settings)

    def read(path: Path) -> Answer:
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        start = time.perf_counter()
        lines = reader.read(image)
        return time.perf_counter() - start, [line.text for line in lines]

    return read


def rapidocr(python: Path) -> System:
    """Asks rapidocr in another interpreter."""
    command = [str(python), str(Path(__file__).with_name("text_reading_peer.py")), str(THREADS)]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def read(path: Path) -> Answer:
        assert peer.stdin is not None  # noqa: S101 - for the type checker
        assert peer.stdout is not None  # noqa: S101
        peer.stdin.write(f"{path}\n")
        peer.stdin.flush()
        answer = json.loads(peer.stdout.readline())
        return answer["seconds"], answer["texts"]

    return read


def tesseract(path: Path) -> Answer:
    """Runs tesseract for sparse text; its time includes the start of the program and the decoding."""
    command = ["tesseract", str(path), "-", "--psm", "11", "-l", TESSERACT_LANGUAGES]
    start = time.perf_counter()
    environment = {**os.environ, "OMP_THREAD_LIMIT": str(THREADS)}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    return time.perf_counter() - start, done.stdout.decode("utf-8").splitlines()


def measure(photos: Sequence[Photo], systems: dict[str, System], rounds: int) -> dict[str, Any]:
    """Every system on every photo, by turns; tesseract once only, for it is slow."""
    for read in systems.values():
        read(photos[0].path)
    times: dict[str, dict[str, float]] = {name: {} for name in systems}
    counts: dict[str, dict[str, list[int]]] = {name: {} for name in systems}
    for photo in photos:
        taken: dict[str, list[float]] = {name: [] for name in systems}
        for turn in range(rounds):
            for name, read in systems.items():
                if turn and name == "tesseract":
                    continue
                seconds, texts = read(photo.path)
                taken[name].append(seconds)
                if not turn:
                    found = letters("".join(texts))
                    missing = sum((photo.required - found).values())
                    invented = sum((found - photo.required - photo.optional).values())
                    count = counts[name].setdefault(photo.group, [0, 0, 0])
                    for place, value in enumerate((sum(photo.required.values()), missing, invented)):
                        count[place] += value
        for name, values in taken.items():
            times[name][photo.path.name] = statistics.median(values)
    groups = {photo.path.name: photo.group for photo in photos}
    return {
        "threads": THREADS,
        "photos": len(photos),
        **{name: _result(name, times, counts, groups) for name in systems},
    }


def _result(
    name: str,
    times: dict[str, dict[str, float]],
    counts: dict[str, dict[str, list[int]]],
    groups: dict[str, str],
) -> dict[str, Any]:
    base = times.get("rapidocr", times["edge"])
    taken = times[name]
    return {
        "total_s": sum(taken.values()),
        "total_ratio": sum(taken.values()) / sum(base.values()),
        "median_ratio": statistics.median(taken[photo] / base[photo] for photo in taken),
        "groups": {
            group: {
                "characters": total,
                "missed_percent": 100 * missing / total,
                "invented_percent": 100 * invented / total,
                "total_ratio": sum(t for p, t in taken.items() if groups[p] == group)
                / sum(t for p, t in base.items() if groups[p] == group),
            }
            for group, (total, missing, invented) in sorted(counts[name].items())
        },
    }


def print_report(report: dict[str, Any]) -> None:
    """One line a system and group."""
    print(f"{'':12s}{'':12s}{'characters':>12s}{'missed %':>10s}{'invented %':>12s}{'time':>8s}")
    for name in ("edge", "rapidocr", "tesseract"):
        if name not in report:
            continue
        result = report[name]
        for group, numbers in result["groups"].items():
            print(
                f"{name:12s}{group:12s}{numbers['characters']:12d}{numbers['missed_percent']:10.1f}"
                f"{numbers['invented_percent']:12.1f}{numbers['total_ratio']:8.2f}"
            )
        print(
            f"{name:12s}{'all':12s}{'':34s}{result['total_ratio']:8.2f} ({result['total_s']:.1f} s,"
            f" median of ratios {result['median_ratio']:.2f})"
        )


def missed_limits(report: dict[str, Any]) -> bool:
    """Say which limits are missed."""
    groups = report["edge"]["groups"]
    values = {group: numbers["missed_percent"] for group, numbers in groups.items() if group in LIMITS}
    if "rapidocr" in report:
        values["time"] = report["edge"]["total_ratio"]
    over = [f"{name} {value:.2f} > {LIMITS[name]}" for name, value in values.items() if value > LIMITS[name]]
    if over:
        print("missed:", ", ".join(over))
    return bool(over)


if __name__ == "__main__":
    raise SystemExit(main())
