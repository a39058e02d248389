"""What the stages of the HUD draw is really there, and drawn anew for every sample."""

import numpy as np
import pytest

from edge.bench.inputs_signs import FONTS
from edge.bench.stage import Bench, Variant
from edge.bench.stages_hud import SIZE, captions, overlay
from edge.hub.store import ModelStore
from edge.hud import drawing
from edge.settings import Settings

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def bench(model_folder):
    for font in FONTS:
        model_folder(font)
    return Bench(Variant("hud.captions", "-", 1), ModelStore(), Settings(), None)


def pictures(prepared):
    found = []
    for sample in prepared.samples:
        prepared.before_each()
        found.append(sample())
    return found


def test_captions_are_white_on_black_and_all_different(bench):
    found = pictures(captions(bench))
    assert len(found) == 5
    for picture in found:
        assert picture.shape == (SIZE[1], SIZE[0], 3)
        assert picture.max() == 255
        assert (picture > 128).mean() > 0.01
    assert len({picture.tobytes() for picture in found}) == 5


def test_a_sample_draws_the_new_caption_and_not_the_old_one(bench, monkeypatch):
    prepared = captions(bench)
    drawn = []
    real = drawing.draw
    monkeypatch.setattr(drawing, "draw", lambda block, fonts: drawn.append(block) or real(block, fonts))
    for _ in range(2):
        prepared.before_each()
        drawn.clear()
        prepared.samples[0]()
        assert 1 <= len(drawn) <= 2
        assert any(line.role == "translation" for block in drawn for line in block.lines)


def test_signs_are_drawn_into_the_picture(bench):
    prepared = overlay(bench)
    found = pictures(prepared)
    assert len(found) == 3
    for picture, sample in zip(found, prepared.samples, strict=True):
        plain = drawing.cover(sample.args[0], SIZE)
        changed = (np.abs(picture.astype(int) - plain) > 40).any(axis=2).mean()
        assert 0.005 < changed < 0.3


def test_signs_are_warped_anew_in_every_sample(bench, monkeypatch):
    prepared = overlay(bench)
    prepared.before_each()
    warped = []
    import cv2

    real = cv2.warpAffine, cv2.warpPerspective
    monkeypatch.setattr(cv2, "warpAffine", lambda *given, **more: warped.append(1) or real[0](*given, **more))
    monkeypatch.setattr(cv2, "warpPerspective", lambda *given, **more: warped.append(1) or real[1](*given, **more))
    for _ in range(2):
        prepared.before_each()
        warped.clear()
        prepared.samples[1]()
        assert len(warped) >= 4
