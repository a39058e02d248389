from dataclasses import replace

import numpy as np
import pytest

from edge.events import SignTranslated
from edge.hud.drawing import CACHED_LAYERS, INK, PANEL_OPACITY, Painter, cover, cut, draw, rounded, to_display
from edge.hud.fonts import Fonts
from edge.hud.layout import Block, Line, Mark
from edge.hud.overlay import Overlay

FONTS = Fonts.load(system=False)
SIZE = (320, 180)
LINE = Line("Bom dia", 20, 34, round(FONTS.measure("Bom dia", 24)), 24, "translation")
BLOCK = Block("translation", 60, 100, 160, 50, 8, (LINE,), (Mark("recording", 130, 18, 12, 12),))


def grey(level, size=SIZE):
    return np.full((size[1], size[0], 3), level, np.uint8)


def busy(size=SIZE):
    return np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), np.uint8)


def luminance(image):
    """Relative luminance of WCAG 2 (w3.org/TR/WCAG22): 0..1."""
    linear = np.where(image <= 10, image / 255 / 12.92, ((image / 255 + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.0722, 0.7152, 0.2126])


def inside(image, block=BLOCK):
    return image[block.y : block.y + block.height, block.x : block.x + block.width]


@pytest.mark.parametrize("backdrop", [grey(0), grey(128), grey(255), busy()], ids=["black", "grey", "white", "busy"])
def test_text_is_legible_over_any_backdrop(backdrop):
    picture = inside(Painter(SIZE, FONTS).paint([BLOCK], backdrop))
    letters = np.asarray(inside(Painter(SIZE, FONTS).paint([BLOCK], None)).min(axis=2) > 250)
    assert letters.sum() > 100
    text = luminance(picture[letters]).min()
    near = np.zeros_like(letters)
    for down in range(-3, 4):
        for across in range(-3, 4):
            near |= np.roll(letters, (down, across), (0, 1))
    ring = near & (np.asarray(inside(Painter(SIZE, FONTS).paint([BLOCK], None)).max(axis=2)) < 10)
    around = np.percentile(luminance(picture[ring]), 95)
    assert (text + 0.05) / (around + 0.05) > 7


def test_only_the_block_changes_and_the_backdrop_is_not_touched():
    backdrop = busy()
    before = backdrop.copy()
    picture = Painter(SIZE, FONTS).paint([BLOCK], backdrop)
    assert np.array_equal(backdrop, before)
    changed = (picture != backdrop).any(axis=2)
    inside(changed)[:] = False
    assert not changed.any()
    assert picture.shape == (180, 320, 3)
    assert picture.dtype == np.uint8


def test_black_stays_black_for_see_through_displays():
    panel = replace(BLOCK, lines=(), marks=())
    assert not Painter(SIZE, FONTS).paint([panel], None).any()


def test_panel_darkens_by_its_opacity():
    panel = replace(BLOCK, lines=(), marks=())
    picture = Painter(SIZE, FONTS).paint([panel], grey(200))
    assert abs(int(picture[125, 140, 0]) - 200 * (1 - PANEL_OPACITY)) <= 2
    assert picture[100, 60, 0] > 190


def test_white_on_white_does_not_overflow():
    full = replace(BLOCK, lines=(LINE, replace(LINE, x=22)))
    picture = Painter(SIZE, FONTS).paint([full], grey(255))
    letters = inside(Painter(SIZE, FONTS).paint([full], None)).min(axis=2) > 250
    assert inside(picture)[letters].min() > 245


def test_roles_have_their_colours():
    for role in ("source", "notice"):
        line = replace(LINE, role=role)
        picture = inside(Painter(SIZE, FONTS).paint([replace(BLOCK, lines=(line,))], None)).reshape(-1, 3)
        brightest = picture[picture.sum(axis=1).argmax()]
        assert np.abs(brightest.astype(int) - INK[role]).max() <= 3


def test_recording_mark_is_red():
    blue, green, red = inside(Painter(SIZE, FONTS).paint([BLOCK], None))[24, 136]
    assert red > 200
    assert max(blue, green) < 100


@pytest.mark.parametrize("kind", ["listening", "recording", "arrow", "scene"])
def test_marks_stay_in_their_box(kind):
    block = replace(BLOCK, lines=(), marks=(Mark(kind, 40, 10, 24, 20),))
    layer = draw(block, FONTS)
    assert layer.colour[10:30, 40:64].any()
    layer.colour[10:30, 40:64] = 0
    assert not layer.colour.any()


def test_layers_are_kept_when_a_block_moves(monkeypatch):
    drawn = []
    monkeypatch.setattr("edge.hud.drawing.draw", lambda block, fonts: drawn.append(block) or draw(block, fonts))
    painter = Painter(SIZE, FONTS)
    first = painter.paint([BLOCK], None)
    second = painter.paint([replace(BLOCK, y=20)], None)
    assert len(drawn) == 1
    assert np.array_equal(inside(first), inside(second, replace(BLOCK, y=20)))
    painter.paint([replace(BLOCK, lines=())], None)
    assert len(drawn) == 2


def test_old_layers_are_dropped():
    painter = Painter(SIZE, FONTS)
    for number in range(60):
        painter.paint([replace(BLOCK, lines=(), marks=(), width=20 + number)], None)
    assert len(painter._layers) <= CACHED_LAYERS


@pytest.mark.parametrize(("size", "radius"), [((40, 60), 8), ((41, 31), 200), ((10, 10), 0)])
def test_rounded_corners_are_smooth_and_symmetric(size, radius):
    mask = rounded(size, radius)
    assert mask.shape == size
    assert np.allclose(mask, mask[::-1])
    assert np.allclose(mask, mask[:, ::-1])
    assert mask[size[0] // 2, size[1] // 2] == 1
    if radius:
        assert mask[0, 0] == 0
        assert ((mask > 0.1) & (mask < 0.9)).sum() >= 4
    else:
        assert mask.min() == 1


def test_cover_keeps_the_centre_and_the_aspect():
    image = np.zeros((480, 640, 3), np.uint8)
    image[:60] = image[-60:] = (0, 0, 255)
    image[60:-60, :320] = (255, 0, 0)
    image[60:-60, 320:] = (0, 255, 0)
    fitted = cover(image, (320, 180))
    assert fitted.shape == (180, 320, 3)
    assert fitted[90, 40].tolist() == [255, 0, 0]
    assert fitted[90, 280].tolist() == [0, 255, 0]
    assert fitted[2:-2, :, 2].max() < 10
    assert cover(image, (640, 480)) is image


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (333, 77)])
def test_cover_fills_any_display(size):
    assert (cover(grey(99, (640, 480)), size) == 99).all()
    assert cover(grey(99, (100, 50)), size).shape == (size[1], size[0], 3)


def test_same_content_gives_same_pixels():
    one = Painter(SIZE, FONTS).paint([BLOCK], busy())
    assert np.array_equal(one, Painter(SIZE, FONTS).paint([BLOCK], busy()))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [((640, 480), (0, 60, 640, 360)), ((1280, 720), (0, 0, 1280, 720)), ((300, 400), (0, 115, 300, 169))],
)
def test_cut_is_the_middle_with_the_aspect_of_the_display(frame, expected):
    assert cut(frame, SIZE) == expected


@pytest.mark.parametrize("frame", [(640, 480), (1280, 720), (333, 500), (320, 180), (101, 57)])
def test_corners_go_where_the_picture_goes(frame):
    image = np.zeros((frame[1], frame[0], 3), np.uint8)
    left, top, width, height = cut(frame, SIZE)
    x, y = left + width // 3, top + height // 2
    image[y - 4 : y + 5, x - 4 : x + 5] = 255
    rows, columns = np.nonzero(cover(image, SIZE)[..., 0] > 127)
    box = to_display(((x - 4, y - 4), (x + 5, y - 4), (x + 5, y + 5), (x - 4, y + 5)), frame, SIZE)
    assert np.mean([p[0] for p in box]) == pytest.approx(columns.mean() + 0.5, abs=1)
    assert np.mean([p[1] for p in box]) == pytest.approx(rows.mean() + 0.5, abs=1)


def test_captions_lie_over_signs():
    corners = ((50.0, 90.0), (250.0, 90.0), (250.0, 160.0), (50.0, 160.0))
    sign = SignTranslated(0, 1, corners, "EXIT", "SAIDA", "en", "pt", paper=(0, 0, 255))
    opaque = replace(BLOCK, lines=(LINE,), marks=())
    plain, both = (Painter(SIZE, FONTS).paint([opaque], None, signs) for signs in ((), (Overlay(sign, corners),)))
    letters = inside(plain).min(axis=2) > 250
    assert (inside(both)[letters] > 240).all()
    assert both[90:98, 60:240, 2].mean() > 150
