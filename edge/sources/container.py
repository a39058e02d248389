"""Containers: what files promise about their length that a decoder does not check.

WAV: RIFF, https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html. Ogg: RFC 3533. MP3: ID3v2
(https://id3.org/id3v2.4.0-structure) and the Xing/Info header of variable bit rate files.
"""

from __future__ import annotations

import struct
from pathlib import Path

_ENDLESS = 0x7FFFF000  # sizes from here on, and 0, are what programs write into a pipe, where they cannot go back
_OGG_TAIL = 65_536 + 282  # longest page and its header


def missing_end(path: Path) -> str | None:
    """What is missing at the end of a WAV or Ogg file, as the rest of a sentence; None when all is there."""
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] == b"RIFF" and magic[8:] == b"WAVE":
            return _missing_in_wav(path)
        if magic[:4] == b"OggS":
            return _missing_in_ogg(path)
    return None


def states_length(path: Path, container: str) -> bool:
    """Whether the length FFmpeg tells for this file is written in it, not estimated from its size and bit rate."""
    if container in {"wav", "ogg", "aac", "ac3", "eac3", "amr", "mpegts"}:
        return False  # wav and ogg are checked by `missing_end`
    return _has_frame_count(path) if container in {"mp3", "mp2"} else True


def _missing_in_wav(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(12)
        rate = 0
        while len(header := file.read(8)) == 8:  # noqa: PLR2004 - four letters and a length
            name, length = struct.unpack("<4sI", header)
            at = file.tell()
            if name == b"fmt ":
                rate = struct.unpack("<I", file.read(16)[8:12].ljust(4, b"\0"))[0]  # bytes a second
            if name == b"data":
                there = size - at
                if length == 0 or length >= _ENDLESS or there >= length or not rate:
                    return None
                return f"is cut off: {there / rate:.2f} s of sound are there, {length / rate:.2f} s declared"
            file.seek(at + length + length % 2)
    return None


def _missing_in_ogg(path: Path) -> str | None:
    """The last page of a whole Ogg file has the end-of-stream flag and all its segments."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _OGG_TAIL))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    header = 27
    if len(page) < header or not page[5] & 0x04:
        return "is cut off: its last part is missing"
    table = page[header : header + page[26]]
    return None if len(page) >= header + page[26] + sum(table) else "is cut off: its last part is missing"


def _has_frame_count(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":
            length = 0
            for byte in head[6:10]:  # seven bits each
                length = length << 7 | byte & 0x7F
            file.seek(10 + length)
        else:
            file.seek(0)
        first_frame = file.read(4096)
    return b"Xing" in first_frame or b"Info" in first_frame
