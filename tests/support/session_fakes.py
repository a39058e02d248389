"""Stand-ins for the parts of a session."""

import numpy as np

from edge.events import SpeechStarted, Subtitle
from edge.hud.loop import Hud
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.settings import HudSettings

S = NS_PER_S


def chunk(index, lost=0):
    return AudioChunk(np.zeros(1600, np.float32), 16000, index * S // 10, lost)


def one_subtitle_each(chunks):
    """A speech sense that captions every chunk."""
    for number, heard in enumerate(chunks, start=1):
        yield SpeechStarted(heard.captured_ns, number)
        yield Subtitle(heard.ended_ns, number, f"said {number}", f"dito {number}", "en", "pt")


class Recorder:
    """A sink that notes what it was shown and told."""

    name = "recorder"

    def __init__(self):
        self.shown = []
        self.told = []
        self.open = True

    def show(self, image, now_ns):
        self.shown.append(now_ns)

    def tell(self, event):
        self.told.append(event)

    def poll(self, _now_ns):
        return True

    def close(self):
        self.open = False


def hud_with(on_shown, sink=None):
    return Hud(HudSettings(width=320, height=180), [sink or Recorder()], on_shown=on_shown)


class FakeReplay:
    def __init__(self, items):
        self.items = items
        self.closed = False

    def __iter__(self):
        for item in self.items:
            if self.closed:
                return
            yield item

    def close(self):
        self.closed = True


def frame(captured_ns):
    return VideoFrame(np.zeros((180, 320, 3), np.uint8), captured_ns)
