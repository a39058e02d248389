"""Drawn signs of known colours: what is found on them."""

import cv2
import numpy as np
import pytest

from edge.perception.sign_colors import ink_and_paper
from edge.results import Region, TextLine


def sign(ink, paper, text="NO PARKING", *, noise=0.0, around=None, margin=4):
    """A picture with one line of text, and its region."""
    image = np.full((200, 400, 3), paper if around is None else around, np.uint8)
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 4)
    left, top, right, bottom = 40 - margin, 100 - height - margin, 40 + width + margin, 100 + base + margin
    cv2.rectangle(image, (left - 2, top - 2), (right + 2, bottom + 2), paper, -1)
    cv2.putText(image, text, (40, 100), cv2.FONT_HERSHEY_SIMPLEX, 1.2, ink, 4, cv2.LINE_AA)
    if noise:
        grain = np.random.default_rng(1).normal(0, noise, image.shape)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    box = ((left, top), (right, top), (right, bottom), (left, bottom))
    return image, Region((TextLine(box, text, 0.9),), box, text, 0.9)


COLORS = [
    ((0, 0, 0), (255, 255, 255)),
    ((255, 255, 255), (160, 40, 10)),
    ((20, 20, 200), (240, 240, 240)),
    ((0, 220, 255), (30, 30, 30)),
    ((90, 90, 90), (190, 190, 190)),
]


@pytest.mark.parametrize(("ink", "paper"), COLORS)
@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_colours_of_a_sign(ink, paper, noise):
    found_ink, found_paper = ink_and_paper(*sign(ink, paper, noise=noise))
    assert np.abs(np.subtract(found_paper, paper)).max() <= 12
    assert np.abs(np.subtract(found_ink, ink)).max() <= 30


def test_what_is_around_the_sign_does_not_matter():
    ink, paper = ink_and_paper(*sign((255, 255, 255), (160, 40, 10), around=(0, 0, 0)))
    assert np.abs(np.subtract(paper, (160, 40, 10))).max() <= 12
    assert min(ink) > 220


@pytest.mark.parametrize(("ground", "ink"), [((20, 20, 20), (255, 255, 255)), ((230, 230, 230), (0, 0, 0))])
def test_where_nothing_stands_out_the_ink_is_readable(ground, ink):
    image, region = sign(ground, ground, noise=2.0)
    assert ink_and_paper(image, region)[0] == ink


def test_the_frame_of_a_sign_is_not_its_paper():
    image, region = sign((255, 255, 255), (20, 20, 200), margin=8)
    (left, top), _, (right, bottom), _ = ((round(x), round(y)) for x, y in region.box)
    cv2.rectangle(image, (left, top), (right, bottom), (0, 220, 240), 3)
    ink, paper = ink_and_paper(image, region)
    assert np.abs(np.subtract(paper, (20, 20, 200))).max() <= 12
    assert min(ink) > 200


def test_a_turned_line_is_sampled_along_itself():
    image, region = sign((0, 0, 0), (40, 200, 250))
    turn = cv2.getRotationMatrix2D((200, 100), 35, 1.0)
    turned = cv2.warpAffine(image, turn, (400, 200), borderValue=(255, 0, 255))
    corners = cv2.transform(np.array([region.box], np.float32), turn)[0]
    box = tuple((float(x), float(y)) for x, y in corners)
    ink, paper = ink_and_paper(turned, Region((TextLine(box, region.text, 0.9),), box, region.text, 0.9))
    assert np.abs(np.subtract(paper, (40, 200, 250))).max() <= 12
    assert max(ink) < 40


def test_boxes_outside_the_picture_and_tiny_pictures_are_no_trouble():
    box = ((-50.0, -50.0), (900.0, -50.0), (900.0, 900.0), (-50.0, 900.0))
    region = Region((TextLine(box, "x", 0.9),), box, "x", 0.9)
    assert ink_and_paper(np.full((1, 1, 3), 7, np.uint8), region)[1] == (7, 7, 7)


def test_a_region_without_lines_is_looked_at_as_a_whole():
    image, region = sign((0, 0, 0), (255, 255, 255))
    assert ink_and_paper(image, Region((), region.box, "", 0.9))[1] == (255, 255, 255)
