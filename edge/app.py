"""Composition root of `edge run`: options and settings to models, sources, HUD and files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from edge.channels import Fifo, Latest
from edge.errors import SettingsError, SinkError
from edge.events import Event, SessionStarted, SourceLost, SourceRestored, as_record
from edge.hub.store import ModelStore
from edge.hud.fonts import Fonts
from edge.hud.loop import Hud
from edge.hud.sinks import Sink, open_sink, prepare
from edge.hud.transcript import Transcript
from edge.hud.writable import check_file
from edge.media import VideoFrame
from edge.session import EVENTS_KEPT, LiveMedia, Tally, replay_live, run_flat_out, run_live
from edge.settings import Settings
from edge.sources.replay import Replay, open_replay
from edge.speech_sense import SpeechSense
from edge.stopping import stop_on_signals
from edge.telemetry import peak_rss_mb

Shown = Callable[[Event], None]


@dataclass(frozen=True)
class RunOptions:
    """What one session listens to and where it goes.

    Attributes:
        source: `auto` or comma-separated codes of the languages that may be spoken.
        target: code of the wearer's language.
        mic: microphone URI; None: the default one.
        camera: camera URI; None: none.
        replay: a recording instead of the microphone.
        pace: `live` or `max`, for replays.
        huds: sink URIs; empty: a window where there is a display, else the console.
        events: file for all events.
        save: files for the captions.
        seconds: stop after so long.
    """

    source: str
    target: str
    mic: str | None = None
    camera: str | None = None
    replay: Path | None = None
    pace: str = "live"
    huds: tuple[str, ...] = ()
    events: Path | None = None
    save: tuple[Path, ...] = ()
    seconds: float | None = None

    def check(self) -> None:
        """Refuse what cannot go together.

        Raises:
            SettingsError: says which option to leave out.
        """
        if self.replay is not None and self.mic is not None:
            raise SettingsError("--mic and --replay exclude each other; leave one out")
        if self.pace != "live" and self.replay is None:
            raise SettingsError("--pace needs --replay; a microphone is always live")
        if self.seconds is not None and self.pace == "max":
            raise SettingsError("--seconds is wall-clock time and means nothing with --pace max; leave one out")
        taken = {Path(path).resolve() for path in (self.replay, self.camera) if path is not None}
        for file in self._files():
            if file.resolve() in taken:
                raise SettingsError(f"{file} is used twice, and would be overwritten; choose another file")
            taken.add(file.resolve())

    @property
    def writes(self) -> bool:
        """Whether something seen or heard is kept: the HUD then says so."""
        return bool(self.events or self.save or any(uri not in {"window", "console"} for uri in self.huds))

    def _files(self) -> Iterator[Path]:
        """What is to be written: plain files, not folders or devices such as /dev/null."""
        huds = (Path(uri) for uri in self.huds if Path(uri).suffix and not uri.startswith("frames:"))
        files = (file for file in (self.events, *self.save, *huds) if file is not None)
        return (file for file in files if file.is_file() or not file.exists())


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
    sense = SpeechSense.load(store, settings, options.source, options.target)
    sense.warm_up()
    fonts = load_fonts(store, settings.hud.fonts)
    with stop_on_signals() as stop, ExitStack() as stack:
        session = _Session(options, settings, sense, stack, stop)
        status = session.run(fonts)
    tell(session.tally.totals(timed=options.pace == "live"))
    return status


def load_fonts(store: ModelStore, preferred: tuple[Path, ...]) -> Fonts:
    """The fonts of the settings, then those installed from the catalogue, then those of the system."""
    fonts = {model.id for model in store.catalogue.models if model.task == "font"}
    files = [file for font in store.installed() if font in fonts for file in sorted(store.open(font).iterdir())]
    return Fonts.load([*preferred, *(file for file in files if file.suffix in {".ttf", ".ttc", ".otf"})])


class _Session:
    """One run over warm models: opens the sources, then the outputs, then drives."""

    def __init__(
        self, options: RunOptions, settings: Settings, sense: SpeechSense, stack: ExitStack, stop: Callable[[], bool]
    ) -> None:
        self._options = options
        self._stop = stop
        self.tally = Tally()
        self._settings = settings
        self._sense = sense
        self._stack = stack
        self._events: Fifo[Event] = Fifo(EVENTS_KEPT)
        self._frames: Latest[VideoFrame] = Latest()

    def run(self, fonts: Fonts) -> int:
        """Open, drive, say the totals, close."""
        replay = None
        if self._options.replay is not None:
            replay = self._stack.enter_context(open_replay(self._options.replay, self._options.pace))
        media = self._live_media(replay) if replay is None or replay.is_live else None
        if self._options.camera is not None:
            self._open_camera(self._options.camera)
        hud = self._open_hud(fonts)
        if media is not None:
            return self._run_live(media, hud)
        assert replay is not None  # noqa: S101 - invariant: no live media means a replay paced max
        hud.handle(self._started(0), 0)
        hud.look(self._frames.take(1.0 if self._options.camera else 0.0))
        end_ns = run_flat_out(replay, self._sense.captions, hud, self._settings.hud.fps, self._stop)
        hud.handle(self.tally.ended(end_ns, None), end_ns)
        return 0

    def _run_live(self, media: LiveMedia, hud: Hud) -> int:
        self._events.put(self._started(time.monotonic_ns()))
        ok = run_live(media, self._sense.captions, hud, self._events, self._options.seconds, self._stop)
        now_ns = time.monotonic_ns()
        hud.handle(self.tally.ended(now_ns, peak_rss_mb()), now_ns)
        return 0 if ok else 1

    def _started(self, now_ns: int) -> SessionStarted:
        sense = self._sense
        return SessionStarted(now_ns, sense.languages or (), sense.target, recording=self._options.writes)

    def _live_media(self, replay: Replay | None) -> LiveMedia:
        has_camera = self._options.camera is not None
        if replay is not None:
            pictures = Latest[VideoFrame]() if has_camera else self._frames  # a camera hides the recording's pictures
            media = replay_live(replay, pictures, self._settings.microphone.queue_s, self._events)
            return replace(media, frames=self._frames if has_camera or replay.recording.width else None)
        from edge.sources.microphone import open_microphone

        opened = open_microphone(self._options.mic, self._settings.microphone, *self._tell_of("microphone"))
        microphone = self._stack.enter_context(opened)
        return LiveMedia(microphone, self._frames if has_camera else None, lambda: None, microphone.close)

    def _open_camera(self, uri: str) -> None:
        from edge.sources.camera import open_camera

        self._stack.enter_context(open_camera(uri, self._frames, *self._tell_of("camera")))

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
