# ruff: noqa: E501, RUF001 - sample sentences in many scripts
"""Draw the HUD with sample captions in many scripts, sizes and over many backdrops, to look at.

    python scripts/hud_gallery.py FOLDER [--font FILE]...

Fonts are those given, then those of the system. Writes one PNG for each sample and size, and a sheet of all.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from edge.events import AudioLost, Event, SessionStarted, SourceLost, SpeechStarted, Subtitle
from edge.hud.drawing import Painter
from edge.hud.fonts import Fonts
from edge.hud.layout import layout, splitter
from edge.hud.state import HudState, reduce
from edge.media import NS_PER_S, Image
from edge.settings import HudSettings

SIZES = ((640, 360), (960, 540), (1280, 720))
COLUMNS = 3


@dataclass(frozen=True)
class Sample:
    """What is said in one picture. `captions` are (source, translation)."""

    name: str
    source: str
    target: str
    captions: tuple[tuple[str, str], ...]
    backdrop: str
    events: tuple[Event, ...] = ()
    recording: bool = False
    partial: bool = False


SAMPLES = (
    Sample(
        "en-pt",
        "en",
        "pt",
        (
            ("It was the best of times, it was the worst of times,", "Foi o melhor dos tempos, foi o pior dos tempos,"),
            (
                "it was the age of wisdom, it was the age of foolishness, it was the epoch of belief.",
                "foi a idade da sabedoria, foi a idade da insensatez, foi a época da crença.",
            ),
        ),
        "busy",
        (SpeechStarted(0, 9),),
        recording=True,
    ),
    Sample("en-pt-short", "en", "pt", (("Good morning!", "Bom dia!"), ("Where is the station?", "Onde fica a estação?")), "bright"),
    Sample(
        "zh-pt",
        "zh",
        "pt",
        (("请问去火车站怎么走？我的车九点半出发，时间不多了。", "Com licença, como chego à estação de trem? O meu parte às nove e meia, não há muito tempo."),),
        "bright",
    ),
    Sample(
        "en-zh",
        "en",
        "zh",
        (("The museum opens at nine, but the exhibition on the second floor is closed until the end of the month.", "博物馆九点开门，但是二楼的展览（包括「丝绸之路」专题展）要关闭到月底，请您到一楼服务台咨询。"),),
        "dark",
    ),
    Sample("en-ar", "en", "ar", (("Your appointment is on 12 March at 10:30 in building B-7.", "موعدك يوم 12 مارس الساعة 10:30 في المبنى B-7، ويرجى إحضار جواز السفر معك."),), "busy"),
    Sample("ja-en", "ja", "en", (("すみません、この電車は新宿に止まりますか。それとも、次の駅で乗り換えなければなりませんか？", "Excuse me, does this train stop at Shinjuku? Or do I have to change at the next station?"),), "bright"),
    Sample("en-ja", "en", "ja", (("Please wait on the platform behind the yellow line.", "黄色い線の内側でお待ちください。まもなく、電車が参ります。"),), "busy"),
    Sample("en-he", "en", "he", (("The bus to Tel Aviv leaves from stop 405 at 14:20.", "האוטובוס לתל אביב (קו 405) יוצא מהתחנה ב-14:20, נא להגיע 10 דקות לפני."),), "bright"),
    Sample("en-de", "en", "de", (("The Danube steamship company's captain needs motor vehicle liability insurance.", "Der Donaudampfschifffahrtsgesellschaftskapitän braucht eine Kraftfahrzeughaftpflichtversicherung."),), "dark"),
    Sample("en-ru", "en", "ru", (("Could you speak a little more slowly, please? I am still learning.", "Не могли бы вы говорить немного помедленнее, пожалуйста? Я ещё только учусь."),), "busy"),
    Sample("ko-en", "ko", "en", (("실례합니다, 가장 가까운 지하철역이 어디에 있나요?", "Excuse me, where is the nearest subway station?"),), "bright"),
    Sample("en-hi", "en", "hi", (("Please show your ticket before you board the train.", "कृपया ट्रेन में चढ़ने से पहले अपना टिकट दिखाएँ।"),), "dark"),
    Sample("en-th", "en", "th", (("Please show your ticket before you board the train.", "กรุณาแสดงตั๋วของคุณก่อนขึ้นรถไฟ และรอที่ชานชาลาหมายเลขสามจนกว่าเจ้าหน้าที่จะเรียก"),), "dark"),
    Sample("el-en", "el", "en", (("Πού είναι το πλησιέστερο φαρμακείο;", "Where is the nearest pharmacy?"),), "busy"),
    Sample("same", "pt", "pt", (("Já é tarde, vamos embora.", "Já é tarde, vamos embora."),), "bright"),
    Sample(
        "notices",
        "en",
        "es",
        (("We are now approaching the old town.", "Nos estamos acercando al casco antiguo."),),
        "busy",
        (SourceLost(0, "microphone", "Microphone unplugged: waiting for it to come back"), AudioLost(0, 2.4), SpeechStarted(0, 9)),
        recording=True,
    ),
    Sample("partial", "en", "fr", (("We would like to reserve a table for", "Nous aimerions réserver une table pour"),), "black", (SpeechStarted(0, 1),), partial=True),
)  # fmt: skip


def backdrop(kind: str, size: tuple[int, int]) -> Image | None:
    """A generated picture: uint8 [height, width, 3] BGR; None for black."""
    width, height = size
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    if kind == "black":
        return None
    if kind == "dark":
        light = 0.10 + 0.16 * np.exp(-((across - 0.7) ** 2 + (down - 0.35) ** 2) * 9)
        return _colour(light, (1.25, 0.95, 0.8))
    if kind == "bright":
        light = 0.88 + 0.12 * (1 - down) - 0.05 * np.sin(across * 9) * down
        return _colour(light, (1.02, 1.0, 0.97))
    rng = np.random.default_rng(7)
    cells = rng.uniform(0.1, 1.0, (9, 16, 3))
    blocks = np.asarray(Pillow.fromarray((cells * 255).astype(np.uint8)).resize(size, Pillow.Resampling.NEAREST))
    stripes = 0.75 + 0.25 * np.sign(np.sin(across * 160) * np.sin(down * 90))
    return np.asarray(np.clip(blocks * stripes[..., None], 0, 255), np.uint8)


def _colour(light: np.ndarray, tint: tuple[float, float, float]) -> Image:
    return np.asarray(np.clip(light[..., None] * np.asarray(tint) * 255, 0, 255), np.uint8)


def picture(sample: Sample, size: tuple[int, int], fonts: Fonts) -> Image:
    """One sample at one size: uint8 [height, width, 3] BGR."""
    settings = HudSettings(width=size[0], height=size[1])
    state = HudState(settings=settings)
    split = splitter(size, fonts.measure, settings)
    events: list[Event] = [SessionStarted(0, (sample.source,), sample.target, sample.recording)]
    for number, (source, text) in enumerate(sample.captions, 1):
        events.append(Subtitle(0, number, source, text, sample.source, sample.target, not sample.partial))
    for event in (*events, *sample.events):
        state = reduce(state, event, NS_PER_S, split)
    return Painter(size, fonts).paint(layout(state, size, fonts.measure), backdrop(sample.backdrop, size))


def main() -> None:
    """Draw everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--font", type=Path, action="append", default=[])
    parser.add_argument("--no-system-fonts", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    fonts = Fonts.load(given.font, system=not given.no_system_fonts)
    for size in SIZES:
        pictures = [picture(sample, size, fonts) for sample in SAMPLES]
        for sample, image in zip(SAMPLES, pictures, strict=True):
            Pillow.fromarray(image[..., ::-1]).save(given.folder / f"{sample.name}-{size[1]}.png")
        pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % COLUMNS)
        rows = [np.hstack(pictures[n : n + COLUMNS]) for n in range(0, len(pictures), COLUMNS)]
        Pillow.fromarray(np.vstack(rows)[..., ::-1]).save(given.folder / f"sheet-{size[1]}.png")
    everything = "".join(source + text for sample in SAMPLES for source, text in sample.captions)
    print(
        f"{len(SAMPLES) * len(SIZES)} pictures in {given.folder}; characters without a font: {fonts.missing(everything) or 'none'}"
    )


if __name__ == "__main__":
    main()
