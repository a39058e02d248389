"""Microphones, through PortAudio. The only importer of sounddevice, and only when a microphone is wanted.

The callback runs in PortAudio's thread and does nothing but copy the block into a queue. Mixing, gap arithmetic
and waiting happen in the thread that iterates. `captured_ns` is the monotonic clock minus the age that PortAudio
gives the first sample of the block (`inputBufferAdcTime` against `currentTime`); where a driver gives nonsense
there (0, the future, more than a second), the block is taken to have ended just now.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.channels import Fifo
from edge.errors import SourceError, SourceLostError
from edge.media import NS_PER_S, AudioChunk
from edge.settings import MicrophoneSettings
from edge.sources.reopening import Reopening
from edge.sources.uri import parse_microphone

WANTED_RATE = 16_000

_LATENCY_BLOCKS = 2  # what the driver may buffer
_SILENT_S = 5.0  # no block for so long: gone, though no one says so. A cold PulseAudio source takes 2 s to begin
_BUSY = -9985  # paDeviceUnavailable, portaudio.h


@dataclass(frozen=True)
class MicrophoneInfo:
    """A microphone that PortAudio lists.

    Attributes:
        index: its number.
        name: its name.
        channels: most channels it has.
        sample_rate: its own rate, hertz.
        is_default: whether the system uses it when none is named.
    """

    index: int
    name: str
    channels: int
    sample_rate: int
    is_default: bool


@dataclass(frozen=True)
class _Block:
    """What the callback hands over: float32 [n, channels], clock time and running number of the first sample."""

    samples: npt.NDArray[np.float32]
    captured_ns: int
    position: int
    overflowed: bool


def open_microphone(
    uri: str | None,
    settings: MicrophoneSettings,
    on_lost: Callable[[SourceLostError], None] = lambda _: None,
    on_restored: Callable[[], None] = lambda: None,
) -> Reopening[AudioChunk]:
    """A microphone that comes back when it is plugged in again.

    Args:
        uri: see `edge.sources.uri`; None for the default microphone.
        settings: block length and queue.
        on_lost: called, in the iterating thread, when the microphone went away.
        on_restored: called there when it is back; the next chunk has `lost` set to the time without it.

    Raises:
        SourceError: no PortAudio, no microphone, none of that name, in use, not usable.
    """
    device = parse_microphone(uri)
    return Reopening(lambda last: Microphone(device, settings, last), on_lost, on_restored)


def list_microphones() -> list[MicrophoneInfo]:
    """All devices that can record.

    Raises:
        SourceError: PortAudio is not installed; says how to install it.
    """
    sounddevice = _import_sounddevice()
    default = _default_index(sounddevice)
    return [
        MicrophoneInfo(
            index,
            str(device["name"]),
            int(device["max_input_channels"]),
            round(device["default_samplerate"]),
            index == default,
        )
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


class Microphone:
    """One opened microphone: 16 kHz mono where the device agrees, else its own rate, mixed to mono.

    Args:
        device: number, part of a name, or None for the default.
        settings: block length and queue.
        last: the last chunk heard before the device was lost; the time since then counts as lost.
        clock_ns: monotonic clock.
        silent_s: a device that delivers nothing for so long has gone.

    Raises:
        SourceError: as `open_microphone`.
    """

    def __init__(
        self,
        device: int | str | None,
        settings: MicrophoneSettings,
        last: AudioChunk | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        silent_s: float = _SILENT_S,
    ) -> None:
        self._clock_ns = clock_ns
        self._silent_s = silent_s
        self._last = last
        self._closing = False
        self._let_go = threading.Lock()
        self._position = 0
        self._blocks: Fifo[_Block] = Fifo(max(1, round(settings.queue_s * 1000 / settings.block_ms)))
        sounddevice = _import_sounddevice()
        if last is not None:
            _list_devices_anew(sounddevice)
        info = _find(device, list_microphones())
        self.name = info.name
        self.sample_rate, self._stream = self._open(sounddevice, info, settings.block_ms)

    def _open(self, sounddevice: Any, info: MicrophoneInfo, block_ms: int) -> tuple[int, Any]:
        refusal: Exception | None = None
        for rate, channels in dict.fromkeys(
            (rate, channels) for rate in (WANTED_RATE, info.sample_rate) for channels in (1, info.channels)
        ):
            self.sample_rate = rate  # the callback may come before this returns
            try:
                with _quiet():
                    stream = sounddevice.InputStream(
                        device=info.index,
                        samplerate=rate,
                        channels=channels,
                        dtype="float32",
                        blocksize=rate * block_ms // 1000,
                        latency=_LATENCY_BLOCKS * block_ms / 1000,
                        callback=self._heard,
                        finished_callback=self._blocks.close,
                    )
                    stream.start()
            except (sounddevice.PortAudioError, ValueError) as error:
                refusal = error
                if _code(error) == _BUSY:
                    break
                continue
            return rate, stream
        if _code(refusal) == _BUSY:
            raise SourceError(
                f"microphone {info.index} ({info.name}) is in use by another program; "
                "close that, or choose another: edge devices"
            ) from refusal
        raise SourceError(
            f"microphone {info.index} ({info.name}) cannot be opened ({refusal}); choose another: edge devices"
        ) from refusal

    def _heard(self, samples: npt.NDArray[np.float32], frames: int, when: Any, status: Any) -> None:
        """PortAudio's callback: copy and return."""
        age_s = when.currentTime - when.inputBufferAdcTime
        if not (when.inputBufferAdcTime > 0 and 0 <= age_s < 1):
            age_s = frames / self.sample_rate
        captured_ns = self._clock_ns() - int(age_s * NS_PER_S)
        self._blocks.put(_Block(samples.copy(), captured_ns, self._position, bool(status.input_overflow)))
        self._position += frames

    def __iter__(self) -> Iterator[AudioChunk]:
        position = 0
        ended_ns = self._last.ended_ns if self._last is not None else None
        while (block := self._blocks.get(self._silent_s)) is not None:
            self._blocks.take_dropped()  # counted by position
            lost = block.position - position
            if ended_ns is not None and (block.overflowed or self._last is not None):
                lost = max(lost, 1, (block.captured_ns - ended_ns) * self.sample_rate // NS_PER_S)
            self._last = None
            chunk = AudioChunk(block.samples.mean(axis=1), self.sample_rate, block.captured_ns, lost)
            position, ended_ns = block.position + len(chunk.samples), chunk.ended_ns
            yield chunk
        if not self._closing:
            raise SourceLostError(f"microphone {self.name} went away; plug it in again")

    def close(self) -> None:
        """Stop listening; iterating ends after what is queued. May be called from any thread, and more than once."""
        with self._let_go:  # PortAudio hangs when two threads stop one stream, or one stops it after it was closed
            if self._closing:
                return
            self._closing = True
            self._blocks.close()
            with contextlib.suppress(Exception):  # a device that has gone cannot be closed properly, and need not be
                self._stream.abort()
                self._stream.close()


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:  # the Python package is there, the C library is not
        how = "brew install portaudio" if sys.platform == "darwin" else "sudo apt install libportaudio2"
        raise SourceError(f"microphones need the PortAudio library, which is not installed; run: {how}") from error
    except ImportError as error:
        raise SourceError("microphones need the Python package sounddevice; run: pip install sounddevice") from error
    return sounddevice


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing on stderr: PortAudio and ALSA write four lines there for every refusal, which is an exception too."""
    try:
        stderr = os.dup(2)
    except OSError:  # there is none
        yield
        return
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _list_devices_anew(sounddevice: Any) -> None:
    """PortAudio lists devices once, when it is initialised: a device that came back is not in the old list."""
    with contextlib.suppress(sounddevice.PortAudioError):
        sounddevice._terminate()  # noqa: SLF001 - the only way there is; documented in sounddevice's issue tracker
        sounddevice._initialize()  # noqa: SLF001 - as above


def _default_index(sounddevice: Any) -> int | None:
    try:
        return int(sounddevice.query_devices(kind="input")["index"])
    except (sounddevice.PortAudioError, ValueError):
        return None


def _find(device: int | str | None, microphones: list[MicrophoneInfo]) -> MicrophoneInfo:
    if not microphones:
        raise SourceError("no microphone is connected; plug one in, or use a recording: --replay FILE")
    if device is None:
        return next((info for info in microphones if info.is_default), microphones[0])
    if isinstance(device, int):
        found = [info for info in microphones if info.index == device]
    else:
        named = [info for info in microphones if device.lower() in info.name.lower()]
        found = [info for info in named if info.name.lower() == device.lower()] or named
    if not found:
        known = ", ".join(f"{info.index} {info.name}" for info in microphones)
        raise SourceError(f"there is no microphone {device!r}; there are: {known}")
    return found[0]


def _code(error: Exception | None) -> int | None:
    """PortAudio's error number, the second argument of sounddevice's exception."""
    arguments = error.args if error is not None else ()
    return arguments[1] if len(arguments) > 1 and isinstance(arguments[1], int) else None
