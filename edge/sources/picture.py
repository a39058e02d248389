"""Picture files: whatever a phone, a scanner or the web wrote, as the camera would have given it.

Decoded by Pillow, as BGR uint8, upright, in sRGB, the first picture of an animation, transparency over white. Half a
picture is an error, never a picture.
"""

from __future__ import annotations

import io
import os
import shlex
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import SourceError
from edge.media import Image
from edge.sources.pixels import to_bgr

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif", ".jp2", ".ppm"})
"""Endings of the files that a folder of pictures is made of."""

MAX_PIXELS = 64_000_000
"""A larger picture is refused: decoding takes ten bytes a pixel, and a file of a few bytes may claim any size."""

# Nothing that runs another program (EPS) or has no pixels of its own may be opened.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
_KNOWN = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or JPEG 2000"
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION = 0x0112  # EXIF 2.32, section 4.6.4: how the camera was held


def read_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture in a file: uint8 [height, width, 3], BGR, upright as its EXIF data say, writable.

    16-bit pictures keep their upper 8 bits; CMYK and wide colour spaces are converted with the profile they carry;
    transparent parts are white; of an animation or a file of several pictures the first counts.

    Args:
        path: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000 or PPM; told by content, not by name.
        max_pixels: largest width times height.

    Raises:
        SourceError: no such file, a folder, no permission, empty, no picture, an unknown format (HEIC), cut off or
            damaged, or too many pixels.
    """
    head = _check_readable(path)
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    Pillow.init()
    formats = [name for name in _FORMATS if name in Pillow.OPEN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata is no reason to trouble anyone; size is judged below
        try:
            with Pillow.open(path, formats=formats) as picture:
                _check_size(path, picture.size, max_pixels)
                picture.load()
                return np.ascontiguousarray(_turn(_to_bgr(picture), _orientation(picture)))
        except SourceError:
            raise
        except Pillow.DecompressionBombError as error:
            raise SourceError(_too_large(path, "", max_pixels)) from error
        except UnidentifiedImageError as error:
            raise SourceError(_unknown(path, head)) from error
        except MemoryError as error:
            raise SourceError(f"picture {path} does not fit into memory; make it smaller first") from error
        except Exception as error:  # a parser raises whatever it met in a damaged file
            why = " ".join(str(error).split()) or type(error).__name__
            raise SourceError(f"picture {path} is cut off or damaged ({why}); copy it again") from error


def _check_readable(path: Path) -> bytes:
    """The first bytes of the file."""
    if not path.exists():
        raise SourceError(f"picture {path} does not exist; check the path")
    if path.is_dir():
        raise SourceError(f"picture {path} is a folder; name the pictures in it: {shlex.quote(str(path))}/*.jpg")
    if not path.is_file():
        raise SourceError(f"picture {path} is no regular file; save the picture to a file first")
    if path.stat().st_size == 0:
        raise SourceError(f"picture {path} is empty (0 bytes); copy it again")
    try:
        with path.open("rb") as file:
            return file.read(32)
    except PermissionError as error:
        raise SourceError(f"picture {path} may not be read; run: chmod u+r {shlex.quote(str(path))}") from error
    except OSError as error:
        raise SourceError(f"picture {path} cannot be read ({os.strerror(error.errno or 0)}); copy it again") from error


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise SourceError(_too_large(path, f"{width}x{height}: ", max_pixels))


def _too_large(path: Path, size: str, max_pixels: int) -> str:
    return f"picture {path} is too large ({size}more than {max_pixels / 1e6:g} million pixels); make it smaller first"


def _unknown(path: Path, head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return f"picture {path} is HEIC, which cannot be decoded here; export it as JPEG (phone: camera format JPEG)"
    if head[4:8] == b"ftyp" and head[8:12] in {b"avif", b"avis"}:
        return f"picture {path} is AVIF, which needs Pillow 11.3 or newer; save it as JPEG or PNG"
    return f"picture {path} is no picture that can be decoded; give a {_KNOWN} file"


def _orientation(picture: Any) -> int:
    """1 to 8 as in EXIF; 1, upright, where that cannot be read."""
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - whatever is wrong with the metadata, the picture itself is whole
        return 1


def _turn(image: Image, orientation: int) -> Image:
    """Undo how the camera was held."""
    if orientation in {5, 6, 7, 8}:
        image = image.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return image


def _to_bgr(picture: Any) -> Image:
    """Any mode of Pillow as BGR uint8."""
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;"):
        return to_bgr(np.asarray(picture))
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in {"RGB", "CMYK"} and not _has_transparency(picture):
        picture = _to_srgb(picture, profile)
    if _has_transparency(picture):
        from PIL import Image as Pillow

        picture = picture.convert("RGBA")
        picture = Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture)
    rgb: Image = np.asarray(picture.convert("RGB"))
    return rgb[:, :, ::-1]


def _has_transparency(picture: Any) -> bool:
    return picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info


def _to_srgb(picture: Any, profile: bytes) -> Any:
    """Colours as a screen shows them; a broken or unfitting profile changes nothing."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return picture
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
