"""Made translation models (OPUS-MT) by how they are stored: time of a sentence, memory, disk.

    python benchmarks/seq2seq_translation.py FOLDER... [--beam 4] [--separate FOLDER] [--rounds 15] [--json FILE]

Every sentence is read whole and as many tokens are written, whatever the model wants to say, so that models of noise
(benchmarks/full_size_models.py) can be timed, too. The folders take turns, in one process, so that a busy machine hurts
them alike: judge the ratios, which are those of the first folder. Memory is that of a process of its own.

`--beam` adds the last folder once more, with that many hypotheses at every step. `--separate` adds a folder with the
three graphs that optimum writes before it merges the decoders (`encoder_model.onnx`, `decoder_model.onnx`,
`decoder_with_past_model.onnx`); the description of the first folder is used for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import Seq2SeqDescription, read_description
from edge.perception.translation_seq2seq import Seq2SeqModel

_MB = 1_000_000
_SEED = 8
_FIRST = 10
_SEPARATE = ("encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx")

Sentence = Callable[[Sequence[int], Sequence[int]], None]
"""Reads the first tokens and writes the second ones."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    options = _options(arguments)
    if options.memory:
        return _print_memory(options)
    description = read_description(options.folders[0], Seq2SeqDescription, options.folders[0].name)
    ids = np.random.default_rng(_SEED).integers(_FIRST, description.vocabulary - _FIRST, (2, options.tokens)).tolist()
    sentences = {folder.name: _merged(folder) for folder in options.folders}
    if options.beam:
        sentences[f"{options.folders[-1].name} beam {options.beam}"] = _merged(options.folders[-1], options.beam)
    if options.separate:
        sentences["separate"] = separate(options.separate, description)
    times = _alternate(sentences, ids[0], ids[1], options.rounds)
    report = {
        name: {**numbers, **_sizes(options, name)} for name, numbers in _summary(times, options.folders[0].name).items()
    }
    _show(report, options.tokens)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="made models of one architecture")
    parser.add_argument("--beam", type=int, default=0, help="hypotheses; 0 leaves them out")
    parser.add_argument("--separate", type=Path, help="folder with encoder, decoder and decoder with past")
    parser.add_argument("--tokens", type=int, default=25, help="read, and written")
    parser.add_argument("--rounds", type=int, default=15, help="times that the sentence is translated")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _merged(folder: Path, rows: int = 1) -> Sentence:
    """Through the class that the program uses; `rows`: hypotheses that every step goes on with."""
    model = Seq2SeqModel.load(folder, SessionFactory(), folder.name)

    def translate(read: Sequence[int], written: Sequence[int]) -> None:
        _, past, step = model.begin(read)
        past = tuple(np.repeat(part, rows, axis=0) for part in past) if rows > 1 else past
        for token in written[1:]:
            _, past = step(np.full((rows, 1), token, np.int64), past)

    return translate


def separate(folder: Path, description: Seq2SeqDescription) -> Sentence:
    """The same by three graphs: the weights of the decoder are there twice."""
    sessions = SessionFactory()
    encoder, first, then = (sessions.open(folder / name) for name in _SEPARATE)
    parts = [f"{layer}.{{}}.{part}" for layer in range(description.layers) for part in ("key", "value")]
    own, cross = ([part.format(side) for part in parts] for side in ("decoder", "encoder"))
    present = [f"present.{name}" for name in own]

    def translate(read: Sequence[int], written: Sequence[int]) -> None:
        ids = np.array([[*read, description.end_token]], np.int64)
        seen = np.ones_like(ids)
        (states,) = encoder.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": seen})
        start = np.array([[description.start_token]], np.int64)
        feeds = {"encoder_attention_mask": seen, "encoder_hidden_states": states, "input_ids": start}
        _, *cache = first.run(["logits", *present, *(f"present.{name}" for name in cross)], feeds)
        fixed = {f"past_key_values.{name}": value for name, value in zip(cross, cache[len(own) :], strict=True)}
        past = cache[: len(own)]
        for token in written[1:]:
            moving = {f"past_key_values.{name}": value for name, value in zip(own, past, strict=True)}
            step = {"encoder_attention_mask": seen, "input_ids": np.array([[token]], np.int64)}
            _, *past = then.run(["logits", *present], {**fixed, **moving, **step})

    return translate


def _alternate(
    sentences: dict[str, Sentence], read: Sequence[int], written: Sequence[int], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of every sentence, by model."""
    times: dict[str, list[float]] = {name: [] for name in sentences}
    for translate in sentences.values():
        translate(read, written)
    for _ in range(rounds):
        for name, translate in sentences.items():
            started = time.perf_counter_ns()
            translate(read, written)
            times[name].append((time.perf_counter_ns() - started) / 1e6)
    return times


def _summary(times: dict[str, list[float]], base: str) -> dict[str, dict[str, float]]:
    found = {}
    for name, taken in times.items():
        ratios = [ours / theirs for ours, theirs in zip(taken, times[base], strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        found[name] = {
            "median_ms": round(statistics.median(taken), 1),
            "ratio": round(statistics.median(ratios), 3),
            "ratio_low": round(low, 3),
            "ratio_high": round(high, 3),
        }
    return found


def _sizes(options: argparse.Namespace, name: str) -> dict[str, float]:
    """Megabytes on disk, and what loading and one sentence add to a process."""
    folder = next((each for each in options.folders if name in {each.name, f"{each.name} beam {options.beam}"}), None)
    command = [sys.executable, __file__, str(folder or options.folders[0]), "--memory", "--tokens", str(options.tokens)]
    if folder is None:
        command += ["--separate", str(options.separate)]
    files = [options.separate / each for each in _SEPARATE] if folder is None else list(folder.glob("*.onnx"))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"disk_mb": round(sum(file.stat().st_size for file in files) / _MB, 1), "memory_mb": float(done.stdout)}


def _print_memory(options: argparse.Namespace) -> int:
    folder = options.folders[0]
    description = read_description(folder, Seq2SeqDescription, folder.name)
    SessionFactory().providers()
    import onnxruntime  # noqa: F401 - what importing it takes is not the model's
    import tokenizers  # noqa: F401 - the same

    before = _resident_mb()
    translate = separate(options.separate, description) if options.separate else _merged(folder)
    translate([_FIRST] * options.tokens, [_FIRST] * options.tokens)
    print(f"{_resident_mb() - before:.0f}")
    return 0


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / _MB


def _show(report: dict[str, dict[str, Any]], tokens: int) -> None:
    print(f"a sentence of {tokens} tokens into {tokens} tokens")
    print(f"{'model':24} {'median ms':>10} {'ratio':>7} {'quartiles':>13} {'disk MB':>8} {'memory MB':>10}")
    for name, row in report.items():
        quartiles = f"{row['ratio_low']:.2f}-{row['ratio_high']:.2f}"
        print(
            f"{name:24} {row['median_ms']:10.1f} {row['ratio']:7.3f} {quartiles:>13} {row['disk_mb']:8.1f} "
            f"{row['memory_mb']:10.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
