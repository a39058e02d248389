"""The recogniser over a scripted model, over tiny real graphs, and over real models."""

import ct2_files
import numpy as np
import pytest

from edge.errors import LanguageError, ModelCorruptError, ModelNotFoundError
from edge.hub.recipes.whisper import build
from edge.inference.sessions import SessionFactory
from edge.perception.mel import SAMPLE_RATE
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.whisper_model import Context, WhisperConfiguration, fit_mel
from edge.settings import RecognitionSettings

END = ct2_files.special("endoftext")
START = ct2_files.special("startoftranscript")
LANGUAGES = {code: ct2_files.special(code) for code in ("en", "pt", "zh")}
TASKS = {name: ct2_files.special(name) for name in ("transcribe", "translate")}


def configuration(**changes):
    tokens = {
        **TASKS,
        "start": START,
        "end": END,
        "no_timestamps": ct2_files.special("notimestamps"),
        "previous": ct2_files.special("startofprev"),
        "no_speech": ct2_files.special("nocaptions"),
        "timestamps": ct2_files.ROWS - 1501,
    }
    values = {
        "family": "whisper",
        "precision": "int8",
        "layers": 1,
        "heads": 1,
        "width": 4,
        "vocabulary": ct2_files.ROWS,
        "mels": 80,
        "audio_positions": 1500,
        "text_positions": 448,
        "multilingual": True,
        "languages": LANGUAGES,
        "tokens": tokens,
        "suppress": (),
        "suppress_first": (END,),
    }
    return WhisperConfiguration.model_validate({**values, **changes})


class Model:
    """Plays one text, a byte a token; remembers what it was asked. Its past is the tokens so far."""

    def __init__(self, text="hello there", sure=0.9, languages=None, no_speech=0.01, **changes):
        self.configuration = configuration(**changes)
        self.said = text.encode()
        self.sure = sure
        self.languages = languages or {"en": 0.9, "pt": 0.1}
        self.no_speech = no_speech
        self.frames = []
        self.prompts = []
        self.batches = []
        self.positions = []

    def encode(self, mel):
        self.frames.append(mel.shape[1])
        count = mel.shape[1] // 2
        key, value = np.zeros((1, 1, 4, count), np.float32), np.zeros((1, 1, count, 4), np.float32)
        return Context((key, value), np.zeros(count, np.float32))

    def empty_past(self):
        return (np.zeros((1, 0), np.int64),)

    def step(self, tokens, past, context):
        self.positions.append(len(context.bias))
        self.batches.append(len(tokens))
        texts = np.concatenate([past[0], tokens], axis=1)
        if tokens.shape[1] > 1:
            self.prompts.append(tuple(tokens[0].tolist()))
        return np.stack([self.logits(row.tolist()) for row in texts]), (texts,)

    def logits(self, tokens):
        shares = np.full(ct2_files.ROWS, 1e-7)
        if tokens == [START]:
            for code, share in self.languages.items():
                shares[LANGUAGES[code]] = share * (1 - self.no_speech)
            shares[self.configuration.tokens.no_speech] = self.no_speech
        else:
            at = sum(token < 256 for token in tokens)
            following = self.said[at] if at < len(self.said) else END
            shares[following] = self.sure
            shares[ord("~")] = shares[ord("^")] = (1 - self.sure) / 2
        return np.log(shares / shares.sum()).astype(np.float32)


class Bytes:
    """A tokenizer of one byte a token."""

    def decode(self, ids):
        return bytes(token for token in ids if token < 256).decode(errors="replace")


def recognizer(model=None, **settings):
    return SpeechRecognizer(model or Model(), Bytes(), RecognitionSettings(**settings))


def speech(seconds):
    """Noise with pauses, which is all the recogniser itself looks at."""
    rng = np.random.default_rng(0)
    envelope = np.where(np.arange(int(seconds * SAMPLE_RATE)) // 4000 % 2, 1.0, 0.02)
    return (0.1 * rng.standard_normal(len(envelope)) * envelope).astype(np.float32)


def test_text_is_what_the_model_says():
    found = recognizer(Model("  What's the weather like? ")).transcribe(speech(2), ["en"])
    assert found.text == "What's the weather like?"
    assert (found.language, found.language_probability, found.rejected) == ("en", 1.0, None)
    assert found.log_probability == pytest.approx(np.log(0.9), abs=0.01)
    assert found.tokens == len("  What's the weather like? ")


@pytest.mark.parametrize("text", ["a", "one two three", "the last word"])
def test_the_last_word_is_kept(text):
    for sure in (0.99, 0.7):
        assert recognizer(Model(text, sure)).transcribe(speech(2), ["en"]).text == text


def test_prompt_says_language_and_task():
    model = Model()
    recognizer(model).transcribe(speech(1), ["pt"], "translate")
    recognizer(model).transcribe(speech(1), ["en"])
    last = ct2_files.special("notimestamps")
    assert model.prompts == [
        (LANGUAGES["pt"], TASKS["transcribe"], last),  # whether anybody speaks is judged by the transcription
        (LANGUAGES["pt"], TASKS["translate"], last),
        (LANGUAGES["en"], TASKS["transcribe"], last),
    ]


def test_an_utterance_is_encoded_once_for_transcription_and_translation():
    model, sound = Model(), speech(1)
    hears = recognizer(model)
    assert hears.transcribe(sound, ["en", "pt"]).language == "en"
    hears.transcribe(sound, ["en"], "translate")
    assert len(model.frames) == 2  # the sound, and silence
    assert [prompt[1] for prompt in model.prompts] == [TASKS["transcribe"], TASKS["translate"]]
    hears.transcribe(sound, ["en"])
    assert len(model.frames) == 3


def test_a_translation_may_be_less_sure_than_a_transcription():
    class Unsure(Model):
        def logits(self, tokens):
            self.sure = 0.4 if TASKS["translate"] in tokens else 0.9
            return super().logits(tokens)

    assert recognizer(Unsure(), beam=1).transcribe(speech(2), ["pt"], "translate").text == "hello there"


def test_what_is_no_speech_is_not_translated():
    class Unsure(Model):
        def logits(self, tokens):
            self.sure = 0.9 if TASKS["translate"] in tokens else 0.4
            return super().logits(tokens)

    model = Unsure()
    assert recognizer(model, beam=1).transcribe(speech(2), ["pt"], "translate").rejected == "log_probability"
    assert len(model.prompts) == 1


def test_language_is_decided_among_the_allowed():
    model = Model(languages={"en": 0.2, "pt": 0.1, "zh": 0.7})
    assert recognizer(model).transcribe(speech(3), None).language == "zh"
    found = recognizer(model).transcribe(speech(3), ["en", "pt"])
    assert found.language == "en"
    assert found.language_probability == pytest.approx(2 / 3, abs=1e-3)


def test_language_has_hysteresis_until_reset():
    model = Model(languages={"en": 0.9, "pt": 0.1})
    hears = recognizer(model)
    assert hears.transcribe(speech(3), ["en", "pt"]).language == "en"
    model.languages = {"en": 0.3, "pt": 0.7}
    assert hears.transcribe(speech(0.6), ["en", "pt"]).language == "en"
    assert hears.transcribe(speech(4), ["en", "pt"]).language == "pt"
    hears.reset()
    model.languages = {"en": 0.6, "pt": 0.4}
    assert hears.transcribe(speech(0.6), ["en", "pt"]).language == "en"


def test_only_the_utterance_is_encoded_and_condensed_silence_follows():
    model = Model()
    hears = recognizer(model, context_s=0, tail_s=0.5)
    hears.transcribe(speech(3), ["en"])
    hears.transcribe(speech(6), ["en"])
    assert model.frames == [350, 3000, 650]  # silence is encoded once
    assert set(model.positions[:5]) == {175 + (1500 - 180) // 10}
    assert model.positions[-1] == 325 + (1500 - 330) // 10


def test_short_utterances_are_padded_to_the_context():
    model = Model()
    recognizer(model, context_s=8).transcribe(speech(1), ["en"])
    assert model.frames[0] == 800


def test_longest_utterance_fills_the_window():
    model = Model()
    recognizer(model).transcribe(speech(30), ["en"])
    assert model.frames[0] == 3000
    assert model.positions[0] == 1500


def test_too_long_is_an_error():
    with pytest.raises(ValueError, match=r"at most 30 s, not 31\.0 s"):
        recognizer().transcribe(speech(31), ["en"])


@pytest.mark.parametrize("count", [0, 1, 100, 400, 5000])
def test_tiny_utterances_do_not_fail(count):
    assert recognizer().transcribe(np.zeros(count, np.float32), ["en"]).language == "en"


def test_a_sure_text_is_decoded_once_and_a_doubtful_one_with_a_beam():
    sure, doubtful, long = Model(sure=0.95), Model(sure=0.6), Model(sure=0.95)
    assert recognizer(sure).transcribe(speech(2), ["en"]).text == "hello there"
    assert recognizer(doubtful).transcribe(speech(2), ["en"]).text == "hello there"
    recognizer(long, beam_lag=50).transcribe(speech(13), ["en"])
    assert max(sure.batches) == 1
    assert max(doubtful.batches) > 1
    assert max(long.batches) > 1
    narrow = Model(sure=0.6)
    recognizer(narrow, beam=1).transcribe(speech(2), ["en"])
    assert max(narrow.batches) == 1


def test_what_would_be_withheld_in_any_case_gets_no_beam():
    for limit, widest in ((-1.2, 3), (-0.9, 1)):
        doubtful = Model(sure=0.38)  # a mean log-probability of -0.97
        found = recognizer(doubtful, hopeless_below=limit, beam_lag=50).transcribe(speech(2), ["en"])
        assert found.rejected == "log_probability"
        assert max(doubtful.batches) == widest


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Model(""), "silence"),
        (Model(" ... "), "silence"),
        (Model(sure=0.4), "log_probability"),
        (Model("abcdefghijkl " * 60, sure=0.99), "token_rate"),
        (Model(sure=0.45, no_speech=0.9), "silence"),
    ],
)
def test_what_the_guards_withhold_has_no_text(model, reason):
    found = recognizer(model, beam=1).transcribe(speech(2), ["en"])
    assert (found.text, found.rejected) == ("", reason)


def test_steady_sound_that_may_be_no_speech_is_withheld():
    hum = (0.1 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE)).astype(np.float32)
    assert recognizer(Model(no_speech=0.5)).transcribe(hum, ["en"]).rejected == "steady_sound"
    assert recognizer(Model(no_speech=0.1)).transcribe(hum, ["en"]).rejected is None
    assert recognizer(Model(no_speech=0.5)).transcribe(speech(2), ["en"]).rejected is None


def test_a_runaway_is_stopped_early():
    model = Model("la la la la la la la la la la " * 20, sure=0.99)
    found = recognizer(model, beam=1).transcribe(speech(2), ["en"])
    assert len(model.batches) < 20
    assert found.text in ("la", "")


@pytest.mark.parametrize("codes", [["xx"], ["en", "p"], ["english"]])
def test_unknown_languages_are_errors(codes):
    with pytest.raises(LanguageError, match="does not know the language"):
        recognizer().transcribe(speech(1), codes)


def test_english_only_models():
    model = Model(multilingual=False, languages=None)
    model.configuration = configuration(multilingual=False, languages={})
    hears = recognizer(model)
    assert hears.languages == ["en"]
    assert not hears.can_translate
    found = hears.transcribe(speech(1), None)
    assert (found.text, found.language) == ("hello there", "en")
    assert model.prompts == []  # one token only: no timestamps
    with pytest.raises(LanguageError, match="'pt'; it knows en"):
        hears.transcribe(speech(1), ["pt"])
    with pytest.raises(LanguageError, match="cannot translate"):
        hears.transcribe(speech(1), ["en"], "translate")


def test_warm_up_leaves_no_trace():
    hears = recognizer(Model(languages={"en": 0.9, "pt": 0.1}))
    hears.warm_up()
    hears._model.languages = {"en": 0.45, "pt": 0.55}
    assert hears.transcribe(speech(0.5), ["en", "pt"]).language == "pt"


def test_padding_is_at_the_floor_of_the_sound():
    mel = np.linspace(-0.5, 1.0, 80 * 10, dtype=np.float32).reshape(80, 10)
    fitted = fit_mel(mel, 15)
    assert fitted.shape == (80, 16)
    assert fitted.max() == pytest.approx(1.4)
    np.testing.assert_allclose(fitted[:, 10:], -0.6, atol=1e-6)
    np.testing.assert_allclose(np.diff(fitted[:, :10], axis=0), np.diff(mel, axis=0), atol=1e-6)
    assert fit_mel(mel, 6).shape == (80, 6)
    assert fit_mel(mel[:, :0], 6).max() == pytest.approx(-0.6)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    upstream, out = tmp_path_factory.mktemp("upstream"), tmp_path_factory.mktemp("tiny")
    build(ct2_files.write_files(upstream), out, {"multilingual": True})
    return out


def test_loads_what_the_recipe_writes(tiny):
    """Random weights say random things: the point is that every part fits the other."""
    hears = SpeechRecognizer.load(tiny, SessionFactory(), RecognitionSettings(context_s=0, tail_s=0.1))
    hears.warm_up()
    assert hears.languages == ["en", "pt", "zh"]
    assert hears.longest_s == pytest.approx(1.2)
    first = hears.transcribe(speech(0.9), None)
    assert first.tokens > 0
    hears.reset()
    assert hears.transcribe(speech(0.9), None) == first


def test_missing_and_damaged_folders_say_what_to_pull(tiny, tmp_path):
    with pytest.raises(ModelNotFoundError, match="edge models pull"):
        SpeechRecognizer.load(tmp_path, SessionFactory(), RecognitionSettings())
    for content in ("{", "{}", '{"family": "whisper"}'):
        (tmp_path / "model.json").write_text(content)
        with pytest.raises(ModelCorruptError, match=r"model\.json"):
            SpeechRecognizer.load(tmp_path, SessionFactory(), RecognitionSettings())


@pytest.mark.models
@pytest.mark.parametrize("model_id", ["whisper-base", "whisper-tiny.en"])
def test_real_model_writes_down_real_speech(model_folder, model_id):
    from edge.sources.recording import read_audio

    file = next(model_folder("demo-speech").glob("*.wav"))
    chunks = list(read_audio(file))
    rate = chunks[0].sample_rate
    from edge.perception.resample import resample

    samples = np.concatenate([chunk.samples for chunk in resample(chunks, SAMPLE_RATE)])[: 12 * SAMPLE_RATE]
    assert rate > 0
    hears = SpeechRecognizer.load(model_folder(model_id), SessionFactory(), RecognitionSettings(model=model_id))
    found = hears.transcribe(samples, None)
    assert (found.language, found.rejected) == ("en", None)
    assert "it was the best of times" in found.text.lower()
    assert "worst of times" in found.text.lower()
