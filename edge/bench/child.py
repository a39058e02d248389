"""The process that measures one variant of one stage: `python -m edge.bench.child ORDER`, the order as JSON.

It answers with three lines on stdout: `began` and `ended` around the timed part, at which a parent reads its meter of
energy, then the answer as JSON. Whatever libraries print goes to stderr, and it ends when its stdin does: a parent that
is gone leaves nobody behind who heats the processor. `--peaks THREADS` measures the peaks of the machine instead.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from edge.bench.measuring import measure
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
        seconds: to measure; see `measure`.
        least: samples at least.
        limit_s: seconds after which no further sample is begun.
        quick: fewer items for quality.
        quality: judge the answers, too.
        work: count operations and bytes, too.
        slowdown: factor of `--plant`.
        data: folder of evaluation data.
        settings: settings file.
    """

    variant: Variant
    seconds: float = 1.0
    least: int = 3
    limit_s: float | None = None
    quick: bool = False
    quality: bool = False
    work: bool = False
    slowdown: float = 1.0
    data: Path | None = None
    settings: Path | None = None


class Answer(_Message):
    """What one process measured. With `skipped` or `failed` (one line each) the rest is absent.

    Attributes:
        load_ms: opening the models, in a fresh process.
        cold_ms: the first sample.
        samples_ms: of this round.
        seconds: that the round took.
        note: what could not be told beside the times, on one line.
    """

    skipped: str | None = None
    failed: str | None = None
    load_ms: float = 0.0
    cold_ms: float = 0.0
    samples_ms: tuple[float, ...] = ()
    seconds: float = 0.0
    peak_rss_mb: float | None = None
    units: float = 1.0
    unit: str = "sample"
    audio_s: float | None = None
    quality: tuple[Quality, ...] = ()
    work: Work | None = None
    note: str | None = None


def answer(order: Order, stages: Sequence[Stage], mark: Callable[[str], None] = lambda _: None) -> Answer:
    """Measure; whatever goes wrong becomes part of the answer. `mark` is told when the timed part begins and ends."""
    try:
        stage = _stage(order.variant.stage, stages)
        bench = _bench(order)
        began = time.perf_counter()
        prepared = stage.prepare(bench)
        load_ms = (time.perf_counter() - began) * 1e3
    except EdgeError as error:
        return Answer(skipped=" ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - one stage that breaks must not end a benchmark
        return Answer(failed=_cause(error))
    try:
        return _measured(order, stage, bench, prepared, mark).model_copy(update={"load_ms": round(load_ms, 3)})
    except Exception as error:  # noqa: BLE001 - the same
        return Answer(failed=_cause(error))


def _cause(error: Exception) -> str:
    return one_line(error) if isinstance(error, EdgeError) else f"{type(error).__name__}: {one_line(error)}"


def _stage(name: str, stages: Sequence[Stage]) -> Stage:
    found = next((stage for stage in stages if stage.name == name), None)
    if found is None:
        raise BenchmarkError(f"no stage {name!r}; run: edge bench --list")
    return found


def _measured(order: Order, stage: Stage, bench: Bench, prepared: Prepared, mark: Callable[[str], None]) -> Answer:
    def marked(timed: Callable[[], tuple[float, ...]]) -> tuple[float, ...]:
        mark(BEGAN)
        times_ms = timed()
        mark(ENDED)
        return times_ms

    times = measure(
        prepared,
        seconds=order.seconds,
        least=order.least,
        limit_s=order.limit_s,
        slowdown=order.slowdown,
        around=marked,
    )
    peak_mb = peak_rss_mb()  # of the stage alone: judging and counting come after it
    notes: list[str] = []
    return Answer(
        cold_ms=round(times.cold_ms, 4),
        samples_ms=tuple(round(sample, 4) for sample in times.samples_ms),
        seconds=round(times.seconds, 4),
        peak_rss_mb=peak_mb,
        units=prepared.units if prepared.counted is None else prepared.counted(),
        unit=prepared.unit,
        audio_s=prepared.audio_s,
        quality=_told(notes, "quality", lambda: tuple(prepared.quality()), ()) if order.quality else (),
        work=_told(notes, "work", lambda: _work(stage, bench), None) if order.work else None,
        note="; ".join(notes) or None,
    )


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


def _work(stage: Stage, bench: Bench) -> Work | None:
    from edge.bench.floor import count_work

    return count_work(stage, bench)


def _peaks(threads: int) -> Peaks:
    from edge.bench.floor import measure_peaks

    return measure_peaks(threads)


def _end_with_stdin() -> None:
    """End this process when its parent is gone: the pipe that nobody writes to is then closed."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _only_answers_on_stdout() -> int:
    """A descriptor of the real stdout; what anybody else writes to stdout goes to stderr."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def main(arguments: Sequence[str]) -> int:
    """Answer one order."""
    out = _only_answers_on_stdout()
    _end_with_stdin()

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

    tell(answer(order, STAGES, tell).model_dump_json())
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # no teardown: pools of threads of native libraries may hang there
