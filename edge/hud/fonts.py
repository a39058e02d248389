"""Fonts: a chain of files, one of which has the glyph. Text becomes runs of one font and one direction.

Shaping (Arabic joins, Indic and Thai marks) is done by Pillow with libraqm, which its wheels carry. Where it
is missing, right-to-left runs are drawn in reversed order without joins: readable Hebrew, poor Arabic.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import ImageFont, features

from edge.errors import SettingsError
from edge.hud.bidi import is_rtl, levels, reorder
from edge.hud.breaking import clusters
from edge.hud.coverage import Coverage, read_coverage

WEIGHT = 560
"""Weight of variable fonts, 400 is regular, 700 bold: small light text on moving pictures needs some body."""

FINE = 3
"""Text is set this many times as large and scaled down: FreeType's hinting rounds advances to whole pixels,
which at small sizes spaces letters unevenly."""

_SYSTEM_FONTS = (
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansHebrew-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansThai-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/Helvetica.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/segoeui.ttf",
    "C:/Windows/Fonts/msyh.ttc",
)


@dataclass(frozen=True)
class Run:
    """Consecutive characters of one font and one direction. `text` is in logical order; `face` counts the chain."""

    text: str
    face: int
    rtl: bool


@dataclass
class Face:
    """One font file, opened when first needed. `path` is None for the font built into Pillow."""

    path: Path | None
    weight: int = WEIGHT
    _coverage: Coverage | None = field(default=None, repr=False)
    _sizes: dict[int, ImageFont.FreeTypeFont] = field(default_factory=dict, repr=False)

    def covers(self, text: str) -> bool:
        """Whether there is a glyph for the first character of `text`; marks after it are left to shaping."""
        if self._coverage is None:
            with self.path.open("rb") if self.path else _built_in() as file:
                self._coverage = read_coverage(file)
        return ord(text[0]) in self._coverage

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at `size` pixels."""
        if size not in self._sizes:
            self._sizes[size] = self._open(size)
        return self._sizes[size]

    def _open(self, size: int) -> ImageFont.FreeTypeFont:
        font = ImageFont.truetype(str(self.path) if self.path else _built_in(), size)
        try:
            axes = font.get_variation_axes()
        except OSError:
            return font
        values = [float(self.weight if _is_weight(axis["name"]) else axis["default"] or 0) for axis in axes]
        font.set_variation_by_axes(values)
        return font


class Fonts:
    """Measures text and says how to draw it, with the first font of a chain that has the glyphs."""

    def __init__(self, faces: Sequence[Face]) -> None:
        if not faces:
            raise ValueError("a chain of fonts has at least one")
        self._faces = tuple(faces)
        self._shapes = features.check("raqm")
        self._face_of = lru_cache(maxsize=4096)(self._find_face)
        self._runs = lru_cache(maxsize=1024)(self._find_runs)
        self.measure = lru_cache(maxsize=8192)(self._measure)
        self.extent = lru_cache(maxsize=1024)(self._extent)

    @classmethod
    def load(cls, files: Sequence[Path] = (), system: bool = True) -> Fonts:
        """A chain of `files`, then fonts of the system where `system`, then the font built into Pillow.

        Raises:
            SettingsError: one of `files` cannot be read as a font.
        """
        for path in files:
            try:
                with path.open("rb") as file:
                    read_coverage(file)
                ImageFont.truetype(str(path), 16)
            except (OSError, ValueError) as error:  # noqa: PERF203 - names the file that fails
                raise SettingsError(f"font {path} cannot be used ({error}); check hud.fonts, or remove it") from error
        found = [Path(path) for path in _SYSTEM_FONTS if Path(path).is_file()] if system else []
        return cls([Face(path) for path in (*files, *found)] + [Face(None)])

    def missing(self, text: str) -> str:
        """The characters of `text`, each once, that no font of the chain has."""
        lacking = (c for c in dict.fromkeys(text) if not any(face.covers(c) for face in self._faces))
        return "".join(c for c in lacking if not c.isspace())

    def runs(self, text: str, rtl: bool) -> tuple[Run, ...]:
        """The runs of one line in the order in which they stand on screen, from left to right."""
        return self._runs(text, rtl)

    def font(self, run: Run, size: int) -> ImageFont.FreeTypeFont:
        """The font of a run at `FINE` times `size` pixels."""
        return self._faces[run.face].at(size * FINE)

    def options(self, run: Run) -> tuple[str, str | None]:
        """What to hand to Pillow for a run: its text and `direction`."""
        if self._shapes:
            return run.text, "rtl" if run.rtl else "ltr"
        return ("".join(reversed(clusters(run.text))) if run.rtl else run.text), None

    def _measure(self, text: str, size: int) -> float:
        return sum(self.advance(run, size) for run in self._runs(text, is_rtl(text)))

    def advance(self, run: Run, size: int) -> float:
        """Width of a run, pixels."""
        text, direction = self.options(run)
        return self.font(run, size).getlength(text, direction=direction) / FINE

    def _extent(self, text: str, size: int) -> tuple[float, float]:
        """How far the ink of one line reaches above and below its baseline, pixels; (0, 0) for none."""
        above = below = 0.0
        for run in self._runs(text, is_rtl(text)):
            words, direction = self.options(run)
            _, top, _, bottom = self.font(run, size).getbbox(words, direction=direction, anchor="ls")
            above, below = max(above, -top / FINE), max(below, bottom / FINE)
        return above, below

    def _find_face(self, cluster: str, current: int) -> int:
        """The face for a cluster: for signs and digits the current one if it can, else the first that can."""
        if current >= 0 and not cluster[0].isalpha() and self._faces[current].covers(cluster):
            return current
        return next((n for n, face in enumerate(self._faces) if face.covers(cluster)), 0)

    def _nearest(self, cluster: str) -> str:
        """`cluster`, or where no font has it, its base letter: readable, as on a bare system without fonts."""
        if any(face.covers(cluster) for face in self._faces):
            return cluster
        base = unicodedata.normalize("NFD", cluster)[0]
        return base if any(face.covers(base) for face in self._faces) else cluster

    def _find_runs(self, text: str, rtl: bool) -> tuple[Run, ...]:
        line_levels = levels(text, rtl)
        found: list[list[str | int]] = []
        at, current = 0, -1
        for original in clusters(text):
            level = line_levels[at]
            at += len(original)
            cluster = self._nearest(original)
            current = self._face_of(cluster, current)
            if found and found[-1][1:] == [current, level]:
                found[-1][0] += cluster  # type: ignore[operator]  # the first item is the text
            else:
                found.append([cluster, current, level])
        runs = [Run(str(words), int(face), int(level) % 2 == 1) for words, face, level in found]
        return tuple(reorder(runs, [int(level) for _, _, level in found]))


def _built_in() -> BytesIO:
    """The file of Pillow's own font (Aileron, ASCII only)."""
    font = ImageFont.load_default(16)
    if not isinstance(font, ImageFont.FreeTypeFont) or not isinstance(font.path, BytesIO):
        raise SettingsError("this Pillow was built without FreeType; run: pip install --force-reinstall pillow")
    return BytesIO(font.path.getvalue())


def _is_weight(name: object) -> bool:
    return name in {b"Weight", "Weight", b"wght", "wght"}
