import numpy as np
import pytest

from edge.media import NS_PER_S, AudioChunk
from edge.pipelines.file_transcription import transcribe_chunks, windows
from edge.results import Onset, Segment, Transcription

RATE = 1000


def utterance(number, start_s, seconds):
    """The samples of an utterance all have its number as value."""
    return Segment(
        samples=np.full(int(seconds * RATE), number, np.float32),
        sample_rate=RATE,
        utterance=number,
        started_ns=int(start_s * NS_PER_S),
        captured_ns=int((start_s + seconds - 0.4) * NS_PER_S),
        spoken_s=seconds - 0.4,
    )


def recording(seconds):
    for second in range(seconds):
        yield AudioChunk(np.zeros(RATE, np.float32), RATE, second * NS_PER_S)


def cut_into(*segments):
    def cut(chunks):
        for _ in chunks:
            pass
        for segment in segments:
            yield Onset(segment.utterance, segment.started_ns)
            yield segment

    return cut


class Recognizer:
    """Says the numbers of the utterances it hears, unless one of `bad` is among them."""

    def __init__(self, bad=(), language="en"):
        self.bad = set(bad)
        self.language = language
        self.heard = []

    def __call__(self, samples):
        numbers = sorted({int(value) for value in samples})
        self.heard.append(numbers)
        if self.bad & set(numbers):
            return Transcription("", self.language, rejected="log_probability")
        return Transcription(" ".join(f"u{number}" for number in numbers), self.language)


def test_nothing_said_is_an_empty_text_and_no_language():
    found = transcribe_chunks(recording(3), cut_into(), Recognizer())
    assert (found.language, found.seconds, found.text, found.segments) == (None, 3.0, "", ())


def test_neighbours_are_recognised_together():
    recognizer = Recognizer()
    found = transcribe_chunks(recording(12), cut_into(utterance(1, 0, 3), utterance(2, 4, 3)), recognizer, window_s=10)
    assert recognizer.heard == [[1, 2]]
    assert found.text == "u1 u2"
    assert found.seconds == 12.0
    assert [(part.start_s, part.end_s) for part in found.segments] == [(0.0, 6.6)]


def test_windows_are_no_longer_than_asked():
    recognizer = Recognizer()
    segments = [utterance(number, 3.5 * number, 3) for number in range(1, 8)]
    found = transcribe_chunks(recording(30), cut_into(*segments), recognizer, window_s=10)
    assert recognizer.heard == [[1, 2, 3], [4, 5, 6], [7]]
    assert found.text == "u1 u2 u3 u4 u5 u6 u7"


def test_zero_recognises_one_by_one():
    recognizer = Recognizer()
    transcribe_chunks(recording(12), cut_into(utterance(1, 0, 3), utterance(2, 4, 3)), recognizer, window_s=0)
    assert recognizer.heard == [[1], [2]]


def test_a_long_pause_separates():
    groups = list(windows([utterance(1, 0, 2), utterance(2, 3, 2), utterance(3, 9, 2)], 20, 2.0))
    assert [[segment.utterance for segment in group] for group in groups] == [[1, 2], [3]]


def test_an_utterance_longer_than_a_window_stays_whole():
    groups = list(windows([utterance(1, 0, 30), utterance(2, 31, 2)], 20, 2.0))
    assert [[segment.utterance for segment in group] for group in groups] == [[1], [2]]


def test_a_withheld_window_is_tried_again_one_by_one():
    recognizer = Recognizer(bad=[2])
    segments = [utterance(number, 3 * number, 2.5) for number in (1, 2, 3)]
    found = transcribe_chunks(recording(15), cut_into(*segments), recognizer, window_s=20)
    assert recognizer.heard == [[1, 2, 3], [1], [2], [3]]
    assert found.text == "u1 u3"
    assert [part.text for part in found.segments] == ["u1", "u3"]


def test_a_withheld_single_utterance_is_not_tried_again():
    recognizer = Recognizer(bad=[1])
    found = transcribe_chunks(recording(5), cut_into(utterance(1, 0, 3)), recognizer)
    assert recognizer.heard == [[1]]
    assert (found.text, found.language) == ("", None)


def test_language_is_that_of_most_of_the_speech():
    said = iter([Transcription("um", "pt"), Transcription("a long one", "en"), Transcription("dois", "pt")])
    segments = [utterance(1, 0, 2), utterance(2, 3, 9), utterance(3, 13, 2)]
    found = transcribe_chunks(recording(16), cut_into(*segments), lambda samples: next(said), window_s=0)
    assert found.language == "en"
    assert found.text == "um a long one dois"


@pytest.mark.parametrize(("language", "text"), [("zh", "u1u2"), ("ja", "u1u2"), ("en", "u1 u2"), ("ko", "u1 u2")])
def test_languages_without_spaces_are_joined_without(language, text):
    segments = [utterance(1, 0, 2), utterance(2, 3, 2)]
    found = transcribe_chunks(recording(6), cut_into(*segments), Recognizer(language=language), window_s=0)
    assert found.text == text


def test_failures_are_not_swallowed():
    def broken(samples):
        raise RuntimeError("session")

    with pytest.raises(RuntimeError, match="session"):
        transcribe_chunks(recording(5), cut_into(utterance(1, 0, 3)), broken)
