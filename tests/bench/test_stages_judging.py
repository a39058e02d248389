"""Bad models lower the quality that stages report."""

import numpy as np
import pytest

from edge.bench.stages_scene import right
from edge.bench.stages_speech import judge_windows, unnamed_file
from edge.bench.stages_translation import Counting


class Detector:
    """Judges by loudness; what it is asked is a stream."""

    def __init__(self, answer):
        self.answer = answer
        self.resets = 0

    def detect(self, window):
        return self.answer(float(np.abs(window).max()))

    def reset(self):
        self.resets += 1


SPEECH = np.stack([np.full(512, 0.2), np.full(512, 0.1), np.zeros(512), np.full(512, 0.3)]).astype(np.float32)
NOISE = np.full((3, 512), 0.01, np.float32)


@pytest.mark.parametrize(
    ("answer", "percent"),
    [(lambda loud: loud > 0.05, 100), (lambda _: 0, 50), (lambda _: 1, 50), (lambda loud: loud < 0.05, 0)],
)
def test_windows_that_are_judged_right(answer, percent):
    detector = Detector(answer)
    assert judge_windows(detector, SPEECH, NOISE, 0.5) == pytest.approx(percent)
    assert detector.resets >= 2


def test_tokens_are_counted():
    class Model:
        source_language, target_language, max_tokens = "en", "pt", 9
        encode = spells = staticmethod(lambda *_: [])

        def __init__(self):
            self.drafts = iter([4, 7])

        def generate(self, ids, max_length):
            return type("Draft", (), {"tokens": next(self.drafts)})()

    counting = Counting(Model())
    counting.generate([1], 5)
    assert counting.written == 4
    counting.generate([1], 5)
    assert counting.written == 11
    assert (counting.source_language, counting.target_language, counting.max_tokens) == ("en", "pt", 9)


def test_a_file_without_a_name_can_be_read_again():
    path = unnamed_file(b"12345" * 1000)
    assert path.read_bytes()[:5] == b"12345"
    assert len(path.read_bytes()) == 5000


def test_names_that_are_right():
    quality = right(["cup", "cat", "cup"], ["cup", "cup", "cup"], "three cups")
    assert (quality.metric, quality.value, quality.items, quality.better) == ("top-1", 66.67, 3, "higher")
    assert right(["cup"], ["cup"], "one cup").value == 100
