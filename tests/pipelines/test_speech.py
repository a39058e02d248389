import numpy as np
import pytest

from edge.errors import InferenceError, LanguageError
from edge.events import SpeechEnded, SpeechRejected, SpeechStarted, StageFailed, Subtitle
from edge.media import AudioChunk
from edge.pipelines.speech import mark_gaps, report_lost, subtitles
from edge.results import Onset, Segment, Transcription, Translation

S = 1_000_000_000


def segment(utterance=1, seconds=2.0, spoken_until_s=1.5):
    samples = np.zeros(int(seconds * 16000), np.float32)
    return Segment(samples, 16000, utterance, 0, int(spoken_until_s * S), 1.0)


def hear(text="good morning", rejected=None):
    return lambda _segment: Transcription(text, "en", rejected=rejected)


def to_pt(_segment, heard):
    return Translation(heard.text.upper(), heard.language, "pt")


def test_an_utterance_gives_onset_end_and_subtitle_in_order():
    got = list(subtitles([Onset(1, S), segment()], hear(), to_pt))
    assert got == [
        SpeechStarted(S, 1),
        SpeechEnded(int(1.5 * S), 1, 2.0),
        Subtitle(int(1.5 * S), 1, "good morning", "GOOD MORNING", "en", "pt"),
    ]


def test_onset_is_told_before_the_segment_is_asked_for():
    def heard():
        yield Onset(1, 0)
        pytest.fail("the segment was pulled before the onset was told")

    assert next(iter(subtitles(heard(), hear(), to_pt))) == SpeechStarted(0, 1)


def test_a_guarded_text_is_never_shown_nor_translated():
    def translate(_segment, _heard):
        pytest.fail("a withheld text was translated")

    got = list(subtitles([segment(3)], hear("", rejected="repetition"), translate))
    assert got[-1] == SpeechRejected(int(1.5 * S), 3, "repetition")


@pytest.mark.parametrize("stage", ["speech-recognition", "translation"])
def test_a_failing_stage_costs_one_utterance(stage):
    calls = []

    def fail_once(result):
        def call(*args):
            calls.append(1)
            if len(calls) == 1:
                raise (InferenceError if stage == "speech-recognition" else LanguageError)("broken")
            return result(*args)

        return call

    transcribe, translate = hear(), to_pt
    if stage == "translation":
        translate = fail_once(to_pt)
    else:
        transcribe = fail_once(hear())
    got = [e for e in subtitles([segment(1), segment(2)], transcribe, translate) if not isinstance(e, SpeechEnded)]
    assert got[0] == StageFailed(int(1.5 * S), stage, "broken")
    assert isinstance(got[1], Subtitle)
    assert got[1].utterance == 2


def test_a_bug_is_not_swallowed():
    def transcribe(_segment):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(subtitles([segment()], transcribe, to_pt))


def test_lost_audio_is_told_before_the_chunk_that_follows_it():
    chunks = [AudioChunk(np.zeros(160, np.float32), 16000, i, lost=lost) for i, lost in enumerate([0, 8000, 0])]
    told = []
    heard = report_lost(chunks, lambda at, seconds: told.append((at, seconds)))
    passed = [(chunk.captured_ns, len(told)) for chunk in heard]
    assert told == [(1, 0.5)]
    assert passed == [(0, 0), (1, 1), (2, 1)]


def test_gaps_between_chunks_become_lost_samples():
    def chunk(at_ms):
        return AudioChunk(np.zeros(512, np.float32), 16000, at_ms * 1_000_000)

    assert [c.lost for c in mark_gaps([chunk(0), chunk(32), chunk(96), chunk(133)])] == [0, 0, 512, 0]
