import numpy as np
import pytest

from edge.perception.mel import FRAMES_PER_S, SAMPLE_RATE, log_mel, loudness_range, mel_filters


def slow_mel_scale(hertz):
    """Slaney: 200/3 Hz a step up to 1 kHz, then 27 steps for a factor of 6.4."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def slow_inverse(mel):
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def slow_log_mel(samples, bands):
    """The definition, in float64, one frame and one frequency at a time."""
    edges = [slow_inverse(slow_mel_scale(8000.0) * number / (bands + 1)) for number in range(bands + 2)]
    padded = np.concatenate([samples[200:0:-1], samples, samples[-2:-202:-1]]).astype(np.float64)
    window = np.array([np.sin(np.pi * n / 400) ** 2 for n in range(400)])
    count = len(samples) // 160
    mel = np.zeros((bands, count))
    for frame in range(count):
        part = padded[frame * 160 : frame * 160 + 400] * window
        for bin_ in range(201):
            power = abs(np.sum(part * np.exp(-2j * np.pi * bin_ * np.arange(400) / 400))) ** 2
            hertz = bin_ * 40.0
            for band in range(bands):
                low, middle, high = edges[band : band + 3]
                if low < hertz < high:
                    slope = (hertz - low) / (middle - low) if hertz < middle else (high - hertz) / (high - middle)
                    mel[band, frame] += power * slope * 2 / (high - low)
    logged = np.log10(np.maximum(mel, 1e-10))
    return (np.maximum(logged, logged.max() - 8) + 4) / 4


@pytest.mark.parametrize("count", [1600, 1759])
def test_equals_the_definition(count):
    rng = np.random.default_rng(count)
    samples = (rng.standard_normal(count) * np.linspace(0, 0.3, count)).astype(np.float32)
    mel = log_mel(samples, 20)
    assert mel.dtype == np.float32
    assert mel.shape == (20, count // 160)
    np.testing.assert_allclose(mel, slow_log_mel(samples, 20), atol=2e-4)


def test_a_tone_lights_its_band():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for hertz in (300.0, 1000.0, 3000.0):
        mel = log_mel((0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32))
        weights = mel_filters(80) @ np.exp(-(((np.arange(201) * 40 - hertz) / 20) ** 2)).astype(np.float32)
        assert abs(int(mel.mean(axis=1).argmax()) - int(weights.argmax())) <= 1


def test_a_hundred_frames_a_second():
    assert FRAMES_PER_S == 100
    assert log_mel(np.zeros(2 * SAMPLE_RATE, np.float32)).shape == (80, 200)


def test_range_is_eight_decades():
    rng = np.random.default_rng(0)
    samples = np.concatenate([np.zeros(8000), rng.standard_normal(8000)]).astype(np.float32)
    mel = log_mel(samples)
    assert mel.max() - mel.min() == pytest.approx(2.0, abs=1e-5)


def test_silence_is_finite():
    mel = log_mel(np.zeros(4000, np.float32))
    np.testing.assert_allclose(mel, -1.5, atol=1e-6)


def test_filters_have_unit_area():
    filters = mel_filters(80)
    assert filters.shape == (80, 201)
    assert (filters >= 0).all()
    # triangles narrower than a bin are sampled coarsely, so only wide ones are exact
    np.testing.assert_allclose(filters[60:].sum(axis=1) * 40, 1.0, rtol=0.02)


def voice_like(pause_level):
    """Noise in the band of the voice, loud for 0.3 s and at `pause_level` for 0.2 s, again and again."""
    rng = np.random.default_rng(4)
    envelope = np.tile(np.concatenate([np.ones(4800), np.full(3200, pause_level)]), 6)
    return (0.1 * rng.standard_normal(len(envelope)) * envelope).astype(np.float32)


def test_loudness_range_is_that_of_the_pauses_in_decibels():
    assert loudness_range(log_mel(voice_like(0.1))) == pytest.approx(20, abs=2)
    assert loudness_range(log_mel(voice_like(0.01))) == pytest.approx(40, abs=3)
    assert loudness_range(log_mel(voice_like(1.0))) < 3


def test_loudness_range_does_not_depend_on_the_level_nor_on_rumble():
    sound = voice_like(0.1)
    rumble = 0.5 * np.sin(2 * np.pi * 60 * np.arange(len(sound)) / SAMPLE_RATE)
    plain = loudness_range(log_mel(sound))
    assert loudness_range(log_mel(sound * np.float32(0.05))) == pytest.approx(plain, abs=0.1)
    assert loudness_range(log_mel((sound + rumble).astype(np.float32))) == pytest.approx(plain, abs=3)


def test_loudness_range_of_nothing_is_zero():
    assert loudness_range(np.zeros((80, 0), np.float32)) == 0
