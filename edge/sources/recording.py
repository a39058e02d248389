"""Recordings: the sound and the pictures of audio and video files, decoded by PyAV, in media time from 0.

Any container and codec that PyAV's FFmpeg knows: WAV (8, 16, 24, 32 bit, float), FLAC, MP3, Ogg, Opus, M4A, MP4,
MKV and so on, any sample rate and any number of channels. A damaged or truncated file is an error, never a
shorter text: what a file declares is compared with what it gives.
"""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import SourceError
from edge.media import NS_PER_S, AudioChunk, Image, Samples
from edge.sources.container import missing_end, states_length

BLOCK_S = 0.064
"""Seconds of sound in one chunk, as the microphone's; the fewer, the less a quiet program wakes the processor."""
_SHORTEST_S = 0.01
_TOLERANCE_S = 0.1  # encoder delay and rounding of declared lengths
_LOUDEST = 100.0  # full scale is 1; beyond this the file was written without scaling
# FFmpeg may open these and nothing else: no play list or script that names other files, hosts or devices. Pictures
# are here to be named in the message.
_FORMATS = (
    "wav,w64,aiff,au,caf,flac,mp3,ogg,mov,mp4,matroska,webm,avi,asf,flv,mpeg,mpegts,aac,ac3,eac3,amr,wv,tta,ape,"
    "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif,image2"
)
_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63, "flt": 1.0, "dbl": 1.0}


@dataclass(frozen=True)
class Recording:
    """What is in a file.

    Attributes:
        path: the file.
        seconds: length of the sound that was really decoded; without sound, of the pictures as declared.
        sample_rate: hertz of the sound; 0 without sound.
        channels: of the sound, before they are mixed; 0 without sound.
        width: pixels of the pictures; 0 without pictures.
        height: pixels of the pictures; 0 without pictures.
        fps: mean pictures a second; 0 without pictures.
    """

    path: Path
    seconds: float
    sample_rate: int = 0
    channels: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0


@dataclass(frozen=True)
class Picture:
    """A decoded picture that has not been converted yet, because conversion costs more than skipping.

    Attributes:
        captured_ns: media time, nanoseconds.
        image: converts to uint8 [height, width, 3], BGR, upright.
    """

    captured_ns: int
    image: Callable[[], Image]


def probe(path: Path, *, needs_sound: bool = True) -> Recording:
    """Decode the sound of a file once, to know that all of it is there before anything is made of it.

    Takes about a thousandth of the file's length.

    Args:
        path: audio or video file.
        needs_sound: whether a file with pictures only is an error.

    Raises:
        SourceError: everything `read_audio` raises.
    """
    with _opened(path) as container:
        video = _pictures_of(container)
        if not needs_sound and video is not None and not container.streams.audio:
            seconds = (container.duration or 0) / 1_000_000
            return Recording(path, seconds, 0, 0, video.width, video.height, float(video.average_rate or 0))
        stream = _sound_of(container, path)
        sample_rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        size = (video.width, video.height, float(video.average_rate or 0)) if video is not None else (0, 0, 0.0)
    samples = sum(len(chunk.samples) for chunk in read_audio(path))
    return Recording(path, samples / sample_rate, sample_rate, channels, *size)


def read_audio(path: Path) -> Iterator[AudioChunk]:
    """The sound of a file: blocks of 64 ms, mono (mean of the channels), float32, at the file's own rate.

    `captured_ns` is media time: 0 where the first stream of the file begins. The same bytes give the same chunks.

    Raises:
        SourceError: no such file, a folder, no permission, empty, no sound in it, not decodable, cut off,
            damaged, samples that are no numbers. Damage behind the beginning is found when it is reached: call
            `probe` first where nothing may be half-done.
    """
    with _opened(path) as container:
        stream = _sound_of(container, path)
        complaint = missing_end(path)
        if complaint:
            raise SourceError(_repair(path, complaint))
        frames = (frame for packet in _packets(container, stream, path) for frame in packet)
        first = next(frames, None)
        if first is None:
            _check_end(path, container, stream, 0.0)
            raise SourceError(f"{path} holds no sound: it has an audio track without samples; record it again")
        rate = first.sample_rate
        origin_ns = round(_since_start_s(container, first) * NS_PER_S)
        sent = 0
        for block in _blocks((_mono(frame, rate, path) for frame in itertools.chain([first], frames)), rate):
            yield AudioChunk(block, rate, origin_ns + sent * NS_PER_S // rate)
            sent += len(block)
        _check_end(path, container, stream, sent / rate)
        if sent / rate < _SHORTEST_S:
            raise SourceError(f"{path} is only {sent / rate:.4f} s long; nothing can be heard in it: record it again")


def read_pictures(path: Path) -> Iterator[Picture]:
    """The pictures of a file in media time order; nothing when it has none.

    Raises:
        SourceError: as `read_audio`, for pictures.
    """
    with _opened(path) as container:
        stream = _pictures_of(container)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        for frames in _packets(container, stream, path):
            for frame in frames:
                yield Picture(round(_since_start_s(container, frame) * NS_PER_S), _converter(frame))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A PyAV container over a local file that may be read; FFmpeg may open nothing but files."""
    import av

    _check_readable(path)
    try:
        container = av.open(str(path), options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise SourceError(
            f"{path} cannot be decoded: it is no audio or video file, or its index is damaged or cut off; "
            f"see what it is with: ffprobe {shlex.quote(str(path))}"
        ) from error
    with container:
        yield container


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise SourceError(f"{path} does not exist; give the path of an audio or video file")
    if path.is_dir():
        raise SourceError(f"{path} is a folder; give an audio or video file in it")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} may not be read; run: chmod u+r {path}")
    if not path.is_file():
        raise SourceError(f"{path} is no regular file; save the sound to a file first")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes); copy or record it again")


def _sound_of(container: Any, path: Path) -> Any:
    if not container.streams.audio:
        raise SourceError(f"{path} has no sound in it ({_kind(container)}); give a file with an audio track")
    stream = container.streams.audio[0]
    if stream.codec_context is None or stream.codec_context.sample_rate <= 0:
        raise SourceError(f"{path} has sound in a codec that is unknown here{_how_to_repair(path)}")
    return stream


def _pictures_of(container: Any) -> Any | None:
    """The first video track that is no cover art."""
    tracks = (track for track in container.streams.video if track.codec_context is not None)
    return next((track for track in tracks if "attached_pic" not in str(track.disposition)), None)


def _kind(container: Any) -> str:
    if container.format.name.endswith(("_pipe", "image2")):
        return "it is a picture"
    return "it has pictures only" if container.streams.video else f"it is {container.format.long_name}"


def _packets(container: Any, stream: Any, path: Path) -> Iterator[list[Any]]:
    """Frames of each packet; a decoding error says where."""
    import av

    reached_s = 0.0
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                reached_s = float(packet.pts * packet.time_base)
            yield packet.decode()
    except av.FFmpegError as error:
        declared_s = _declared_s(path, container, stream)
        of = f" of {declared_s:.1f} s" if declared_s else ""
        raise SourceError(_repair(path, f"is cut off or damaged at about {reached_s:.1f} s{of}")) from error


def _since_start_s(container: Any, frame: Any) -> float:
    start_s = (container.start_time or 0) / 1_000_000
    return max(0.0, (frame.time or 0.0) - start_s)


def _mono(frame: Any, rate: int, path: Path) -> Samples:
    """One decoded frame as float32 [n]; the channels of a bass loudspeaker do not count."""
    if frame.sample_rate != rate:
        raise SourceError(_repair(path, f"changes its sample rate from {rate} to {frame.sample_rate} Hz on the way"))
    values = frame.to_ndarray()
    name = frame.format.name.removesuffix("p")
    channels = [channel.name for channel in frame.layout.channels]
    if not frame.format.is_planar:
        values = values.reshape(-1, len(channels)).T
    heard = [index for index, channel in enumerate(channels) if channel != "LFE"] or [0]
    mixed = values[heard].mean(axis=0, dtype=np.float64) if len(heard) > 1 else values[heard[0]].astype(np.float64)
    samples: Samples = ((mixed - (128.0 if name == "u8" else 0.0)) / _FULL_SCALE[name]).astype(np.float32)
    loudest = float(np.abs(samples).max(initial=0.0))
    if not loudest <= _LOUDEST:  # also true for not-a-number
        what = f"up to {loudest:.3g}" if np.isfinite(loudest) else "that are not numbers (NaN or infinity)"
        raise SourceError(
            f"{path} holds samples {what} at {frame.time or 0:.2f} s, where -1 to 1 is meant; write it anew"
        )
    return samples


def _blocks(parts: Iterator[Samples], rate: int) -> Iterator[Samples]:
    size = max(1, round(rate * BLOCK_S))
    rest = np.zeros(0, np.float32)
    for part in parts:
        rest = np.concatenate([rest, part])
        whole = len(rest) - len(rest) % size
        yield from (rest[at : at + size] for at in range(0, whole, size))
        rest = rest[whole:]
    if len(rest):
        yield rest


def _check_end(path: Path, container: Any, stream: Any, decoded_s: float) -> None:
    declared_s = _declared_s(path, container, stream)
    if declared_s is not None and decoded_s < declared_s - _TOLERANCE_S:
        raise SourceError(
            _repair(path, f"is cut off or damaged: {decoded_s:.2f} s of sound decoded, {declared_s:.2f} s declared")
        )


def _declared_s(path: Path, container: Any, stream: Any) -> float | None:
    """The length of the sound as the file states it; None where it is only estimated from the file's size."""
    if not states_length(path, container.format.name):
        return None
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    tag = stream.metadata.get("DURATION", "")  # Matroska: 00:01:02.345000000
    if tag.count(":") == 2:  # noqa: PLR2004 - hours, minutes, seconds
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    alone = len(container.streams) == 1 and container.duration
    return container.duration / 1_000_000 if alone else None


def _converter(frame: Any) -> Callable[[], Image]:
    def convert() -> Image:
        image: Image = frame.to_ndarray(format="bgr24")
        quarter_turns = round(getattr(frame, "rotation", 0) / 90) % 4
        return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image

    return convert


def _repair(path: Path, complaint: str) -> str:
    return f"{path} {complaint}{_how_to_repair(path)}"


def _how_to_repair(path: Path) -> str:
    repaired = path.with_name(f"{path.stem}-repaired.wav")
    return (
        f"; copy it again, or keep what is left with: ffmpeg -i {shlex.quote(str(path))} {shlex.quote(str(repaired))}"
    )
