"""Frames in, names of what the wearer looks at out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol

from edge.errors import EdgeError
from edge.events import Event, SceneRecognized, StageFailed
from edge.media import NS_PER_S, Image, VideoFrame
from edge.results import UNKNOWN, Category

STAGE = "image-recognition"

_CONFIRM = 3  # a name in doubt is looked at again after this part of the interval
_MOVING_S = 1.5  # a camera that swings longer than this is looked through all the same

Look = Callable[[Image], Category]
"""What a picture shows; raises EdgeError."""

Interval = Callable[[], float | None]
"""Shortest time between two looks in seconds; None: do not look at all now."""


class Gate(Protocol):
    """Compares frames."""

    def see(self, image: Image) -> Literal["same", "moving", "new"]:
        """What `image` shows, compared with the frame kept last."""
        ...

    def keep(self) -> None:
        """Compare with the frame seen last from now on."""
        ...


class Settling:
    """Votes over looks: which name is shown does not change with every doubt.

    A new name needs `votes` looks that agree, not counting looks at nothing known between them; the name shown goes
    away after `misses` looks at nothing known in a row.
    """

    def __init__(self, votes: int, misses: int) -> None:
        self.label = self._rival = UNKNOWN
        self._votes = votes
        self._misses = misses
        self._missed = self._count = 0
        self._missed_ns = self._rival_ns = 0

    @property
    def pending(self) -> bool:
        """Whether the next look may change the name."""
        return bool(self._count) or (0 < self._missed < self._misses and self.label != UNKNOWN)

    def vote(self, label: str, captured_ns: int) -> int | None:
        """Count one look; when it changes the name, the time of the first frame that showed the new one."""
        if label == UNKNOWN:
            return self._miss(captured_ns)
        self._missed = 0
        if label == self.label:
            self._count = 0
            return None
        if not self._count or label != self._rival:
            self._rival, self._count, self._rival_ns = label, 0, captured_ns
        self._count += 1
        if self._count < self._votes:
            return None
        self.label, self._count = label, 0
        return self._rival_ns

    def forget(self) -> None:
        """Begin anew: nothing is known."""
        self.label = self._rival = UNKNOWN
        self._missed = self._count = 0

    def _miss(self, captured_ns: int) -> int | None:
        if not self._missed:
            self._missed_ns = captured_ns
        self._missed += 1
        if self._missed < self._misses:
            return None
        self._count = 0
        if self.label == UNKNOWN:
            return None
        self.label = UNKNOWN
        return self._missed_ns


def scenes(
    frames: Iterable[VideoFrame], look: Look, gate: Gate, interval_s: Interval, settling: Settling, target: str
) -> Iterator[Event]:
    """A SceneRecognized whenever the settled name changes; at first nothing is known.

    An unchanged picture is not looked at again: what it showed counts for another vote, and once settled the model
    idles. A failing look is told once, by StageFailed, until one succeeds; the name stays. Switched off, what was seen
    is forgotten, and told again when it comes back.

    Args:
        frames: of the camera, newest first wins.
        look: the recogniser.
        gate: what is new in a frame.
        interval_s: how often to look.
        settling: the votes.
        target: code of the wearer's language.
    """
    watcher = _Watcher(gate, interval_s, settling)
    failing = False
    for frame in frames:
        view = watcher.judge(frame)
        if view is None:
            continue
        if view == "look":
            try:
                watcher.seen = look(frame.image)
                failing = False
            except EdgeError as error:
                watcher.seen = None
                if not failing:
                    yield StageFailed(frame.captured_ns, STAGE, str(error))
                failing = True
                continue
        if watcher.seen is None:
            continue
        first_ns = settling.vote(watcher.seen.label, frame.captured_ns)
        if first_ns is not None:
            seen = watcher.seen
            yield SceneRecognized(first_ns, seen.label, seen.name, round(seen.score, 4), target)


class _Watcher:
    """Decides which frames are looked at, and which count as seen already."""

    def __init__(self, gate: Gate, interval_s: Interval, settling: Settling) -> None:
        self.seen: Category | None = None
        self._gate = gate
        self._interval_s = interval_s
        self._settling = settling
        self._looked_ns: int | None = None
        self._moving_ns: int | None = None

    def judge(self, frame: VideoFrame) -> Literal["look", "again"] | None:
        """`look` at it, count what was seen `again`, or do nothing."""
        view = self._gate.see(frame.image)
        if view != "moving":
            self._moving_ns = None
        if not self._is_due(frame.captured_ns):
            return None
        if view == "same" and self.seen is not None:
            if not self._settling.pending:
                return None
            self._looked_ns = frame.captured_ns
            return "again"
        if view == "moving" and self._is_swinging(frame.captured_ns):
            return None
        self._looked_ns = frame.captured_ns
        self._gate.keep()
        return "look"

    def _is_due(self, now_ns: int) -> bool:
        interval_s = self._interval_s()
        if interval_s is None:
            self.seen = None
            self._settling.forget()
            return False
        if self._looked_ns is None:
            return True
        wanted_s = interval_s / _CONFIRM if self._settling.pending else interval_s
        return now_ns - self._looked_ns >= wanted_s * NS_PER_S

    def _is_swinging(self, now_ns: int) -> bool:
        """Whether to wait for the camera to come to rest."""
        if self._moving_ns is None:
            self._moving_ns = now_ns
        return now_ns - self._moving_ns < _MOVING_S * NS_PER_S
