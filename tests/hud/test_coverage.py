import io
import struct

import pytest
from PIL import ImageFont

from edge.hud.coverage import Coverage, read_coverage


def font_file(*subtables):
    """An OpenType file with nothing but a cmap of (platform, encoding, subtable)."""
    header = struct.pack(">HH", 0, len(subtables))
    offset = 4 + 8 * len(subtables)
    records, bodies = b"", b""
    for platform, encoding, body in subtables:
        records += struct.pack(">HHL", platform, encoding, offset + len(bodies))
        bodies += body
    cmap = header + records + bodies
    directory = b"\0\1\0\0" + struct.pack(">HHHH", 1, 0, 0, 0) + struct.pack(">4sLLL", b"cmap", 0, 28, len(cmap))
    return directory + cmap


def format12(*groups):
    body = b"".join(struct.pack(">LLL", *group) for group in groups)
    return struct.pack(">HHLLL", 12, 0, 16 + len(body), 0, len(groups)) + body


def format4(segments, glyphs=()):
    """Segments of (first, last, delta, offset); the closing segment is added."""
    segments = [*segments, (0xFFFF, 0xFFFF, 1, 0)]
    count = len(segments)
    first, last, delta, offset = (struct.pack(f">{count}H", *column) for column in zip(*segments, strict=True))
    body = struct.pack(">HHHH", count * 2, 0, 0, 0) + last + b"\0\0" + first + delta + offset
    body += struct.pack(f">{len(glyphs)}H", *glyphs)
    return struct.pack(">HHH", 4, 6 + len(body), 0) + body


def test_format_12():
    file = io.BytesIO(font_file((3, 10, format12((0x41, 0x43, 1), (0x1F600, 0x1F600, 9)))))
    assert read_coverage(file) == Coverage((0x41, 0x1F600), (0x43, 0x1F600))


def test_format_4_with_deltas_and_glyph_array():
    # the second segment looks up glyphs 5, 0 (missing) and 7 in the array behind three range offsets
    file = io.BytesIO(font_file((3, 1, format4([(0x61, 0x62, 10, 0), (0x70, 0x72, 0, 4)], glyphs=(5, 0, 7)))))
    coverage = read_coverage(file)
    assert [chr(c) for c in range(0x200) if c in coverage] == ["a", "b", "p", "r"]
    assert 0xFFFF not in coverage


def test_the_largest_table_wins():
    file = io.BytesIO(font_file((3, 1, format4([(0x61, 0x61, 10, 0)])), (3, 10, format12((0x4E00, 0x4E01, 1)))))
    assert 0x4E01 in read_coverage(file)


def test_collection_reads_its_first_font():
    single = font_file((3, 10, format12((0x41, 0x41, 1))))
    shifted = single[:20] + struct.pack(">L", 28 + 16) + single[24:]
    file = io.BytesIO(b"ttcf" + struct.pack(">HHLL", 1, 0, 1, 16) + shifted)
    assert 0x41 in read_coverage(file)


@pytest.mark.parametrize("content", [b"", b"hello, I am no font", b"\0\1\0\0", b"\0\1\0\0\0\1\0\0\0\0\0\0cmap"])
def test_what_is_no_font_is_an_error(content):
    file = io.BytesIO(content)
    with pytest.raises(ValueError):
        read_coverage(file)


def test_no_unicode_table_is_an_error():
    file = io.BytesIO(font_file((1, 0, format12((0x41, 0x41, 1)))))
    with pytest.raises(ValueError, match="no Unicode cmap"):
        read_coverage(file)


def test_a_real_font():
    source = ImageFont.load_default(16).path
    assert isinstance(source, io.BytesIO)
    coverage = read_coverage(io.BytesIO(source.getvalue()))
    assert all(ord(c) in coverage for c in "AZaz.,!?0123456789 ")
    assert not any(ord(c) in coverage for c in "汉Жשبé")
