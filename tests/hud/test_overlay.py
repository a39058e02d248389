from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.events import SignTranslated
from edge.hud.fonts import Fonts
from edge.hud.overlay import PATIENCE, Overlay, SignPainter, draw_signs
from edge.hud.overlay_colors import CONTRAST, contrast
from edge.hud.overlay_geometry import from_own, mapped
from edge.settings import HudSettings

FONTS = Fonts.load(system=False)
SETTINGS = HudSettings(width=320, height=180)
PAPER, INK = (200, 220, 230), (30, 20, 60)
BOX = ((60.0, 60.0), (220.0, 60.0), (220.0, 90.0), (60.0, 90.0))


def board(box=BOX, paper=PAPER, ink=INK, size=(320, 180)):
    """A wall with a board on which bars stand for letters; the board is larger than the text by 20 pixels."""
    picture = np.full((size[1], size[0], 3), 120, np.uint8)
    matrix = from_own(box, (160, 30))
    around = mapped(matrix, [(-20, -20), (180, -20), (180, 50), (-20, 50)])
    cv2.fillConvexPoly(picture, np.round(around).astype(np.int32), paper)
    for x in range(4, 156, 8):
        bar = mapped(matrix, [(x, 4), (x + 4, 4), (x + 4, 26), (x, 26)])
        cv2.fillConvexPoly(picture, np.round(bar).astype(np.int32), ink)
    return picture


def sign(box=BOX, translation="SAIDA", **changes):
    made = SignTranslated(0, 1, box, "EXIT", translation, "en", "pt", (box,), INK, PAPER)
    return replace(made, **changes)


def drawn(picture, *signs, **settings):
    return draw_signs(picture, signs, SETTINGS.model_copy(update=settings), FONTS)


def moved(box, dx, dy):
    return tuple((x + dx, y + dy) for x, y in box)


def inner(picture, box=BOX):
    """The board seen straight on, without what the letters of the translation touch."""
    out = cv2.warpPerspective(picture, np.linalg.inv(from_own(box, (160, 30))), (160, 30))
    return out.astype(int)


def test_the_original_is_erased_and_the_paper_stays():
    picture = board()
    after = inner(drawn(picture, sign(translation=".")))  # nearly nothing is written in its place
    assert (np.abs(inner(picture) - PAPER).max(axis=2) > 60).mean() > 0.3
    assert (np.abs(after - PAPER).max(axis=2) > 12).mean() < 0.02


def test_the_translation_is_written_in_the_ink_of_the_sign():
    after = inner(drawn(board(), sign()))
    written = np.abs(after - INK).max(axis=2) < 30
    assert 0.05 < written.mean() < 0.5
    columns = np.flatnonzero(written.any(axis=0))
    assert abs(columns[0] + columns[-1] - 160) < 8
    assert written[8:22].any(axis=1).all()


def test_nothing_outside_the_board_changes_and_the_given_picture_is_not_touched():
    picture = board()
    before = picture.copy()
    changed = (drawn(picture, sign()) != picture).any(axis=2)
    assert np.array_equal(picture, before)
    changed[48:102, 40:240] = False
    assert not changed.any()


@pytest.mark.parametrize("translation", [None, "EXIT", "  ", " EXIT "])
def test_without_a_translation_nothing_is_erased(translation):
    picture = board()
    for mode in ("replace", "below"):
        assert np.array_equal(drawn(picture, sign(translation=translation), overlay=mode), picture)


def test_off_draws_nothing():
    picture = board()
    assert np.array_equal(drawn(picture, sign(), overlay="off"), picture)


def test_below_keeps_the_original_and_writes_under_it():
    picture = board()
    after = drawn(picture, sign(), overlay="below")
    assert np.array_equal(after[:86], picture[:86])
    assert (after[94:130] != picture[94:130]).any()


def test_below_a_sign_at_the_bottom_means_above_it():
    low = moved(BOX, 0, 80)
    picture = board(low)
    after = drawn(picture, sign(low), overlay="below")
    assert np.array_equal(after[140:], picture[140:])
    assert (after[100:140] != picture[100:140]).any()


def test_the_source_is_shown_small_when_it_is_asked_for():
    picture = board()
    plain, both = drawn(picture, sign()), drawn(picture, sign(), sign_source=True)
    assert np.abs(plain[58:88].astype(int) - both[58:88]).max() < 12
    assert (plain[98:115] != both[98:115]).any()


SLANTED = ((60.0, 50.0), (220.0, 62.0), (218.0, 98.0), (62.0, 74.0))


def test_perspective_is_respected():
    straight, slanted = inner(drawn(board(), sign())), inner(drawn(board(SLANTED), sign(SLANTED)), SLANTED)
    assert np.abs(straight - slanted).max(axis=2).mean() < 22
    assert np.abs(straight - inner(drawn(board(), sign(translation="XYZ")))).max(axis=2).mean() > 22


@pytest.mark.parametrize("degrees", [90, 180, 35])
def test_rotation_is_respected(degrees):
    picture = cv2.copyMakeBorder(board(), 160, 160, 90, 90, cv2.BORDER_REPLICATE)
    box = moved(BOX, 90, 160)
    turn = cv2.getRotationMatrix2D((250, 250), degrees, 1.0)
    turned_box = tuple(tuple(float(v) for v in turn @ (x, y, 1)) for x, y in box)
    turned_picture = cv2.warpAffine(picture, turn, (500, 500))
    one, other = inner(drawn(picture, sign(box)), box), inner(drawn(turned_picture, sign(turned_box)), turned_box)
    assert np.abs(one - other).max(axis=2).mean() < 22


def test_weak_contrast_is_mended():
    picture = board(paper=(150, 150, 150), ink=(125, 125, 125))
    after = inner(drawn(picture, sign(ink=(125, 125, 125), paper=(150, 150, 150))))
    darkest = after[after.sum(axis=2) <= np.percentile(after.sum(axis=2), 3)]
    assert contrast(np.median(darkest, axis=0), [(150, 150, 150)]) > CONTRAST * 0.9


def test_shade_on_the_board_stays():
    picture = board()
    shade = np.linspace(1.0, 0.7, 320)[None, :, None]
    after = inner(drawn((picture * shade).astype(np.uint8), sign(translation=".")))
    left, right = np.median(after[:, 10:30], axis=(0, 1)), np.median(after[:, 130:150], axis=(0, 1))
    assert left[1] - right[1] > 12


def painter(**settings):
    return SignPainter(SETTINGS.model_copy(update=settings), FONTS)


def painted(of, picture, *overlays, plain=False):
    out = picture.copy()
    of.paint(out, overlays, plain)
    return out


def noisy(picture, seed):
    noise = np.random.default_rng(seed).integers(-3, 4, picture.shape)
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def test_on_a_still_scene_the_overlay_stays_the_same_bit_by_bit():
    of, overlay = painter(), Overlay(sign(), BOX)
    first = painted(of, noisy(board(), 0), overlay)
    for seed in range(1, 2 * PATIENCE + 5):
        again = painted(of, noisy(board(), seed), overlay)
        assert np.array_equal(again[63:87, 63:217], first[63:87, 63:217])


def test_words_follow_the_sign_without_being_set_anew(monkeypatch):
    of, first = painter(), inner(drawn(board(), sign()))
    painted(of, board(), Overlay(sign(), BOX))
    monkeypatch.setattr("edge.hud.overlay.design", None)
    monkeypatch.setattr("edge.hud.overlay.render", None)
    for step in range(1, 5):
        box = moved(BOX, 7 * step, -4 * step)
        after = painted(of, board(box), Overlay(sign(), box))
        assert np.abs(inner(after, box) - first).max(axis=2).mean() < 2


def test_a_sign_that_comes_nearer_is_drawn_sharper_with_the_same_lines(monkeypatch):
    of = painter()
    text = sign(translation="Por favor sem patos")
    painted(of, board(), Overlay(text, BOX))
    monkeypatch.setattr("edge.hud.overlay.design", None)
    large = ((10.0, 20.0), (310.0, 20.0), (310.0, 76.0), (10.0, 76.0))
    before = of._drawn[1].patch.words.shape
    painted(of, board(large), Overlay(text, large))
    assert of._drawn[1].patch.words.shape[0] > 1.5 * before[0]


def test_told_again_with_the_same_words_nothing_is_set_anew(monkeypatch):
    of = painter()
    painted(of, board(), Overlay(sign(), BOX))
    monkeypatch.setattr("edge.hud.overlay.design", None)
    painted(of, board(), Overlay(sign(latency_ms=120.0, captured_ns=5), BOX))


def test_new_words_are_drawn():
    of = painter()
    first = painted(of, board(), Overlay(sign(), BOX))
    assert not np.array_equal(first, painted(of, board(), Overlay(sign(translation="FIM"), BOX)))


def test_when_the_light_changes_the_surface_is_sampled_anew_but_not_at_every_picture():
    of, overlay = painter(), Overlay(sign(), BOX)
    bright = board()
    dark = (bright * 0.6).astype(np.uint8)
    painted(of, bright, overlay)
    after = [painted(of, dark, overlay)[75, 63].sum() for _ in range(2 * PATIENCE)]
    assert after[0] > 1.3 * after[-1]
    assert len(set(map(int, after))) == 2


def test_neighbours_are_sampled_without_each_others_translation():
    low = moved(BOX, 0, 34)
    picture = np.minimum(board(), board(low))
    picture[40:150, 40:240][np.all(picture[40:150, 40:240] == 120, axis=2)] = PAPER
    both = drawn(picture, sign(translation="."), sign(low, translation=".", region=2))
    other = drawn(picture, sign(low, translation=".", region=2), sign(translation="."))
    assert np.abs(both.astype(int) - other).max() <= 40
    assert (np.abs(inner(both) - PAPER).max(axis=2) > 12).mean() < 0.03


def test_without_a_camera_picture_signs_have_a_surface_of_their_own():
    after = painted(painter(), np.zeros((180, 320, 3), np.uint8), Overlay(sign(), BOX), plain=True)
    assert (np.abs(inner(after) - PAPER).max(axis=2) < 3).mean() > 0.5
    assert not after[:40].any()


@pytest.mark.parametrize("box", [moved(BOX, 200, 0), moved(BOX, -150, -65), moved(BOX, 900, 0), moved(BOX, 0, 110)])
def test_signs_that_leave_the_picture(box):
    assert drawn(board(), sign(box)).shape == (180, 320, 3)


@pytest.mark.parametrize(
    "box",
    [
        ((10.0, 10.0),) * 4,
        ((10.0, 10.0), (50.0, 10.0), (90.0, 10.0), (130.0, 10.0)),
        ((10.0, 10.0), (12.0, 10.0), (12.0, 11.0), (10.0, 11.0)),
        ((0.0, 0.0), (319.0, 0.0), (319.0, 179.0), (0.0, 179.0)),
    ],
    ids=["point", "line", "tiny", "all"],
)
def test_odd_boxes_do_no_harm(box):
    for mode in ("replace", "below"):
        assert drawn(board(), sign(box), overlay=mode).dtype == np.uint8


def test_lines_need_not_be_known():
    after = inner(drawn(board(), sign(lines=(), translation=".")))
    assert (np.abs(after - PAPER).max(axis=2) > 12).mean() < 0.02


def test_only_so_many_drawings_are_kept():
    of = painter()
    for number in range(80):
        painted(of, board(), Overlay(sign(region=number), BOX))
    assert len(of._drawn) < 40


def test_warming_up_opens_the_usual_sizes(monkeypatch):
    fonts = Fonts.load(system=False)
    SignPainter(SETTINGS.model_copy(update={"overlay": "off"}), fonts).warm_up()
    assert not fonts._faces[0]._sizes
    SignPainter(SETTINGS, fonts).warm_up()
    opened = dict(fonts._faces[0]._sizes)
    draw_signs(board(), [sign()], SETTINGS, fonts)
    drawn = {size for size in fonts._faces[0]._sizes if size not in opened}
    assert drawn <= {96}  # the size at which text is measured


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4000, 20), (20, 4000)])
@pytest.mark.parametrize("mode", ["replace", "below"])
def test_odd_pictures_do_no_harm(size, mode):
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    box = ((0.0, 0.0), (size[0] - 1.0, 0.0), (size[0] - 1.0, size[1] - 1.0), (0.0, size[1] - 1.0))
    after = drawn(picture, sign(box), sign(BOX, region=2), overlay=mode, sign_source=True)
    assert after.shape == picture.shape


def test_drawings_of_huge_signs_are_bounded():
    of = painter()
    huge = ((-9000.0, -400.0), (12000.0, -400.0), (12000.0, 600.0), (-9000.0, 600.0))
    painted(of, board(), Overlay(sign(huge), huge))
    assert max(of._drawn[1].patch.words.shape) <= 4097


def test_text_of_any_kind_is_drawn_or_left_out():
    for words in ("\u200b", "A" * 400, "\n", "a\x00b", "🙂", "x " * 300, "-"):
        assert drawn(board(), sign(translation=words)).shape == (180, 320, 3)
