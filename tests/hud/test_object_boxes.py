"""Frames around things and their names: where they stand, and that they are seen on any backdrop."""

import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events import ObjectsDetected, SceneRecognized, SeenObject, SessionStarted, Subtitle
from edge.hud.drawing import FRAME, Painter, draw_outlines
from edge.hud.fonts import Fonts
from edge.hud.layout import SAFE, Outline, layout, splitter
from edge.hud.object_boxes import MOST, SMALLEST, draw_objects, place_objects
from edge.hud.state import HudState, reduce
from edge.settings import HudSettings

SIZES = ((640, 360), (960, 540), (1280, 720))
FRAME_SIZE = (1280, 720)


def measure(text, size):
    """Half a square for a letter, a square for a wide one."""
    return size * sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.5 for c in text)


def thing(number=1, box=(300, 200, 600, 500), name="xícara", score=0.9):
    return SeenObject(number, "cup", name, score, tuple(float(side) for side in box))


def place(*things, size=(640, 360), blocks=(), frame=FRAME_SIZE):
    return place_objects(things, frame, size, blocks, measure, HudSettings(width=size[0], height=size[1]))


def captioned(size, *things):
    """The blocks of a full display."""
    state = HudState(settings=HudSettings(width=size[0], height=size[1]))
    split = splitter(size, measure, state.settings)
    for event in (
        SessionStarted(0, ("en",), "pt", recording=True),
        SceneRecognized(0, "mug", "caneca", 0.9, "pt"),
        Subtitle(0, 1, "Put the cup on the table.", "Ponha a xícara na mesa.", "en", "pt"),
        ObjectsDetected(0, things, "pt"),
    ):
        state = reduce(state, event, 0, split)
    return layout(state, size, measure)


def rectangle(block):
    return block.x, block.y, block.x + block.width, block.y + block.height


def meet(one, other):
    first, second = rectangle(one), rectangle(other)
    return min(first[2], second[2]) > max(first[0], second[0]) and min(first[3], second[3]) > max(first[1], second[1])


class TestPlaces:
    @pytest.mark.parametrize("size", SIZES)
    def test_the_frame_is_around_the_thing_and_the_name_above_it(self, size):
        (outline,), (name,) = place(thing(), size=size)
        scale = size[0] / 1280
        assert rectangle(outline) == pytest.approx([300 * scale, 200 * scale, 600 * scale, 500 * scale], abs=1)
        assert name.x == outline.x
        assert name.y + name.height == outline.y
        assert [(line.text, line.role) for line in name.lines] == [("xícara", "object")]

    def test_at_the_upper_rim_the_name_is_inside(self):
        (outline,), (name,) = place(thing(box=(300, 40, 600, 500)))
        assert outline.y <= name.y < outline.y + outline.height / 2

    def test_in_a_corner_it_stays_in_the_safe_area(self):
        (outline,), (name,) = place(thing(box=(0, 0, 1280, 720), name="computador"))
        assert name.x >= 640 * SAFE
        assert name.y >= 360 * SAFE
        assert rectangle(outline) == (0, 0, 640, 360)

    def test_frames_end_at_the_display(self):
        (outline,), _ = place(thing(box=(-50, 300, 400, 900)))
        assert rectangle(outline) == (0, 150, 200, 360)

    def test_a_frame_of_another_shape_than_the_display(self):
        """Of 960 x 720, a display of 16:9 shows the middle 540 rows."""
        (outline,), _ = place(thing(box=(240, 90, 480, 630)), frame=(960, 720))
        assert rectangle(outline) == (160, 0, 320, 360)

    def test_what_is_out_of_the_display_or_tiny_is_not_drawn(self):
        assert place(thing(box=(100, 0, 200, 80)), frame=(960, 720)) == ((), ())
        assert place(thing(box=(300, 300, 300 + SMALLEST, 300 + SMALLEST))) == ((), ())

    def test_the_surest_are_shown_where_there_are_too_many(self):
        things = [thing(n, (40 * n, 100, 40 * n + 30, 600), score=n / 100) for n in range(30)]
        outlines, _ = place(*things)
        assert len(outlines) == MOST
        assert min(outline.x for outline in outlines) == 20 * (30 - MOST)

    def test_names_are_one_line_and_no_longer_than_a_third_of_the_display(self):
        _, (name,) = place(thing(name="uma xícara\nde porcelana " * 5))
        assert name.width < 640 * 0.4
        assert "\n" not in name.lines[0].text
        assert name.lines[0].text.endswith("…")

    def test_no_name_no_block(self):
        outlines, names = place(thing(name=" "))
        assert (len(outlines), names) == (1, ())

    def test_from_right_to_left(self):
        _, (name,) = place(thing(name="كتاب"))
        assert name.lines[0].rtl

    def test_two_names_in_one_place_stand_beside_each_other(self):
        _, names = place(thing(1), thing(2, name="tigela", score=0.8))
        assert len(names) == 2
        assert not meet(*names)

    def test_where_there_is_no_place_the_frame_stands_alone(self):
        blocks = captioned((640, 360))
        caption = max(blocks, key=lambda block: block.width)
        below = (2 * caption.x + 60, 2 * caption.y + 20, 2 * caption.x + 200, 2 * caption.y + 60)
        outlines, names = place(thing(box=below), blocks=blocks)
        assert len(outlines) == 1
        assert not any(meet(name, block) for name in names for block in blocks)

    boxes = st.tuples(st.floats(-100, 1300), st.floats(-100, 800), st.floats(0, 900), st.floats(0, 900))

    @settings(max_examples=60)
    @given(st.lists(boxes, max_size=8), st.sampled_from(SIZES), st.text(max_size=20))
    def test_names_cover_nothing_and_never_leave_the_safe_area(self, boxes, size, words):
        things = [thing(n, (x, y, x + wide, y + tall), f"{words}{n}") for n, (x, y, wide, tall) in enumerate(boxes, 1)]
        blocks = captioned(size, *things)
        outlines, names = place(*things, size=size, blocks=blocks)
        for index, name in enumerate(names):
            assert not any(meet(name, other) for other in (*blocks, *names[:index]))
            assert name.x >= size[0] * SAFE
            assert name.x + name.width <= size[0] * (1 - SAFE) + 1
            assert name.y >= size[1] * SAFE
            assert name.y + name.height <= size[1] * (1 - SAFE) + 1
        for outline in outlines:
            left, top, right, bottom = rectangle(outline)
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]


def luminance(image):
    """Relative luminance of WCAG 2 (w3.org/TR/WCAG22): 0..1."""
    image = np.asarray(image, float)
    linear = np.where(image <= 10, image / 255 / 12.92, ((image / 255 + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.0722, 0.7152, 0.2126])


OUTLINE = Outline(20, 10, 60, 40, 3)


class TestDrawing:
    @pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
    def test_frames_are_seen_on_any_backdrop(self, level):
        """Its bright line or its dark edges differ from what is beside it; between them the contrast is always high."""
        picture = np.full((70, 100, 3), level, np.uint8)
        draw_outlines(picture, [OUTLINE])
        edge, line = luminance(picture[30, 20]), luminance(picture[30, 21])
        assert (line + 0.05) / (edge + 0.05) > 7
        beside = luminance(np.full(3, level))
        contrasts = [(max(one, beside) + 0.05) / (min(one, beside) + 0.05) for one in (edge, line)]
        assert max(contrasts) > 3

    def test_only_the_frame_changes(self):
        picture = np.full((70, 100, 3), 90, np.uint8)
        draw_outlines(picture, [OUTLINE])
        changed = (picture != 90).any(axis=2)
        assert changed[10:50, 20:80].sum() == changed.sum() == 40 * 60 - 34 * 54
        assert (picture[11, 40] == FRAME).all()

    def test_nothing_is_drawn_below_captions(self):
        size = (640, 360)
        blocks = captioned(size)
        backdrop = np.full((360, 640, 3), 128, np.uint8)
        outlines, _ = place(thing(box=(60, 500, 1200, 700)), blocks=blocks)
        painter = Painter(size, Fonts.load(system=False))
        without, drawn = painter.paint(blocks, backdrop), painter.paint(blocks, backdrop, outlines=outlines)
        for block in blocks:
            area = slice(block.y, block.y + block.height), slice(block.x, block.x + block.width)
            assert (without[area] == drawn[area]).all()
        assert (without != drawn).any()

    def test_a_whole_picture(self):
        image = np.full((120, 160, 3), 200, np.uint8)
        drawn = draw_objects(image, [thing(box=(30, 40, 130, 110))], HudSettings(), Fonts.load(system=False))
        assert drawn.shape == image.shape
        assert (image == 200).all()
        assert (drawn[40:110, 30:33] != 200).any(axis=2).all()
        assert (drawn[60:100, 50:110] == 200).all()

    @pytest.mark.parametrize("size", [(1, 1), (16, 9), (4000, 30)])
    def test_pictures_of_any_size(self, size):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        box = (0, 0, *size)
        assert draw_objects(image, [thing(box=box)], HudSettings(), Fonts.load(system=False)).shape == image.shape


class TestState:
    def test_things_are_seen_until_told_otherwise(self):
        state = reduce(HudState(), ObjectsDetected(0, (thing(),), "pt"), 0)
        assert state.seen.objects == (thing(),)
        moved = replace(thing(), box=(1.0, 2.0, 3.0, 4.0))
        assert reduce(state, ObjectsDetected(1, (moved,), "pt"), 1).seen.objects == (moved,)
        assert reduce(state, ObjectsDetected(1, (), "pt"), 1).seen.objects == ()
