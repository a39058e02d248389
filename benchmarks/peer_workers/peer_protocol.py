"""What every worker does: load a system, then answer orders on stdin, one line of JSON each, on stdout.

    {"load": {...}}  ->  {"load_ms": 812.3, "versions": {"ctranslate2": "4.8.5"}}, or {"missing": "..."}
    {"run": {...}}   ->  {"ms": 12.3, "answer": ...}, or {"error": "..."}
    {"end": true}    ->  {"peak_rss_mb": 310.2} (and what else is known by then), and the process ends

The time is that of the call alone: inputs are read and decoded before, answers are made to JSON after. Whatever
libraries print goes to stderr. Needs nothing but the standard library, so that any interpreter can run it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TextIO

from edge.telemetry import peak_rss_mb

Order = Mapping[str, Any]
Prepare = Callable[[Order], Callable[[], Any]]
"""From an input to the call that is timed."""
Load = Callable[[Order], Prepare]
End = Callable[[], dict[str, Any]]
"""What is said at the end."""


def peak() -> dict[str, Any]:
    """Most memory of this process."""
    return {"peak_rss_mb": peak_rss_mb()}


def serve(load: Load, packages: Sequence[str], end: End = peak) -> None:
    """Answer until told to end, or until stdin ends. `packages`: those that compute, for their versions."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    answer_orders(load, packages, sys.stdin, out, end)


def answer_orders(load: Load, packages: Sequence[str], orders: TextIO, out: TextIO, end: End = peak) -> None:
    """The same on any two streams."""
    prepare: Prepare | None = None
    for line in orders:
        order = json.loads(line)
        answer: dict[str, Any]
        try:
            if "load" in order:
                began = time.perf_counter_ns()
                prepare = load(order["load"])
                answer = {"load_ms": _since_ms(began), "versions": versions(packages)}
            elif "run" in order and prepare is not None:
                answer = _timed(prepare(order["run"]))
            else:
                answer = end()
        except ImportError as error:
            answer = {"missing": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its result
            answer = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}
        out.write(json.dumps(answer, ensure_ascii=False) + "\n")
        out.flush()
        if "end" in order:
            return


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed versions; a package that is not installed is left out."""
    found = {name: _version(name) for name in packages}
    return {name: known for name, known in found.items() if known is not None}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _timed(call: Callable[[], Any]) -> dict[str, Any]:
    began = time.perf_counter_ns()
    answer = call()
    return {"ms": _since_ms(began), "answer": answer}


def _since_ms(began_ns: int) -> float:
    return (time.perf_counter_ns() - began_ns) / 1e6
