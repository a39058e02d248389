"""Log-mel spectrogram as Whisper was trained on (Radford et al. 2022; filters: Slaney, Auditory Toolbox, 1998)."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from edge.media import Samples

SAMPLE_RATE = 16_000
HOP = 160
WINDOW = 400
FRAMES_PER_S = SAMPLE_RATE // HOP

_KNEE_HZ = 1000.0
_LINEAR_HZ = 200.0 / 3.0
_LOG_STEP = np.log(6.4) / 27.0
_DYNAMIC_RANGE = 8.0
_SMALLEST = 1e-10
_VOICE_HZ = (200.0, 5000.0)


def log_mel(samples: Samples, bands: int = 80) -> npt.NDArray[np.float32]:
    """Log-mel spectrogram of a whole utterance.

    Args:
        samples: float32 [n] at 16 kHz, -1..1; n at least 201.
        bands: mel bands.

    Returns:
        float32 [bands, n // 160]; log10 of power, at most 8 below the largest, then (x + 4) / 4.
    """
    padded = np.pad(np.asarray(samples, np.float32), WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(samples) // HOP]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    mel = np.log10(np.maximum(mel_filters(bands) @ power.T.astype(np.float32), _SMALLEST))
    return np.asarray((np.maximum(mel, mel.max() - _DYNAMIC_RANGE) + 4.0) / 4.0, np.float32)


def loudness_range(mel: npt.NDArray[np.float32]) -> float:
    """How far loud and quiet moments lie apart: decibels between the 10th and 90th percentile of the frames.

    Counts 200 to 5000 Hz. Speech pauses: 20 dB and more also in noise; music and crowds do not: 13 dB and less.

    Args:
        mel: float32 [bands, frames] from `log_mel`; no frames give 0.
    """
    if not mel.size:
        return 0.0
    centres = mel_filters(len(mel)) @ np.linspace(0.0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    centres /= mel_filters(len(mel)).sum(axis=1)
    band = mel[(centres > _VOICE_HZ[0]) & (centres < _VOICE_HZ[1])]
    loudness = 10.0 * np.log10(np.power(10.0, 4.0 * band - 4.0).sum(axis=0))
    quiet, loud = np.percentile(loudness, [10, 90])
    return float(loud - quiet)


@functools.lru_cache(maxsize=4)
def mel_filters(bands: int) -> npt.NDArray[np.float32]:
    """Triangular filters of unit area on Slaney's mel scale from 0 to 8 kHz: float32 [bands, 201]."""
    top = _to_mel(np.array(SAMPLE_RATE / 2))
    edges = _to_hertz(np.linspace(0.0, float(top), bands + 2))
    bins = np.linspace(0.0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], np.float32)


def _to_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _KNEE_HZ / _LINEAR_HZ + np.log(np.maximum(hertz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hertz < _KNEE_HZ, hertz / _LINEAR_HZ, above)


def _to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    knee = _KNEE_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _KNEE_HZ * np.exp(_LOG_STEP * (mel - knee)))


@functools.lru_cache(maxsize=1)
def _hann() -> npt.NDArray[np.float32]:
    return np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW), np.float32)
