"""Tables of docs/adr/0003-whisper-context.md, from the results of whisper_context.py and whisper_precision.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
ADR = "docs/adr/0003-whisper-context.md"
_HALVES = ("choice", "report")


def context_table() -> str:
    """Time and errors of every choice on both halves of the clips, and time where nobody speaks."""
    report = _read("whisper_context")
    words = {half: next(iter(report[half].values()))["words"] for half in _HALVES}
    title = " | ".join(f"{half} half: time | errors % of {words[half]} words" for half in _HALVES)
    rows = [f"| setting | {title} | noise: time | heard |", "|---|---:|---:|---:|---:|---:|---:|"]
    return "\n".join([*rows, *_choices(report), "", _cache(report["cache"])]) + "\n"


def _choices(report: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name in report["choice"]:
        cells = [f"{report[half][name]['ratio']:.2f} | {report[half][name]['percent']:.1f}" for half in _HALVES]
        noise = report["noise"].get(name)
        cells.append(f"{noise['time']:.2f} | {noise['heard']} of {noise['pieces']}" if noise else " | ")
        yield f"| {name} | {' | '.join(cells)} |"


def _cache(rows: Mapping[str, Mapping[str, Any]]) -> str:
    (first, _), *others = rows.items()
    later = ", ".join(f"{name.removeprefix('step ')} {row['ratio']:.2f} of it" for name, row in others)
    return f"A {first} of the decoder takes {rows[first]['median_ms']:.1f} ms, {later}."


def precision_table() -> str:
    """Errors of every language and build, and how likely the true transcripts are to each build."""
    report = _read("whisper_precision")
    names = list(report["rates"]["words of all"])
    rows = [f"| language | {' | '.join(f'{name}, %' for name in names)} |", f"|---|{'---|' * len(names)}"]
    for code, found in report["rates"].items():
        cells = [_rate(found[name]) for name in names]
        what = f"{code}, {next(iter(found.values()))['words']} {'characters' if code == 'zh' else 'words'}"
        rows.append(f"| {what.replace('words of all, ', 'all, ')} | {' | '.join(cells)} |")
    likely = report.get("likelihood change", {})
    if likely:
        cells = [
            f"{likely[name]['mean']:+.4f} ± {likely[name]['error']:.4f}" if name in likely else "" for name in names
        ]
        clips = next(iter(likely.values()))["clips"]
        rows.append(f"| log-probability of a true token against fp32, {clips} clips | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _rate(found: Mapping[str, Any]) -> str:
    if "difference" not in found:
        return f"{found['percent']:.2f}"
    low, high = found["interval"]
    return f"{found['percent']:.2f} ({found['difference']:+.2f}; {low:+.2f} to {high:+.2f})"


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
