"""The HUD itself: events and camera frames in, pictures out, on the main thread.

`run` drives it live by the clock. A replay that runs flat out drives it by media time with `handle`, `look` and
`advance`, and gets the same pictures every time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from edge.errors import SinkError
from edge.events import Event, ObjectsDetected, SceneRecognized, SignTranslated, StageFailed, Subtitle
from edge.hud.drawing import Painter
from edge.hud.fonts import Fonts
from edge.hud.layout import Block, Outline, layout, lists_signs, splitter
from edge.hud.object_boxes import place_objects
from edge.hud.overlay import Overlay, is_shown
from edge.hud.seen import Seen
from edge.hud.sinks import ConsoleSink, Sink
from edge.hud.state import HudState, next_change_ns, reduce, tick
from edge.media import NS_PER_S, VideoFrame
from edge.settings import HudSettings

POLL_S = 0.1
_RETRY_NS = NS_PER_S // 100  # until a frame that is due is looked for again

Shown = Subtitle | SignTranslated | SceneRecognized | ObjectsDetected
"""Events that are reported once they have been shown, with their latency."""


class Events(Protocol):
    """Where events come from (`channels.Fifo`)."""

    @property
    def closed(self) -> bool:
        """Whether no more will come."""

    def get(self, timeout_s: float | None = None) -> Event | None:
        """The next event, waiting up to `timeout_s`; None when there is none."""

    def __len__(self) -> int: ...


class Frames(Protocol):
    """Where camera frames come from (`channels.Latest`)."""

    def take(self, timeout_s: float | None = 0.0) -> VideoFrame | None:
        """The newest frame not yet taken; None when there is none."""


def _ignore(_event: Event) -> None:
    """For a HUD nobody listens to."""


class Hud:
    """Shows events to the wearer.

    Args:
        settings: size, rate, what to show.
        sinks: where to show it; closed by `close`.
        fonts: fonts for the text; None: those of the system. Loaded only if a sink shows pixels.
        on_shown: called with every event once it was shown; those of `Shown` with their `latency_ms`: from their
            `captured_ns` to the moment they (of a subtitle, its first part) had been handed to all sinks.

    Attributes:
        state: what is to be seen.
        looked: camera frames that were taken as a backdrop.
    """

    def __init__(
        self,
        settings: HudSettings,
        sinks: Sequence[Sink],
        fonts: Fonts | None = None,
        on_shown: Callable[[Event], None] = _ignore,
    ) -> None:
        self.state = HudState(settings=settings)
        self._size = (settings.width, settings.height)
        self._sinks = list(sinks)
        self._on_shown = on_shown
        self._pending: list[Shown] = []
        self._frame: VideoFrame | None = None
        self._frame_size: tuple[int, int] | None = None
        self._shown: tuple[tuple[Block, ...], tuple[Overlay, ...], tuple[Outline, ...]] | None = None
        self._shown_frame: VideoFrame | None = None
        self._laid: tuple[HudState, tuple[Block, ...]] | None = None
        self.looked = 0
        self._drawn = 0
        self._first_drawn_ns = self._last_drawn_ns = 0
        if self._draws:
            self._fonts = fonts or Fonts.load(settings.fonts)
            self._painter = Painter(self._size, self._fonts, settings)
            self._split = splitter(self._size, self._fonts.measure, settings)

    @property
    def fps(self) -> float | None:
        """Pictures drawn a second between the first and the last one; None if there were fewer than two."""
        if self._drawn < 2:  # noqa: PLR2004 - between two there is a time
            return None
        return round((self._drawn - 1) * NS_PER_S / max(1, self._last_drawn_ns - self._first_drawn_ns), 2)

    @property
    def _draws(self) -> bool:
        return any(not isinstance(sink, ConsoleSink) for sink in self._sinks)

    def run(
        self,
        events: Events,
        frames: Frames | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Show events until their channel is closed and empty, or the wearer asks to stop. Blocks.

        Wakes for an event at once, for a camera frame at most `fps` times a second, and draws only what changed.

        Raises:
            SinkError: the last of the sinks failed.
        """
        if frames is not None and self._draws:
            self._painter.warm_up()
        period_ns = int(NS_PER_S / self.state.settings.fps)
        next_frame_ns = clock()
        while not (events.closed and not len(events)):
            until = clock() + int(POLL_S * NS_PER_S)
            change = next_change_ns(self.state)
            until = min(until, change) if change is not None else until
            until = min(until, next_frame_ns) if frames is not None else until
            event = events.get(max(0.0, (until - clock()) / NS_PER_S))
            now = clock()
            if frames is not None and now >= next_frame_ns:
                frame = frames.take(0.0)
                self.look(frame)
                next_frame_ns = max(next_frame_ns + period_ns, now) if frame is not None else now + _RETRY_NS
            if event is not None:
                self.handle(event, now)
            if not self.advance(now, clock):
                return

    def look(self, frame: VideoFrame | None) -> None:
        """Take `frame` as the backdrop from now on; None keeps the present one."""
        if frame is not None:
            self.looked += 1
            self._frame_size = (frame.image.shape[1], frame.image.shape[0])
            if self.state.settings.backdrop == "camera":
                self._frame = frame

    def handle(self, event: Event, now_ns: int) -> None:
        """Take in an event at clock time `now_ns`. It is shown by the next `advance`."""
        if self._draws:
            self.state = reduce(self.state, event, now_ns, self._split)
        else:
            self.state = reduce(self.state, event, now_ns)
        self._each(lambda sink: sink.tell(event), now_ns)
        if isinstance(event, Shown):
            self._pending.append(event)
        else:
            self._on_shown(event)

    def advance(self, now_ns: int, clock: Callable[[], int] | None = None) -> bool:
        """Bring the display to clock time `now_ns`, through every change on the way, and report what was shown.

        Args:
            now_ns: clock time; earlier than before counts as before.
            clock: read after drawing, for latencies; None: `now_ns`, as in a replay by media time.

        Returns:
            False when the wearer asks to stop.
        """
        while (change := next_change_ns(self.state)) is not None and change < now_ns:
            self._advance_to(change, clock)
        self._advance_to(now_ns, clock)
        return self._poll(now_ns)

    def settle(self, now_ns: int) -> int:
        """Go on, by media time, until every caption has been shown, read and gone; returns the clock time then."""
        while self.state.captions and (change := next_change_ns(self.state)) is not None:
            now_ns = max(now_ns, change)
            self.advance(now_ns)
        return now_ns

    def close(self) -> None:
        """Close all sinks, and report what was never shown with `latency_ms` None.

        Raises:
            SinkError: the first one that could not be closed, after all others were.
        """
        for event in self._pending:
            self._on_shown(event)
        self._pending = []
        failed: SinkError | None = None
        for sink in self._sinks:
            try:
                sink.close()
            except SinkError as error:  # noqa: PERF203 - a sink fails alone
                failed = failed or error
        self._sinks = []
        if failed:
            raise failed

    def _advance_to(self, now_ns: int, clock: Callable[[], int] | None) -> None:
        self.state = tick(self.state, now_ns)
        self._show(now_ns)
        self._report(clock() if clock is not None else now_ns)

    def _show(self, now_ns: int) -> None:
        """Draw and show the present state if it differs from what is shown."""
        if not self._draws:
            return
        blocks = self._blocks()
        signs = self._overlays()
        outlines, names = self._boxes(blocks)
        blocks = (*blocks, *names)
        if self._shown == (blocks, signs, outlines) and self._shown_frame is self._frame:
            return
        backdrop = self._frame.image if self._frame else None
        image = self._painter.paint(blocks, backdrop, signs, self._frame_size, outlines)
        self._shown, self._shown_frame = (blocks, signs, outlines), self._frame
        self._first_drawn_ns = self._first_drawn_ns if self._drawn else now_ns
        self._drawn, self._last_drawn_ns = self._drawn + 1, now_ns
        self._each(lambda sink: sink.show(image, now_ns), now_ns)

    def _blocks(self) -> tuple[Block, ...]:
        """The layout of the present state; placed anew only when more than the time and what signs do has changed."""
        state = self.state
        content = replace(state, now_ns=0, seen=state.seen if lists_signs(state) else Seen(scene=state.seen.scene))
        if self._laid is None or self._laid[0] != content:
            self._laid = (content, layout(content, self._size, self._fonts.measure))
        return self._laid[1]

    def _overlays(self) -> tuple[Overlay, ...]:
        """The signs in sight, where any of them is to be drawn: the others are spared."""
        signs = tuple(Overlay(sign, box) for sign, box in self.state.seen.in_sight)
        drawn = self.state.settings.overlay != "off" and any(is_shown(overlay.sign) for overlay in signs)
        return signs if drawn else ()

    def _boxes(self, blocks: tuple[Block, ...]) -> tuple[tuple[Outline, ...], tuple[Block, ...]]:
        """Frames around the things in sight, and their names."""
        settings, measure = self.state.settings, self._fonts.measure
        frame = self._frame_size or self._size
        return place_objects(self.state.seen.objects, frame, self._size, blocks, measure, settings)

    def _report(self, now_ns: int) -> None:
        """Tell of what has come on show."""
        waiting = {caption.utterance for caption in self.state.waiting if caption.part == 0}
        still: list[Shown] = []
        for event in self._pending:
            if self._draws and isinstance(event, Subtitle) and event.utterance in waiting:
                still.append(event)
            else:
                self._on_shown(replace(event, latency_ms=max(0.0, (now_ns - event.captured_ns) / 1e6)))
        self._pending = still

    def _poll(self, now_ns: int) -> bool:
        going = [True]
        self._each(lambda sink: going.append(sink.poll(now_ns)), now_ns)
        return all(going)

    def _each(self, action: Callable[[Sink], None], now_ns: int) -> None:
        """Do something with every sink; one that fails is closed and reported, the last one that fails raises."""
        for sink in tuple(self._sinks):
            try:
                action(sink)
            except SinkError as error:  # noqa: PERF203 - a sink fails alone
                self._drop(sink, error, now_ns)

    def _drop(self, sink: Sink, error: SinkError, now_ns: int) -> None:
        self._sinks.remove(sink)
        with contextlib.suppress(SinkError):  # it has failed already, and said why
            sink.close()
        if not self._sinks:
            raise error
        self.handle(StageFailed(now_ns, f"hud {sink.name}", str(error)), now_ns)
