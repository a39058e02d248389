# ruff: noqa: RUF001 - the tables below are lists of punctuation, ambiguous or not
"""Chinese and Japanese from top to bottom: one character a cell, columns from right to left."""

from __future__ import annotations

import math

from edge.hud.breaking import clean, clusters
from edge.hud.overlay_fitting import Measures, Paragraph, Row
from edge.hud.overlay_geometry import Rect
from edge.hud.wrapping import ELLIPSIS

_UPRIGHT = str.maketrans(
    {
        "，": "︐",
        "、": "︑",
        "。": "︒",
        "：": "︓",
        "；": "︔",
        "！": "︕",
        "？": "︖",
        "…": "︙",
        "—": "︱",
        "–": "︱",
        "ー": "｜",
        "（": "︵",
        "）": "︶",
        "(": "︵",
        ")": "︶",
        "《": "︽",
        "》": "︾",
        "「": "﹁",
        "」": "﹂",
        "『": "﹃",
        "』": "﹄",
        "“": "﹁",
        "”": "﹂",
    }
)
"""Vertical forms of punctuation (Unicode, blocks Vertical Forms and CJK Compatibility Forms)."""

PITCH = 1.06
"""From one character to the next, and from column to column, times their size."""
_MIDDLE = 0.38
"""From the baseline up to the middle of a wide character, times its size."""
_LOW = frozenset("，、。")
_ASIDE = 0.5
"""Commas without a vertical form move from the lower left to the upper right of their cell."""


def stack(paragraph: Paragraph, frame: Rect, fonts: Measures) -> tuple[Row, ...]:
    """The characters of `paragraph`, each a row of its own, at the largest size that fits `frame`."""
    cells = [_upright(c, fonts) for c in clusters(clean(paragraph.text)) if not c.isspace()]
    if not cells:
        return ()
    largest, smallest = max(paragraph.largest, paragraph.legible), paragraph.legible
    size = next((s for s in range(largest, smallest - 1, -1) if _columns(len(cells), s, frame)), smallest)
    long = max(1, int(frame.height / (PITCH * size)))
    most = long * max(1, int(frame.width / (PITCH * size)))
    if len(cells) > most:
        cells = [*cells[: most - 1], _upright(ELLIPSIS, fonts)]
    columns = math.ceil(len(cells) / long)
    long = math.ceil(len(cells) / columns)
    return tuple(_cell(cells[n], divmod(n, long), (columns, long), size, frame) for n in range(len(cells)))


def _upright(cluster: str, fonts: Measures) -> str:
    """The vertical form of a sign, if there is one that some font has."""
    form = cluster.translate(_UPRIGHT)
    return cluster if fonts.missing(form) else form


def _columns(count: int, size: int, frame: Rect) -> int:
    """How many columns `count` characters of `size` need; 0 when they do not fit."""
    long = int(frame.height / (PITCH * size))
    columns = math.ceil(count / long) if long else 0
    return columns if columns and columns * PITCH * size <= max(frame.width, size * 1.1) else 0


def _cell(text: str, at: tuple[int, int], grid: tuple[int, int], size: int, frame: Rect) -> Row:
    (column, place), (columns, long), pitch = at, grid, PITCH * size
    x = (frame.left + frame.right) / 2 + (columns / 2 - column - 0.5) * pitch
    y = (frame.top + frame.bottom) / 2 + (place + 0.5 - long / 2) * pitch
    box = Rect(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    aside = _ASIDE * size if text in _LOW else 0.0
    return Row(text, x + aside, y + _MIDDLE * size - aside, size, 0.5, rtl=False, box=box)
