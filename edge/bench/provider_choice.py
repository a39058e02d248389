"""`edge bench --providers`: every execution provider that is here on every model, and the choice for each.

The stages of the benchmark run once on the CPU and what their models were asked is recorded. Each provider then gets
the same questions in a process of its own, in turns with the CPU. It is chosen where its answers agree and where its
slowest round is at least a tenth faster than the CPU's fastest; else the CPU stays.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.bench.provider_recording import Recording, record
from edge.bench.provider_trial import LONGEST_REASON, TrialAnswer, TrialOrder, reason
from edge.bench.stage import Stage
from edge.errors import BenchmarkError
from edge.hub.store import ModelStore
from edge.inference.provider_choices import Choice, Choices, Circumstances, circumstances, key_of
from edge.inference.providers import CPU, candidates, short_name
from edge.inference.sessions import import_onnxruntime
from edge.settings import Settings

FASTER = 1.1
ROUNDS = 2
LIMIT_S = 900.0
"""TensorRT builds an engine for minutes."""

Try = Callable[[TrialOrder], TrialAnswer]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trial(_Record):
    """One provider on one ONNX file.

    Attributes:
        model: `<id>/<file>`.
        runs: calls in one turn.
        turns_ms: median turn of each round.
        speedup: the CPU's fastest round over this one's slowest; None for the CPU.
        difference: largest relative difference to the CPU's outputs.
        refused: why it is not chosen.
    """

    model: str
    provider: str
    threads: int
    runs: int
    turns_ms: tuple[float, ...] = ()
    load_ms: float | None = None
    speedup: float | None = None
    difference: float | None = None
    chosen: bool = False
    refused: str | None = None


class ProvidersReport(_Record):
    """Everything that was tried."""

    schema_version: Literal[1] = 1
    machine: Circumstances
    trials: tuple[Trial, ...]


def choose(
    store: ModelStore,
    settings: Settings,
    say: Callable[[str], None],
    report: Path | None = None,
    stages: Sequence[Stage] | None = None,
) -> ProvidersReport:
    """Try all providers on all models that the stages use, write the choices into the store, tell a line for each.

    Where there is no provider but the CPU that is told, and the store is left as it is: the CPU runs everything.

    Raises:
        BenchmarkError: no model ran, or the report cannot be written.
        StoreError: the choices cannot be written.
    """
    runtime = import_onnxruntime()
    now = circumstances(runtime, settings.inference.threads)
    names = [one.name for one in candidates(now.providers, settings.inference.threads)]
    trials: list[Trial] = []
    if names:
        recordings, trials = _all_tried(store, settings, say, names, stages)
        Choices(machine=now, choices=chosen(recordings, trials)).write(store.root)
    else:
        say(_ALONE)
    result = ProvidersReport(machine=now, trials=tuple(trials))
    if report is not None:
        _write(result, report)
    return result


_ALONE = (
    "this onnxruntime has no execution provider but the CPU, which runs every model: there is nothing to choose "
    "(with onnxruntime-gpu, onnxruntime-openvino, ... for this board there is)"
)


def _all_tried(
    store: ModelStore,
    settings: Settings,
    say: Callable[[str], None],
    names: Sequence[str],
    stages: Sequence[Stage] | None,
) -> tuple[list[Recording], list[Trial]]:
    """Record, then try; what was left out is told only where something ran, for without models all of it is."""
    left_out: list[str] = []
    found = record(_stages(stages), store, settings, left_out.append)
    recordings = [one for one in found if key_of(one.model) is not None]
    if not recordings:
        raise BenchmarkError("no installed model could be run, so no provider was tried; run: edge models pull")
    for told in left_out:
        say(told)
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="edge-providers-") as folder:
        for recording in recordings:
            of_it = tried(recording, names, Path(folder), try_in_process)
            trials += of_it
            for one in of_it[1:]:
                say(line(one))
    return recordings, trials


def _stages(stages: Sequence[Stage] | None) -> Sequence[Stage]:
    if stages is not None:
        return stages
    from edge.bench.stages import STAGES

    return STAGES


def tried(recording: Recording, names: Sequence[str], folder: Path, attempt: Try) -> list[Trial]:
    """The CPU and each provider on one model, in turns; the CPU's trial is the first."""
    file = folder / "runs.npz"
    recording.save(file)
    answers: dict[str, list[TrialAnswer]] = {name: [] for name in (CPU, *names)}
    for _ in range(ROUNDS):
        for name, so_far in answers.items():
            if not (so_far and (so_far[-1].failed or so_far[-1].wrong)):
                so_far.append(attempt(_order(recording, file, name)))
    cpu = [answer.turn_ms for answer in answers[CPU] if not answer.failed]
    trials = [_judged(recording, name, answers[name], cpu) for name in answers]
    good = [one for one in trials if one.speedup is not None and one.refused is None]
    best = max(good, key=lambda one: one.speedup or 0.0, default=trials[0])
    return [one.model_copy(update={"chosen": one is best}) for one in trials]


def _order(recording: Recording, file: Path, provider: str) -> TrialOrder:
    return TrialOrder(model=recording.model, recording=file, provider=provider, threads=recording.threads)


def _judged(recording: Recording, name: str, answers: Sequence[TrialAnswer], cpu_ms: Sequence[float]) -> Trial:
    bare = Trial(model=_model(recording.model), provider=name, threads=recording.threads, runs=len(recording.runs))
    failed = next((answer.failed for answer in answers if answer.failed), None)
    if failed:
        return bare.model_copy(update={"refused": reason(failed)})
    turns = tuple(round(answer.turn_ms, 4) for answer in answers)
    measured = {
        "turns_ms": turns,
        "load_ms": round(answers[0].load_ms, 1),
        "difference": round(max(answer.difference for answer in answers), 6),
    }
    if name == CPU:
        return bare.model_copy(update=measured)
    wrong = next((answer.wrong for answer in answers if answer.wrong), None)
    speedup = round(min(cpu_ms) / max(turns), 3) if cpu_ms else None
    why = reason(f"wrong: {wrong}") if wrong else _too_slow(speedup)
    return bare.model_copy(update={**measured, "speedup": speedup, "refused": why})


def _too_slow(speedup: float | None) -> str | None:
    if speedup is None:
        return "the CPU itself could not be measured"
    return None if speedup >= FASTER else f"{speedup:.2f} times as fast as the CPU is too little"


def _model(file: Path) -> str:
    return f"{file.parent.parent.name}/{file.name}"


def chosen(recordings: Sequence[Recording], trials: Sequence[Trial]) -> dict[str, Choice]:
    """The choice for each recorded file, by its key in the store."""
    choices: dict[str, Choice] = {}
    for recording in recordings:
        found = key_of(recording.model)
        of_it = [one for one in trials if one.model == _model(recording.model)]
        best = next((one for one in of_it if one.chosen), None)
        if found is not None and best is not None:
            choices[found[1]] = Choice(provider=best.provider, why=_why(best, of_it))
    return choices


def _why(best: Trial, trials: Sequence[Trial]) -> str:
    if best.provider != CPU:
        return f"{best.speedup:.2f} times as fast as the CPU, answers agree ({best.difference:.2%} apart)"
    refused = [(short_name(one.provider), one.refused) for one in trials if one.refused]
    longest = LONGEST_REASON // max(1, len(refused)) - 2
    return "; ".join(reason(f"{name}: {why}", longest) for name, why in refused)


def line(one: Trial) -> str:
    """One trial for people."""
    verdict = "chosen" if one.chosen else f"not chosen: {one.refused or 'another is faster'}"
    measured = one.speedup is not None and one.difference is not None
    speed = f" {one.speedup:.2f} times as fast as the CPU, answers {one.difference:.2%} apart," if measured else ""
    return f"{one.model}, {short_name(one.provider)}:{speed} {verdict}"


def try_in_process(order: TrialOrder, limit_s: float = LIMIT_S) -> TrialAnswer:
    """The answer of a process of its own; one that crashes or takes too long has failed."""
    with tempfile.TemporaryDirectory(prefix="edge-provider-") as folder:
        question, answer = Path(folder) / "order.json", Path(folder) / "answer.json"
        question.write_text(order.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "edge.bench.provider_trial", str(question), str(answer)]
        try:
            ended = subprocess.run(command, capture_output=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return TrialAnswer(failed=f"took longer than {limit_s:.0f} s")
        if not answer.exists():
            return TrialAnswer(failed=_how_it_ended(ended.returncode, ended.stderr))
        try:
            return TrialAnswer.model_validate_json(answer.read_bytes())
        except ValidationError:
            return TrialAnswer(failed="its process did not write its answer to the end")


def _how_it_ended(status: int, stderr: bytes) -> str:
    if status < 0:
        return f"its process was ended by signal {-status}"
    last = next((text for text in reversed(stderr.decode(errors="replace").splitlines()) if text.strip()), "no word")
    return reason(f"its process ended with status {status}: {last}")


def _write(result: ProvidersReport, file: Path) -> None:
    try:
        file.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(f"{file} cannot be written ({error.strerror}); choose another --json") from error
