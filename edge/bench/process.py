"""Starting the processes that measure, and reading what they say; whoever breaks or hangs is ended, and told about."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from edge.bench.child import BEGAN, ENDED, PEAKS, Order

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
    """How a process ended.

    Attributes:
        answer: its last line on stdout; None without one.
        status: exit status, negative for a signal; None: it was ended because its time was up.
        wall_s: from start to end.
        before_s: from start to the timed part; None when that never began.
        energy_j: of the timed part, all that the meter covers; None without a meter or when it failed.
        told: the last line on stderr.
    """

    answer: str | None = None
    status: int | None = 0
    wall_s: float = 0.0
    before_s: float | None = None
    energy_j: float | None = None
    told: str = ""


def measure_stage(order: Order, limit_s: float, meter: EnergyMeter | None = None) -> Outcome:
    """Run one order; see `run_process`."""
    return run_process((*_COMMAND, order.model_dump_json()), limit_s, meter)


def measure_peaks(threads: int, limit_s: float) -> Outcome:
    """Measure the peaks of the machine; see `run_process`."""
    return run_process((*_COMMAND, PEAKS, str(threads)), limit_s)


def run_process(command: Sequence[str], limit_s: float, meter: EnergyMeter | None = None) -> Outcome:
    """Run a command that speaks like `edge.bench.child`, in a session of its own; at the end it is gone.

    So is its temporary folder, whatever it left there. Ctrl-C reaches only this process, which then ends the other.

    Args:
        command: program and arguments.
        limit_s: it is killed after so many seconds.
        meter: read when the timed part begins and ends.
    """
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="edge-bench-", ignore_cleanup_errors=True) as scratch,
        tempfile.TemporaryFile() as told,
    ):
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            start_new_session=True,
            env={**os.environ, "TMPDIR": scratch},
        )
        try:
            _offer_to_the_oom_killer(process.pid)
            heard = _Heard(time.monotonic, meter)
            reader = threading.Thread(target=heard.listen, args=(process.stdout,), daemon=True)
            reader.start()
            reader.join(limit_s)
            status = None if reader.is_alive() else process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(process)
        return Outcome(
            answer=heard.last,
            status=status,
            wall_s=time.monotonic() - began,
            before_s=heard.at_s[BEGAN] - began if BEGAN in heard.at_s else None,
            energy_j=heard.energy_j,
            told=_last_line(told),
        )


@dataclass
class _Heard:
    """Lines on stdout, stamped as they come."""

    clock: Callable[[], float]
    meter: EnergyMeter | None
    last: str | None = None
    at_s: dict[str, float] = field(default_factory=dict)
    joules: dict[str, float | None] = field(default_factory=dict)

    def listen(self, stdout: IO[bytes]) -> None:
        with contextlib.suppress(ValueError):  # closed while we read: the time was up
            for line in stdout:
                self._take(line.decode("utf-8", errors="replace").strip())

    def _take(self, line: str) -> None:
        if line not in (BEGAN, ENDED):
            self.last = line or self.last
            return
        self.at_s[line] = self.clock()
        self.joules[line] = None if self.meter is None else self.meter.joules()

    @property
    def energy_j(self) -> float | None:
        began, ended = self.joules.get(BEGAN), self.joules.get(ENDED)
        return None if began is None or ended is None else ended - began


def _offer_to_the_oom_killer(pid: int) -> None:
    """When memory runs out, the process that measures goes first and not the one that keeps the results (Linux)."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _last_line(told: IO[bytes]) -> str:
    told.seek(0)
    lines = told.read().decode("utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
