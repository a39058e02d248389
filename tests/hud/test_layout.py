# ruff: noqa: RUF001 - letters of many scripts
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events import (
    AudioLost,
    SceneRecognized,
    SessionStarted,
    SignTranslated,
    SourceLost,
    SpeechStarted,
    Subtitle,
)
from edge.hud.layout import SAFE, layout, metrics, splitter
from edge.hud.seen import Seen
from edge.hud.state import Caption, HudState, Notice, reduce
from edge.settings import HudSettings

SIZES = ((640, 360), (960, 540), (1280, 720))


def measure(text, size):
    """Half a square for a letter, a square for a wide one."""
    return size * sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.5 for c in text)


def shown(*captions, size=(640, 360), events=(), steady=False, **changes):
    width, height = size
    state = HudState(settings=HudSettings(width=width, height=height, **changes))
    state = reduce(state, SessionStarted(0, ("en",), "pt"), 0)
    split = splitter(size, measure, state.settings)
    for number, (source, text) in enumerate(captions, 1):
        state = reduce(state, Subtitle(0, number, source, text, "en", "pt", not steady), 0, split)
    for event in events:
        state = reduce(state, event, 0)
    return state, layout(state, size, measure)


def by_role(blocks, role):
    return [block for block in blocks if block.role == role]


def words(block):
    return [(line.role, line.text) for line in block.lines]


def test_source_stands_above_the_translation_and_is_smaller():
    _, blocks = shown(("Good morning.", "Bom dia."))
    (caption,) = by_role(blocks, "translation")
    assert words(caption) == [("source", "Good morning."), ("translation", "Bom dia.")]
    source, text = caption.lines
    assert source.size < text.size
    assert source.baseline < text.baseline - text.size * 0.9


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("both", [("source", "Good morning."), ("translation", "Bom dia.")]),
        ("translation", [("translation", "Bom dia.")]),
        ("source", [("translation", "Good morning.")]),
    ],
)
def test_show_setting(show, expected):
    _, blocks = shown(("Good morning.", "Bom dia."), show=show)
    assert words(by_role(blocks, "translation")[0]) == expected


def test_same_language_speech_is_shown_once():
    _, blocks = shown(("Bom dia.", "Bom dia."))
    assert words(by_role(blocks, "translation")[0]) == [("translation", "Bom dia.")]
    _, blocks = shown(("Good morning.", ""))
    assert words(by_role(blocks, "translation")[0]) == [("translation", "Good morning.")]


@pytest.mark.parametrize("size", SIZES)
def test_captions_are_large_enough_and_hold_some_forty_characters(size):
    m = metrics(size, HudSettings(width=size[0], height=size[1]))
    assert m.text >= size[1] / 17
    assert m.source >= 15 * size[1] / 360
    assert 40 <= m.line_width / (m.text * 0.5) <= 56


def test_newest_caption_is_at_the_bottom_and_the_older_one_above():
    _, blocks = shown(("One.", "Um."), ("Two.", "Dois."))
    newer, older = by_role(blocks, "translation")
    assert newer.lines[-1].text == "Dois."
    assert newer.y + newer.height == 360 - 18
    assert older.y + older.height < newer.y


def test_an_older_caption_keeps_its_content_when_it_moves_up():
    _, before = shown(("One.", "Um."))
    _, after = shown(("One.", "Um."), ("Two.", "Dois."))
    assert replace(by_role(before, "translation")[0], y=0) == replace(by_role(after, "translation")[1], y=0)


def test_a_long_subtitle_comes_in_parts_of_two_lines():
    text = " ".join(f"word{n}" for n in range(60))
    source = text.replace("word", "mot")
    state, blocks = shown((source, text))
    parts = [*state.captions, *state.waiting]
    assert len(parts) > 2
    assert " ".join(part.text for part in parts) == text
    assert " ".join(part.source for part in parts) == source
    for block in by_role(blocks, "translation"):
        assert 1 <= sum(line.role == "translation" for line in block.lines) <= 2
        assert not any("…" in line.text for line in block.lines)


def test_growing_text_stands_at_its_edge_and_moves_nothing():
    _, before = shown(("We would", "Nós gostaríamos"), steady=True)
    _, after = shown(("We would like", "Nós gostaríamos de reservar"), steady=True)
    (one,), (two,) = by_role(before, "translation"), by_role(after, "translation")
    assert (one.x, one.width) == (two.x, two.width)
    assert [(line.x, line.baseline) for line in one.lines] == [(line.x, line.baseline) for line in two.lines]


def test_right_to_left_lines_know_their_direction():
    state = HudState(captions=(Caption(1, 0, "Hello.", "שלום לכולם.", "en", "he", steady=True),))
    (block,) = layout(state, (640, 360), measure)
    source, text = block.lines
    assert (source.rtl, text.rtl) == (False, True)
    m = metrics((640, 360), state.settings)
    assert text.x + text.width == m.pad_x + m.line_width
    assert source.x == m.pad_x


def test_tag_listening_and_recording():
    state, blocks = shown(events=(SpeechStarted(0, 1),))
    (tag,) = by_role(blocks, "tag")
    assert words(tag) == [("tag", "EN"), ("tag", "PT")]
    assert [mark.kind for mark in tag.marks] == ["listening", "arrow"]
    assert by_role(blocks, "recording") == []
    blocks = layout(reduce(state, SessionStarted(0, (), "pt", recording=True), 0), (640, 360), measure)
    (recording,) = by_role(blocks, "recording")
    assert words(recording) == [("recording", "REC")]
    assert recording.x + recording.width == 640 - 32
    assert by_role(blocks, "tag")[0].lines[0].text == "AUTO"


def test_tag_names_the_language_heard():
    state = HudState(source_languages=("en", "es"), target_language="pt")
    assert layout(state, (640, 360), measure)[0].lines[0].text == "EN/ES"
    heard = replace(state, heard_language="es")
    assert layout(heard, (640, 360), measure)[0].lines[0].text == "ES"
    same = replace(state, heard_language="pt", source_languages=())
    assert words(layout(same, (640, 360), measure)[0]) == [("tag", "PT")]
    assert layout(HudState(), (640, 360), measure) == ()


def test_notices_stand_below_the_tag():
    _, blocks = shown(("Hi.", "Oi."), events=(SourceLost(0, "microphone", "Microphone unplugged"), AudioLost(0, 2)))
    first, second = by_role(blocks, "notice")
    (tag,) = by_role(blocks, "tag")
    assert tag.y + tag.height < first.y < second.y < by_role(blocks, "translation")[0].y
    assert words(first) == [("notice", "Microphone unplugged")]


def test_long_notice_is_shortened():
    _, blocks = shown(events=(SourceLost(0, "microphone", "x" * 400),))
    (notice,) = by_role(blocks, "notice")
    assert notice.lines[0].text.endswith("…")


def test_text_scale_enlarges_but_two_captions_still_fit():
    normal = metrics((640, 360), HudSettings())
    large = metrics((640, 360), HudSettings(text_scale=1.2))
    huge = metrics((640, 360), HudSettings(text_scale=4))
    assert normal.text < large.text <= huge.text
    text = "word " * 14
    for scale in (1, 2, 4):
        state, blocks = shown((text, text), (text, text), text_scale=scale)
        assert len(by_role(blocks, "translation")) == len(state.captions) == 2


def scene(name="caneca"):
    return SceneRecognized(0, "mug", name, 0.9, "pt")


def sign(region, translation, text="EXIT"):
    box = ((0.0, 0.0), (50.0, 0.0), (50.0, 20.0), (0.0, 20.0))
    return SignTranslated(0, region, box, text, translation, "en", "pt")


def test_the_scene_stands_at_the_right_end_of_the_top_row():
    _, blocks = shown(events=[scene()])
    (chip,) = by_role(blocks, "scene")
    assert words(chip) == [("scene", "caneca")]
    assert chip.marks[0].kind == "scene"
    assert chip.x + chip.width == 640 - 32
    assert chip.y == by_role(blocks, "tag")[0].y


def test_the_scene_gives_way_to_the_recording_mark_and_moves_nothing():
    state, before = shown()
    state = replace(state, recording=True)
    blocks = layout(replace(state, seen=Seen(scene="caneca")), (640, 360), measure)
    (chip,), (mark,) = by_role(blocks, "scene"), by_role(blocks, "recording")
    assert chip.x + chip.width < mark.x
    assert by_role(blocks, "tag") == by_role(before, "tag")
    assert [b for b in blocks if b.role != "scene"] == list(layout(state, (640, 360), measure))


def test_a_long_name_is_shortened():
    _, blocks = shown(events=[scene("nome " * 40)])
    assert by_role(blocks, "scene")[0].lines[0].text.endswith("…")


def test_signs_are_listed_only_where_nothing_is_drawn_over_black():
    told = [sign(1, "SAÍDA"), sign(2, None), sign(3, "EXIT")]
    _, blocks = shown(events=told, overlay="off", backdrop="black")
    assert [words(b) for b in by_role(blocks, "notice")] == [[("notice", "SAÍDA")]]
    for changes in ({}, {"overlay": "off"}, {"backdrop": "black"}):
        assert by_role(shown(events=told, **changes)[1], "notice") == []
    _, blocks = shown(events=told, overlay="off", backdrop="black", sign_source=True)
    assert words(by_role(blocks, "notice")[0]) == [("notice", "EXIT → SAÍDA")]


def assert_inside(blocks, size):
    width, height = size
    for block in blocks:
        assert block.x >= width * SAFE
        assert block.y >= height * SAFE
        assert block.x + block.width <= width * (1 - SAFE)
        assert block.y + block.height <= height * (1 - SAFE)
        for line in block.lines:
            assert line.x >= 0
            assert line.x + line.width <= block.width
            assert 0 < line.baseline <= block.height
        for mark in block.marks:
            assert 0 <= mark.x < mark.x + mark.width <= block.width
            assert 0 <= mark.y < mark.y + mark.height <= block.height


def assert_apart(blocks):
    for n, one in enumerate(blocks):
        for other in blocks[n + 1 :]:
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            above = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert beside or above


texts = st.one_of(st.text(max_size=200), st.text("abcdé ,.?你好，。שלום مرحبا", max_size=300))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(texts, texts), max_size=3),
    st.tuples(st.integers(160, 1920), st.integers(90, 1080)),
    st.sampled_from(["both", "translation", "source"]),
    st.floats(0.4, 4),
    st.integers(1, 4),
    st.lists(texts, max_size=3),
    st.tuples(st.booleans(), st.booleans()),
)
def test_nothing_ever_leaves_the_safe_area(captions, size, show, scale, lines, notices, how):
    steady, cut = how
    state = HudState(
        settings=HudSettings(show=show, text_scale=scale, max_lines=lines),
        source_languages=("en", "pt", "zh"),
        target_language="pt",
        recording=True,
        listening=(1,),
        notices=tuple(Notice(str(n), text, None) for n, text in enumerate(notices)),
        seen=Seen(scene="".join(notices)[:90]),
    )
    split = splitter(size, measure, state.settings) if cut else (lambda s, t, *_: [(s, t)])
    for number, (source, text) in enumerate(captions, 1):
        state = reduce(state, Subtitle(0, number, source, text, "en", "pt", not steady), 0, split)
    blocks = layout(state, size, measure)
    assert_inside(blocks, size)
    assert_apart(blocks)
    assert blocks == layout(state, size, measure)
