"""The sign sense over fakes: who is asked, what comes out, and a real run where the models are."""

import cv2
import numpy as np
import pytest

from edge import sign_sense
from edge.errors import InferenceError, LanguageError
from edge.events import SignsMoved, SignTranslated, StageFailed
from edge.hub.store import ModelStore
from edge.media import NS_PER_S, VideoFrame
from edge.results import TextLine
from edge.settings import Settings
from edge.sign_sense import SignSense
from edge.telemetry import StageTimes

BOX = ((20.0, 20.0), (180.0, 20.0), (180.0, 60.0), (20.0, 60.0))
PICTURE = np.full((120, 240, 3), 200, np.uint8)


class FakeReader:
    """Reads the same line in every picture."""

    def __init__(self, *texts, confidence=0.95):
        self.lines = tuple(
            TextLine(tuple((x, y + 80 * row) for x, y in BOX), text, confidence) for row, text in enumerate(texts)
        )
        self.hidden = ()
        self.gone = ()
        self.asked = []
        self.failure = None

    def read(self, image, *, small=False, checkpoint=lambda: None):
        checkpoint()
        self.asked.append("small" if small else "full")
        if self.failure:
            raise self.failure
        return self.lines

    def read_closer(self, image, known, *, checkpoint=lambda: None):
        checkpoint()
        self.asked.append("closer")
        return (*known, *self.hidden)

    def read_again(self, image, known, *, checkpoint=lambda: None):
        checkpoint()
        self.asked.append("again")
        return tuple(line for line in known if line.text not in self.gone)


class FakePacks:
    """Translates between any two of its languages."""

    def __init__(self, *codes):
        self.codes = codes
        self.warm = []
        self.asked = []

    def route(self, source, target):
        if not self.connects(source, target):
            raise LanguageError(f"run: edge models pull mt-{source}-{target}")
        return ((source, target),)

    def connects(self, source, target):
        return source in self.codes and target in self.codes

    def translate(self, text, source, target):
        self.route(source, target)
        self.asked.append((text, source, target))
        return f"{target}<{text}>"

    def warm_up(self, source, target):
        self.warm.append((source, target))


class FakeStore:
    def open(self, model_id):
        return model_id


@pytest.fixture
def make(monkeypatch):
    """Function that loads a sense over a fake reader and fake packs."""

    def load(*texts, source="auto", target="pt", packs=("en", "pt"), confidence=0.95):
        reader = FakeReader(*texts, confidence=confidence)
        monkeypatch.setattr(sign_sense.TextReader, "load", lambda *arguments: reader)
        return SignSense.load(FakeStore(), Settings(), source, target, FakePacks(*packs))

    return load


def frames(count, image=PICTURE):
    return [VideoFrame(image, index * NS_PER_S // 15, index) for index in range(count)]


def test_a_picture_becomes_regions_with_translations_and_colours(make):
    ((region, text),) = make("low flying owls").read_picture(PICTURE)
    assert region.text == "low flying owls"
    assert region.paper == (200, 200, 200)
    assert (text.language, text.translation) == ("en", "pt<low flying owls>")


def test_a_sign_in_the_language_of_the_wearer_stays(make):
    sense = make("proibido pisar na grama")
    ((_, text),) = sense.read_picture(PICTURE)
    assert (text.language, text.translation) == ("pt", "proibido pisar na grama")
    assert sense.translators.asked == []


def test_a_language_without_a_pack_is_named(make):
    ((_, text),) = make("Salida de emergencia para el personal").read_picture(PICTURE)
    assert (text.language, text.translation) == ("es", None)
    assert text.missing == "run: edge models pull mt-es-pt"


def test_languages_asked_for_are_the_only_ones(make):
    sense = make("Salida de la calle", source="en")
    ((_, text),) = sense.read_picture(PICTURE)
    assert text.language in ("en", "pt")


def test_a_way_that_does_not_exist_is_refused_at_once(make):
    with pytest.raises(LanguageError, match="mt-ja-pt"):
        make("x", source="ja")
    with pytest.raises(LanguageError):
        make("x", source="nonsense")


def test_warm_up_runs_every_model(make):
    sense = make("x", source="en")
    sense.warm_up()
    assert sense.translators.warm == [("en", "pt")]
    assert len(sense.reader.asked) == 1
    sense.reader.failure = InferenceError("no")
    with pytest.raises(InferenceError, match="warm-up: no"):
        sense.warm_up()


def test_without_packs_warm_up_is_content(make):
    sense = make("x", packs=())
    sense.warm_up()
    assert sense.translators.warm == []


def test_frames_become_events(make):
    sense = make("low flying owls")
    events = list(sense.events(frames(40)))
    assert [type(event) for event in events] == [SignTranslated]
    assert events[0].translation == "pt<low flying owls>"
    assert sense.reader.asked == ["small", "closer"], "a still picture is not read again"
    assert set(sense.times.times_ms) == {"sign-motion", "text-reading", "sign-translation"}


def test_a_closer_look_finds_what_a_glance_did_not_see(make):
    sense = make("low flying owls")
    sense.reader.hidden = (TextLine(tuple((x, y + 50) for x, y in BOX), "beware of the cat", 0.99),)
    told = [event.text for event in sense.events(frames(20)) if isinstance(event, SignTranslated)]
    assert told == ["low flying owls", "beware of the cat"]


def trembling(count):
    """A street whose picture moves by two pixels now and then."""
    street = cv2.resize(np.random.default_rng(3).integers(0, 255, (24, 48, 3), np.uint8), (480, 240))
    views = [street[20:200, 20 + x : 440 + x].copy() for x in (0, 2)]
    return [VideoFrame(views[index // 4 % 2], index * NS_PER_S // 15, index) for index in range(count)]


def test_a_trembling_camera_is_no_reason_to_read_again(make):
    sense = make("low flying owls")
    events = list(sense.events(trembling(80)))
    assert [event.text for event in events if isinstance(event, SignTranslated)] == ["low flying owls"]
    assert sense.reader.asked == ["small", "closer"]


def test_doubtful_texts_alone_are_read_again_where_the_view_is_known(make):
    sense = make("low flying owls")
    sense.reader.hidden = (TextLine(tuple((x, y + 110) for x, y in BOX), "beware of the cat", 0.8),)
    told = [event.text for event in sense.events(trembling(80)) if isinstance(event, SignTranslated)]
    assert sense.reader.asked == ["small", "closer", "again"]
    assert told == ["low flying owls", "beware of the cat"]


def test_a_doubtful_text_that_is_not_read_again_is_dropped(make):
    sense = make("EXIT HERE")
    sense.reader.hidden = (TextLine(tuple((x, y + 110) for x, y in BOX), "beware of the cat", 0.8),)
    sense.reader.gone = ("beware of the cat",)
    told = [event.text for event in sense.events(trembling(80)) if isinstance(event, SignTranslated)]
    assert told == ["EXIT HERE"]
    assert "again" in sense.reader.asked


def test_speech_goes_first(make):
    calls = []
    sense = make("low flying owls")
    list(sense.events(frames(3), checkpoint=lambda: calls.append(len(sense.reader.asked))))
    assert calls[0] == 0, "asked before the first reading"
    assert len(calls) >= 2, "and before the translation"


def test_lone_letters_are_not_followed(make):
    assert list(make("m").events(frames(20))) == []


def test_scripts_of_languages_that_were_not_asked_for_are_not_followed(make):
    asked = make("EXIT HERE", "美美装", source="en")
    assert [event.text for event in asked.events(frames(8)) if isinstance(event, SignTranslated)] == ["EXIT HERE"]
    any_language = make("美美装")
    assert [event.text for event in any_language.events(frames(8)) if isinstance(event, SignTranslated)] == ["美美装"]


def test_a_reader_that_fails_is_told_once(make):
    sense = make("x")
    sense.reader.failure = InferenceError("broken")
    moving = [VideoFrame(np.roll(np.random.default_rng(1).integers(0, 255, (120, 240, 3), np.uint8), index, 1),
                         index * NS_PER_S // 15, index) for index in range(40)]  # fmt: skip
    assert [type(event) for event in sense.events(moving)] == [StageFailed]


@pytest.mark.models
def test_a_drawn_sign_is_read_followed_and_translated(model_folder):
    for model_id in ("ppocr-det-small", "ppocr-rec-small", "mt-en-pt"):
        model_folder(model_id)
    sign = np.full((360, 640, 3), 235, np.uint8)
    cv2.putText(sign, "NO PARKING", (140, 180), cv2.FONT_HERSHEY_SIMPLEX, 2, (30, 30, 30), 5, cv2.LINE_AA)
    settings = Settings()
    sense = SignSense.load(ModelStore(), settings, "en", "pt")
    sense.warm_up()
    rng = np.random.default_rng(1)
    noisy = [VideoFrame(np.clip(sign + rng.normal(0, 2, sign.shape), 0, 255).astype(np.uint8), n * NS_PER_S // 15, n)
             for n in range(30)]  # fmt: skip
    events = list(sense.events(noisy))
    assert [type(event) for event in events] == [SignTranslated]
    assert (events[0].text, events[0].translation) == ("NO PARKING", "PROIBIDO ESTACIONAR")
    assert isinstance(sense.times, StageTimes)
    assert not [event for event in events if isinstance(event, SignsMoved)]
