"""Picture files of every kind a wearer may have, and of every kind that is none."""

import io
import os
import shutil
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from edge.errors import SourceError
from edge.sources.picture import read_picture

RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)  # BGR


def _photo(width=64, height=48, seed=0):
    """A picture that survives JPEG: smooth colours with a bright top left corner."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 255 / max(1, width - 1), y * 255 / max(1, height - 1), 128 + 0 * x], axis=2)
    rgb[: height // 4, : width // 4] = 255
    noise = np.random.default_rng(seed).normal(0, 2, rgb.shape)
    return Image.fromarray(np.clip(rgb + noise, 0, 255).astype(np.uint8))


def _bgr(picture):
    return np.asarray(picture.convert("RGB"))[:, :, ::-1]


def _refused(path, match, **options):
    with pytest.raises(SourceError, match=match) as caught:
        read_picture(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _close(image, expected, tolerance):
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected.astype(int)).mean() < tolerance


# --- kinds of files


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.png", {}, 0.1), ("a.bmp", {}, 0.1), ("a.tif", {}, 0.1), ("a.ppm", {}, 0.1),
        ("a.tiff", {"compression": "tiff_lzw"}, 0.1), ("a.jpg", {"quality": 95}, 3),
        ("a.jpg", {"quality": 95, "progressive": True}, 3), ("a.webp", {"quality": 95}, 4), ("a.jp2", {}, 3),
    ],
)  # fmt: skip
def test_formats(tmp_path, name, options, tolerance):
    _photo().save(tmp_path / name, **options)
    image = read_picture(tmp_path / name)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    _close(image, _bgr(_photo()), tolerance)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif(tmp_path):
    _photo().save(tmp_path / "a.avif", quality=95)
    _close(read_picture(tmp_path / "a.avif"), _bgr(_photo()), 4)


def test_the_content_counts_not_the_name(tmp_path):
    _photo().save(tmp_path / "a.jpg", format="PNG")
    _close(read_picture(tmp_path / "a.jpg"), _bgr(_photo()), 0.1)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palettes(tmp_path, mode):
    picture = _photo().convert(mode)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), _bgr(picture))


def test_pictures_of_one_pixel_and_of_one_line(tmp_path):
    Image.new("RGB", (1, 1), "red").save(tmp_path / "one.png")
    assert read_picture(tmp_path / "one.png").tolist() == [[list(RED)]]
    Image.new("RGB", (20_000, 20), "blue").save(tmp_path / "long.png")
    long = read_picture(tmp_path / "long.png")
    assert long.shape == (20, 20_000, 3)
    assert (long == BLUE).all()


# --- more than 8 bits


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey_keeps_its_upper_8_bits(tmp_path, name):
    ramp = np.tile(np.linspace(0, 65_535, 256).astype(np.uint16), (4, 1))
    Image.fromarray(ramp).save(tmp_path / name)
    image = read_picture(tmp_path / name)
    assert image.shape == (4, 256, 3)
    assert np.abs(image[0, :, 1].astype(int) - np.arange(256)).max() <= 1


def test_16_bit_colour(tmp_path):
    rows = b"".join(b"\0" + struct.pack(">9H", 0xFFFF, 0, 0, 0x8000, 0x8000, 0x8000, 0, 0, 0xFFFF) for _ in range(2))
    (tmp_path / "a.png").write_bytes(_png(3, 2, rows, depth=16, colour=2))
    assert read_picture(tmp_path / "a.png")[0].tolist() == [list(RED), [128, 128, 128], list(BLUE)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 32_768.0, 65_535.0], [0, 128, 255]),
        ([-1.0, float("nan"), 1.0], [0, 0, 255]),
        ([0.0, 5e5, 1e6], [0, 128, 255]),
    ],
)
def test_floating_point_pictures_span_what_they_span(tmp_path, values, expected):
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "a.tif")
    assert read_picture(tmp_path / "a.tif")[0, :, 0].tolist() == expected


def test_32_bit_whole_numbers(tmp_path):
    Image.fromarray(np.array([[0, 128, 255]], np.int32)).save(tmp_path / "dark.tif")
    Image.fromarray(np.array([[0, 32_768, 65_535]], np.int32)).save(tmp_path / "wide.tif")
    assert read_picture(tmp_path / "dark.tif")[0, :, 2].tolist() == [0, 128, 255]
    assert read_picture(tmp_path / "wide.tif")[0, :, 2].tolist() == [0, 128, 255]


# --- colours and transparency


def test_cmyk_of_adobe_is_not_inverted(tmp_path):
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(tmp_path / "white.jpg")
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=95)
    assert (read_picture(tmp_path / "white.jpg") > 245).all()
    blue, green, red = read_picture(tmp_path / "red.jpg")[8, 8]
    assert red > 200
    assert max(blue, green) < 100


def test_colour_profiles(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = _photo()
    for name, icc in (("same.png", profile), ("broken.png", b"no profile")):
        picture.save(tmp_path / name, icc_profile=icc)
        assert np.array_equal(read_picture(tmp_path / name), _bgr(picture))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()  # does not fit an RGB picture
    picture.save(tmp_path / "unfit.png", icc_profile=lab)
    assert np.array_equal(read_picture(tmp_path / "unfit.png"), _bgr(picture))


def test_a_wide_colour_space_is_converted(tmp_path):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = profile.index(b"rXYZ")  # swap the red and the green primary: a space that is certainly another one
    other = profile.index(b"gXYZ")
    profile[at : at + 4], profile[other : other + 4] = b"gXYZ", b"rXYZ"
    profile = bytes(profile).replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "a.png", icc_profile=profile)
    blue, green, red = (int(value) for value in read_picture(tmp_path / "a.png")[0, 0])
    assert green > 200
    assert max(red, blue) < 60


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_are_white(tmp_path, mode):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255))
    picture.convert(mode).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").tolist() == [[list(WHITE), [0, 0, 0]]]


def test_half_transparent(tmp_path):
    Image.new("RGBA", (1, 1), (255, 0, 0, 128)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[0, 0].tolist() == [127, 127, 255]


def test_a_transparent_colour_of_a_palette_or_of_rgb(tmp_path):
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "p.png", transparency=0)
    Image.new("RGB", (1, 1), (0, 0, 0)).save(tmp_path / "rgb.png", transparency=(0, 0, 0))
    assert read_picture(tmp_path / "p.png").tolist() == [[list(WHITE), list(RED)]]
    assert read_picture(tmp_path / "rgb.png").tolist() == [[list(WHITE)]]


# --- several pictures in one file


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif"])
def test_the_first_of_several_pictures_counts(tmp_path, name):
    frames = [Image.new("RGB", (16, 8), colour) for colour in ("red", "blue")]
    options = {} if name == "a.tif" else {"duration": 100}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
    assert np.abs(read_picture(tmp_path / name).astype(int) - RED).max() < 12


# --- how the camera was held


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_pictures_are_upright(tmp_path, name, orientation):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32] = RED
    upright[:16, 32:] = GREEN
    upright[16:, :32] = BLUE
    held = {  # EXIF 2.32, 4.6.4: where row 0 and column 0 of the stored picture are, seen upright
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if name == "a.webp" else {"quality": 95} if name == "a.jpg" else {}
    Image.fromarray(np.ascontiguousarray(held[:, :, ::-1])).save(tmp_path / name, exif=exif, **options)
    _close(read_picture(tmp_path / name), upright, 4)


@pytest.mark.parametrize("orientation", [0, 9, 4711])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    _photo().save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png"), _bgr(_photo()))


def test_broken_exif_data_turn_nothing(tmp_path):
    _photo().save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage", quality=95)
    _close(read_picture(tmp_path / "a.jpg"), _bgr(_photo()), 3)


# --- what is refused


@pytest.mark.parametrize("name", ["a.jpg", "p.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif", "a.jp2"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_half_a_picture_is_none(tmp_path, name, kept):
    whole = tmp_path / f"whole-{name}"
    _photo(320, 240).save(whole, **({"progressive": True} if name == "p.jpg" else {}))
    data = whole.read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * kept)])
    _refused(tmp_path / name, r"is cut off or damaged|is no picture that can be decoded")


def test_a_damaged_checksum(tmp_path):
    _photo().save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    _refused(tmp_path / "a.png", "is cut off or damaged .*copy it again")


def test_damaged_anywhere_is_an_error_or_a_whole_picture(tmp_path):
    """No byte that is wrong may end in another exception than ours."""
    rng = np.random.default_rng(1)
    for name in ("a.png", "a.jpg", "a.gif", "a.tif", "a.webp", "a.bmp"):
        _photo().save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), 3):
                data[at] = rng.integers(0, 256)
            (tmp_path / name).write_bytes(data)
            with suppress(SourceError):
                image = read_picture(tmp_path / name)
                assert image.ndim == 3
                assert image.shape[2] == 3


@pytest.mark.parametrize("content", [b"Dear reader, this is text.", b"%PDF-1.7 ...", b"\0" * 64, b"\xff\xd8\xff"])
def test_what_is_no_picture(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    _refused(tmp_path / "a.jpg", r"is no picture that can be decoded; give a JPEG, PNG|is cut off or damaged")


def test_postscript_is_not_run(tmp_path):
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "EPS")
    (tmp_path / "a.png").write_bytes(data.getvalue())
    _refused(tmp_path / "a.png", "is no picture that can be decoded")


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_gets_advice(tmp_path, brand):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(100))
    _refused(tmp_path / "a.heic", "is HEIC, which cannot be decoded here; export it as JPEG")


def test_missing_folder_empty_and_pipe(tmp_path):
    _refused(tmp_path / "none.jpg", "does not exist; check the path")
    _refused(tmp_path, r"is a folder; name the pictures in it: .*/\*\.jpg")
    (tmp_path / "empty.jpg").touch()
    _refused(tmp_path / "empty.jpg", r"is empty \(0 bytes\)")
    os.mkfifo(tmp_path / "pipe.jpg")
    _refused(tmp_path / "pipe.jpg", "is no regular file")


def test_not_readable(tmp_path, monkeypatch):
    _photo().save(tmp_path / "a.png")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    _refused(tmp_path / "a.png", "may not be read; run: chmod u\\+r")


def _png(width, height, rows, depth=8, colour=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(9_000, 9_000), (12_000, 12_000), (60_000, 60_000), (2**31 - 1, 1)])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, size):
    (tmp_path / "bomb.png").write_bytes(_png(*size, b""))
    _refused(tmp_path / "bomb.png", r"is too large \(.*more than 64 million pixels\); make it smaller first")


def test_the_limit_can_be_chosen(tmp_path):
    _photo(64, 48).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", max_pixels=64 * 48).shape == (48, 64, 3)
    _refused(tmp_path / "a.png", "too large .64x48: more than 0.003 million", max_pixels=3_000)


def test_reading_leaves_no_file_open(tmp_path):
    _photo().save(tmp_path / "a.png")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    for _ in range(5):
        read_picture(tmp_path / "a.png")
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208
    assert after <= before
    shutil.move(tmp_path / "a.png", tmp_path / "b.png")
