"""Length, time stamps, flatness, alias rejection and independence of chunk size, all against analytic sines."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.media import NS_PER_S, AudioChunk
from edge.perception.resample import resample

RATES = [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]


def _sine(frequency, rate, seconds=0.5):
    return np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def _chunks(samples, rate, size, start_ns=0):
    return [
        AudioChunk(samples[at : at + size], rate, start_ns + at * NS_PER_S // rate)
        for at in range(0, len(samples), size)
    ]


def _resampled(samples, rate, to=16_000, size=None):
    out = list(resample(_chunks(samples, rate, size or rate // 31), to))
    return np.concatenate([chunk.samples for chunk in out]) if out else np.zeros(0, np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_speech_band_passes_flat_and_in_phase(rate):
    for share in (0.02, 0.3, 0.6, 0.85):
        frequency = share * min(rate, 16_000) / 2
        out = _resampled(_sine(frequency, rate), rate)
        wanted = np.sin(2 * np.pi * frequency * np.arange(len(out)) / 16_000)
        middle = slice(400, -400)
        assert np.abs(out[middle] - wanted[middle]).max() < 2e-4  # 0.002 dB


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000, 192_000])
def test_what_would_fold_back_is_gone(rate):
    for frequency in (8_000, 8_500, 9_500, 15_900, 20_500, 47_000):
        if frequency >= rate / 2:
            continue
        out = _resampled(_sine(frequency, rate), rate)[400:-400]
        assert 20 * math.log10(np.abs(out).max() + 1e-12) < -75


@pytest.mark.parametrize("rate", [8_000, 11_025])
def test_upsampling_leaves_no_image(rate):
    out = _resampled(_sine(1_000, rate, 1.0), rate)[2_000:-2_000]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    frequency = np.fft.rfftfreq(len(out), 1 / 16_000)
    image = spectrum[np.abs(frequency - 1_000) > 50].max() / spectrum.max()
    assert 20 * math.log10(image) < -70


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([*RATES, 16_001, 7_919]),
    length=st.integers(1, 5_000),
    size=st.integers(1, 3_000),
)
def test_length_is_exact_and_chunk_size_does_not_matter(rate, length, size):
    samples = np.random.default_rng(length).normal(0, 0.3, length).astype(np.float32)
    whole = _resampled(samples, rate, size=length)
    parts = _resampled(samples, rate, size=size)
    assert len(whole) == -(-length * 16_000 // rate)
    assert parts.dtype == np.float32
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_constant_stays_constant():
    out = _resampled(np.full(44_100, 0.25, np.float32), 44_100)
    np.testing.assert_allclose(out[200:-200], 0.25, atol=1e-6)


def test_same_rate_passes_the_same_chunks():
    chunks = _chunks(_sine(440, 16_000), 16_000, 512)
    assert all(a is b for a, b in zip(resample(chunks, 16_000), chunks, strict=True))


def test_time_stamps_are_those_of_the_sound():
    start = 5 * NS_PER_S
    out = list(resample(_chunks(_sine(440, 48_000), 48_000, 1_536, start), 16_000))
    sent = 0
    for chunk in out:
        assert abs(chunk.captured_ns - (start + sent * NS_PER_S // 16_000)) <= 1
        assert chunk.sample_rate == 16_000
        assert len(chunk.samples)
        sent += len(chunk.samples)


def test_time_stamps_follow_the_clock_of_the_device():
    """A device that runs 1 % slow: each chunk says when it was captured, and the output keeps to that."""
    chunks = [AudioChunk(np.zeros(480, np.float32), 48_000, index * 10_100_000) for index in range(200)]
    out = list(resample(chunks, 16_000))
    assert abs(out[-2].ended_ns - chunks[-1].captured_ns) < 20_000_000


def test_a_click_keeps_its_place():
    samples = np.zeros(44_100, np.float32)
    samples[22_050] = 1.0
    assert int(np.argmax(_resampled(samples, 44_100))) == 8_000


def test_a_loss_ends_the_old_run_and_starts_a_new_one():
    loud = np.full(4_800, 0.5, np.float32)
    chunks = [AudioChunk(loud, 48_000, 0), AudioChunk(-loud, 48_000, 200_000_000, lost=4_800)]
    out = list(resample(chunks, 16_000))
    assert sum(len(chunk.samples) for chunk in out) == 3_200
    assert [chunk.lost for chunk in out if chunk.lost] == [1_600]
    new = next(chunk for chunk in out if chunk.lost)
    assert new.captured_ns == 200_000_000
    assert (new.samples[10:] < 0).all()  # nothing of the old run rings into the new one


def test_the_smallest_loss_is_not_rounded_away():
    chunks = [
        AudioChunk(np.zeros(600, np.float32), 48_000, 0),
        AudioChunk(np.zeros(600, np.float32), 48_000, 0, lost=1),
    ]
    assert max(chunk.lost for chunk in resample(chunks, 16_000)) == 1


def test_the_rate_may_change_on_the_way():
    chunks = [
        AudioChunk(np.zeros(4_800, np.float32), 48_000, 0),
        AudioChunk(np.zeros(1_600, np.float32), 16_000, 100_000_000),
        AudioChunk(np.zeros(4_410, np.float32), 44_100, 200_000_000),
    ]
    out = list(resample(chunks, 16_000))
    assert sum(len(chunk.samples) for chunk in out) == 4_800
    assert [chunk.captured_ns for chunk in out] == sorted(chunk.captured_ns for chunk in out)


def test_nothing_in_nothing_out():
    assert list(resample([], 16_000)) == []
