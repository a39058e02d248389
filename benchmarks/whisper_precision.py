"""Errors of Whisper with 8-bit weights against the same weights in float32.

Everything goes through the whole path of `edge transcribe`. Three builds of one model: float32, the recipe's own int8,
and int8 with a block-wise encoder. Words are counted, or characters where a language is written without spaces; errors
are summed over clips, never averaged. The interval of the difference is a paired bootstrap over clips. Errors of so few
words are coarse, so `--likelihood` also asks how likely each build finds the true transcript of short clips, token by
token. Run language by language, the file is completed:

    python benchmarks/whisper_precision.py --json benchmarks/results/whisper_precision.json [--languages en,pt]
        [--files FOLDER] [--data FOLDER] [--systems "fp32;int8"] [--likelihood]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from edge.bench.inputs_speech import Clip, read_clips, read_samples
from edge.bench.scoring import normalise
from edge.file_transcriber import FileTranscriber
from edge.hub.recipes.whisper import build
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.perception.mel import log_mel
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.voice_activity import MODEL_ID, VoiceActivityDetector
from edge.perception.whisper_model import Context, WhisperModel, append, condense, fit_mel, prompt_tokens
from edge.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "whisper-base"
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "fp32": {"precision": "fp32"},
    "int8": {"precision": "int8"},
    "int8, block-wise encoder": {"precision": "int8", "encoder": "blockwise"},
}
REFERENCE = "fp32"
PRODUCT = "int8"
LANGUAGES = "en,pt,de,es,fr,zh"
CHARACTERS = frozenset({"zh"})
ALL = "words of all"
LIMIT = 0.5
ROUNDS = 4000
THREADS = 2
SHORT_S = 15
SHORT_CLIPS = 14
SILENCE_GROUP = 10
SHORTEST_FRAMES = 800
TAIL = 8000
"""Samples: half a second, as the program's setting."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when the program's build is further than the limit from float32 over all languages."""
    options = _options(arguments)
    codes = options.languages.split(",")
    clips = {code: read_clips(options.data, code) for code in codes}
    if not any(clips.values()):
        print(f"skipped: no speech-{{{options.languages}}}/manifest.tsv in {options.data}")
        return 0
    report = json.loads(options.json.read_text("utf-8")) if options.json and options.json.is_file() else {}
    with tempfile.TemporaryDirectory() as scratch:
        files = options.files or upstream_files()
        for name in options.systems.split(";"):
            folder = Path(scratch) / name.replace(" ", "-")
            folder.mkdir()
            build({path.name: path for path in files.iterdir()}, folder, SYSTEMS[name])
            if options.likelihood:
                report.setdefault("likelihood", {})[name] = likelihood(folder, clips)
                continue
            for code, own in clips.items():
                row = report.setdefault("counts", {}).setdefault(code, {})
                counted = [
                    count(clip.transcript, text, code) for clip, text in zip(own, hear(folder, own), strict=True)
                ]
                row["words"], row[name] = [words for words, _ in counted], [wrong for _, wrong in counted]
    report["rates"] = rates(report.get("counts", {}))
    print(table(report["rates"]))
    if options.likelihood:
        report["likelihood change"] = changes(report["likelihood"])
        print(json.dumps(report["likelihood change"], indent=1))
    if options.json:
        options.json.write_text(written(report), encoding="utf-8")
    return int(report["rates"].get(ALL, {}).get(PRODUCT, {}).get("difference", 0) > LIMIT)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=Path, help="folder of upstream files; else they are fetched once")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with speech-CODE/manifest.tsv")
    parser.add_argument("--languages", default=LANGUAGES)
    parser.add_argument("--systems", default=";".join(SYSTEMS), help="builds, with semicolons between")
    parser.add_argument("--likelihood", action="store_true", help="of the true transcript, instead of errors")
    parser.add_argument("--json", type=Path, help="write all numbers here; what is there of other languages stays")
    return parser.parse_args(arguments)


def upstream_files() -> Path:
    """What the recipe reads, as benchmarks/peers.py keeps it."""
    sys.path.append(str(ROOT / "scripts"))
    from peers_materials import carried_whisper

    return carried_whisper()


def hear(folder: Path, clips: Sequence[Clip]) -> list[str]:
    """What the model in `folder` makes of the clips, of one language, with the program's own settings."""
    settings, store = Settings(), ModelStore()
    sessions = SessionFactory(settings.inference)
    detector = VoiceActivityDetector.load(store.open(MODEL_ID), sessions)
    recognizer = SpeechRecognizer.load(folder, sessions, settings.recognition)
    transcriber = FileTranscriber(settings, detector, recognizer, (clips[0].language,), "transcribe") if clips else None
    return [str(transcriber(clip.path)["text"]) for clip in clips] if transcriber else []


def likelihood(folder: Path, clips: Mapping[str, Sequence[Clip]]) -> dict[str, list[float]]:
    """Mean natural log-probability of the tokens of each true transcript, the end included, given the sound before."""
    model = WhisperModel.load(folder, SessionFactory(), THREADS)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    configuration = model.configuration
    window = 2 * configuration.audio_positions
    silence = condense(model.encode(fit_mel(np.zeros((configuration.mels, 0), np.float32), window)), SILENCE_GROUP)
    found: dict[str, list[float]] = {}
    for code, own in clips.items():
        prompt = [configuration.tokens.start, *prompt_tokens(configuration, code, "transcribe")]
        for clip in [clip for clip in own if clip.seconds <= SHORT_S][:SHORT_CLIPS]:
            sound = np.concatenate([read_samples(clip.path), np.zeros(TAIL, np.float32)])
            mel = log_mel(sound, configuration.mels)
            context = append(model.encode(fit_mel(mel, max(mel.shape[1], SHORTEST_FRAMES))), silence, SILENCE_GROUP)
            tokens = [*tokenizer.encode(" " + clip.transcript), configuration.tokens.end]
            found.setdefault(code, []).append(_mean_log_probability(model, context, prompt, tokens))
    return found


def _mean_log_probability(model: WhisperModel, context: Context, prompt: Sequence[int], tokens: Sequence[int]) -> float:
    logits, past = model.step(np.array([prompt]), model.empty_past(), context)
    total = 0.0
    for token in tokens:
        row = logits[0].astype(np.float64)
        total += float(row[token] - row.max() - np.log(np.exp(row - row.max()).sum()))
        logits, past = model.step(np.array([[token]]), past, context)
    return round(total / len(tokens), 5)


def changes(found: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float]]:
    """Of every build against float32: mean over clips of the difference, and the standard error of that mean."""
    flat = {name: np.concatenate([row[code] for code in sorted(row)]) for name, row in found.items()}
    result: dict[str, dict[str, float]] = {}
    for name in sorted(flat.keys() - {REFERENCE}):
        change = flat[name] - flat[REFERENCE]
        error = float(change.std() / len(change) ** 0.5)
        result[name] = {"clips": len(change), "mean": round(float(change.mean()), 4), "error": round(error, 4)}
    return result


def count(transcript: str, text: str, language: str) -> tuple[int, int]:
    """Words (or characters) of the transcript, and errors: substituted, deleted, inserted."""
    reference, heard = normalise(transcript), normalise(text)
    if language in CHARACTERS:
        reference, heard = (" ".join(said.replace(" ", "")) for said in (reference, heard))
    words = len(reference.split())
    if not heard:
        return words, words
    found = jiwer.process_words(reference, heard)
    return words, found.substitutions + found.deletions + found.insertions


def rates(counts: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Per language, and over all those counted in words: errors in percent, and the difference to float32."""
    pooled: dict[str, list[int]] = {}
    for code, row in counts.items():
        for name, values in row.items():
            if code not in CHARACTERS:
                pooled.setdefault(name, []).extend(values)
    if not pooled:
        return {}
    return {code: _rates(row) for code, row in {**counts, ALL: pooled}.items()}


def _rates(row: Mapping[str, Sequence[int]]) -> dict[str, dict[str, Any]]:
    words = np.array(row["words"])
    found: dict[str, dict[str, Any]] = {}
    for name in (name for name in SYSTEMS if name in row):
        found[name] = {"words": int(words.sum()), "percent": round(100 * sum(row[name]) / int(words.sum()), 2)}
        if name != REFERENCE and REFERENCE in row:
            change = np.array(row[name]) - np.array(row[REFERENCE])
            found[name]["difference"] = round(100 * int(change.sum()) / int(words.sum()), 2)
            found[name]["interval"] = interval(change, words)
    return found


def interval(change: np.ndarray[Any, Any], words: np.ndarray[Any, Any]) -> list[float]:
    """5th and 95th percentile of the difference in points over resampled clips."""
    drawn = np.random.default_rng(0).integers(0, len(words), (ROUNDS, len(words)))
    points = 100 * change[drawn].sum(axis=1) / words[drawn].sum(axis=1)
    return [round(float(edge), 2) for edge in np.percentile(points, [5, 95])]


def table(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """One line per language and build."""
    lines = [f"{'language':>14} {'words':>6}  {'build':26} {'errors %':>9} {'difference':>11}  90 % interval"]
    for code, row in found.items():
        for name, values in row.items():
            change = f"{values['difference']:+11.2f}  {values['interval']}" if "difference" in values else ""
            lines.append(f"{code:>14} {values['words']:6}  {name:26} {values['percent']:9.2f} {change}")
    return "\n".join(lines)


def written(report: Mapping[str, Any]) -> str:
    """JSON with one line per list."""
    counts = ",\n".join(
        f'  "{code}": {{\n'
        + ",\n".join(f'   "{name}": {json.dumps(values)}' for name, values in sorted(row.items()))
        + "\n  }"
        for code, row in sorted(report.get("counts", {}).items())
    )
    rest = {key: value for key, value in report.items() if key not in {"counts", "likelihood"}}
    found = json.dumps({"model": MODEL, **rest}, indent=1).removesuffix("\n}")
    likely = json.dumps(report.get("likelihood", {}))
    return f'{found},\n "likelihood": {likely},\n "counts": {{\n{counts}\n }}\n}}\n'


if __name__ == "__main__":
    sys.exit(main())
