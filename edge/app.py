"""Composition root of `edge run`: options and settings to models, sources, HUD and files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from edge.channels import Fan, Fifo
from edge.errors import SinkError, SourceError
from edge.events import Event, SessionStarted, SourceLost, SourceRestored, as_record
from edge.flat_out import run_flat_out
from edge.hub.store import ModelStore
from edge.hud.fonts import Fonts
from edge.hud.loop import Hud
from edge.hud.sinks import Sink, open_sink, prepare
from edge.hud.transcript import Transcript
from edge.hud.writable import check_file
from edge.media import VideoFrame
from edge.run_options import RunOptions
from edge.senses import LoadedSenses, Turns
from edge.session import EVENTS_KEPT, LiveMedia, replay_live, run_live
from edge.settings import Settings
from edge.sources.replay import Replay, open_replay
from edge.stopping import stop_on_signals
from edge.tally import Tally
from edge.telemetry import peak_rss_mb

if TYPE_CHECKING:
    from edge.sources.camera import Camera

Shown = Callable[[Event], None]


def run_session(options: RunOptions, settings: Settings, tell: Callable[[str], None] = lambda _: None) -> int:
    """Run until the recording ends, the time is over or the wearer stops it; the exit status.

    Args:
        options: what to listen to and where to go.
        settings: the whole tree.
        tell: called with one line of totals at the end.

    Raises:
        EdgeError: whatever keeps the session from starting; nothing has been shown or written then.
    """
    options.check()
    prepare(options.huds)  # before anything loads PyAV
    store = ModelStore()
    senses = LoadedSenses.load(store, settings, options.senses, options.source, options.target)
    senses.warm_up()
    fonts = load_fonts(store, settings.hud.fonts)
    with stop_on_signals() as stop, ExitStack() as stack:
        session = _Session(options, settings, senses, stack, stop)
        status = session.run(fonts)
    tell(session.tally.totals(timed=options.pace == "live", senses=options.senses))
    return status


def load_fonts(store: ModelStore, preferred: tuple[Path, ...]) -> Fonts:
    """The fonts of the settings, then those installed from the catalogue, then those of the system."""
    fonts = {model.id for model in store.catalogue.models if model.task == "font"}
    files = [file for font in store.installed() if font in fonts for file in sorted(store.open(font).iterdir())]
    return Fonts.load([*preferred, *(file for file in files if file.suffix in {".ttf", ".ttc", ".otf"})])


class _Session:
    """One run over warm models: opens the sources, then the outputs, then drives."""

    def __init__(
        self,
        options: RunOptions,
        settings: Settings,
        senses: LoadedSenses,
        stack: ExitStack,
        stop: Callable[[], bool],
    ) -> None:
        self._options = options
        self._stop = stop
        self.tally = Tally()
        self._settings = settings
        self._senses = senses
        self._stack = stack
        self._events: Fifo[Event] = Fifo(EVENTS_KEPT)
        self._frames: Fan[VideoFrame] = Fan()
        self._replay: Replay | None = None

    def run(self, fonts: Fonts) -> int:
        """Open, drive, say the totals, close."""
        replay = None
        if self._options.replay is not None:
            opened = open_replay(
                self._options.replay, self._options.pace, needs_sound=self._options.hears, times=self._options.repeat
            )
            self._replay = replay = self._stack.enter_context(opened)
            self._check_pictures(replay)
        if replay is None or replay.is_live:
            return self._run_live(self._live_media(replay), fonts)
        return self._run_flat_out(replay, fonts)

    def _run_flat_out(self, replay: Replay, fonts: Fonts) -> int:
        backdrop = self._frames.reader()
        if self._options.camera is not None:
            self._open_camera(self._options.camera)
        hud = self._open_hud(fonts)
        hud.handle(self._started(0), 0)
        hud.look(backdrop.take(1.0 if self._options.camera is not None else 0.0))
        end_ns = run_flat_out(replay, self._senses.unhurried(), hud, self._settings.hud.fps, self._stop)
        hud.handle(self.tally.ended(end_ns, None), end_ns)
        return 0

    def _run_live(self, media: LiveMedia, fonts: Fonts) -> int:
        hud = self._open_hud(fonts)
        began_cpu_s = time.process_time()
        self._events.put(self._started(time.monotonic_ns()))
        turns = Turns(self._settings, self._options.watches, self._events)
        with turns:
            senses = self._senses.taking_turns(turns)
            ok = run_live(media, senses, hud, self._events, self._options.seconds, self._stop)
        now_ns = time.monotonic_ns()
        ended = self.tally.ended(now_ns, peak_rss_mb(), hud.fps)
        cpu_s = round(time.process_time() - began_cpu_s, 3)
        hud.handle(replace(ended, cpu_s=cpu_s, **self._frames_told(hud)), now_ns)
        return 0 if ok else 1

    def _frames_told(self, hud: Hud) -> dict[str, int]:
        """How many pictures the camera gave, and how many of them the HUD never looked at."""
        captured = self._frames.count + (self._replay.skipped if self._replay is not None else 0)
        return {"frames": captured, "frames_dropped": captured - hud.looked} if captured else {}

    def _started(self, now_ns: int) -> SessionStarted:
        senses = self._senses
        return SessionStarted(now_ns, senses.languages, senses.target, recording=self._options.writes)

    def _check_pictures(self, replay: Replay) -> None:
        if self._options.watches and self._options.camera is None and not replay.recording.width:
            raise SourceError(
                f"{replay.recording.path} has no pictures for --senses {','.join(self._options.watches)}; "
                "add --camera, or use --senses speech"
            )

    def _live_media(self, replay: Replay | None) -> LiveMedia:
        has_camera = self._options.camera is not None
        if replay is not None:
            pictures = None if has_camera else self._frames  # a camera hides the recording's pictures
            queue_s = self._settings.microphone.queue_s
            media = replay_live(replay, pictures, queue_s, self._events, hears=self._options.hears)
            media = replace(media, frames=self._frames if has_camera or replay.recording.width else None)
        elif self._options.hears:
            from edge.sources.microphone import open_microphone

            opened = open_microphone(self._options.mic, self._settings.microphone, *self._tell_of("microphone"))
            microphone = self._stack.enter_context(opened)
            media = LiveMedia(microphone, self._frames if has_camera else None, lambda: None, microphone.close)
        else:
            media = LiveMedia((), self._frames, lambda: None, lambda: None)
        return self._with_camera(media, self._options.camera) if self._options.camera is not None else media

    def _with_camera(self, media: LiveMedia, uri: str) -> LiveMedia:
        """The same media, and a camera that ends with them."""
        camera = self._open_camera(uri)

        def close() -> None:
            media.close()
            camera.close()

        return replace(media, close=close)

    def _open_camera(self, uri: str) -> Camera:
        from edge.sources.camera import open_camera

        lost, restored = self._tell_of("camera")
        return self._stack.enter_context(open_camera(uri, self._frames, lost, restored, self._settings.camera))

    def _tell_of(self, source: str) -> tuple[Callable[[Exception], None], Callable[[], None]]:
        """What a source calls when its device goes away and comes back."""

        def lost(error: Exception) -> None:
            self._events.put(SourceLost(time.monotonic_ns(), source, str(error)))

        def restored() -> None:
            self._events.put(SourceRestored(time.monotonic_ns(), source))

        return lost, restored

    def _open_hud(self, fonts: Fonts) -> Hud:
        """Outputs last: nothing is written before everything else stands."""
        options = self._options
        writers: list[Shown] = [self.tally.count]
        if options.events is not None:
            writers.append(self._stack.enter_context(EventLog(options.events)).write)
        writers += [self._stack.enter_context(Transcript(path)).tell for path in options.save]

        def on_shown(event: Event) -> None:
            for write in writers:
                write(event)

        sinks = [self._stack.enter_context(sink) for sink in _open_sinks(options.huds, self._settings)]
        return self._stack.enter_context(closing(Hud(self._settings.hud, sinks, fonts, on_shown)))


def _open_sinks(uris: Iterable[str], settings: Settings) -> Iterator[Sink]:
    uris = tuple(uris)
    for uri in uris:
        yield open_sink(uri, settings.hud)
    if not uris:
        try:
            yield open_sink("window", settings.hud)
        except SinkError:
            yield open_sink("console", settings.hud)


class EventLog:
    """Writes events as JSON lines, each flushed.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        try:
            check_file(path)
        except OSError as error:
            raise SinkError(f"events file {path} cannot be written ({error.strerror}); choose another") from error

    def __enter__(self) -> EventLog:  # noqa: PYI034 - typing.Self is Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written was reported by `write`
                self._file.close()

    def write(self, event: Event) -> None:
        """Append one event; the first one makes the file."""
        try:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8")
            self._file.write(json.dumps(as_record(event), ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise SinkError(f"events file {self._path} cannot be written ({error.strerror})") from error
