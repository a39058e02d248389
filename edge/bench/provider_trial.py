"""The process that tries one provider on one model: `python -m edge.bench.provider_trial ORDER ANSWER`, files of JSON.

A process of its own, because drivers crash. The answer is a file, because drivers also print.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edge.bench.provider_agreement import disagreement
from edge.bench.provider_recording import Run, read_runs
from edge.errors import EdgeError
from edge.inference.sessions import Array, Session, SessionFactory
from edge.settings import InferenceSettings

LEAST_TURNS = 3
LONGEST_REASON = 160


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialOrder(_Message):
    """What to try.

    Attributes:
        recording: file of `Recording.save`.
        seconds: to measure, after each run was made twice (providers compile for new shapes).
    """

    model: Path
    recording: Path
    provider: str
    threads: int
    seconds: float = 0.8


class TrialAnswer(_Message):
    """How it went.

    Attributes:
        failed: why there is nothing else.
        load_ms: opening the model, compiling included.
        turn_ms: median time of all recorded runs, one after the other.
        difference: largest relative difference to the CPU's outputs.
        wrong: what differs too much.
    """

    failed: str | None = None
    load_ms: float = 0.0
    turn_ms: float = 0.0
    difference: float = 0.0
    wrong: str | None = None


def reason(text: str, longest: int = LONGEST_REASON) -> str:
    """A reason as a line of at most so many characters: drivers write pages."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 3].rstrip() + "..."


def trial(order: TrialOrder, *, clock: Callable[[], float] = time.perf_counter) -> TrialAnswer:
    """Open, compare, measure; an error becomes part of the answer."""
    settings = InferenceSettings(threads=order.threads, providers=(order.provider,))
    try:
        runs = read_runs(order.recording)
        began = clock()
        session = SessionFactory(settings, strict=True).open(order.model, threads=order.threads)
        load_ms = (clock() - began) * 1e3
        difference, wrong = disagreement(runs, [_ask(session, run) for run in runs])
        turn_ms = _measure(session, runs, order.seconds, clock)
    except EdgeError as error:
        return TrialAnswer(failed=reason(str(error).replace(str(order.model), order.model.name)))
    return TrialAnswer(load_ms=load_ms, turn_ms=turn_ms, difference=difference, wrong=wrong)


def _ask(session: Session, run: Run) -> dict[str, Array]:
    names = list(run.outputs)
    return dict(zip(names, session.run(names, run.inputs), strict=True))


def _measure(session: Session, runs: Sequence[Run], seconds: float, clock: Callable[[], float]) -> float:
    turns: list[float] = []
    for run in runs:
        _ask(session, run)
    end = clock() + seconds
    while len(turns) < LEAST_TURNS or clock() < end:
        began = clock()
        for run in runs:
            _ask(session, run)
        turns.append((clock() - began) * 1e3)
    return statistics.median(turns)


def main(arguments: Sequence[str]) -> int:
    """Answer one order."""
    order, answer = map(Path, arguments)
    found = trial(TrialOrder.model_validate_json(order.read_bytes()))
    answer.write_text(found.model_dump_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
