"""What was said, kept in a file because the wearer asked: subtitles (SRT), plain text, or JSON lines.

Times count from the start of the session. Every entry is written whole and flushed at once, so the file is valid
at any moment. Only final subtitles are kept.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from edge.errors import SinkError
from edge.events import Event, SessionStarted, SpeechStarted, Subtitle
from edge.hud.writable import check_file
from edge.media import NS_PER_S

SHORTEST_S = 0.8
"""A subtitle stays at least this long on the screen of a player."""


class Transcript:
    """A file of captions; give it every event by `tell`.

    An SRT entry runs from the first to the last spoken sample of its utterance and never overlaps the one before:
    the file fits a recording of the same session.
    """

    def __init__(self, path: Path) -> None:
        writers: dict[str, Callable[[Subtitle, float, float], str]] = {
            ".srt": self._srt,
            ".txt": _txt,
            ".jsonl": _jsonl,
        }
        if path.suffix.lower() not in writers:
            raise SinkError(f"cannot save {path}: use a name that ends in .srt, .txt or .jsonl")
        self._path = path
        self._entry = writers[path.suffix.lower()]
        self._count = 0
        self._started_ns = 0
        self._ended_s = 0.0
        self._onsets: dict[int, int] = {}
        self._file: TextIO | None = None
        try:
            check_file(path)
        except OSError as error:
            raise SinkError(f"{path} cannot be written ({error.strerror}); choose another file for --save") from error

    def __enter__(self) -> Transcript:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def tell(self, event: Event) -> None:
        """Take in an event; final subtitles are written. The first event makes the file.

        Raises:
            SinkError: the file cannot be written any more (disk full).
        """
        if self._file is None:
            try:
                self._file = self._path.open("w", encoding="utf-8", newline="\n")
            except OSError as error:
                raise SinkError(f"{self._path} cannot be written ({error.strerror})") from error
        if isinstance(event, SessionStarted):
            self._started_ns = event.captured_ns
        elif isinstance(event, SpeechStarted):
            self._onsets[event.utterance] = event.captured_ns
        elif isinstance(event, Subtitle) and event.is_final:
            self._write(event, self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written was reported by `tell`
                self._file.close()

    def _write(self, event: Subtitle, file: TextIO) -> None:
        ended = max(0.0, (event.captured_ns - self._started_ns) / NS_PER_S)
        onset = self._onsets.pop(event.utterance, event.captured_ns)
        started = max(0.0, self._ended_s, (onset - self._started_ns) / NS_PER_S)
        self._ended_s = max(ended, started + SHORTEST_S)
        self._count += 1
        try:
            file.write(self._entry(event, started, self._ended_s))
            file.flush()
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written any more ({error.strerror})") from error

    def _srt(self, event: Subtitle, started_s: float, ended_s: float) -> str:
        return f"{self._count}\n{_clock(started_s)} --> {_clock(ended_s)}\n{_text(event)}\n\n"


def _txt(event: Subtitle, _started_s: float, _ended_s: float) -> str:
    return _text(event) + "\n\n"


def _jsonl(event: Subtitle, started_s: float, ended_s: float) -> str:
    record = {
        "utterance": event.utterance,
        "start_s": round(started_s, 3),
        "end_s": round(ended_s, 3),
        "language": event.language,
        "source": event.source,
        "target": event.target,
        "text": event.text,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def _text(event: Subtitle) -> str:
    """Source and translation, each on its line; same-language speech once."""
    return "\n".join(dict.fromkeys(" ".join(text.split()) for text in (event.source, event.text) if text.strip()))


def _clock(seconds: float) -> str:
    """`HH:MM:SS,mmm`, as in SRT files."""
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"
