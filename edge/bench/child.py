"""The process that measures one variant of one stage: `python -m edge.bench.child ORDER`, the order as JSON.

It opens the models and says so (`Opened`), then answers what it is asked on stdin, one JSON line each (`Ask`): a round
(`Round`; the lines `began` and `ended` stand around its timed part, at which a parent reads its meter of energy) or a
judgement (`Judged`). Whatever libraries print goes to stderr, and it ends when its stdin does: a parent that is gone
leaves nobody behind who heats the processor. `--peaks THREADS` measures the peaks of the machine instead.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from edge.bench.measuring import Stopwatch
from edge.bench.report import Peaks, Quality, Work
from edge.bench.stage import Bench, Prepared, Stage, Variant
from edge.errors import BenchmarkError, EdgeError
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory, one_line
from edge.settings import Settings, load_settings
from edge.telemetry import peak_rss_mb

BEGAN, ENDED = "began", "ended"
PEAKS = "--peaks"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Order(_Message):
    """What to measure.

    Attributes:
        variant: the stage and how to run it.
        quick: fewer items for quality.
        slowdown: factor of `--plant`.
        data: folder of evaluation data.
        settings: settings file.
    """

    variant: Variant
    quick: bool = False
    slowdown: float = 1.0
    data: Path | None = None
    settings: Path | None = None


class Ask(_Message):
    """What to do next: measure a round (`seconds`, `least` and `limit_s` as in `Stopwatch`), or judge the answers.

    Attributes:
        work: while judging, count operations and bytes, too.
    """

    what: Literal["round", "judge"]
    seconds: float = 1.0
    least: int = 3
    limit_s: float | None = None
    work: bool = False


class Opened(_Message):
    """The models are open after `load_ms`; or not: `skipped` or `failed` on one line, and the process ends."""

    load_ms: float = 0.0
    skipped: str | None = None
    failed: str | None = None


class Round(_Message):
    """Times of one round.

    Attributes:
        cold_ms: the first sample of the process, in its first round.
        seconds: that the timed part took.
        peak_rss_mb: most memory of the process until now.
        failed: what broke, on one line; the rest is absent then.
    """

    cold_ms: float | None = None
    samples_ms: tuple[float, ...] = ()
    seconds: float = 0.0
    peak_rss_mb: float | None = None
    failed: str | None = None


class Judged(_Message):
    """What belongs to the times. `note`: what of it could not be told, on one line."""

    units: float = 1.0
    unit: str = "sample"
    audio_s: float | None = None
    quality: tuple[Quality, ...] = ()
    work: Work | None = None
    note: str | None = None


Tell = Callable[[str], None]


def serve(order: Order, stages: Sequence[Stage], asks: Iterator[Ask], tell: Tell) -> None:
    """Open the stage, then answer all that is asked; whatever goes wrong becomes part of an answer."""
    try:
        stage = _stage(order.variant.stage, stages)
        bench = _bench(order)
        began = time.perf_counter()
        prepared = stage.prepare(bench)
        stopwatch = Stopwatch(prepared, slowdown=order.slowdown)
        opened = Opened(load_ms=round((time.perf_counter() - began) * 1e3, 3))
    except EdgeError as error:
        tell(Opened(skipped=" ".join(str(error).split())).model_dump_json())
        return
    except Exception as error:  # noqa: BLE001 - one stage that breaks must not end a benchmark
        tell(Opened(failed=_cause(error)).model_dump_json())
        return
    tell(opened.model_dump_json())
    for ask in asks:
        if ask.what == "judge":
            count = partial(_work, stage, bench, stopwatch.median) if ask.work else None
            tell(judge(prepared, count).model_dump_json())
        else:
            tell(one_round(stopwatch, ask, tell).model_dump_json())


def one_round(stopwatch: Stopwatch, ask: Ask, mark: Tell) -> Round:
    """Measure a round. `mark` is told when the timed part begins and ends."""

    def marked(timed: Callable[[], tuple[float, ...]]) -> tuple[float, ...]:
        mark(BEGAN)
        times_ms = timed()
        mark(ENDED)
        return times_ms

    try:
        times = stopwatch.measure(ask.seconds, least=ask.least, limit_s=ask.limit_s, around=marked)
    except Exception as error:  # noqa: BLE001 - the same
        return Round(failed=_cause(error))
    return Round(
        cold_ms=None if times.cold_ms is None else round(times.cold_ms, 4),
        samples_ms=tuple(round(sample, 4) for sample in times.samples_ms),
        seconds=round(times.seconds, 4),
        peak_rss_mb=peak_rss_mb(),
    )


def judge(prepared: Prepared, count: Callable[[], Work | None] | None) -> Judged:
    """Judge the answers of the rounds, and count the work. It takes memory: what is told of that comes before it."""
    notes: list[str] = []
    return Judged(
        units=prepared.units if prepared.counted is None else prepared.counted(),
        unit=prepared.unit,
        audio_s=prepared.audio_s,
        quality=_told(notes, "quality", lambda: tuple(prepared.quality()), ()),
        work=None if count is None else _told(notes, "work", count, None),
        note="; ".join(notes) or None,
    )


def _cause(error: Exception) -> str:
    return one_line(error) if isinstance(error, EdgeError) else f"{type(error).__name__}: {one_line(error)}"


def _stage(name: str, stages: Sequence[Stage]) -> Stage:
    found = next((stage for stage in stages if stage.name == name), None)
    if found is None:
        raise BenchmarkError(f"no stage {name!r}; run: edge bench --list")
    return found


def _told(notes: list[str], what: str, call: Callable[[], Any], otherwise: Any) -> Any:
    """The result of `call`; if it breaks, a note instead: the times are measured and stay."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the same
        notes.append(f"{what} is missing ({_cause(error)})")
        return otherwise


def _bench(order: Order) -> Bench:
    variant = order.variant
    overrides = {"inference": {"threads": variant.threads, "providers": (variant.provider,)}}
    settings: Settings = load_settings(order.settings, overrides)
    return Bench(
        variant, ModelStore(), settings, SessionFactory(settings.inference, strict=True), order.data, order.quick
    )


def _work(stage: Stage, bench: Bench, sample: int) -> Work | None:
    from edge.bench.floor import count_work

    return count_work(stage, bench, sample)


def _peaks(threads: int) -> Peaks:
    from edge.bench.floor import measure_peaks

    return measure_peaks(threads)


def _asked() -> Iterator[Ask]:
    """What stands on stdin, line by line. When it ends, this process does, whatever it is doing: its parent is gone."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        with os.fdopen(0, "rb", closefd=False) as stdin:
            for line in stdin:
                lines.put(line)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return (Ask.model_validate_json(line) for line in iter(lines.get, None))


def _only_answers_on_stdout() -> int:
    """A descriptor of the real stdout; what anybody else writes to stdout goes to stderr."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def main(arguments: Sequence[str]) -> int:
    """Serve one order."""
    out = _only_answers_on_stdout()
    asks = _asked()

    def tell(line: str) -> None:
        os.write(out, f"{line}\n".encode())

    try:
        if arguments[:1] == [PEAKS]:
            tell(_peaks(int(arguments[1])).model_dump_json())
            return 0
        order = Order.model_validate_json(arguments[0])
    except (IndexError, ValueError) as error:
        sys.stderr.write(f"edge: no order ({one_line(error)}); run: edge bench\n")
        return 2
    from edge.bench.stages import STAGES

    serve(order, STAGES, asks, tell)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # no teardown: pools of threads of native libraries may hang there
