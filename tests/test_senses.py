import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from session_fakes import frame

from edge import senses as senses_module
from edge.channels import Fifo
from edge.events import SceneRecognized, SenseChanged, SpeechStarted
from edge.media import AudioChunk
from edge.results import Segment
from edge.senses import LoadedSenses, Turns
from edge.settings import SchedulingSettings, Settings


class FakeSpeech:
    def __init__(self):
        self.warm = False
        self.first = "never asked"

    def warm_up(self):
        self.warm = True

    def captions(self, chunks, first=None):
        self.first = first
        for number, _ in enumerate(chunks, 1):
            yield SpeechStarted(0, number)


class FakeWatcher:
    def __init__(self):
        self.warm = False
        self.levels = []

    def warm_up(self):
        self.warm = True

    def events(self, frames, checkpoint, level):
        for seen in frames:
            checkpoint()
            self.levels.append(level())
            yield SceneRecognized(seen.captured_ns, "mug", "caneca", 0.9, "pt")


@pytest.fixture
def loaded():
    return LoadedSenses(("en",), "pt", FakeSpeech(), FakeWatcher(), FakeWatcher(), FakeWatcher())


def chunk():
    return AudioChunk(np.zeros(160, np.float32), 16000, 0)


def test_all_are_warmed(loaded):
    loaded.warm_up()
    assert loaded.speech.warm
    assert loaded.signs.warm
    assert loaded.scene.warm
    assert loaded.objects.warm


def test_what_is_not_there_is_not_warmed():
    LoadedSenses((), "pt", None, None, None).warm_up()


def test_flat_out_nobody_waits(loaded):
    senses = loaded.unhurried()
    assert list(senses.camera) == ["signs", "scene", "objects"]
    assert len(list(senses.speech([chunk(), chunk()]))) == 2
    assert loaded.speech.first is None
    assert len(list(senses.camera["scene"]([frame(1), frame(2)]))) == 2
    assert loaded.scene.levels == ["full", "full"]
    assert len(list(senses.camera["objects"]([frame(1)]))) == 1
    assert loaded.objects.levels == ["full"]


def test_live_senses_take_turns(loaded):
    with Turns(Settings(), ("signs", "scene"), Fifo(10)) as turns:
        senses = loaded.taking_turns(turns)
        list(senses.speech([chunk()]))
        assert loaded.speech.first is turns.speech
        assert len(list(senses.camera["signs"]([frame(1)]))) == 1
        assert loaded.signs.levels == ["full"]


def test_a_camera_sense_waits_for_a_pending_utterance(loaded):
    events = Fifo(10)
    with Turns(Settings(), ("scene",), events) as turns:
        pending = turns.speech.answering([Segment(np.zeros(1, np.float32), 16000, 1, 0, time.monotonic_ns(), 0.1)])
        next(pending)
        watching = loaded.taking_turns(turns).camera["scene"]([frame(1)])
        order = []

        def answer():
            time.sleep(0.1)
            order.append("caption")
            next(pending, None)

        worker = senses_module.threading.Thread(target=answer)
        worker.start()
        next(watching)
        order.append("scene")
        worker.join()
    assert order == ["caption", "scene"]


def test_nobody_waits_when_the_session_is_over(loaded):
    with Turns(Settings(), ("scene",), Fifo(10)) as turns:
        next(turns.speech.answering([Segment(np.zeros(1, np.float32), 16000, 1, 0, time.monotonic_ns(), 0.1)]))
    assert len(list(loaded.taking_turns(turns).camera["scene"]([frame(1)]))) == 1


def test_heat_makes_the_camera_senses_step_down(monkeypatch):
    monkeypatch.setattr(senses_module, "processor_temperature_c", lambda: 95.0)
    events = Fifo(10)
    settings = Settings(scheduling=SchedulingSettings(max_temperature_c=80))
    with Turns(settings, ("signs", "scene"), events) as turns:
        told = [events.get(5), events.get(5)]
        assert turns.level() == "slow"
    assert [(event.sense, event.level, event.reason) for event in told if isinstance(event, SenseChanged)] == [
        ("signs", "slow", "temperature"),
        ("scene", "slow", "temperature"),
    ]


def test_without_camera_senses_nothing_is_watched(monkeypatch):
    monkeypatch.setattr(senses_module, "processor_temperature_c", lambda: 95.0)
    events = Fifo(10)
    with Turns(Settings(), (), events):
        assert events.get(0.7) is None


class TestLoading:
    @pytest.fixture
    def opened(self, monkeypatch):
        asked = []
        monkeypatch.setattr(senses_module, "Translators", lambda *_: "packs")
        monkeypatch.setattr(
            senses_module,
            "SpeechSense",
            SimpleNamespace(load=lambda *arguments: asked.append(("speech", arguments[-1])) or FakeSpeech()),
        )
        return asked

    def test_only_what_is_named(self, opened):
        loaded = LoadedSenses.load(None, Settings(), ("speech",), "en", "pt")
        assert opened == [("speech", "packs")]
        assert (loaded.signs, loaded.scene) == (None, None)
        assert (loaded.languages, loaded.target) == (("en",), "pt")

    def test_automatic_language(self, opened):
        assert LoadedSenses.load(None, Settings(), ("speech",), "auto", "pt-BR").languages == ()


def test_speech_alone_loads_no_opencv():
    code = (
        "import sys, edge.app, edge.senses, edge.speech_sense\n"
        "print([name for name in ('cv2', 'torch', 'edge.sign_sense', 'edge.scene_sense') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
