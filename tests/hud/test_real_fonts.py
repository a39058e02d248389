# ruff: noqa: RUF001 - letters of many scripts
"""The fonts of the default set: do they have the letters, and does the text engine shape them."""

import numpy as np
import pytest
from PIL import features

from edge.hud.drawing import draw
from edge.hud.fonts import Fonts
from edge.hud.layout import Block, Line

pytestmark = pytest.mark.models

IDS = ("font-noto-sans", "font-noto-sans-arabic", "font-wqy-microhei")

SAMPLES = {
    "pt": "Não há estação às três; coração, avô, Você está aí?",
    "es": "¿Dónde está el niño? ¡Aquí!",
    "de": "Straße, Übung, „schön“ – Größe",
    "pl": "Zażółć gęślą jaźń",
    "tr": "Işığı gör, şöyle ağaç",
    "vi": "Tiếng Việt rất đẹp, ở đây nhỉ",
    "ru": "Съешь ещё этих мягких французских булок",
    "el": "Πού είναι το φαρμακείο;",
    "hi": "कृपया अपना टिकट दिखाएँ",
    "ar": "أين المحطة؟ الساعة ١٠:٣٠ صباحًا، شكرًا",
    "fa": "ایستگاه کجاست؟ می\u200cخواهم بروم",
    "zh": "博物馆九点开门，请问「丝绸之路」怎么走？",
    "ja": "すみません、この電車は新宿に止まりますか。",
    "ko": "가장 가까운 지하철역이 어디에 있나요?",
}


@pytest.fixture
def fonts(model_folder):
    folders = [model_folder(name) for name in IDS]
    files = [file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in {".ttf", ".ttc"}]
    return Fonts.load(files, system=False)


def pixels(fonts, text, rtl=False):
    width = round(fonts.measure(text, 40)) + 40
    line = Line(text, 20, 60, width - 40, 40, "translation", rtl)
    return draw(Block("translation", 0, 0, width, 90, 0, (line,)), fonts).colour[..., 0]


@pytest.mark.parametrize("language", sorted(SAMPLES))
def test_every_letter_has_a_glyph(fonts, language):
    assert fonts.missing(SAMPLES[language].replace("\u200c", "")) == ""


@pytest.mark.parametrize("language", sorted(SAMPLES))
def test_text_is_drawn_where_it_was_measured(fonts, language):
    drawn = pixels(fonts, SAMPLES[language], rtl=language in {"ar", "fa"}) > 128
    columns = np.flatnonzero(drawn.any(axis=0))
    assert columns[0] >= 14
    assert columns[-1] <= drawn.shape[1] - 14
    assert columns[-1] - columns[0] > 0.9 * (drawn.shape[1] - 40)
    rows = np.flatnonzero(drawn.any(axis=1))
    assert rows[0] > 0
    assert rows[-1] < 89


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no libraqm")
def test_arabic_letters_join(fonts):
    assert fonts.measure("سلام", 40) < 0.9 * sum(fonts.measure(letter, 40) for letter in "سلام")


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no libraqm")
def test_right_to_left_text_begins_at_the_right(fonts):
    one, more = pixels(fonts, "شكر", rtl=True), pixels(fonts, "شكر لك", rtl=True)
    begin = one[:, -70:-20].astype(int)
    assert np.abs(more[:, -70:-20].astype(int) - begin).mean() < 12


def test_weights_are_medium(fonts):
    thin = Fonts([type(face)(face.path, weight=300) for face in fonts._faces])
    assert pixels(fonts, "Bom dia").sum() > 1.15 * pixels(thin, "Bom dia").sum()


def test_cyrillic_greek_and_latin_come_from_one_font(fonts):
    assert len({run.face for run in fonts.runs("abc где είναι", rtl=False)}) == 1
