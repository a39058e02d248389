"""Meters of energy: counters of the processor, and sensors of power that are read again and again.

A meter counts from its opening; an interval is the difference of two readings. Where a reading failed nothing may be
said any more. No meter, no number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from edge.hardware.power import find_rails
from edge.hardware.reading import ROOT, listed, number, text

_MICRO = 1e-6
_LATE = 5.0  # periods without a reading after which the time between is not known


class Meter(Protocol):
    """Counts energy.

    Attributes:
        name: what it is and which of its parts are counted.
        covers: which parts of the machine that is.
    """

    name: str
    covers: str

    def joules(self) -> float | None:
        """Energy since the meter was opened; None when a reading failed since."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...

    def __enter__(self) -> Meter: ...  # noqa: PYI034 - typing.Self is Python 3.11

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_meter(root: Path = ROOT) -> Meter | None:
    """The best meter that this process may read: the whole board before the processor alone.

    Args:
        root: folder of the machine.
    """
    rails = find_rails(root)
    if rails is not None:
        return SampledMeter(rails.name, rails.covers, rails.watts, rails.period_s)
    domains = _rapl_domains(root)
    readable = [domain for domain in domains if number(domain / "energy_uj") is not None]
    return RaplMeter(readable) if readable else None


def why_no_meter(root: Path = ROOT) -> str:
    """A line for the user: that there is none, or what forbids reading it."""
    if _rapl_domains(root):
        return "the counters of the processor are for root; run: sudo chmod a+r /sys/class/powercap/*/energy_uj"
    return "none that Linux shows"


def idle_watts(
    meter: Meter,
    seconds: float = 5.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> float | None:
    """Mean power while this process sleeps, in watts; None when the meter failed.

    Args:
        meter: an opened one.
        seconds: how long.
        sleep: waits.
        clock: monotonic seconds.
    """
    began, before = clock(), meter.joules()
    sleep(seconds)
    after, took = meter.joules(), clock() - began
    return None if before is None or after is None or took <= 0 else (after - before) / took


class _Closing:
    """What every meter does at the end of a `with`."""

    def close(self) -> None:
        """See `Meter`."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RaplMeter(_Closing):
    """Running average power limit: energy counters of x86 processors (kernel, `power/powercap/powercap`: microjoules).

    The counters wrap after some minutes to hours; `joules` must be called more often than that.

    Args:
        domains: folders with `energy_uj`, none inside another.
    """

    def __init__(self, domains: list[Path]) -> None:
        self.name = "RAPL " + ", ".join(text(domain / "name") or domain.name for domain in domains)
        self.covers = "the processor packages, not the rest of the machine"
        self._last = {domain: number(domain / "energy_uj") for domain in domains}
        self._range = {domain: number(domain / "max_energy_range_uj") for domain in domains}
        self._total_uj = 0
        self._failed = False

    def __enter__(self) -> RaplMeter:  # noqa: PYI034 - typing.Self is Python 3.11
        return self

    def joules(self) -> float | None:
        """See `Meter`."""
        for domain, last in self._last.items():
            now = number(domain / "energy_uj")
            if now is None or last is None:
                self._failed = True
                continue
            grown = now - last
            if grown < 0:
                wraps_at = self._range[domain]
                grown += wraps_at or 0
                self._failed |= wraps_at is None or grown < 0
            self._total_uj += grown
            self._last[domain] = now
        return None if self._failed else self._total_uj * _MICRO


class SampledMeter(_Closing):
    """Power that is read in a thread of its own, summed by the trapezoidal rule.

    Args:
        name: see `Meter`.
        covers: see `Meter`.
        watts: power now; None where it cannot be read.
        period_s: between two readings.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        covers: str,
        watts: Callable[[], float | None],
        period_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.covers = name, covers
        self._watts, self._period_s, self._clock = watts, period_s, clock
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._total_j = 0.0
        self._failed = False
        self._last: tuple[float, float] | None = None
        self.sample()
        self._thread = threading.Thread(target=self._run, name="edge-energy", daemon=True)
        self._thread.start()

    def __enter__(self) -> SampledMeter:  # noqa: PYI034 - typing.Self is Python 3.11
        return self

    def joules(self) -> float | None:
        """See `Meter`."""
        self.sample()
        with self._lock:
            return None if self._failed else self._total_j

    def close(self) -> None:
        """See `Meter`."""
        self._closed.set()
        self._thread.join(1.0)

    def sample(self) -> None:
        """Read once and add what was used since the last reading."""
        with self._lock:
            watts, now = self._watts(), self._clock()
            if watts is None or (self._last is not None and now - self._last[0] > _LATE * self._period_s):
                self._failed = True
            elif self._last is not None:
                self._total_j += (watts + self._last[1]) / 2 * (now - self._last[0])
            self._last = self._last if watts is None else (now, watts)

    def _run(self) -> None:
        while not self._closed.wait(self._period_s):
            self.sample()


def _rapl_domains(root: Path) -> list[Path]:
    """Packages, and memory where it is counted apart; cores and graphics are inside the package."""
    packages = [
        zone
        for zone in listed(root, "sys/class/powercap/intel-rapl:*")
        if zone.name.count(":") == 1 and (text(zone / "name") or "").startswith("package")
    ]
    inner = [zone for zone in listed(root, "sys/class/powercap/intel-rapl:*:*") if text(zone / "name") == "dram"]
    return [*packages, *inner]
