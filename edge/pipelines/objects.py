"""Frames in, what is where in them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol

from edge.errors import EdgeError
from edge.events import Event, ObjectsDetected, SeenObject, StageFailed
from edge.media import NS_PER_S, Image, VideoFrame
from edge.results import DetectedObject, FollowedObject

STAGE = "object-detection"

Detect = Callable[[Image], Sequence[DetectedObject]]
"""What is in a picture; raises EdgeError."""

Hold = Callable[[], float]
"""How long boxes may lie over pictures that have changed, in seconds."""

Interval = Callable[[], float | None]
"""Shortest time between two detections in seconds; None: do not look at all now."""


class Gate(Protocol):
    """Compares frames."""

    def see(self, image: Image) -> Literal["same", "moving", "new"]:
        """What `image` shows, compared with the frame kept last."""
        ...

    def keep(self) -> None:
        """Compare with the frame seen last from now on."""
        ...


class Follower(Protocol):
    """Keeps things apart over frames."""

    @property
    def open(self) -> bool:
        """Whether the same detection again would change what is shown."""
        ...

    def observe(self, found: Sequence[DetectedObject], now_ns: int) -> tuple[FollowedObject, ...]:
        """Take in a detection; what is to be shown."""
        ...

    def forget(self) -> None:
        """Nothing is in sight any more."""
        ...


class ObjectWatch:
    """Tells ObjectsDetected whenever what is in sight, or where it is, has changed.

    A picture that has not changed is not looked at again: what was found in it counts for another vote, and once all
    is settled the model idles. Boxes older than `hold_s` are taken away as soon as the picture is another one: a box
    beside its thing is worse than none. A failing detector is told once, by StageFailed, until it succeeds again.

    Args:
        detect: the detector.
        gate: what is new in a frame.
        follower: what is shown of what was found.
        interval_s: how often to look.
        hold_s: how long boxes may lie over pictures that have changed.
        target: code of the wearer's language.
    """

    def __init__(
        self, detect: Detect, gate: Gate, follower: Follower, interval_s: Interval, hold_s: Hold, target: str
    ) -> None:
        self._detect = detect
        self._gate = gate
        self._follower = follower
        self._interval_s = interval_s
        self._hold_s = hold_s
        self._target = target
        self._found: Sequence[DetectedObject] | None = None
        self._looked_ns: int | None = None
        self._failing = False
        self._told: tuple[SeenObject, ...] = ()

    def events(self, frames: Iterable[VideoFrame]) -> Iterator[Event]:
        """Frames of one camera in, events out."""
        for frame in frames:
            now_ns, view = frame.captured_ns, self._gate.see(frame.image)
            interval_s = self._interval_s()
            if interval_s is None:
                yield from self._lose(now_ns)
            elif view == "same" and self._found is not None:
                if self._follower.open and self._age_ns(now_ns) >= interval_s * NS_PER_S:
                    yield from self._tell(self._follower.observe(self._found, now_ns), now_ns)
            elif self._looked_ns is None or self._age_ns(now_ns) >= interval_s * NS_PER_S:
                yield from self._look(frame)
            elif self._age_ns(now_ns) > self._hold_s() * NS_PER_S:
                yield from self._tell((), now_ns)

    def _age_ns(self, now_ns: int) -> int:
        return now_ns - (self._looked_ns or 0)

    def _look(self, frame: VideoFrame) -> Iterator[Event]:
        self._looked_ns = frame.captured_ns
        try:
            self._found = self._detect(frame.image)
        except EdgeError as error:
            yield from self._lose(frame.captured_ns)
            if not self._failing:
                yield StageFailed(frame.captured_ns, STAGE, str(error))
            self._failing = True
            return
        self._failing = False
        self._gate.keep()
        yield from self._tell(self._follower.observe(self._found, frame.captured_ns), frame.captured_ns)

    def _lose(self, now_ns: int) -> Iterator[Event]:
        self._found = None
        self._follower.forget()
        yield from self._tell((), now_ns)

    def _tell(self, shown: Sequence[FollowedObject], now_ns: int) -> Iterator[Event]:
        told = tuple(_told(one) for one in shown)
        if [(one.number, one.name, one.box) for one in told] == [(one.number, one.name, one.box) for one in self._told]:
            return
        self._told = told
        yield ObjectsDetected(now_ns, told, self._target)


def _told(one: FollowedObject) -> SeenObject:
    left, top, right, bottom = (round(side, 1) for side in one.thing.box)
    return SeenObject(
        one.number, one.thing.label, one.thing.name, round(one.thing.score, 4), (left, top, right, bottom)
    )
