"""Segmentation over written-down probabilities: what is spoken is in the segments, and the promises hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.media import NS_PER_S, AudioChunk
from edge.perception.segmentation import WINDOW, ScoredWindow, cut, score, segment
from edge.results import Onset, Segment
from edge.settings import SegmentationSettings, VoiceActivitySettings

VOICE = VoiceActivitySettings(threshold=0.5, exit_threshold=0.35)
LENGTHS = SegmentationSettings(min_speech_ms=96, hangover_ms=320, look_back_ms=160, max_speech_s=24)
WINDOW_NS = WINDOW * NS_PER_S // 16_000
HANGOVER = 10
LOOK_BACK = 5


def _windows(probabilities, loudness=None):
    """Window i holds the constant value i / 1000 (or its `loudness`), so that segments show what they hold."""
    values = loudness if loudness is not None else [index / 1000 for index in range(len(probabilities))]
    return [
        ScoredWindow(np.full(WINDOW, value, np.float32), index * WINDOW_NS, probability)
        for index, (probability, value) in enumerate(zip(probabilities, values, strict=True))
    ]


def _held(result):
    """Numbers of the windows in a segment."""
    return [round(float(value) * 1000) for value in result.samples[::WINDOW]]


def _cut(probabilities, lengths=LENGTHS, voice=VOICE):
    return list(cut(_windows(probabilities), lengths, voice))


QUIET, SPEECH = [0.01], [0.95]


def test_one_utterance():
    onset, spoken = _cut(QUIET * 20 + SPEECH * 10 + QUIET * 20)
    assert onset == Onset(1, 20 * WINDOW_NS)
    assert isinstance(spoken, Segment)
    assert _held(spoken) == list(range(20 - LOOK_BACK, 30 + HANGOVER))
    assert spoken.utterance == 1
    assert spoken.started_ns == 15 * WINDOW_NS
    assert spoken.captured_ns == 30 * WINDOW_NS
    assert spoken.spoken_s == pytest.approx(0.32)
    assert spoken.sample_rate == 16_000


def test_onset_comes_as_soon_as_speech_is_certain_and_segment_right_behind_the_hangover():
    seen = []
    windows = _windows(QUIET * 20 + SPEECH * 10 + QUIET * 20)

    def fed():
        for index, window in enumerate(windows):
            yield window
            seen.append(index)

    moments = [(type(result), len(seen)) for result in cut(fed(), LENGTHS, VOICE)]
    assert moments == [(Onset, 22), (Segment, 29 + HANGOVER)]


def test_silence_gives_nothing():
    assert _cut(QUIET * 100) == []
    assert _cut([]) == []


def test_a_burst_shorter_than_speech_gives_nothing_not_even_an_onset():
    assert _cut(QUIET * 10 + SPEECH * 2 + QUIET * 30) == []


def test_bursts_far_apart_do_not_add_up():
    assert _cut((SPEECH * 2 + QUIET * 6) * 10) == []


def test_a_dip_in_the_beginning_does_not_lose_the_beginning():
    onset, spoken = _cut(QUIET * 10 + SPEECH * 2 + QUIET * 2 + SPEECH * 8 + QUIET * 20)
    assert onset.captured_ns == 10 * WINDOW_NS
    assert _held(spoken)[0] == 10 - LOOK_BACK


def test_a_pause_shorter_than_the_hangover_is_part_of_the_utterance():
    results = _cut(SPEECH * 10 + QUIET * (HANGOVER - 1) + SPEECH * 10 + QUIET * 20)
    assert [type(result) for result in results] == [Onset, Segment]
    assert _held(results[1]) == list(range(29 + HANGOVER))
    assert results[1].spoken_s == pytest.approx(0.64)


def test_two_utterances_are_numbered_and_share_the_soft_beginning():
    results = _cut(SPEECH * 10 + QUIET * HANGOVER + SPEECH * 10 + QUIET * 20)
    assert [(type(result), result.utterance) for result in results] == [
        (Onset, 1),
        (Segment, 1),
        (Onset, 2),
        (Segment, 2),
    ]
    assert _held(results[1])[-1] == 19
    assert _held(results[3])[0] == 20 - LOOK_BACK


def test_hysteresis_speech_goes_on_at_the_lower_threshold_but_does_not_begin_there():
    assert _cut([0.45] * 60) == []
    results = _cut(SPEECH * 5 + [0.4] * 30 + QUIET * 20)
    assert results[1].captured_ns == 35 * WINDOW_NS
    results = _cut(SPEECH * 5 + QUIET * 1 + [0.4] * 30)
    assert results[1].captured_ns == 5 * WINDOW_NS  # once stopping, it takes the full threshold to go on


def test_the_end_of_the_stream_hands_out_what_was_spoken():
    results = _cut(QUIET * 10 + SPEECH * 5)
    assert [type(result) for result in results] == [Onset, Segment]
    assert _held(results[1])[-1] == 14
    assert results[1].captured_ns == 15 * WINDOW_NS


def test_speech_from_the_first_sample_has_no_look_back_to_take():
    assert _held(_cut(SPEECH * 5 + QUIET * 20)[1])[0] == 0


def test_without_look_back():
    lengths = LENGTHS.model_copy(update={"look_back_ms": 0})
    assert _held(_cut(QUIET * 10 + SPEECH * 5 + QUIET * 20, lengths)[1])[0] == 10


def test_too_long_speech_is_cut_at_its_quietest_point_and_nothing_is_lost():
    lengths = LENGTHS.model_copy(update={"max_speech_s": 3.2})  # 100 windows; the search begins at 70
    loudness = [0.3] * 150
    loudness[40:46] = [0.0] * 6  # quiet, but too early
    loudness[80:86] = [0.001] * 6
    windows = _windows(SPEECH * 150 + QUIET * 20, [*loudness, *[0.0] * 20])
    results = list(cut(windows, lengths, VOICE))
    assert [(type(result), result.utterance) for result in results] == [
        (Onset, 1),
        (Segment, 1),
        (Onset, 2),
        (Segment, 2),
    ]
    first, second = results[1], results[3]
    assert 80 <= len(first.samples) // WINDOW <= 86
    assert second.started_ns == first.ended_ns
    assert first.captured_ns == first.ended_ns
    assert len(first.samples) + len(second.samples) == (150 + HANGOVER) * WINDOW


def test_too_long_speech_is_cut_where_speech_is_least_likely():
    lengths = LENGTHS.model_copy(update={"max_speech_s": 3.2})
    probabilities = SPEECH * 200
    probabilities[90:95] = [0.6] * 5
    windows = _windows(probabilities, [0.3] * 200)
    first = next(result for result in cut(windows, lengths, VOICE) if isinstance(result, Segment))
    assert 90 <= len(first.samples) // WINDOW <= 95


def test_a_cut_inside_a_pause_ends_the_first_part_at_its_last_word():
    lengths = LENGTHS.model_copy(update={"max_speech_s": 3.2})
    probabilities = SPEECH * 85 + QUIET * 9 + SPEECH * 60
    results = list(cut(_windows(probabilities, [0.3] * 85 + [0.0] * 9 + [0.3] * 60), lengths, VOICE))
    assert results[1].captured_ns == 85 * WINDOW_NS
    assert results[2] == Onset(2, 94 * WINDOW_NS)


def test_speech_without_end_is_handed_out_in_parts_for_ever():
    lengths = LENGTHS.model_copy(update={"max_speech_s": 3.2})
    results = [result for result in _cut(SPEECH * 1000, lengths) if isinstance(result, Segment)]
    assert sum(len(result.samples) for result in results) == 1000 * WINDOW
    assert max(len(result.samples) for result in results) <= 100 * WINDOW


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), st.integers(1, 60), st.booleans()), max_size=20))
def test_promises_hold_for_any_stream(runs):
    lengths = LENGTHS.model_copy(update={"max_speech_s": 3.2})
    probabilities = [p for p, count, _ in runs for _ in range(count)]
    windows = _windows(probabilities)
    at = 0
    for _, count, broken in runs:
        if broken:
            windows[at] = ScoredWindow(
                windows[at].samples, windows[at].captured_ns, windows[at].probability, fresh=True
            )
        at += count
    results = list(cut(windows, lengths, VOICE))
    onsets, segments = results[::2], results[1::2]
    assert len(onsets) == len(segments)
    for number, (onset, spoken) in enumerate(zip(onsets, segments, strict=True), start=1):
        assert isinstance(onset, Onset)
        assert isinstance(spoken, Segment)
        assert onset.utterance == spoken.utterance == number
        assert spoken.started_ns <= onset.captured_ns < spoken.captured_ns <= spoken.ended_ns
        assert len(spoken.samples) <= 100 * WINDOW
        held = _held(spoken)
        assert held == list(range(held[0], held[-1] + 1))  # consecutive


# --- score: from chunks to windows


class _Detector:
    """Calls loud windows speech and notes what happens."""

    def __init__(self):
        self.resets = 0
        self.shapes = set()

    def detect(self, samples):
        self.shapes.add(samples.shape)
        return float(np.abs(samples).max() > 0.1)

    def reset(self):
        self.resets += 1


def _stream(samples, size, start_ns=0):
    return [
        AudioChunk(samples[at : at + size], 16_000, start_ns + at * NS_PER_S // 16_000)
        for at in range(0, len(samples), size)
    ]


@pytest.mark.parametrize("size", [1, 100, 512, 513, 8_000])
def test_any_chunk_length_gives_the_same_windows(size):
    samples = np.random.default_rng(0).normal(0, 0.1, 3_000).astype(np.float32)
    detector = _Detector()
    windows = list(score(_stream(samples, size, 77), detector.detect, detector.reset))
    assert [len(window.samples) for window in windows] == [512] * 5 + [440]
    assert np.array_equal(np.concatenate([window.samples for window in windows]), samples)
    assert all(abs(window.captured_ns - 77 - index * WINDOW_NS) <= 1 for index, window in enumerate(windows))
    assert [window.fresh for window in windows] == [True] + [False] * 5
    assert detector.shapes == {(512,)}
    assert detector.resets == 1


def test_a_loss_resets_the_detector_and_breaks_the_stream():
    loud = np.full(700, 0.5, np.float32)
    chunks = [AudioChunk(loud, 16_000, 0), AudioChunk(loud, 16_000, NS_PER_S, lost=9)]
    detector = _Detector()
    windows = list(score(chunks, detector.detect, detector.reset))
    assert [len(window.samples) for window in windows] == [512, 188, 512, 188]
    assert [window.fresh for window in windows] == [True, False, True, False]
    assert windows[2].captured_ns == NS_PER_S
    assert detector.resets == 2


def test_a_loss_in_mid_word_gives_a_segment_on_each_side():
    loud = np.full(8_000, 0.5, np.float32)
    chunks = [AudioChunk(loud, 16_000, 0), AudioChunk(loud, 16_000, 3 * NS_PER_S, lost=40_000)]
    detector = _Detector()
    results = list(segment(chunks, detector.detect, detector.reset, LENGTHS, VOICE))
    assert [(type(result), result.utterance) for result in results] == [
        (Onset, 1),
        (Segment, 1),
        (Onset, 2),
        (Segment, 2),
    ]
    assert [len(result.samples) for result in results[1::2]] == [8_000, 8_000]
    assert results[1].captured_ns == NS_PER_S // 2
    assert results[3].started_ns == 3 * NS_PER_S


def test_the_last_part_of_a_window_is_heard():
    samples = np.zeros(16_000 + 100, np.float32)
    samples[12_000:] = 0.5
    detector = _Detector()
    results = list(segment(_stream(samples, 512), detector.detect, detector.reset, LENGTHS, VOICE))
    assert results[-1].ended_ns == results[-1].captured_ns == len(samples) * NS_PER_S // 16_000


def test_another_rate_is_a_programming_error():
    with pytest.raises(ValueError, match="44100"):
        list(score([AudioChunk(np.zeros(10, np.float32), 44_100, 0)], lambda _: 0.0, lambda: None))


def test_lasting_silence_is_not_shown_to_the_model_and_sound_behind_it_is_with_the_window_before():
    silence, sound = np.zeros(512 * 60, np.float32), np.full(512 * 5, 0.05, np.float32)
    asked = []
    resets = []
    chunks = _stream(np.concatenate([sound, silence, sound]), 1_024)
    list(
        segment(
            chunks,
            lambda window: asked.append(float(window[0])) or 0.0,
            lambda: resets.append(len(asked)),
            LENGTHS,
            VOICE,
        )
    )
    heard = pytest.approx(0.05)
    assert asked[:5] == [heard] * 5
    assert asked[5:36] == [0.0] * 31  # a second of silence, in case it is a pause
    assert asked[36:] == [0.0, *[heard] * 5]
    assert resets == [0, 36]


def test_silence_within_an_utterance_is_shown_to_the_model():
    samples = np.concatenate([np.full(512 * 5, 0.05), np.zeros(512 * 30), np.full(512 * 5, 0.05)]).astype(np.float32)
    asked = []
    list(segment(_stream(samples, 512), lambda window: asked.append(1) or 0.0, lambda: None, LENGTHS, VOICE))
    assert len(asked) == 40


def test_faint_noise_above_the_floor_is_shown_to_the_model():
    faint = np.random.default_rng(0).normal(0, 10 ** (-65 / 20), 512 * 60).astype(np.float32)
    asked = []
    list(segment(_stream(faint, 512), lambda window: asked.append(1) or 0.0, lambda: None, LENGTHS, VOICE))
    assert len(asked) == 60


def test_loudness():
    assert ScoredWindow(np.full(512, 0.1, np.float32), 0, 0.0).loudness_db == pytest.approx(-20, abs=0.01)
    assert ScoredWindow(np.zeros(512, np.float32), 0, 0.0).loudness_db == pytest.approx(-120)
