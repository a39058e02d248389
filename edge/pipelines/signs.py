"""Pictures in, translated signs out.

A moving scene is read now and then, a scene that stands still until everything in it has settled, and then no more
until it changes. While a camera trembles before what has been read thoroughly, only doubtful texts are read again.
Everything goes by the time of the frames, so that a recording gives the same events every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from edge.errors import EdgeError
from edge.events import Corners, Event, SignsMoved, SignTranslated, StageFailed
from edge.media import NS_PER_S, Image, VideoFrame
from edge.results import Quad, Region, SignText

Look = Literal["glance", "closer", "thorough"]
"""A quick look at few pixels; for what it has not seen in the same scene; or at all there is."""

Read = Callable[[Image, Look], Sequence[Region]]
"""Regions of a picture; a closer look follows a glance at the same scene and gives all regions of both."""

Reread = Callable[[Image, Sequence[Region]], Sequence[Region | None]]
"""What stands now at the places of regions; None where nothing is read any more."""

Translate = Callable[[Sequence[Region], Sequence[Region]], Sequence[SignText]]
"""What regions mean; the second are others in the same picture."""

Boxes = tuple[tuple[int, Corners], ...]
_Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]
_MOVED_PX = 1.0
_SLOW = 3.0
_STEADY = 0.25  # of `max_shift`: pictures that move less are sharp
_PATIENCE_S = 1.0
_LOOKS = 4
# A scene that trembles on the spot is read less often after so many readings without news, until it has moved on by
# this share of its width.
_DULL = 3
_NEW_VIEW = 0.15
_SHARP = 1 / 16  # of `max_shift`: pictures that move less are as sharp as still ones
_REFRESH_S = 6.0  # after which a view is read anew, if the camera does not stand still
_MAX_READINGS = 5  # of one still picture: what has not settled by then is no text


class Motion(Protocol):
    """What happened between two frames (`perception.motion.Motion`)."""

    @property
    def matrix(self) -> _Matrix: ...  # noqa: D102 - see there
    @property
    def still(self) -> bool: ...  # noqa: D102
    @property
    def cut(self) -> bool: ...  # noqa: D102
    @property
    def shift(self) -> float: ...  # noqa: D102


class Track(Protocol):
    """A region that is followed (`perception.tracking.Track`)."""

    number: int
    region: Region
    first_ns: int


_TrackT_co = TypeVar("_TrackT_co", bound=Track, covariant=True)


class Tracks(Protocol[_TrackT_co]):
    """Follows regions (`perception.tracking.Tracker`)."""

    @property
    def settled(self) -> Sequence[_TrackT_co]: ...  # noqa: D102 - see there
    @property
    def doubtful(self) -> Sequence[_TrackT_co]: ...  # noqa: D102
    @property
    def open(self) -> bool: ...  # noqa: D102
    def move(self, matrix: _Matrix) -> None: ...  # noqa: D102
    def cut(self) -> None: ...  # noqa: D102
    def confirm(self, now_ns: int) -> None: ...  # noqa: D102
    def expire(self, now_ns: int, image_size: tuple[int, int], *, hold: bool = True) -> None: ...  # noqa: D102
    def settle(  # noqa: D102
        self, image_size: tuple[int, int], *, still: bool
    ) -> tuple[Sequence[_TrackT_co], Sequence[_TrackT_co]]: ...
    def observe(  # noqa: D102
        self,
        regions: Sequence[Region],
        now_ns: int,
        image_size: tuple[int, int],
        *,
        since_ns: int | None = None,
        steady: bool = False,
    ) -> tuple[Sequence[_TrackT_co], Sequence[_TrackT_co]]: ...

    def answer(  # noqa: D102
        self,
        regions: Sequence[Region | None],
        now_ns: int,
        image_size: tuple[int, int],
        *,
        since_ns: int | None = None,
        steady: bool = False,
    ) -> tuple[Sequence[_TrackT_co], Sequence[_TrackT_co]]: ...


class View(Protocol):
    """Remembers what was read thoroughly (`perception.known_view.KnownView`)."""

    def keep(self, image: Image) -> None: ...  # noqa: D102 - see there
    def shows(self, image: Image) -> bool: ...  # noqa: D102


@dataclass
class SignReading:
    """One run of the pipeline.

    Attributes:
        estimate: motion of the camera from frame to frame.
        tracks: follows regions.
        read: finds and reads them.
        translate: into `target`.
        target: the wearer's language.
        level: how hard to work: `full`, `slow`, `small` or `off`.
        interval_s: shortest time between two readings of a moving scene.
        max_shift: faster pictures are not read (share of the width from frame to frame).
        view: knows a view that was read thoroughly; None: nothing is known again, every look is a look anew.
        reread: reads doubtful regions of a known view.
    """

    estimate: Callable[[Image], Motion]
    tracks: Tracks[Track]
    read: Read
    translate: Translate
    target: str
    level: Callable[[], str] = lambda: "full"
    interval_s: float = 0.4
    max_shift: float = 0.04
    view: View | None = None
    reread: Reread = lambda _image, regions: [None] * len(regions)
    _read_ns: int | None = None
    _kept_ns: int | None = None
    _passed_ns: int = 0
    _still_ns: int | None = None
    _before_ns: int = 0
    _looks: int = 0
    _dull: int = 0
    _travel: float = 0.0
    _last_look: Look = "glance"
    _readings: int = 0
    _rested: bool = False
    _shown: Boxes = ()
    _regions: Sequence[Region] = ()
    _failures: set[str] = field(default_factory=set)

    def events(self, frames: Iterable[VideoFrame]) -> Iterator[Event]:
        """SignTranslated once for every region, SignsMoved when one moved, came back or went, StageFailed once."""
        for frame in frames:
            level = self.level()
            if level == "off":
                self.tracks.cut()
                self._read_ns = self._still_ns = self._kept_ns = None
            else:
                yield from self._look(frame, level)
            yield from self._places(frame.captured_ns)
            self._before_ns = frame.captured_ns

    def _look(self, frame: VideoFrame, level: str) -> Iterator[Event]:
        now_ns, size = frame.captured_ns, (frame.image.shape[1], frame.image.shape[0])
        motion = self.estimate(frame.image)
        self._travel += motion.shift
        was_read = self._read_ns == self._before_ns and self._still_ns is None
        self._follow(motion, now_ns)
        if motion.still and was_read:  # the frame read last turns out to show a scene that stands still
            told, _ = self.tracks.settle(size, still=True)
            yield from self._tell(told, self._regions)
        if not self._is_due(motion, now_ns, level):
            return
        if self._is_known(frame):
            yield from self._look_again(frame, motion)
        else:
            yield from self._look_anew(frame, motion, level)

    def _look_anew(self, frame: VideoFrame, motion: Motion, level: str) -> Iterator[Event]:
        """Find and read all that is in sight."""
        now_ns, size = frame.captured_ns, (frame.image.shape[1], frame.image.shape[0])
        look: Look = "glance" if level == "small" else self._next_look()
        if self._still_ns is None or self._read_ns is None or self._read_ns < self._still_ns:
            self._readings = 0
        self._read_ns, self._last_look = now_ns, look
        self._looks += 1
        self._travel = 0.0
        try:
            regions = self.read(frame.image, look)
        except EdgeError as error:
            yield from self._failed(now_ns, "text-reading", str(error))
            return
        told, _ = self.tracks.observe(
            regions, now_ns, size, since_ns=self._still_ns, steady=self._is_slow(motion, _STEADY)
        )
        self._dull = 0 if told or self.tracks.open else self._dull + 1
        self._regions = regions
        self._keep(frame, whole=look != "glance" and self._is_slow(motion, _SHARP))
        self._finish(now_ns, size, whole=look != "glance" or level != "full")
        yield from self._tell(told, regions)

    def _look_again(self, frame: VideoFrame, motion: Motion) -> Iterator[Event]:
        """Read what is in doubt in a view that has been read; nothing, where nothing is."""
        now_ns, size = frame.captured_ns, (frame.image.shape[1], frame.image.shape[0])
        self._passed_ns = now_ns
        self.tracks.confirm(now_ns)
        doubtful = self.tracks.doubtful if self._readings < _MAX_READINGS else ()
        if not doubtful:
            self._rested = self._still_ns is not None
            return
        self._read_ns = now_ns
        try:
            regions = self.reread(frame.image, [track.region for track in doubtful])
        except EdgeError as error:
            yield from self._failed(now_ns, "text-reading", str(error))
            return
        told, _ = self.tracks.answer(
            regions, now_ns, size, since_ns=self._still_ns, steady=self._is_slow(motion, _STEADY)
        )
        self._finish(now_ns, size, whole=True)
        yield from self._tell(told, self._regions)

    def _finish(self, now_ns: int, size: tuple[int, int], *, whole: bool) -> None:
        """After a reading: let go of what is gone, and rest where a still picture has nothing more to tell."""
        self._readings += 1
        enough = self._still_ns is not None and self._readings >= _MAX_READINGS
        self.tracks.expire(now_ns, size, hold=not enough)
        self._rested = self._still_ns is not None and (enough or (whole and not self.tracks.open))

    def _keep(self, frame: VideoFrame, *, whole: bool) -> None:
        """Remember a view that was read thoroughly, else that none is known."""
        self._kept_ns = frame.captured_ns if whole and self.view is not None else None
        if self._kept_ns is not None and self.view is not None:
            self.view.keep(frame.image)

    def _is_known(self, frame: VideoFrame) -> bool:
        if self.view is None or self._kept_ns is None:
            return False
        return frame.captured_ns - self._kept_ns <= _REFRESH_S * NS_PER_S and self.view.shows(frame.image)

    def _is_slow(self, motion: Motion, share: float) -> bool:
        return not motion.cut and motion.shift <= self.max_shift * share

    def _follow(self, motion: Motion, now_ns: int) -> None:
        if motion.cut:
            self.tracks.cut()
            self._looks = self._dull = 0
            self._kept_ns = None
        elif not motion.still:
            self.tracks.move(motion.matrix)
        if not motion.still:
            self._still_ns, self._rested = None, False
            return
        if self._still_ns is None:
            self._still_ns = self._before_ns  # the frame before showed the same
        if self._rested:
            self.tracks.confirm(now_ns)

    def _next_look(self) -> Look:
        """The first look at a view is a glance, so that large signs are told at once; a closer one follows.

        A scene that moves is glanced at three times of four.
        """
        if self._looks == 0:
            return "glance"
        if self._still_ns is not None:
            same = self._read_ns is not None and self._read_ns >= self._still_ns
            return "closer" if same and self._last_look == "glance" else "thorough"
        return "thorough" if self._looks % _LOOKS == 1 else "glance"

    def _is_due(self, motion: Motion, now_ns: int, level: str) -> bool:
        """Whether this frame is to be read; `_travel` is the motion since the last reading."""
        if self._read_ns is None:
            return True
        waited_s = (now_ns - max(self._read_ns, self._passed_ns)) / NS_PER_S
        interval_s = self.interval_s if level == "full" else self.interval_s * _SLOW
        if motion.still:
            return not self._rested and (level == "full" or waited_s >= interval_s)
        if motion.cut or motion.shift > self.max_shift:
            return waited_s >= max(_PATIENCE_S, interval_s)
        if self._travel <= _NEW_VIEW:
            interval_s *= 1 + min(self._dull // _DULL, 2)
        return waited_s >= interval_s

    def _tell(self, told: Sequence[Track], regions: Sequence[Region]) -> Iterator[Event]:
        if not told:
            return
        new = [track.region for track in told]
        try:
            texts = self.translate(new, [region for region in regions if region.text not in {n.text for n in new}])
        except EdgeError as error:
            yield from self._failed(told[0].first_ns, "sign-translation", str(error))
            texts = [SignText(region.text, "", None) for region in new]
        for track, text in zip(told, texts, strict=True):
            yield sign_event(track.first_ns, track.number, track.region, text, self.target)
            self._shown = (*self._shown, (track.number, track.region.box))
        for track, text in zip(told, texts, strict=True):
            if text.missing:
                yield from self._failed(track.first_ns, "sign-translation", text.missing)

    def _places(self, now_ns: int) -> Iterator[Event]:
        places = tuple((track.number, track.region.box) for track in self.tracks.settled)
        if _differ(places, self._shown):
            self._shown = places
            yield SignsMoved(now_ns, places)

    def _failed(self, now_ns: int, stage: str, message: str) -> Iterator[Event]:
        if message not in self._failures:
            self._failures.add(message)
            yield StageFailed(now_ns, stage, message)


def sign_event(captured_ns: int, number: int, region: Region, text: SignText, target: str) -> SignTranslated:
    """The event that tells what a region means."""
    return SignTranslated(
        captured_ns,
        number,
        region.box,
        text.text,
        text.translation,
        text.language,
        target,
        lines=tuple(line.box for line in region.lines),
        ink=region.ink,
        paper=region.paper,
        vertical=region.vertical,
    )


def _differ(places: Boxes, shown: Boxes) -> bool:
    """Whether other regions are in sight, or one has moved."""
    before = dict(shown)
    return {number for number, _ in places} != before.keys() or any(
        _farthest(box, before[number]) > _MOVED_PX for number, box in places
    )


def _farthest(one: Quad, other: Quad) -> float:
    return max(max(abs(x - u), abs(y - v)) for (x, y), (u, v) in zip(one, other, strict=True))
