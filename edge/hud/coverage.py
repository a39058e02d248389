"""Which characters a font file has glyphs for: a small reader of the `cmap` table of TrueType and OpenType files.

Formats 4 and 12 of the OpenType specification (learn.microsoft.com/typography/opentype/spec/cmap), which every
font made in this century carries. Only the table itself is read from the file.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

_UNICODE_ENCODINGS = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))


@dataclass(frozen=True)
class Coverage:
    """A set of code points as sorted, disjoint ranges: `firsts[n]` to `lasts[n]`, both included."""

    firsts: tuple[int, ...]
    lasts: tuple[int, ...]

    def __contains__(self, code_point: int) -> bool:
        index = bisect_right(self.firsts, code_point) - 1
        return index >= 0 and code_point <= self.lasts[index]


def read_coverage(file: BinaryIO) -> Coverage:
    """The code points that the (first) font in `file` maps to a glyph.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a complete TrueType or OpenType font with a Unicode `cmap`.
    """
    try:
        return _merge(_ranges(_table(file)))
    except struct.error as error:
        raise ValueError("the font file is cut short") from error


def _table(file: BinaryIO) -> bytes:
    """The best Unicode subtable of the `cmap` table."""
    start = 0
    tag = file.read(4)
    if tag == b"ttcf":
        file.seek(12)
        (start,) = struct.unpack(">L", file.read(4))
        file.seek(start)
        tag = file.read(4)
    if tag not in {b"\0\1\0\0", b"OTTO", b"true"}:
        raise ValueError("not a TrueType or OpenType font")
    (count,) = struct.unpack(">H6x", file.read(8))
    directory = [struct.unpack(">4s4xLL", file.read(16)) for _ in range(count)]
    for name, offset, length in directory:
        if name == b"cmap":
            file.seek(offset)
            return _subtable(file.read(length))
    raise ValueError("the font has no cmap table")


def _subtable(cmap: bytes) -> bytes:
    (count,) = struct.unpack_from(">2xH", cmap)
    found = {}
    for number in range(count):
        platform, encoding, offset = struct.unpack_from(">HHL", cmap, 4 + 8 * number)
        found[platform, encoding] = cmap[offset:]
    for key in _UNICODE_ENCODINGS:
        if key in found and found[key][:2] in {b"\0\4", b"\0\14"}:
            return found[key]
    raise ValueError("the font has no Unicode cmap of format 4 or 12")


def _ranges(table: bytes) -> Iterable[tuple[int, int]]:
    if table[:2] == b"\0\14":
        (groups,) = struct.unpack_from(">12xL", table)
        for number in range(groups):
            first, last, glyph = struct.unpack_from(">LLL", table, 16 + 12 * number)
            yield (first, last) if glyph else (first + 1, last)
        return
    (doubled,) = struct.unpack_from(">6xH", table)
    segments = doubled // 2
    lasts = struct.unpack_from(f">{segments}H", table, 14)
    firsts = struct.unpack_from(f">{segments}H", table, 16 + doubled)
    deltas = struct.unpack_from(f">{segments}H", table, 16 + 2 * doubled)
    offsets = struct.unpack_from(f">{segments}H", table, 16 + 3 * doubled)
    for number in range(segments):
        for code in range(firsts[number], min(lasts[number], 0xFFFE) + 1):
            glyph = code
            if offsets[number]:
                at = 16 + 3 * doubled + 2 * number + offsets[number] + 2 * (code - firsts[number])
                (glyph,) = struct.unpack_from(">H", table, at)
                if not glyph:
                    continue
            if (glyph + deltas[number]) & 0xFFFF:
                yield code, code


def _merge(ranges: Iterable[tuple[int, int]]) -> Coverage:
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(last, lasts[-1])
        else:
            firsts.append(first)
            lasts.append(last)
    return Coverage(tuple(firsts), tuple(lasts))
