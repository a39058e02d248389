"""Who may use the processor now: speech first.

`SpeechFirst` is a traffic light for the senses of the camera: red from the pause that may end an utterance until its
caption is made. `LoadControl` decides how hard they may work at all, by what speech recognition needs and by heat.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from edge.events import Event, SenseChanged
from edge.media import NS_PER_S
from edge.results import Onset, Segment
from edge.settings import SchedulingSettings

LEVELS = ("full", "slow", "small", "off")
"""How hard a sense works: as often as it likes, less often, less often on smaller pictures, not at all."""

_SLOWER = 3  # intervals between two looks at the levels between full and off
_PAUSE_WINDOWS = 3  # of 32 ms without speech: the utterance may be over, and a step begun before it has ended by then
_STEP_DOWN_S = 2.0  # between two steps down: the first one must have time to show
_TICK_S = 0.5
_PATIENCE = 8.0  # longest recovery time, in multiples of the first, after stepping up proved to be too early


def interval_at(level: str, interval_s: float) -> float | None:
    """Seconds between two looks of a sense that takes `interval_s` at full level; None: it does not look at all."""
    if level == LEVELS[-1]:
        return None
    return interval_s if level == LEVELS[0] else _SLOWER * interval_s


class SpeechFirst:
    """The light. Speech recognition reports; camera senses `wait` before every step of some tens of milliseconds.

    Args:
        threshold: speech goes on above this probability.
        hold_s: how long after a pause the light stays red when no utterance follows: the hangover, and a little.
        clock_ns: monotonic clock.
    """

    def __init__(
        self, threshold: float = 0.35, hold_s: float = 0.6, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._threshold = threshold
        self._hold_ns = int(hold_s * NS_PER_S)
        self._clock_ns = clock_ns
        self._changed = threading.Condition()
        self._spoken = False
        self._quiet_windows = 0
        self._red_until_ns = 0
        self._answering_ns: int | None = None
        self._worst_lag_ns = 0
        self._closed = False

    def heard(self, probability: float) -> None:
        """Take in the speech probability of the next 32 ms."""
        if probability >= self._threshold:
            self._spoken, self._quiet_windows = True, 0
            if self._red_until_ns:
                self._turn(0)
        elif self._spoken:
            self._quiet_windows += 1
            if self._quiet_windows == _PAUSE_WINDOWS:
                self._spoken = False
                self._turn(self._clock_ns() + self._hold_ns)

    def answering(self, heard: Iterable[Onset | Segment]) -> Iterator[Onset | Segment]:
        """Pass on what segmentation says; the light is red from a segment until the next item is asked for."""
        for item in heard:
            if not isinstance(item, Segment):
                yield item
                continue
            with self._changed:
                self._answering_ns = item.captured_ns
            try:
                yield item
            finally:
                with self._changed:
                    self._worst_lag_ns = max(self._worst_lag_ns, self._clock_ns() - item.captured_ns)
                    self._answering_ns = None
                    self._red_until_ns = 0
                    self._changed.notify_all()

    @property
    def is_red(self) -> bool:
        """Whether an utterance is pending."""
        return not self._closed and (self._answering_ns is not None or self._clock_ns() < self._red_until_ns)

    def wait(self) -> None:
        """Block until the light is green, or for ever green after `close`."""
        with self._changed:
            while self.is_red:
                left_ns = self._red_until_ns - self._clock_ns()
                self._changed.wait(left_ns / NS_PER_S if self._answering_ns is None and left_ns > 0 else _TICK_S)

    def take_lag_s(self) -> float:
        """The longest time from the last spoken sample to the caption since the last call, also of one being made."""
        with self._changed:
            lag_ns, self._worst_lag_ns = self._worst_lag_ns, 0
            if self._answering_ns is not None:
                lag_ns = max(lag_ns, self._clock_ns() - self._answering_ns)
        return lag_ns / NS_PER_S

    def close(self) -> None:
        """Let everybody through from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _turn(self, red_until_ns: int) -> None:
        with self._changed:
            self._red_until_ns = red_until_ns
            self._changed.notify_all()


class LoadControl:
    """Steps the camera senses down while there is cause, and up again when there has been none for a while.

    Stepping up too early doubles the time until the next try, up to eight times `recover_s`.

    Args:
        settings: limits.
        senses: names for the events.
        lag_s: the longest lag of speech since it was last asked.
        temperature_c: of the processor; None where nobody knows.
    """

    def __init__(
        self,
        settings: SchedulingSettings,
        senses: Iterable[str],
        lag_s: Callable[[], float],
        temperature_c: Callable[[], float | None],
    ) -> None:
        self._settings = settings
        self._senses = tuple(senses)
        self._lag_s = lag_s
        self._temperature_c = temperature_c
        self._step = 0
        self._changed_ns = -NS_PER_S * 3600
        self._cause_ns = -NS_PER_S * 3600
        self._patience = 1.0
        self._raised = False

    @property
    def level(self) -> str:
        """One of LEVELS."""
        return LEVELS[self._step]

    def update(self, now_ns: int) -> tuple[SenseChanged, ...]:
        """Look at lag and temperature; the changes that follow."""
        cause = self._cause()
        if cause:
            self._cause_ns = now_ns
            if self._step + 1 < len(LEVELS) and now_ns - self._changed_ns >= _STEP_DOWN_S * NS_PER_S:
                if self._raised:
                    self._patience = min(2 * self._patience, _PATIENCE)
                return self._move(1, cause, now_ns)
            return ()
        quiet_ns = now_ns - max(self._cause_ns, self._changed_ns)
        if quiet_ns < self._settings.recover_s * self._patience * NS_PER_S:
            return ()
        if self._step:
            return self._move(-1, "recovered", now_ns)
        self._patience, self._raised = 1.0, False
        return ()

    def watch(self, stopped: Callable[[float], bool], clock_ns: Callable[[], int]) -> Iterator[Event]:
        """Changes as they come; `stopped` waits so many seconds and says whether to end."""
        while not stopped(_TICK_S):
            yield from self.update(clock_ns())

    def _cause(self) -> str:
        if self._lag_s() > self._settings.max_lag_s:
            return "lag"
        temperature_c = self._temperature_c()
        return "temperature" if temperature_c is not None and temperature_c > self._settings.max_temperature_c else ""

    def _move(self, steps: int, reason: str, now_ns: int) -> tuple[SenseChanged, ...]:
        self._step += steps
        self._raised = steps < 0
        self._changed_ns = now_ns
        return tuple(SenseChanged(now_ns, sense, self.level, reason) for sense in self._senses)
