"""The processes that measure: starting them, asking them, reading what they say; whoever breaks or hangs is ended."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from edge.bench.child import BEGAN, ENDED, PEAKS, Ask, Order
from edge.bench.scratch import scratch_folder

_COMMAND = (sys.executable, "-m", "edge.bench.child")
_WAIT_S = 10.0
_FIRST_TO_GO = "1000"


class EnergyMeter(Protocol):
    """The part of `edge.hardware.energy.Meter` that is read here."""

    def joules(self) -> float | None:
        """Energy since it was opened; None when a reading failed."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What a process answered, or how it ended.

    Attributes:
        answer: its line on stdout; None when it ended without one.
        status: without an answer: exit status, negative for a signal; None: it was ended because its time was up.
        wall_s: from being asked to the answer.
        energy_j: of the timed part, all that the meter covers; None without a meter or when it failed.
        told: without an answer: the last line on stderr.
    """

    answer: str | None = None
    status: int | None = 0
    wall_s: float = 0.0
    energy_j: float | None = None
    told: str = ""


def start_stage(order: Order, meter: EnergyMeter | None = None) -> Worker:
    """A process that opens what the order says; its first answer, to no question, is `Opened`."""
    return Worker((*_COMMAND, order.model_dump_json()), meter)


def measure_peaks(threads: int, limit_s: float) -> Outcome:
    """Measure the peaks of the machine."""
    with contextlib.closing(Worker((*_COMMAND, PEAKS, str(threads)))) as worker:
        return worker.answer(limit_s)


class Worker:
    """A process that speaks like `edge.bench.child`, in a session of its own: Ctrl-C reaches only this process."""

    def __init__(self, command: Sequence[str], meter: EnergyMeter | None = None) -> None:
        """Start it. `meter` is read when a timed part begins and ends."""
        self._files = contextlib.ExitStack()
        scratch = self._files.enter_context(scratch_folder())
        self._told = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is one
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._told,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        _offer_to_the_oom_killer(self._process.pid)
        self._meter = meter
        self._joules: dict[str, float | None] = {}
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()

    def ask(self, ask: Ask, limit_s: float) -> Outcome:
        """Ask, and wait for the answer; see `answer`."""
        self._began = time.monotonic()
        self._joules.clear()
        with contextlib.suppress(OSError):  # it is gone: `answer` tells how
            stdin = self._process.stdin
            if stdin is not None:
                stdin.write(ask.model_dump_json().encode() + b"\n")
                stdin.flush()
        return self.answer(limit_s)

    def answer(self, limit_s: float) -> Outcome:
        """Wait for an answer for so many seconds at most. A process that does not give it is ended."""
        try:
            line = self._lines.get(timeout=limit_s)
            status = None if line is not None else self._process.wait(_WAIT_S)
        except (queue.Empty, subprocess.TimeoutExpired):
            line, status = None, None
        wall_s = time.monotonic() - self._began
        if line is not None:
            return Outcome(line, 0, wall_s, self._energy_j())
        told = _last_line(self._told)
        self.close()
        return Outcome(None, status, wall_s, None, told)

    def close(self) -> None:
        """End the process and all it started; its temporary folder goes, whatever it left there."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self._files.close()

    def _listen(self, stdout: IO[bytes]) -> None:
        with contextlib.suppress(ValueError):  # closed while we read: the time was up
            for line in stdout:
                self._take(line.decode("utf-8", errors="replace").strip())
        self._lines.put(None)

    def _take(self, line: str) -> None:
        if line in (BEGAN, ENDED):
            self._joules[line] = None if self._meter is None else self._meter.joules()
        elif line:
            self._lines.put(line)

    def _energy_j(self) -> float | None:
        began, ended = self._joules.get(BEGAN), self._joules.get(ENDED)
        return None if began is None or ended is None else ended - began


def _offer_to_the_oom_killer(pid: int) -> None:
    """When memory runs out, the process that measures goes first and not the one that keeps the results (Linux)."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def _last_line(told: IO[bytes]) -> str:
    told.seek(0)
    lines = told.read().decode("utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
