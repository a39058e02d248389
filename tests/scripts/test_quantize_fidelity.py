"""Decibels, agreement, and the time beside float."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


RANDOM = np.random.default_rng(0)
LOGITS = [[RANDOM.normal(size=(2, 50)).astype(np.float32)] for _ in range(4)]


def judged(other, exact=LOGITS, outputs=("logits",)):
    from quantize_fidelity import fidelity

    return fidelity(exact, other, outputs)


def noisy(share):
    return [[values + share * RANDOM.normal(size=values.shape).astype(np.float32)] for (values,) in LOGITS]


@pytest.mark.parametrize(("share", "expected"), [(0.1, 20), (0.01, 40)])
def test_an_error_of_a_tenth_is_20_db(share, expected):
    assert judged(noisy(share)).sqnr_db == pytest.approx(expected, abs=1)


def test_equal_answers_are_the_best():
    assert judged(LOGITS) == judged([[values.copy()] for (values,) in LOGITS])
    assert judged(LOGITS).sqnr_db == 150
    assert judged(LOGITS).agreement == 1


def test_what_no_softmax_sees_is_no_error():
    assert judged([[values + 7] for (values,) in LOGITS]).sqnr_db > 100


def test_other_outputs_are_not_centred():
    assert judged([[values + 7] for (values,) in LOGITS], outputs=("embeds",)).sqnr_db < 0


def test_agreement_is_the_share_of_equal_largest_logits():
    other = [[values.copy()] for (values,) in LOGITS]
    other[0][0][1] = np.roll(other[0][0][1], 1)
    assert judged(other).agreement == 7 / 8
    assert judged(LOGITS, outputs=("embeds",)).agreement is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_the_worst(value):
    other = [[values.copy()] for (values,) in LOGITS]
    other[2][0][0, 0] = value
    assert judged(other).sqnr_db == -99


def test_silence_against_noise_is_the_worst_and_against_silence_the_best():
    silence = [[np.zeros((1, 3), np.float32)]]
    assert judged([[np.ones((1, 3), np.float32)]], silence, ("hidden",)).sqnr_db == -99
    assert judged(silence, silence, ("hidden",)).sqnr_db == 150


def test_the_output_that_suffers_most_counts():
    exact = [[np.ones((2, 3)), np.ones((2, 3))]]
    other = [[np.full((2, 3), 1.001), np.full((2, 3), 1.5)]]
    assert judged(exact=exact, other=other, outputs=("keys", "values")).sqnr_db == pytest.approx(6.02, abs=0.01)


def test_the_queries_of_a_detector_may_come_in_another_order():
    boxes = RANDOM.random((1, 20, 4)).astype(np.float32)
    logits = RANDOM.normal(size=(1, 20, 5)).astype(np.float32)
    order = RANDOM.permutation(20)
    outputs = ("logits", "pred_boxes")
    assert judged([[logits[:, order], boxes[:, order]]], [[logits, boxes]], outputs).sqnr_db == 150
    assert judged([[logits[:, order], boxes]], [[logits, boxes]], outputs).sqnr_db < 10


class Clock:
    """A session that takes the milliseconds it is told, on a clock that is not the machine's."""

    def __init__(self, time, milliseconds):
        self.time, self.milliseconds, self.runs = time, milliseconds, 0

    def run(self, names, feed):
        self.runs += 1
        self.time[0] += self.milliseconds / 1000
        return []


def timed(monkeypatch, reference_ms, **others_ms):
    import quantize_timing

    time = [0.0]
    monkeypatch.setattr(quantize_timing.time, "perf_counter", lambda: time[0])
    sessions = {name: Clock(time, ms) for name, ms in others_ms.items()}
    found = quantize_timing.ratios(Clock(time, reference_ms), sessions, {}, ["y"], rounds=9)
    return found, sessions


def test_times_are_ratios_to_the_reference(monkeypatch):
    found, _ = timed(monkeypatch, 10, fast=5, slow=20)
    assert (found["fast"].median, found["slow"].median) == (0.5, 2.0)
    assert found["fast"].median_ms == 5
    assert found["fast"].clear


def test_short_runs_are_repeated_until_they_can_be_measured(monkeypatch):
    _, sessions = timed(monkeypatch, 10, short=0.125, long=10)
    assert sessions["long"].runs == 2 + 9
    assert sessions["short"].runs == 2 + 9 * 16


def test_a_spread_over_one_is_not_clear():
    from quantize_timing import Ratio

    assert not Ratio(0.9, 0.8, 1.1, 1.0).clear
    assert Ratio(1.2, 1.1, 1.3, 2.0).clear
    assert not Ratio(1.2, 1.1, 1.3, 0.6).clear
