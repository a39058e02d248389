"""What makes short utterances fast in Whisper, and what each choice costs in word errors.

Every choice differs from the program's own settings in one thing. All take turns on every clip, so that a busy machine
hurts them alike; times are compared as the median over clips of the ratio to the full window of 30 s. The clips are
halved by a hash of their names: settings are chosen on one half and reported on the other. Noise, where nobody speaks,
is timed apart: it is what guards and early exits are for. `cache` times a decoder step behind few and behind many
tokens: a cache that grows in place could save no more than the difference. Parts may be run one by one; the file is
completed.

    python benchmarks/whisper_context.py --json benchmarks/results/whisper_context.json [--parts choice,noise]
        [--data FOLDER] [--languages en,pt,es,fr,de] [--longest 8] [--clips 60]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from whisper_precision import DATA, MODEL, count

from edge.bench.inputs_speech import Clip, read_clips, read_samples
from edge.hub.store import ModelStore
from edge.inference.decoding import Floats, Past, Tokens
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.media import Samples
from edge.perception.segmentation import SAMPLE_RATE
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.whisper_model import Context, WhisperModel
from edge.settings import RecognitionSettings

REFERENCE = "full window of 30 s"
PRODUCT = "8 s and condensed silence (the program)"
PARTS = "choice,report,noise,cache"
LANGUAGES = "en,pt,es,fr,de"
THREADS = 2
NOISE_S = 6
CACHE_FRAMES = 800
CACHE_LENGTHS = (4, 20, 60)
CACHE_ROUNDS = 120
_NO_LIMIT = 1000.0

Build = Callable[["Models"], SpeechRecognizer]


@dataclass(frozen=True)
class Models:
    """The same weights in sessions of two threads and of one."""

    two: WhisperModel
    one: WhisperModel
    tokenizer: Tokenizer

    def recognizer(
        self, *, model: WhisperModel | None = None, silence: Context | None = None, **settings: float
    ) -> SpeechRecognizer:
        """The program's recogniser with some settings changed."""
        chosen = RecognitionSettings.model_validate(settings)
        return SpeechRecognizer(model or self.two, self.tokenizer, chosen, silence)


class OnePrefill:
    """A model whose start token goes in together with the language: one pass less, and no-speech is never known."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        self.configuration = model.configuration
        self.encode, self.empty_past = model.encode, model.empty_past

    def step(self, tokens: Tokens, past: Past, context: Context) -> tuple[Floats, Past]:
        """As `WhisperModel.step`; the start token alone is only remembered."""
        start = self.configuration.tokens.start
        if tokens.tolist() == [[start]]:
            return np.zeros((1, self.configuration.vocabulary), np.float32), past
        if not past[0].shape[2]:
            tokens = np.concatenate([np.array([[start]], np.int64), tokens], axis=1)
        return self._model.step(tokens, past, context)


CHOICES: Mapping[str, Build] = {
    REFERENCE: lambda m: m.recognizer(context_s=30),
    "cut at 10 s, no silence": lambda m: m.recognizer(context_s=10, silence=_nothing(m.two)),
    "10 s and condensed silence": lambda m: m.recognizer(context_s=10),
    PRODUCT: lambda m: m.recognizer(),
    "6 s": lambda m: m.recognizer(context_s=6),
    "4 s": lambda m: m.recognizer(context_s=4),
    "2 s": lambda m: m.recognizer(context_s=2),
    "the utterance": lambda m: m.recognizer(context_s=0),
    "8 s, one thread": lambda m: m.recognizer(model=m.one),
    "8 s, start and language in one pass": lambda m: m.recognizer(model=OnePrefill(m.two)),  # type: ignore[arg-type]  # has what the recogniser uses
    "8 s, never a beam": lambda m: m.recognizer(beam=1),
    "8 s, a beam also where it is hopeless": lambda m: m.recognizer(hopeless_below=-math.inf),
    "8 s, no limit of tokens a second": lambda m: m.recognizer(max_tokens_per_s=_NO_LIMIT),
}
ON_NOISE = (PRODUCT, *list(CHOICES)[-5:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    clips = clips_of(options)
    if not clips:
        print(f"skipped: no speech-{{{options.languages}}}/manifest.tsv in {options.data}")
        return 0
    report = json.loads(options.json.read_text("utf-8")) if options.json and options.json.is_file() else {}
    models = load()
    for part in options.parts.split(","):
        if part == "noise":
            report[part] = on_noise(models, sorted((options.data / "noise").glob("*.flac")))
        elif part == "cache":
            report[part] = on_cache(models.two)
        else:
            report[part] = on_speech(models, [clip for clip in clips if half(clip.path.name) == part])
        print(f"{part}\n{table(report[part])}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", default=PARTS)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with speech-CODE/manifest.tsv and noise/")
    parser.add_argument("--languages", default=LANGUAGES)
    parser.add_argument("--longest", type=float, default=8, help="seconds; longer clips are left out")
    parser.add_argument("--clips", type=int, default=60, help="most clips of a half")
    parser.add_argument("--json", type=Path, help="write all numbers here; what is there of other parts stays")
    return parser.parse_args(arguments)


def clips_of(options: argparse.Namespace) -> list[Clip]:
    """Short clips of all languages: of each half the first by the hash of their names."""
    found = [
        clip
        for code in options.languages.split(",")
        for clip in read_clips(options.data, code)
        if clip.seconds <= options.longest
    ]
    ordered = sorted(found, key=lambda clip: _digest(clip.path.name))
    halves = ([clip for clip in ordered if half(clip.path.name) == name] for name in ("choice", "report"))
    return [clip for one in halves for clip in one[: options.clips]]


def half(name: str) -> str:
    """`choice` or `report`: the half that a clip of this name belongs to."""
    return "choice" if _digest(name)[-1] % 2 else "report"


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def load() -> Models:
    """The installed model."""
    folder, sessions = ModelStore().open(MODEL), SessionFactory()
    two, one = (WhisperModel.load(folder, sessions, threads) for threads in (THREADS, 1))
    return Models(two, one, Tokenizer.load(folder / "tokenizer.json"))


def _nothing(model: WhisperModel) -> Context:
    """No silence to append: the decoder sees what was encoded and no more."""
    context = model.encode(np.zeros((model.configuration.mels, 2), np.float32))
    parts = [part[..., :0] if number % 2 == 0 else part[:, :, :0] for number, part in enumerate(context.parts)]
    return Context(tuple(parts), context.bias[:0])


def on_speech(models: Models, clips: Sequence[Clip]) -> dict[str, dict[str, Any]]:
    """Time and word errors of every choice."""
    recognizers = {name: make(models) for name, make in CHOICES.items()}
    times, words, texts = _run(
        recognizers, [read_samples(clip.path) for clip in clips], [clip.language for clip in clips]
    )
    total = sum(count(clip.transcript, "", clip.language)[0] for clip in clips)
    rows = _timed(times, REFERENCE)
    for name, row in rows.items():
        wrong = sum(
            count(clip.transcript, text, clip.language)[1] for clip, text in zip(clips, texts[name], strict=True)
        )
        row |= {"words": total, "errors": wrong, "percent": round(100 * wrong / total, 2)}
        row |= {"withheld": texts[name].count(""), "tokens": sum(words[name])}
    return rows


def on_noise(models: Models, files: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Time where nobody speaks, and how often something was heard."""
    recognizers = {name: CHOICES[name](models) for name in ON_NOISE}
    sounds = [read_samples(file) for file in files]
    pieces = [
        sound[at : at + NOISE_S * SAMPLE_RATE] for sound in sounds for at in range(0, len(sound), NOISE_S * SAMPLE_RATE)
    ]
    pieces = [piece for piece in pieces if len(piece) == NOISE_S * SAMPLE_RATE]
    times, words, texts = _run(recognizers, pieces, ["en"] * len(pieces))
    rows = _timed(times, PRODUCT)
    for name, row in rows.items():
        row |= {"pieces": len(pieces), "heard": sum(map(bool, texts[name])), "tokens": sum(words[name])}
        row["time"] = round(sum(times[name]) / sum(times[PRODUCT]), 3)
    return rows


def on_cache(model: WhisperModel) -> dict[str, dict[str, Any]]:
    """A decoder step behind pasts of different length, over the context of a short utterance."""
    context = model.encode(np.zeros((model.configuration.mels, CACHE_FRAMES), np.float32))
    token, past = np.array([[model.configuration.tokens.start]], np.int64), model.empty_past()
    pasts: dict[str, Past] = {}
    for length in range(1, max(CACHE_LENGTHS) + 1):
        _, past = model.step(token, past, context)
        if length in CACHE_LENGTHS:
            pasts[f"step behind {length} tokens"] = past
    times: dict[str, list[float]] = {name: [] for name in pasts}
    for turn in range(CACHE_ROUNDS):
        for name in list(pasts)[:: 1 if turn % 2 else -1]:
            began = time.perf_counter_ns()
            model.step(token, pasts[name], context)
            times[name].append((time.perf_counter_ns() - began) / 1e6)
    return _timed(times, next(iter(pasts)))


def _run(
    recognizers: Mapping[str, SpeechRecognizer], sounds: Sequence[Samples], languages: Sequence[str]
) -> tuple[dict[str, list[float]], dict[str, list[int]], dict[str, list[str]]]:
    """Milliseconds, tokens and text of every sound; the order of the choices turns with every sound."""
    times: dict[str, list[float]] = {name: [] for name in recognizers}
    tokens: dict[str, list[int]] = {name: [] for name in recognizers}
    texts: dict[str, list[str]] = {name: [] for name in recognizers}
    names = list(recognizers)
    for recognizer in recognizers.values():
        recognizer.warm_up()
    for turn, (sound, language) in enumerate(zip(sounds, languages, strict=True)):
        start = turn % len(names)
        for name in (*names[start:], *names[:start]):
            began = time.perf_counter_ns()
            heard = recognizers[name].transcribe(sound, (language,))
            times[name].append((time.perf_counter_ns() - began) / 1e6)
            tokens[name].append(heard.tokens)
            texts[name].append(heard.text)
    return times, tokens, texts


def _timed(times: Mapping[str, Sequence[float]], reference: str) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for name, own in times.items():
        ratios = [mine / theirs for mine, theirs in zip(own, times[reference], strict=True)]
        rows[name] = {"ratio": round(statistics.median(ratios), 3), "median_ms": round(statistics.median(own), 2)}
    return rows


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One line per choice."""
    keys = list(next(iter(rows.values())))
    lines = [f"{'choice':40} " + " ".join(f"{key:>9}" for key in keys)]
    lines += [f"{name:40} " + " ".join(f"{row[key]:9}" for key in keys) for name, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
