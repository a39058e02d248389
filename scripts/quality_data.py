"""Evaluation data as the gate takes it: folders of the usual forms, and synthetic items where there is none.

Translation: files `NAME.en` and `NAME.pt` with a sentence a line, NAME without a dot. Speech: `manifest.tsv` with the
columns `file`, `lang`, `transcript` (and `notes`; transcripts that are `not independent` are left out), in the folder
or in its subfolders; or `x.wav`, `x.flac` beside `x.txt`. Recognition: `LABEL/*.jpg`. Detection: one `*.json` in the
form of COCO, and the pictures it names.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from quality_metrics import Detection

from edge.errors import ExportError
from edge.media import Image, Samples

RATE = 16_000
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")
_LEFT_OUT = "not independent"
_SENTENCES = (
    "Good morning, where is the next station?",
    "The train leaves at seven and arrives before noon.",
    "Please keep the door closed while the machine is running.",
    "I would like a cup of coffee without sugar.",
    "She has lived in this house for thirty years.",
    "The museum is closed on Mondays and on public holidays.",
    "Turn left at the second corner and walk straight on.",
    "Nobody knew how long the bridge would hold.",
    "My brother bought a red bicycle for 240 euros.",
    "Do not touch: the surface may be hot.",
    "If it rains tomorrow, we will stay at home and read.",
    "The doctor said that the medicine must be taken after meals.",
)


@dataclass(frozen=True)
class Parallel:
    """Sentences with their translations."""

    name: str
    lines: list[str]
    references: list[str]


@dataclass(frozen=True)
class Clip:
    """A recorded utterance and what is said in it."""

    path: Path
    language: str
    transcript: str

    def samples(self) -> Samples:
        """The sound: float32 [n] at 16 kHz."""
        from edge.perception.resample import resample
        from edge.sources.recording import read_audio

        return np.concatenate([chunk.samples for chunk in resample(read_audio(self.path), RATE)])


def parallel(folder: Path, source: str, target: str, limit: int | None = None) -> list[Parallel]:
    """Every pair of files in `folder`.

    Raises:
        ExportError: there is none, or a pair has different numbers of lines.
    """
    found = []
    for file in sorted(folder.glob(f"*.{source}")):
        other = file.with_suffix(f".{target}")
        if "." in file.stem or not other.is_file():
            continue
        lines, references = (path.read_text(encoding="utf-8").splitlines() for path in (file, other))
        if len(lines) != len(references):
            raise ExportError(
                f"{file.name} has {len(lines)} lines, {other.name} has {len(references)}; make them alike"
            )
        found.append(Parallel(f"{folder.name}/{file.stem}", lines[:limit], references[:limit]))
    if not found:
        raise ExportError(f"{folder} has no pair of files NAME.{source} and NAME.{target} with a sentence a line")
    return found


def speech(folder: Path, languages: Sequence[str], limit: int | None = None) -> dict[tuple[str, str], list[Clip]]:
    """Clips by name of the data and language; of languages that the model knows only.

    Raises:
        ExportError: there are none.
    """
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for manifest in sorted({*folder.glob("manifest.tsv"), *folder.glob("*/manifest.tsv")}):
        for clip in _listed(manifest):
            groups[manifest.parent.name, clip.language].append(clip)
    if not groups:
        code = languages[0] if languages else "en"
        sounds = [file for file in sorted(folder.glob("*")) if file.suffix.lower() in SOUNDS]
        groups[folder.name, code] = [
            Clip(file, code, file.with_suffix(".txt").read_text(encoding="utf-8").strip())
            for file in sounds
            if file.with_suffix(".txt").is_file()
        ]
    kept = {key: clips[:limit] for key, clips in groups.items() if clips and key[1] in languages}
    if not kept:
        raise ExportError(f"{folder} has no manifest.tsv and no sounds beside .txt in a language of the model")
    return kept


def _listed(manifest: Path) -> Iterator[Clip]:
    with manifest.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row.get("transcript") and row.get("lang") and _LEFT_OUT not in (row.get("notes") or "").lower():
                yield Clip(manifest.parent / row["file"], row["lang"], row["transcript"])


def labelled(folder: Path, limit: int | None = None) -> list[tuple[Path, str]]:
    """Pictures with the name of their folder, spread over the folders when there is a limit.

    Raises:
        ExportError: there are none.
    """
    by_label = [
        [(file, sub.name) for file in sorted(sub.iterdir()) if file.suffix.lower() in PICTURES]
        for sub in label_folders(folder)
    ]
    longest = max(map(len, by_label), default=0)
    turns = [files[turn] for turn in range(longest) for files in by_label if turn < len(files)]
    if not turns:
        raise ExportError(f"{folder} has no LABEL/*.jpg; put pictures into a folder for every label")
    return turns[:limit]


def label_folders(folder: Path) -> list[Path]:
    """Subfolders whose name is a label: those that do not begin with `_` or a dot."""
    return [sub for sub in sorted(folder.iterdir()) if sub.is_dir() and sub.name[0] not in "._"]


def boxed(folder: Path, limit: int | None = None) -> list[tuple[Path, list[Detection]]]:
    """Pictures with their reference boxes.

    Raises:
        ExportError: not one file of annotations, or it is not COCO's form.
    """
    files = sorted(folder.glob("*.json"))
    if len(files) != 1:
        raise ExportError(f"{folder} has {len(files)} files *.json; one with COCO annotations is wanted")
    try:
        tree = json.loads(files[0].read_text(encoding="utf-8"))
        names = {entry["id"]: str(entry["name"]) for entry in tree["categories"]}
        boxes: dict[int, list[Detection]] = defaultdict(list)
        for note in tree["annotations"]:
            left, top, width, height = note["bbox"]
            box = (left, top, left + width, top + height)
            boxes[note["image_id"]].append(Detection(names[note["category_id"]], box))
        pictures = [(folder / entry["file_name"], boxes[entry["id"]]) for entry in tree["images"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{files[0]} is not in the form of COCO's annotations ({error})") from error
    return pictures[:limit]


def picture(path: Path) -> Image:
    """A picture file as BGR uint8 [h, w, 3].

    Raises:
        ExportError: it cannot be decoded.
    """
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.is_file() else None
    if found is None:
        raise ExportError(f"{path} is no picture that can be decoded")
    return np.asarray(found, np.uint8)


def synthetic_pictures(count: int, seed: int = 20) -> list[Image]:
    """Pictures of coloured shapes on soft backgrounds, BGR uint8 of several sizes; always the same."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        height, width = (int(side) for side in random.integers(120, 360, 2))
        soft = random.integers(0, 255, (4, 5, 3)).astype(np.uint8)
        canvas = np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        for _ in range(int(random.integers(2, 7))):
            colour = tuple(int(part) for part in random.integers(0, 255, 3))
            centre = int(random.integers(width)), int(random.integers(height))
            size = int(random.integers(8, min(height, width) // 2))
            if random.random() < 0.5:  # noqa: PLR2004 - discs and boxes alike
                cv2.circle(canvas, centre, size, colour, -1, cv2.LINE_AA)
            else:
                cv2.rectangle(canvas, centre, (centre[0] + size, centre[1] + size), colour, -1)
        made.append(canvas)
    return made


def synthetic_sentences() -> list[str]:
    """English sentences of everyday length, in order; for a model of another language they are only tokens."""
    return list(_SENTENCES)


def synthetic_sounds(count: int, seed: int = 20) -> list[Samples]:
    """Sounds of 3 s with the rhythm of syllables: float32 [48000] at 16 kHz; nobody says anything in them."""
    random = np.random.default_rng(seed)
    time = np.arange(3 * RATE) / RATE
    made = []
    for _ in range(count):
        pitch = 90 + 120 * random.random() + 20 * np.sin(2 * np.pi * 0.7 * time)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        voice = sum(np.sin(n * phase) * np.exp(-(((n * pitch - 700) / 900) ** 2)) for n in range(1, 20))
        rhythm = np.clip(np.sin(2 * np.pi * (3 + random.random()) * time), 0, 1)
        made.append(np.asarray(0.1 * voice * rhythm + 0.003 * random.normal(size=len(time)), np.float32))
    return made
