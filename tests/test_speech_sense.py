"""The speech sense over fakes: who is asked, in which language, and what happens when one of them fails."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge import speech_sense, translators
from edge.errors import InferenceError, LanguageError, ModelNotFoundError
from edge.events import SpeechRejected, SpeechStarted, StageFailed, Subtitle
from edge.media import NS_PER_S, AudioChunk
from edge.results import Segment, Transcription, Translation
from edge.settings import Settings
from edge.speech_sense import SpeechSense
from edge.translators import Translators

SEGMENT = Segment(np.zeros(16000, np.float32), 16000, 1, 0, NS_PER_S, 0.8)


class FakeDetector:
    """Speech is what is loud."""

    def __init__(self):
        self.runs = self.resets = 0

    def detect(self, samples):
        self.runs += 1
        return float(np.abs(samples).max() > 0.1)

    def reset(self):
        self.resets += 1


class FakeRecognizer:
    """Hears `text` in `language`, and translates it into `english`; notes how it was asked."""

    def __init__(self, text="olá", language="pt", english="hello", *, rejected=None, can_translate=True):
        self.heard = {
            "transcribe": Transcription(text, language),
            "translate": Transcription("" if rejected else english, language, rejected=rejected),
        }
        self.can_translate = can_translate
        self.asked = []
        self.warm = self.resets = 0

    def transcribe(self, samples, languages, task):
        self.asked.append((languages, task))
        return self.heard[task]

    def check(self, languages, task="transcribe"):
        pass

    def warm_up(self):
        self.warm += 1

    def reset(self):
        self.resets += 1


class FakePack:
    """Writes its direction around what it reads."""

    failure = None

    def __init__(self, model_id):
        self._id = model_id

    def translate(self, text):
        if self.failure:
            raise self.failure
        return f"{self._id}({text})"


class FakeStore:
    """Packs of these directions and the speech models; notes what was opened."""

    def __init__(self, *directions):
        self._models = {
            f"mt-{source}-{target}": SimpleNamespace(
                id=f"mt-{source}-{target}", task="translation", source=source, target=target
            )
            for source, target in directions
        }
        self.catalogue = SimpleNamespace(models=tuple(self._models.values()))
        self.opened = []
        self.missing = set()

    def installed(self):
        return tuple(self._models)

    def resolve(self, model_id):
        return self._models.get(model_id)

    def open(self, model_id):
        if model_id in self.missing:
            raise ModelNotFoundError(model_id)
        self.opened.append(model_id)
        return model_id


@pytest.fixture
def load(monkeypatch):
    """Function that loads a sense over fakes: packs, `source`, `target`, recogniser."""
    monkeypatch.setattr(translators.Translator, "load", lambda folder, *_: FakePack(folder))
    monkeypatch.setattr(speech_sense.VoiceActivityDetector, "load", lambda *_: FakeDetector())

    def make(source, target, *directions, recognizer=None, store=None, settings=None):
        monkeypatch.setattr(speech_sense.SpeechRecognizer, "load", lambda *_: recognizer or FakeRecognizer())
        return SpeechSense.load(store or FakeStore(*directions), settings or Settings(), source, target)

    return make


class TestLoading:
    def test_languages_are_normalised(self, load):
        sense = load("PT-br,en", "English", ("pt", "en"))
        assert (sense.languages, sense.target) == (("pt", "en"), "en")
        assert load("auto", "en").languages is None

    @pytest.mark.parametrize(("source", "target"), [("xx", "pt"), ("en", "xx"), ("en,xx", "pt"), ("", "pt")])
    def test_unknown_languages_before_any_model_is_opened(self, load, source, target):
        store = FakeStore(("en", "pt"))
        with pytest.raises(LanguageError):
            load(source, target, store=store)
        assert store.opened == []

    def test_the_model_of_the_settings_is_opened(self, load):
        store = FakeStore()
        load("en", "en", store=store, settings=Settings(recognition={"model": "whisper-tiny.en"}))
        assert store.opened == ["silero-vad", "whisper-tiny.en"]

    @pytest.mark.parametrize("model_id", ["silero-vad", "whisper-base"])
    def test_a_missing_model_is_told(self, load, model_id):
        store = FakeStore(("en", "pt"))
        store.missing = {model_id}
        with pytest.raises(ModelNotFoundError, match=f"edge models pull {model_id}"):
            load("en", "pt", store=store)

    def test_a_language_out_of_reach_is_told_before_the_session(self, load):
        with pytest.raises(LanguageError, match="edge models pull mt-en-pt"):
            load("en", "pt")
        with pytest.raises(LanguageError, match="edge models pull"):
            load("en,zh", "pt", ("en", "pt"), recognizer=FakeRecognizer(can_translate=False))

    def test_whisper_reaches_what_packs_do_not(self, load):
        assert load("en,zh", "pt", ("en", "pt")).languages == ("en", "zh")
        assert load("zh", "en").languages == ("zh",)


class TestTranslating:
    def translate(self, sense, language):
        return sense.translate(SEGMENT, Transcription("said", language))

    def test_by_one_pack(self, load):
        recognizer = FakeRecognizer()
        sense = load("en", "pt", ("en", "pt"), recognizer=recognizer)
        assert self.translate(sense, "en") == Translation("mt-en-pt(said)", "en", "pt")
        assert recognizer.asked == []

    def test_by_two_packs_through_english(self, load):
        recognizer = FakeRecognizer()
        sense = load("es", "pt", ("es", "en"), ("en", "pt"), recognizer=recognizer)
        assert self.translate(sense, "es") == Translation("mt-en-pt(mt-es-en(said))", "es", "pt")
        assert recognizer.asked == []

    def test_by_whisper_into_english_and_a_pack(self, load):
        recognizer = FakeRecognizer(english="hello")
        sense = load("zh", "pt", ("en", "pt"), recognizer=recognizer)
        assert self.translate(sense, "zh") == Translation("mt-en-pt(hello)", "zh", "pt")
        assert recognizer.asked == [(("zh",), "translate")]

    def test_by_whisper_alone(self, load):
        sense = load("zh", "en", recognizer=FakeRecognizer(english="hello"))
        assert self.translate(sense, "zh") == Translation("hello", "zh", "en")

    def test_the_same_language_passes_through(self, load):
        recognizer = FakeRecognizer()
        assert self.translate(load("auto", "pt", ("en", "pt"), recognizer=recognizer), "pt") == Translation(
            "said", "pt", "pt"
        )
        assert recognizer.asked == []

    def test_english_that_a_guard_withheld_is_a_failure_not_a_caption(self, load):
        sense = load("zh", "pt", ("en", "pt"), recognizer=FakeRecognizer(rejected="repetition"))
        with pytest.raises(InferenceError, match=r"withheld \(repetition\)"):
            self.translate(sense, "zh")

    def test_a_language_that_turned_up_and_leads_nowhere(self, load):
        sense = load("auto", "pt", ("en", "pt"), recognizer=FakeRecognizer(can_translate=False))
        with pytest.raises(LanguageError, match="edge models pull mt-zh-en"):
            self.translate(sense, "zh")


class TestWarmUp:
    def test_everything_that_the_languages_need_runs_once(self, load):
        store, recognizer = FakeStore(("en", "pt"), ("es", "en"), ("en", "fr")), FakeRecognizer()
        sense = load("es,zh", "pt", store=store, recognizer=recognizer)
        store.opened.clear()
        sense.warm_up()
        assert (sense.detector.runs, recognizer.warm) == (1, 1)
        assert sense.detector.resets == 1, "it must not remember the warm-up"
        assert store.opened == ["mt-es-en", "mt-en-pt"]

    def test_any_language_warms_the_way_from_english(self, load):
        store = FakeStore(("en", "pt"))
        sense = load("auto", "pt", store=store)
        sense.warm_up()
        assert "mt-en-pt" in store.opened

    def test_a_failing_pack_keeps_the_session_from_starting(self, load, monkeypatch):
        monkeypatch.setattr(FakePack, "failure", InferenceError("model.onnx failed; run: edge doctor"))
        with pytest.raises(InferenceError, match=r"^warm-up: model\.onnx failed; run: edge doctor$"):
            load("en", "pt", ("en", "pt")).warm_up()

    @pytest.mark.parametrize("part", ["recognizer", "detector"])
    def test_a_failing_speech_model_too(self, load, monkeypatch, part):
        def fail(*_):
            raise InferenceError(f"the {part} failed")

        sense = load("en", "pt", ("en", "pt"))
        monkeypatch.setattr(getattr(sense, part), {"recognizer": "warm_up", "detector": "detect"}[part], fail)
        with pytest.raises(InferenceError, match=f"warm-up: the {part} failed"):
            sense.warm_up()


def speech(seconds=2.0, rate=16000):
    """A second of silence, `seconds` of tone, two seconds of silence, in blocks of 32 ms."""
    tone = 0.5 * np.sin(np.arange(int(seconds * rate)) * 0.3)
    samples = np.concatenate([np.zeros(rate), tone, np.zeros(2 * rate)]).astype(np.float32)
    size = rate * 32 // 1000
    for at in range(0, len(samples), size):
        yield AudioChunk(samples[at : at + size], rate, at * NS_PER_S // rate)


class TestCaptions:
    def test_sound_in_captions_out(self, load):
        sense = load("en", "pt", ("en", "pt"), recognizer=FakeRecognizer("good morning", "en"))
        events = list(sense.captions(speech()))
        assert [type(event).__name__ for event in events] == ["SpeechStarted", "SpeechEnded", "Subtitle"]
        subtitle = events[-1]
        assert (subtitle.source, subtitle.text) == ("good morning", "mt-en-pt(good morning)")
        assert subtitle.captured_ns == pytest.approx(3 * NS_PER_S, abs=NS_PER_S // 10)

    def test_any_sample_rate(self, load):
        for rate in (8000, 44100, 48000):
            sense = load("en", "en", recognizer=FakeRecognizer("good morning", "en"))
            events = list(sense.captions(speech(rate=rate)))
            assert [type(event) for event in events if not isinstance(event, SpeechStarted)][1] is Subtitle

    def test_the_languages_of_the_wearer_are_asked_for(self, load):
        recognizer = FakeRecognizer("good morning", "en")
        list(load("en,pt", "en", ("pt", "en"), recognizer=recognizer).captions(speech()))
        list(load("auto", "en", recognizer=recognizer).captions(speech()))
        assert recognizer.asked == [(("en", "pt"), "transcribe"), (None, "transcribe")]

    def test_withheld_text_is_told_as_such(self, load):
        recognizer = FakeRecognizer()
        recognizer.heard["transcribe"] = Transcription("", "en", rejected="silence")
        events = list(load("en", "en", recognizer=recognizer).captions(speech()))
        assert isinstance(events[-1], SpeechRejected)
        assert events[-1].reason == "silence"

    def test_a_failing_translation_is_told_and_the_next_utterance_goes_on(self, load, monkeypatch):
        sense = load("en", "pt", ("en", "pt"), recognizer=FakeRecognizer("good morning", "en"))
        heard = []

        def two():
            for part in (0, 1):
                monkeypatch.setattr(FakePack, "failure", None if part else InferenceError("out of memory"))
                for chunk in speech():
                    heard.append(chunk)
                    yield AudioChunk(chunk.samples, chunk.sample_rate, chunk.captured_ns + part * 5 * NS_PER_S)

        last = [event for event in sense.captions(two()) if isinstance(event, Subtitle | StageFailed)]
        assert [type(event) for event in last] == [StageFailed, Subtitle]
        assert (last[0].stage, last[0].message) == ("translation", "out of memory")
        assert last[1].utterance == 2

    def test_each_recording_begins_without_the_language_of_the_one_before(self, load):
        recognizer = FakeRecognizer("good morning", "en")
        sense = load("auto", "en", recognizer=recognizer)
        for recordings in (1, 2):
            list(sense.captions(speech()))
            assert recognizer.resets == recordings

    def test_stages_are_timed(self, load):
        sense = load("en", "pt", ("en", "pt"), recognizer=FakeRecognizer("good morning", "en"))
        list(sense.captions(speech()))
        runs = {stage: timed["runs"] for stage, timed in sense.times.summary().items()}
        assert runs["speech-recognition"] == runs["translation"] == 1
        assert runs["voice-activity"] > 100


def test_translators_are_the_ones_of_the_store(load):
    assert isinstance(load("en", "en").translators, Translators)
