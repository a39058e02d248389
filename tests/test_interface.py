"""The Python interface: with fakes where no model is needed, and the example of the README as it stands."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import edge
from edge import interface
from edge.errors import (
    EdgeError,
    InferenceError,
    LanguageError,
    ModelNotFoundError,
    SettingsError,
    SourceError,
    StageError,
)
from edge.events import SpeechEnded, SpeechRejected, SpeechStarted, StageFailed, Subtitle
from edge.interface import Captioner, file_transcriber, line_translator
from edge.media import AudioChunk
from edge.settings import Settings

README = Path(__file__).parent.parent / "README.md"
FIRST = Subtitle(10, 1, "good morning", "bom dia", "en", "pt")
SECOND = Subtitle(30, 2, "thank you", "obrigado", "en", "pt")


class FakeSense:
    """Says the same events whatever it hears, after hearing all of it."""

    def __init__(self, *events):
        self.events = events
        self.warm = 0
        self.heard = []
        self.failure = None

    def warm_up(self):
        self.warm += 1
        if self.failure:
            raise self.failure

    def captions(self, chunks):
        self.heard.append(sum(len(chunk.samples) for chunk in chunks))
        yield from self.events


@pytest.fixture
def sense(monkeypatch):
    """The sense that every Captioner gets; notes how it was asked for."""
    fake = FakeSense(SpeechStarted(0, 1), SpeechEnded(10, 1, 0.5), FIRST, SpeechRejected(20, 3, "silence"), SECOND)
    fake.asked = []

    def load(_store, settings, source, target):
        fake.asked.append((settings, source, target))
        return fake

    monkeypatch.setattr(interface.SpeechSense, "load", load)
    monkeypatch.setattr(interface, "probe", lambda path: None)
    monkeypatch.setattr(interface, "read_audio", lambda path: [AudioChunk(np.zeros(100, np.float32), 16000, 0)] * 3)
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)
    return fake


class TestCaptioner:
    def test_subtitles_and_nothing_else(self, sense):
        assert list(Captioner(source="en", target="pt").listen("talk.wav")) == [FIRST, SECOND]

    def test_models_are_loaded_and_warm_before_the_first_sound(self, sense):
        Captioner(source="en", target="pt")
        assert sense.asked == [(Settings(), "en", "pt")]
        assert (sense.warm, sense.heard) == (1, [])

    def test_used_again_and_again_without_loading_again(self, sense):
        captioner = Captioner()
        for _ in range(2):
            assert list(captioner.listen(Path("talk.wav"))) == [FIRST, SECOND]
        assert len(sense.asked) == sense.warm == 1
        assert sense.heard == [300, 300]

    def test_its_own_settings_or_those_of_the_environment(self, sense, monkeypatch, tmp_path):
        own = Settings(inference={"threads": 1})
        Captioner(settings=own)
        (tmp_path / "edge.toml").write_text("[recognition]\nbeam = 3\n")
        monkeypatch.setenv("EDGE_SETTINGS", str(tmp_path / "edge.toml"))
        Captioner()
        assert [settings for settings, *_ in sense.asked] == [own, Settings(recognition={"beam": 3})]

    def test_a_failed_warm_up_makes_no_captioner(self, sense):
        sense.failure = InferenceError("warm-up: out of memory")
        with pytest.raises(InferenceError, match="out of memory"):
            Captioner()

    def test_a_failed_stage_is_an_exception_after_what_went_well(self, sense):
        sense.events = (FIRST, StageFailed(20, "translation", "out of memory"), SECOND)
        subtitles = Captioner().listen("talk.wav")
        assert next(subtitles) == FIRST
        with pytest.raises(StageError, match=r"^translation: out of memory$") as caught:
            next(subtitles)
        assert caught.value.stage == "translation"

    def test_a_recording_that_is_none(self, sense, monkeypatch):
        monkeypatch.undo()
        monkeypatch.setattr(interface.SpeechSense, "load", lambda *_: sense)
        with pytest.raises(SourceError, match=r"nowhere\.wav does not exist"):
            next(Captioner().listen("nowhere.wav"))
        assert sense.heard == []

    def test_without_a_file_it_listens_to_the_microphone_and_lets_go_of_it(self, sense, monkeypatch):
        from edge.sources import microphone

        used = []

        class FakeMicrophone(list):
            def __enter__(self):
                used.append("opened")
                return self

            def __exit__(self, *_):
                used.append("closed")

        monkeypatch.setattr(microphone, "open_microphone", lambda uri, settings: FakeMicrophone())
        subtitles = Captioner().listen()
        assert next(subtitles) == FIRST
        assert used == ["opened"]
        subtitles.close()
        assert used == ["opened", "closed"]


@pytest.fixture
def empty_store(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))


@pytest.mark.usefixtures("empty_store")
class TestWithoutModels:
    def test_every_way_in_raises_what_to_run(self):
        with pytest.raises(ModelNotFoundError, match="run: edge models pull"):
            Captioner(source="en", target="pt")
        with pytest.raises(LanguageError, match="run: edge models pull mt-en-pt"):
            edge.translate("hello", "en", "pt")
        with pytest.raises(FileNotFoundError, match="run: edge models pull"):
            edge.transcribe("talk.wav")

    def test_unknown_task(self):
        with pytest.raises(SettingsError, match="unknown task 'sing'; use transcribe or translate"):
            file_transcriber("auto", "sing", Settings())

    @pytest.mark.parametrize("languages", ["xx", "en,xx", ""])
    def test_unknown_languages(self, languages):
        with pytest.raises(LanguageError):
            file_transcriber(languages, "transcribe", Settings())
        with pytest.raises(EdgeError):
            line_translator(languages, "pt", Settings())

    def test_the_same_language_needs_no_pack(self):
        assert edge.translate("hello\n\nworld", "en", "en") == "hello\n\nworld"

    def test_unknown_names_are_attribute_errors(self):
        with pytest.raises(AttributeError, match="no attribute 'Translater'"):
            edge.Translater  # noqa: B018 - the access is the test


def record_of(path):
    return {"text": str(path)}


def test_functions_take_their_settings_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / "edge.toml").write_text("[inference]\nthreads = 7\n")
    monkeypatch.setenv("EDGE_SETTINGS", str(tmp_path / "edge.toml"))
    asked = []
    monkeypatch.setattr(interface, "line_translator", lambda *given: asked.append(given) or str.upper)
    monkeypatch.setattr(
        interface, "file_transcriber", lambda *given: asked.append(given) or (lambda path: {"text": str(path)})
    )
    assert edge.translate("hello", "en", "pt") == "HELLO"
    assert edge.transcribe("talk.wav", "en", "translate") == "talk.wav"
    settings = Settings(inference={"threads": 7})
    assert asked == [("en", "pt", settings), ("en", "translate", settings)]


def test_everything_that_is_offered_is_there():
    assert {name: callable(getattr(edge, name)) for name in edge.__all__} == dict.fromkeys(edge.__all__, True)


@pytest.fixture
def readme_example():
    """The one Python block of the README."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


def run_example(example, folder, monkeypatch):
    (folder / "example.py").write_text(example, encoding="utf-8")
    monkeypatch.chdir(folder)
    runpy.run_path(str(folder / "example.py"))


def test_the_example_of_the_readme_fits_the_interface(readme_example, sense, monkeypatch, tmp_path, capsys):
    run_example(readme_example, tmp_path, monkeypatch)
    assert capsys.readouterr().out == "good morning -> bom dia\nthank you -> obrigado\n"


@pytest.mark.models
def test_the_example_of_the_readme(readme_example, default_store, cut_speech, monkeypatch, tmp_path, capsys):
    cut_speech(8.4, 13.4, "talk.wav")
    run_example(readme_example, tmp_path, monkeypatch)
    said, _, translated = capsys.readouterr().out.partition(" -> ")
    assert "epoch of belief" in said
    assert "época da crença" in translated


def test_the_example_of_the_package_is_the_one_of_the_readme(readme_example):
    shown = [line[4:] for line in edge.__doc__.splitlines() if line.startswith("    ")]
    assert shown == [line for line in readme_example.splitlines() if line]
