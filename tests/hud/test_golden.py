"""Pictures of the HUD as it was when somebody looked at it and found it good, drawn with Pillow's own font.

Fonts and smoothing differ a little between versions of FreeType: a small tolerance. After a wanted change, run
this file as a program to draw them anew, and look at them.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge.events import (
    AudioLost,
    ObjectsDetected,
    SceneRecognized,
    SeenObject,
    SenseChanged,
    SessionStarted,
    SignTranslated,
    SpeechStarted,
    Subtitle,
)
from edge.hud.drawing import Painter
from edge.hud.fonts import Fonts
from edge.hud.layout import layout, splitter
from edge.hud.object_boxes import place_objects
from edge.hud.overlay import Overlay
from edge.hud.state import HudState, reduce
from edge.settings import HudSettings

GOLDEN = Path(__file__).parent / "golden"
SIZE = (480, 270)

UPRIGHT = ((30.0, 60.0), (190.0, 60.0), (190.0, 96.0), (30.0, 96.0))
SLANTED = ((250.0, 70.0), (430.0, 90.0), (424.0, 150.0), (256.0, 118.0))


SAMPLES = {
    "captions": (
        SessionStarted(0, ("en",), "pt", recording=True),
        Subtitle(0, 1, "Good morning, where is the station?", "Bom dia, onde fica o metro?", "en", "pt"),
        Subtitle(0, 2, "It is the second street on the left, behind the old museum.",
                 "Fica na segunda rua, do lado esquerdo, logo depois do museu velho.", "en", "pt"),
        SpeechStarted(0, 3),
    ),
    "partial": (
        SessionStarted(0, (), "fr"),
        Subtitle(0, 1, "We would like to reserve", "Nous voudrions", "en", "fr", is_final=False),
        AudioLost(0, 2.4),
    ),
    "signs": (
        SessionStarted(0, ("en",), "pt"),
        SceneRecognized(0, "coffee_mug", "caneca", 0.9, "pt"),
        SenseChanged(0, "scene", "slow", "lag"),
        SignTranslated(0, 1, UPRIGHT, "EXIT", "SAIDA", "en", "pt", (UPRIGHT,), (255, 255, 255), (60, 120, 20)),
        SignTranslated(0, 2, SLANTED, "Mind the step", "Cuidado com o degrau", "en", "pt", (SLANTED,),
                       (120, 120, 120), (150, 170, 160)),
        Subtitle(0, 1, "The exit is over there.", "A saida fica ali.", "en", "pt"),
    ),
    "objects": (
        SessionStarted(0, ("en",), "pt", recording=True),
        ObjectsDetected(0, (
            SeenObject(1, "person", "pessoa", 0.97, (20.0, 20.0, 190.0, 265.0)),
            SeenObject(2, "cup", "xicara", 0.91, (230.0, 130.0, 280.0, 190.0)),
            SeenObject(3, "laptop", "computador portatil", 0.84, (262.0, 96.0, 440.0, 230.0)),
            SeenObject(4, "book", "livro", 0.71, (380.0, 4.0, 478.0, 40.0)),
        ), "pt"),
        Subtitle(0, 1, "Put it there.", "Ponha ali.", "en", "pt"),
    ),
}  # fmt: skip


def drawn(name):
    fonts = Fonts.load(system=False)
    settings = HudSettings(width=SIZE[0], height=SIZE[1])
    state, split = HudState(settings=settings), splitter(SIZE, fonts.measure, settings)
    for event in SAMPLES[name]:
        state = reduce(state, event, 0, split)
    across = np.repeat(np.linspace(40, 230, 6).astype(np.uint8), SIZE[0] // 6)
    backdrop = np.ascontiguousarray(np.repeat(np.repeat(across[None, :, None], SIZE[1], axis=0), 3, axis=2))
    signs = [Overlay(sign, box) for sign, box in state.seen.in_sight]
    for sign in signs:
        corners = np.array(sign.box)
        board = corners.mean(axis=0) + (corners - corners.mean(axis=0)) * (1.15, 1.5)
        cv2.fillConvexPoly(backdrop, np.round(board).astype(np.int32), sign.sign.paper)
    blocks = layout(state, SIZE, fonts.measure)
    outlines, names = place_objects(state.seen.objects, SIZE, SIZE, blocks, fonts.measure, settings)
    return Painter(SIZE, fonts).paint([*blocks, *names], backdrop, signs, outlines=outlines)[..., ::-1]


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_picture_is_as_it_was(name):
    with Image.open(GOLDEN / f"{name}.png") as image:
        wanted = np.asarray(image.convert("RGB"))
    apart = difference(drawn(name), wanted)
    assert apart.mean() < 1.0
    assert (apart.max(axis=2) > 64).mean() < 0.005


def test_the_tolerance_would_notice_a_moved_caption():
    picture = drawn("captions")
    apart = difference(picture, np.roll(picture, 2, axis=0))
    assert apart.mean() > 1.0 or (apart.max(axis=2) > 64).mean() > 0.005


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for sample in SAMPLES:
        Image.fromarray(np.ascontiguousarray(drawn(sample))).save(GOLDEN / f"{sample}.png", optimize=True)
