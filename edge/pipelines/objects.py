"""Frames in, what is where in them out.

A detector looks now and then; between two looks the boxes go along with the motion of the camera, which is cheap to
estimate. A picture that has not changed is not looked at again: what was found in it counts for another vote, and once
all is settled the model idles.
"""

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

Interval = Callable[[], float | None]
"""Shortest time between two detections in seconds; None: do not look at all now."""

_Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]
_HURRY = 3
"""Another view is looked at after this part of the interval."""
_MOVED_PX = 1.5
"""Sides that move by less are not told."""


class Motion(Protocol):
    """What happened between two frames (`perception.motion.Motion`)."""

    @property
    def matrix(self) -> _Matrix: ...  # noqa: D102 - see there
    @property
    def still(self) -> bool: ...  # noqa: D102
    @property
    def cut(self) -> bool: ...  # noqa: D102


class Follower(Protocol):
    """Keeps things apart over frames (`perception.object_tracking.ObjectTracker`)."""

    @property
    def open(self) -> bool: ...  # noqa: D102 - see there
    @property
    def shown(self) -> tuple[FollowedObject, ...]: ...  # noqa: D102
    def observe(self, found: Sequence[DetectedObject], now_ns: int) -> tuple[FollowedObject, ...]: ...  # noqa: D102
    def move(self, matrix: _Matrix) -> None: ...  # noqa: D102
    def doubt(self) -> None: ...  # noqa: D102
    def forget(self) -> None: ...  # noqa: D102


class ObjectWatch:
    """Tells ObjectsDetected whenever what is in sight, or where it is, has changed.

    Where the view is another one all at once, the next look comes soon, and what it does not find goes. Boxes go, too,
    when nobody looks any more. A failing detector is told once, by StageFailed, until it succeeds again.

    Args:
        detect: the detector.
        estimate: motion of the camera from frame to frame.
        follower: what is shown of what was found.
        interval_s: how often to look.
        target: code of the wearer's language.
    """

    def __init__(
        self,
        detect: Detect,
        estimate: Callable[[Image], Motion],
        follower: Follower,
        interval_s: Interval,
        target: str,
    ) -> None:
        self._detect = detect
        self._estimate = estimate
        self._follower = follower
        self._interval_s = interval_s
        self._target = target
        self._found: Sequence[DetectedObject] | None = None
        self._looked_ns: int | None = None
        self._failing = False
        self._hurry: Literal["no", "now", "done"] = "no"
        self._told: tuple[SeenObject, ...] = ()

    def events(self, frames: Iterable[VideoFrame]) -> Iterator[Event]:
        """Frames of one camera in, events out."""
        for frame in frames:
            interval_s = self._interval_s()
            if interval_s is None:
                self._looked_ns = self._found = None
                self._follower.forget()
            else:
                self._follow(self._estimate(frame.image))
                yield from self._look(frame, interval_s)
            yield from self._tell(frame.captured_ns)

    def _follow(self, motion: Motion) -> None:
        if motion.still:
            self._hurry = "now" if self._hurry == "now" else "no"
            return
        self._found = None  # of another picture
        if motion.cut:
            self._follower.doubt()
            self._hurry = "now" if self._hurry == "no" else self._hurry  # once: plain walls look like cuts all the time
        else:
            self._follower.move(motion.matrix)
            self._hurry = "no"

    def _look(self, frame: VideoFrame, interval_s: float) -> Iterator[Event]:
        now_ns, wait_s = frame.captured_ns, interval_s / _HURRY if self._hurry == "now" else interval_s
        if self._looked_ns is not None and now_ns - self._looked_ns < wait_s * NS_PER_S:
            return
        if self._found is not None:
            if self._follower.open:
                self._follower.observe(self._found, now_ns)
            return
        self._looked_ns, self._hurry = now_ns, "done" if self._hurry == "now" else self._hurry
        try:
            self._found = self._detect(frame.image)
        except EdgeError as error:
            self._follower.forget()
            if not self._failing:
                yield StageFailed(now_ns, STAGE, str(error))
            self._failing = True
            return
        self._failing = False
        self._follower.observe(self._found, now_ns)

    def _tell(self, now_ns: int) -> Iterator[Event]:
        seen = tuple(_seen(one) for one in self._follower.shown)
        if not _alike(seen, self._told):
            self._told = seen
            yield ObjectsDetected(now_ns, seen, self._target)


def _seen(one: FollowedObject) -> SeenObject:
    left, top, right, bottom = (round(side, 1) for side in one.thing.box)
    return SeenObject(
        one.number, one.thing.label, one.thing.name, round(one.thing.score, 4), (left, top, right, bottom)
    )


def _alike(one: Sequence[SeenObject], other: Sequence[SeenObject]) -> bool:
    """Whether the wearer would see no difference."""
    if [(thing.number, thing.name) for thing in one] != [(thing.number, thing.name) for thing in other]:
        return False
    pairs = zip(one, other, strict=True)
    return all(abs(a - b) < _MOVED_PX for now, told in pairs for a, b in zip(now.box, told.box, strict=True))
