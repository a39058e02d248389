"""Word errors of all recorded utterances through the whole path of `edge transcribe`, and what is heard in noise.

The path is that from a file: segmentation, windows, guards; the other side is faster-whisper float32 on the same
weights, beam 1, with its other options as they are. (Speed, and words of the recogniser alone: benchmarks/peers.py.)

    python benchmarks/speech_errors.py [--data FOLDER] [--languages en,pt] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from peers_materials import MADE, carried_whisper

from edge.bench.inputs_speech import Clip, read_clips
from edge.bench.scoring import word_errors
from edge.errors import EdgeError
from edge.file_transcriber import FileTranscriber
from edge.hub.store import ModelStore
from edge.settings import InferenceSettings, Settings

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
RESULT = ROOT / "benchmarks" / "results" / "speech_errors.json"
THREADS = 2
MOST_POINTS = 0.5

Hear = Callable[[Path, str], str]
"""What is said in a file, whose language is known."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when a limit is missed, 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    clips = [clip for code in options.languages.split(",") for clip in read_clips(options.data, code)]
    if not clips:
        print(f"skipped: no speech-{{{options.languages}}}/manifest.tsv in {options.data}")
        return 0
    try:
        hear = ours(ModelStore())
        report: dict[str, Any] = {"errors": errors(clips, hear, peer(options.made))}
    except (EdgeError, ImportError) as error:
        print(f"skipped: {error}")
        return 0
    report |= in_noise(options.data / "noise", hear)
    options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(not _passes(report))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with speech-CODE/manifest.tsv and noise/")
    parser.add_argument("--languages", default="en,pt")
    parser.add_argument("--json", type=Path, default=RESULT, help="write all numbers here")
    parser.add_argument("--made", type=Path, default=MADE, help="folder for the weights in the format of the other")
    return parser.parse_args(arguments)


def ours(store: ModelStore) -> Hear:
    """Hears with the installed model and default settings; raises as `FileTranscriber.load`."""
    settings = Settings(inference=InferenceSettings(threads=THREADS))
    made: dict[str, FileTranscriber] = {}

    def hear(file: Path, language: str) -> str:
        if language not in made:
            made[language] = FileTranscriber.load(store, settings, (language,), "transcribe")
        return str(made[language](file)["text"])

    return hear


def peer(made: Path) -> Hear:
    """faster-whisper.

    Raises:
        ImportError: it is not installed.
        EdgeError: its weights cannot be fetched.
    """
    from faster_whisper import WhisperModel

    model = WhisperModel(str(carried_whisper(made)), device="cpu", compute_type="float32", cpu_threads=THREADS)

    def hear(file: Path, language: str) -> str:
        return " ".join(part.text for part in model.transcribe(str(file), beam_size=1, language=language)[0])

    return hear


def errors(clips: Sequence[Clip], hear: Hear, other: Hear) -> dict[str, dict[str, float]]:
    """Word error rates in percent by language, and how often ours heard nothing at all."""
    result: dict[str, dict[str, float]] = {}
    print(f"{'language':>8} {'words':>6} {'peer %':>8} {'ours %':>8} {'difference':>11}")
    for code in dict.fromkeys(clip.language for clip in clips):
        own = [clip for clip in clips if clip.language == code]
        wanted = [clip.transcript for clip in own]
        said = [hear(clip.path, code) for clip in own]
        our_rate, words = word_errors(said, wanted, code)
        peer_rate, _ = word_errors([other(clip.path, code) for clip in own], wanted, code)
        print(f"{code:>8} {words:6} {peer_rate:8.2f} {our_rate:8.2f} {our_rate - peer_rate:+11.2f}")
        result[code] = {"words": words, "peer": round(peer_rate, 2), "ours": round(our_rate, 2)}
        result[code]["empty"] = said.count("")
    return result


def in_noise(folder: Path, hear: Hear) -> dict[str, Any]:
    """What is heard where nobody speaks, by file, and how many files there are; nothing should be heard."""
    files = sorted(folder.glob("*.flac"))
    heard = {file.name: text for file in files if (text := hear(file, "en"))}
    print(f"heard in {len(heard)} of {len(files)} noises: {heard}")
    return {"noises": len(files), "heard_in_noise": heard}


def points_above(rows: dict[str, dict[str, float]]) -> float:
    """Difference of the word error rates over the words of all languages."""
    words = sum(row["words"] for row in rows.values())
    return sum((row["ours"] - row["peer"]) * row["words"] for row in rows.values()) / words


def _passes(report: dict[str, Any]) -> bool:
    points = points_above(report["errors"])
    checks = {
        f"{points:+.2f} points of word errors in all languages, at most {MOST_POINTS}": points <= MOST_POINTS,
        "nothing is heard in noise": not report["heard_in_noise"],
    }
    for check, held in checks.items():
        print(f"{'ok    ' if held else 'FAILED'} {check}")
    return all(checks.values())


if __name__ == "__main__":
    sys.exit(main())
