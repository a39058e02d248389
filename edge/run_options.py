"""What `edge run` was asked to do, checked for what cannot go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import SettingsError

SPEECH = "speech"
SIGNS = "signs"
SCENE = "scene"
OBJECTS = "objects"
SENSES = (SPEECH, SIGNS, SCENE, OBJECTS)


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
        senses: some of SENSES.
        repeat: how often the recording is played.
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
    senses: tuple[str, ...] = (SPEECH,)
    repeat: int = 1

    def check(self) -> None:
        """Refuse what cannot go together.

        Raises:
            SettingsError: says which option to leave out.
        """
        self._check_senses()
        if self.replay is not None and self.mic is not None:
            raise SettingsError("--mic and --replay exclude each other; leave one out")
        if self.pace != "live" and self.replay is None:
            raise SettingsError("--pace needs --replay; a microphone is always live")
        if self.repeat != 1 and self.replay is None:
            raise SettingsError("--repeat needs --replay; a microphone never ends")
        if self.seconds is not None and self.pace == "max":
            raise SettingsError("--seconds is wall-clock time and means nothing with --pace max; leave one out")
        taken = {Path(path).resolve() for path in (self.replay, self.camera) if path is not None}
        for file in self._files():
            if file.resolve() in taken:
                raise SettingsError(f"{file} is used twice, and would be overwritten; choose another file")
            taken.add(file.resolve())

    @property
    def hears(self) -> bool:
        """Whether anybody listens."""
        return SPEECH in self.senses

    @property
    def watches(self) -> tuple[str, ...]:
        """The senses of the camera."""
        return tuple(sense for sense in self.senses if sense != SPEECH)

    @property
    def writes(self) -> bool:
        """Whether something seen or heard is kept: the HUD then says so."""
        return bool(self.events or self.save or any(uri not in {"window", "console"} for uri in self.huds))

    def _check_senses(self) -> None:
        for sense in self.senses:
            if sense not in SENSES:
                raise SettingsError(f"unknown sense {sense!r}; --senses takes some of {','.join(SENSES)}")
        if not self.senses:
            raise SettingsError(f"--senses names none; take some of {','.join(SENSES)}")
        if self.mic is not None and not self.hears:
            raise SettingsError("--mic needs the sense of speech; leave it out, or add speech to --senses")
        if self.watches and self.camera is None and self.replay is None:
            raise SettingsError(f"--senses {','.join(self.watches)} needs --camera (0 is the first one) or --replay")
        if self.watches and self.camera is not None and self.pace == "max":
            raise SettingsError("--camera is live; with --pace max the senses see the recording, leave --camera out")

    def _files(self) -> Iterator[Path]:
        """What is to be written: plain files, not folders or devices such as /dev/null."""
        huds = (Path(uri) for uri in self.huds if Path(uri).suffix and not uri.startswith("frames:"))
        files = (file for file in (self.events, *self.save, *huds) if file is not None)
        return (file for file in files if file.is_file() or not file.exists())
