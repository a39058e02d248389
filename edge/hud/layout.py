"""Where everything stands: a state and a display size in, placed blocks out. Pure, given a measure of text.

All sizes follow from one number, the size of caption text, which follows from the display: about 1/16 of its
height, so that two lines of some 40 Latin characters fill the width of a 16:9 display of any resolution. No block
ever leaves the safe area, 5 % inside each edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from edge.hud.bidi import is_rtl
from edge.hud.breaking import clean
from edge.hud.state import Caption, HudState, Splitter
from edge.hud.wrapping import clip, shorten, split, wrap
from edge.settings import HudSettings

Measure = Callable[[str, int], float]
"""(text, size in pixels) -> width in pixels."""

Role = Literal["translation", "source", "tag", "notice", "recording", "scene", "object"]
MarkKind = Literal["listening", "recording", "arrow", "scene"]

SAFE = 0.05
TEXT_SHARE = 0.063
LINE_HEIGHT = 1.34
BASELINE = 1.0
CAP_HALF = 0.36
"""Half the height of capitals, as a share of the font size: centres a line of them."""
SMALLEST_PX = 7


@dataclass(frozen=True)
class Line:
    """One line of text.

    Attributes:
        text: in logical order, one line.
        x: left edge, pixels from the left of its block.
        baseline: pixels from the top of its block.
        width: pixels.
        size: of the font, pixels.
        role: what it is; drawing gives each role its colour.
        rtl: whether the paragraph runs from right to left.
    """

    text: str
    x: int
    baseline: int
    width: int
    size: int
    role: Role
    rtl: bool = False


@dataclass(frozen=True)
class Mark:
    """A drawn sign, placed in pixels from the top left of its block."""

    kind: MarkKind
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Block:
    """A panel with what stands on it; pixels of the display. Two equal contents differ only in `x` and `y`."""

    role: Role
    x: int
    y: int
    width: int
    height: int
    radius: int
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Outline:
    """A frame around a thing, in pixels of the display; `line` is its thickness, which lies inside."""

    x: int
    y: int
    width: int
    height: int
    line: int


@dataclass(frozen=True)
class Metrics:
    """Sizes in pixels that follow from display and settings; `left` to `bottom` bound the safe area."""

    left: int
    top: int
    right: int
    bottom: int
    text: int
    source: int
    small: int
    pad_x: int
    pad_y: int
    gap: int

    @property
    def line_width(self) -> int:
        """The widest line of a caption."""
        return max(1, self.right - self.left - 2 * self.pad_x)


def metrics(size: tuple[int, int], settings: HudSettings) -> Metrics:
    """Sizes for a display of (width, height): caption text shrinks only where two captions would not fit."""
    width, height = size
    left, top = _up(width * SAFE), _up(height * SAFE)
    safe_width, safe_height = width - 2 * left, height - 2 * top
    lines = settings.max_lines * (1 + 0.72 * (settings.show == "both"))
    needed = 2 * (lines * LINE_HEIGHT + 0.9) + 2.3  # two captions with padding, the gap, and the bar on top
    text = min(settings.text_scale * min(height * TEXT_SHARE, width * 0.037), safe_height / needed, safe_width / 6)
    text = max(SMALLEST_PX, int(text))
    return Metrics(
        left=left,
        top=top,
        right=width - left,
        bottom=height - top,
        text=text,
        source=max(SMALLEST_PX, round(text * 0.72)),
        small=max(SMALLEST_PX, round(min(text, height * TEXT_SHARE) * 0.68)),
        pad_x=round(text * 0.62),
        pad_y=round(text * 0.30),
        gap=round(text * 0.26),
    )


def splitter(size: tuple[int, int], measure: Measure, settings: HudSettings) -> Splitter:
    """The function that cuts subtitles into parts which fit the display."""
    m = metrics(size, settings)

    def fits(source: str, text: str) -> bool:
        return all(
            len(wrap(words, m.line_width, partial(_width, measure, pixels), steady=True)) <= settings.max_lines
            for words, pixels in ((source, m.source if settings.show == "both" else m.text), (text, m.text))
        )

    def parts(source: str, text: str, language: str, target: str, steady: bool) -> list[tuple[str, str]]:
        lines = _shown(source, text, language, target, settings)
        source, text = ("" if lines[0] is None else source), ("" if lines[1] is None else text)
        return split(source, text, fits, steady)

    return parts


def layout(state: HudState, size: tuple[int, int], measure: Measure) -> tuple[Block, ...]:
    """Place everything that `state` shows on a display of (width, height) pixels.

    Args:
        state: what to show.
        size: width and height of the display, pixels.
        measure: width of a text at a font size.

    Returns:
        Blocks that lie inside the safe area, whatever the text; what does not fit is left out or shortened.
    """
    m = metrics(size, state.settings)
    blocks: list[Block] = []
    floor = m.bottom
    for caption in reversed(state.captions):
        block = _caption(caption, m, measure, state.settings)
        if block and floor - block.height >= m.top:
            floor -= block.height
            blocks.append(replace(block, y=floor))
            floor -= m.gap
    ceiling = m.top
    bar = _bar(state, m, measure)
    height = max((b.height for b in bar), default=0)
    if ceiling + height <= floor:
        blocks.extend(bar)
        ceiling += height + m.gap if bar else 0
    for notice in state.notices:
        block = _notice(notice.text, m, measure)
        if block and ceiling + block.height <= floor:
            blocks.append(replace(block, y=ceiling))
            ceiling += block.height + m.gap
    for words in _listed(state):
        block = _notice(words, m, measure)
        if block and ceiling + block.height <= floor:
            blocks.append(replace(block, x=m.left, y=ceiling))
            ceiling += block.height + m.gap
    return tuple(blocks)


def lists_signs(state: HudState) -> bool:
    """Whether signs are plain lines of the layout: where no picture is drawn into and nothing covers the signs."""
    return state.settings.overlay == "off" and state.settings.backdrop == "black"


def _listed(state: HudState) -> list[str]:
    """Translations of signs as plain lines."""
    if not lists_signs(state):
        return []
    signs = [sign for sign, _ in state.seen.in_sight if sign.translation and sign.translation != sign.text]
    return [
        f"{sign.text} → {sign.translation}" if state.settings.sign_source else str(sign.translation) for sign in signs
    ]


def _shown(source: str, text: str, language: str, target: str, settings: HudSettings) -> tuple[str | None, str | None]:
    """What of a subtitle is shown: same-language speech is shown once, in the main line."""
    if settings.show == "source":
        return (source or text), None
    if settings.show == "translation" or language == target or source == text or not text:
        return (None, text) if text else (source, None)
    return source, text


def _caption(caption: Caption, m: Metrics, measure: Measure, settings: HudSettings) -> Block | None:
    source, text = _shown(caption.source, caption.text, caption.language, caption.target, settings)
    main, main_language = (text, caption.target) if text is not None else (source, caption.language)
    second = source if text is not None else None
    paragraphs: list[tuple[str, str, int, Role]] = []
    if second:
        paragraphs.append((second, caption.language, m.source, "source"))
    if main:
        paragraphs.append((main, main_language, m.text, "translation"))
    lines, y = [], float(m.pad_y)
    for words, language, pixels, role in paragraphs:
        rtl = is_rtl(words, language)
        of = partial(_width, measure, pixels)
        for line in clip(wrap(words, m.line_width, of, caption.steady), settings.max_lines, m.line_width, of):
            advance = min(m.line_width, _up(of(line)))
            lines.append(Line(line, 0, round(y + BASELINE * pixels), advance, pixels, role, rtl))
            y += LINE_HEIGHT * pixels
    if not lines:
        return None
    inner = m.line_width if caption.steady else max(line.width for line in lines)
    lines = [replace(line, x=m.pad_x + _aligned(line, inner, caption.steady)) for line in lines]
    width = inner + 2 * m.pad_x
    x = m.left + (m.right - m.left - width) // 2
    return Block("translation", x, 0, width, round(y + m.pad_y), round(m.text * 0.36), tuple(lines))


def _aligned(line: Line, inner: int, steady: bool) -> int:
    """Centred; growing text from its own edge, so that growing moves nothing."""
    free = inner - line.width
    if steady:
        return free if line.rtl else 0
    return free // 2


def _bar(state: HudState, m: Metrics, measure: Measure) -> list[Block]:
    """The row on top: language tag with the listening mark at the left, what is seen and whether all is kept right."""
    row = [block for block in (_tag(state, m, measure), _recording(state, m, measure)) if block]
    if sum(block.width for block in row) + m.gap * (len(row) - 1) > m.right - m.left:
        row = row[-1:] if row[-1].width <= m.right - m.left else []
    taken = sum(block.width + m.gap for block in row)
    right = m.right - sum(block.width + m.gap for block in row if block.role == "recording")
    scene = _scene(state.seen.scene, m, measure, m.right - m.left - taken)
    return [*row, replace(scene, x=right - scene.width)] if scene else row


def _scene(name: str, m: Metrics, measure: Measure, room: int) -> Block | None:
    """The name of what is looked at, at most `room` pixels wide; it is anchored at the right and pushes nothing."""
    row = _Row(m, measure, "scene")
    row.mark("scene", 0.8, 0.8)
    free = room - row.block().width - round(m.small * 0.42) - 1
    words = shorten(clean(name), free, partial(_width, measure, m.small))
    if words.strip("…") == "":
        return None
    row.text(words)
    return row.block()


def _tag(state: HudState, m: Metrics, measure: Measure) -> Block | None:
    if not state.target_language:
        return None
    heard = (state.heard_language,) if state.heard_language else ()
    sources = state.source_languages or heard
    if len(sources) > 1 and state.heard_language in sources:
        sources = heard
    spoken = "/".join(clean(code).upper() for code in sources) or "AUTO"
    row = _Row(m, measure, "tag")
    if state.listening:
        row.mark("listening", 0.9, 0.82)
    row.text(spoken)
    if spoken != (target := clean(state.target_language).upper()):
        row.mark("arrow", 0.9, 0.62)
        row.text(target)
    return replace(row.block(), x=m.left)


def _recording(state: HudState, m: Metrics, measure: Measure) -> Block | None:
    if not state.recording:
        return None
    row = _Row(m, measure, "recording")
    row.mark("recording", 0.62, 0.62)
    row.text("REC")
    block = row.block()
    return replace(block, x=m.right - block.width)


class _Row:
    """Short texts and marks, one after another, on a round panel at the top of the safe area."""

    def __init__(self, m: Metrics, measure: Measure, role: Role) -> None:
        self._m, self._measure, self._role = m, measure, role
        self._height = round(m.small * 1.75)
        self._at = round(m.small * 0.62)
        self._lines: list[Line] = []
        self._marks: list[Mark] = []

    def text(self, words: str) -> None:
        pixels = self._m.small
        advance = _up(self._measure(words, pixels))
        baseline = round(self._height / 2 + pixels * CAP_HALF)
        self._lines.append(Line(words, self._at, baseline, advance, pixels, self._role))
        self._at += advance + round(pixels * 0.42)

    def mark(self, kind: MarkKind, wide: float, tall: float) -> None:
        """A mark of `wide` by `tall` times the size of the text."""
        pixels = self._m.small
        width, height = round(pixels * wide), round(pixels * tall)
        self._marks.append(Mark(kind, self._at, (self._height - height) // 2, width, height))
        self._at += width + round(pixels * 0.42)

    def block(self) -> Block:
        width = self._at + round(self._m.small * 0.20)
        radius = self._height // 2
        return Block(self._role, 0, self._m.top, width, self._height, radius, tuple(self._lines), tuple(self._marks))


def _notice(text: str, m: Metrics, measure: Measure) -> Block | None:
    pixels, pad = m.small, m.pad_x
    height = round(pixels * 1.9)
    words = shorten(clean(text), m.right - m.left - 2 * pad, partial(_width, measure, pixels))
    if not words:
        return None
    advance = _up(measure(words, pixels))
    width = advance + 2 * pad
    x = m.left + (m.right - m.left - width) // 2
    line = Line(words, pad, round(height / 2 + pixels * CAP_HALF), advance, pixels, "notice", is_rtl(words))
    return Block("notice", x, 0, width, height, round(height * 0.3), (line,))


def _width(measure: Measure, pixels: int, text: str) -> float:
    return measure(text, pixels)


def _up(value: float) -> int:
    """The next whole pixel."""
    return -int(-value // 1)
