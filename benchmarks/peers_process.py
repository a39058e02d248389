"""A system in a process of its own, which answers orders (peer_workers/peer_protocol.py)."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
WORKERS = Path(__file__).resolve().parent / "peer_workers"
ANSWER_S = 240.0
"""A system that takes longer over one order is taken to hang."""
SPIN_DOWN_S = 0.1
"""Pause after a system whose idle threads spin. Seen on two cores: ONNX Runtime's for 40 ms, torch's and those of
CTranslate2 float for 10 ms, those of CTranslate2 int8 not at all."""
_PATHS = (ROOT, ROOT / "benchmarks", ROOT / "scripts", WORKERS)
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS",)
"""numpy's: after each product its threads spin for 0.1 s beside the engine's own. It has little to do in any system."""


class WorkerError(Exception):
    """A system cannot go on; one line."""


class MissingError(WorkerError):
    """A system is not to be had here; one line that says what to run."""


@dataclass(frozen=True)
class System:
    """What is compared.

    Attributes:
        name: for the table.
        worker: file in peer_workers, without its ending.
        order: what the worker's `load` asks for.
        weights: as in `peers_report.SystemResult`.
        judged: whether its answers mean something.
        timed_only: it is not given the inputs that are there for the quality alone.
        pause_s: to wait after each timed call: idle threads of some pools spin for a while, which would slow down the
            next system, and never the one that does it.
        rounds: of the timed inputs, for one that takes so long that it cannot have all; None: all.
        python: interpreter; None: this one.
        missing: why it cannot be tried here; it is not started then.
    """

    name: str
    worker: str
    order: Mapping[str, Any]
    precision: str
    threads: int
    weights: str
    ours: bool = False
    judged: bool = True
    timed_only: bool = False
    pause_s: float = 0.0
    rounds: int | None = None
    note: str = ""
    python: Path | None = None
    missing: str | None = field(default=None)


class Worker:
    """The process of one system, loaded.

    Attributes:
        load_ms: imports and opening.
        versions: of its packages.

    Raises:
        MissingError: a package is not there.
        WorkerError: it cannot be loaded.
    """

    def __init__(self, system: System, log: Path, *, answer_s: float = ANSWER_S) -> None:
        self._log = log
        self._answer_s = answer_s
        command = [str(system.python or sys.executable), str(WORKERS / f"{system.worker}.py")]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(system.threads),
                encoding="utf-8",
            )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            answer = self._ask({"load": {**system.order, "threads": system.threads}})
        except BaseException:
            self.close()
            raise
        self.load_ms = float(answer["load_ms"])
        self.versions: dict[str, str] = answer["versions"]

    def run(self, item: Mapping[str, Any]) -> tuple[float, Any]:
        """Milliseconds and the answer.

        Raises:
            WorkerError: it failed, died, or hangs.
        """
        answer = self._ask({"run": item})
        return float(answer["ms"]), answer["answer"]

    def end(self) -> dict[str, Any]:
        """What it says at its end: `peak_rss_mb`, perhaps `note`; raises as `run`."""
        try:
            return self._ask({"end": True})
        finally:
            self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            close_quietly(stream)

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=self._answer_s)
        except OSError:
            line = ""
        except queue.Empty:
            raise WorkerError(f"no answer in {self._answer_s:g} s") from None
        if not line:
            raise WorkerError(f"its process died ({self._died()})")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise MissingError(answer["missing"])
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            for line in self._process.stdout:
                self._lines.put(line)
        except ValueError:  # closed meanwhile
            pass
        self._lines.put("")

    def _died(self) -> str:
        """How: the signal or the status, and the last line on stderr."""
        status = self._process.wait()
        how = f"signal {-status}" if status < 0 else f"status {status}"
        lines = [line.strip() for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return f"{how}: {lines[-1][:200]}" if lines else how


def environment(threads: int) -> dict[str, str]:
    """Of every worker: our code, no telemetry, no network, and the same threads for the pools of every engine."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    return {
        **kept,
        **dict.fromkeys(_THREAD_LIMITS, str(threads)),
        **dict.fromkeys(_ONE_THREAD, "1"),
        "PYTHONPATH": os.pathsep.join(map(str, _PATHS)),
        "PYTHONIOENCODING": "utf-8",
        "ORT_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def close_quietly(stream: IO[str] | None) -> None:
    """Close a pipe whose other end may be gone."""
    if stream is not None:
        try:
            stream.close()
        except OSError:
            return
