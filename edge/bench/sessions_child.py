"""The whole program in a process of its own, playing a recording paced live, and what is seen of it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.media import NS_PER_S

_RUN = (
    "import runpy, sys\n"
    "if sys.platform == 'linux':\n"
    "    import ctypes\n"
    "    ctypes.CDLL(None).prctl(1, 9)\n"
    "sys.argv[0] = 'edge'\n"
    "runpy.run_module('edge.cli', run_name='__main__', alter_sys=True)\n"
)
"""PR_SET_PDEATHSIG (prctl(2)) with SIGKILL: a program whose parent was killed ends, too."""
_END_S = 10.0
_START_S = 0.2  # between two looks for its first event


@dataclass(frozen=True)
class Sample:
    """What /proc says of a process; None where there is no /proc."""

    at_s: float
    rss_mb: float | None
    threads: int | None
    open_files: int | None


@dataclass
class Played:
    """A session as it was seen from outside.

    Attributes:
        status: exit status, negative for a signal; None while it runs, or when it was ended from here.
        told: its last line on stderr.
        start_ms: process start to ready; None: never ready.
        samples: since it was ready, seconds counted from then.
    """

    status: int | None = None
    told: str = ""
    start_ms: float | None = None
    samples: list[Sample] = field(default_factory=list)


def command(film: Path, senses: Sequence[str], folder: Path, language: str, times: int) -> list[str]:
    """Arguments of `edge run` for a session: events go to `events.jsonl` of the folder."""
    return [
        *("run", "--replay", str(film), "--pace", "live", "--repeat", str(times), "--senses", ",".join(senses)),
        *("--from", language, "--to", "en" if language == "pt" else "pt"),
        *("--hud", str(folder / "hud.png"), "--events", str(folder / "events.jsonl")),
    ]


def play(
    arguments: Sequence[str],
    events: Path,
    take: Callable[[dict[str, Any]], None],
    each: Callable[[Played], None] = lambda _: None,
    every_s: float = 1.0,
    program: Sequence[str] = (sys.executable, "-c", _RUN),
) -> Played:
    """Run the program to its end; when this is interrupted, it is ended first.

    Args:
        arguments: of the program.
        events: the file that it writes events to.
        take: given its events in order.
        each: called every so many seconds once it is ready, and on an interruption after it was ended.
        every_s: between two looks at it.
        program: what to run; tests give another one.
    """
    played = Played()
    with tempfile.TemporaryFile() as told:
        began_ns = time.monotonic_ns()
        process = subprocess.Popen(
            [*program, *arguments], stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True
        )
        reader = _Reader(events, played, take, began_ns)
        try:
            while played.status is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    played.status = process.wait(every_s if played.start_ms is not None else min(every_s, _START_S))
                reader.read()
                if played.start_ms is not None and played.status is None:
                    played.samples.append(look(process.pid, reader.since_ready_s))
                    each(played)
        finally:
            _end(process)
            reader.read()
            told.seek(0)
            lines = told.read().decode("utf-8", errors="replace").splitlines()
            played.told = next((line.strip() for line in reversed(lines) if line.strip()), "")
            if played.status is None:
                each(played)
    return played


@dataclass
class _Reader:
    """Takes what was added to the file of events."""

    path: Path
    played: Played
    take: Callable[[dict[str, Any]], None]
    began_ns: int
    at: int = 0
    ready_ns: int | None = None

    @property
    def since_ready_s(self) -> float:
        return (time.monotonic_ns() - (self.ready_ns or 0)) / NS_PER_S

    def read(self) -> None:
        try:
            with self.path.open("rb") as file:
                file.seek(self.at)
                added = file.read()
        except OSError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self.at += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            if self.ready_ns is None:
                self.ready_ns = event["captured_ns"]
                self.played.start_ms = round((event["captured_ns"] - self.began_ns) / 1e6, 1)
            self.take(event)


def look(pid: int, at_s: float, proc: Path = Path("/proc")) -> Sample:
    """Memory, threads and open files of a process now (proc_pid_status(5), proc_pid_fd(5))."""
    try:
        lines = (proc / str(pid) / "status").read_text(encoding="ascii", errors="replace").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        rss_kb, threads = int(fields["VmRSS"].split()[0]), int(fields["Threads"])
        files = len(list((proc / str(pid) / "fd").iterdir()))
    except (OSError, KeyError, ValueError):
        return Sample(at_s, None, None, None)
    return Sample(at_s, round(rss_kb * 1024 / 1e6, 2), threads, files)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and then make it; only itself and what it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
