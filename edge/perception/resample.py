"""Change of sample rate for a stream of audio: a polyphase windowed-sinc filter in numpy.

For a ratio `up / down` in lowest terms, output sample `n` lies at input position `n * down / up`, whose
fraction is one of `up` phases. Each phase has its own row of a Kaiser-windowed sinc (J. F. Kaiser's design
formulas, as in Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.6): flat to 7/8 of the lower
Nyquist frequency, 80 dB down from that frequency on, so that nothing folds back into speech.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from edge.media import NS_PER_S, AudioChunk, Samples

_REJECTION_DB = 80.0
_PASSBAND = 0.875

Filters = npt.NDArray[np.float32]


def resample(chunks: Iterable[AudioChunk], sample_rate: int) -> Iterator[AudioChunk]:
    """The same sound at `sample_rate`.

    A run of n samples gives exactly ceil(n * up / down) samples. The filter delays nothing in time stamps:
    `captured_ns` of an output chunk is the time of its first sample in the sound; output waits for half a
    filter length of input (2.5 ms at 48 kHz). `lost` is converted to output samples; the filter starts anew
    behind a loss and where the input rate changes. Chunks already at `sample_rate` pass unchanged.

    Args:
        chunks: audio of any rate, 4000 Hz to 384 kHz make sense.
        sample_rate: wanted rate, hertz.

    Yields:
        Chunks at `sample_rate`, none of them empty.
    """
    run: _Run | None = None
    for chunk in chunks:
        if run is not None and (chunk.lost or chunk.sample_rate != run.input_rate):
            yield from run.finish()
            run = None
        if chunk.sample_rate == sample_rate:
            yield chunk
            continue
        if run is None:
            run = _Run(chunk, sample_rate)
        yield from run.push(chunk)
    if run is not None:
        yield from run.finish()


class _Run:
    """One stretch of consecutive samples at one rate."""

    def __init__(self, first: AudioChunk, output_rate: int) -> None:
        divisor = math.gcd(first.sample_rate, output_rate)
        self.input_rate = first.sample_rate
        self._rate = output_rate
        self._up = output_rate // divisor
        self._down = first.sample_rate // divisor
        self._filters = _filters(self._up, self._down)
        self._half = self._filters.shape[1] // 2
        self._kept: Samples = np.zeros(self._half - 1, np.float32)  # input from position `_kept_from` on
        self._kept_from = 1 - self._half
        self._received = 0
        self._sent = 0
        self._origin_ns = first.captured_ns  # clock time of input position 0, by the newest chunk
        self._lost = _scaled(first.lost, self._up, self._down)

    def push(self, chunk: AudioChunk) -> Iterator[AudioChunk]:
        self._origin_ns = chunk.captured_ns - self._received * NS_PER_S // self.input_rate
        self._received += len(chunk.samples)
        self._kept = np.concatenate([self._kept, chunk.samples])
        yield from self._emit(-(-(self._received - self._half) * self._up // self._down))

    def finish(self) -> Iterator[AudioChunk]:
        self._kept = np.concatenate([self._kept, np.zeros(self._half, np.float32)])
        yield from self._emit(-(-self._received * self._up // self._down))

    def _emit(self, until: int) -> Iterator[AudioChunk]:
        if until <= self._sent:
            return
        position = np.arange(self._sent, until, dtype=np.int64) * self._down
        first_tap = position // self._up - self._half + 1 - self._kept_from
        windows = np.lib.stride_tricks.sliding_window_view(self._kept, self._filters.shape[1])
        if self._up == 1:
            samples = np.einsum("nk,k->n", windows[first_tap[0] :: self._down][: until - self._sent], self._filters[0])
        else:
            samples = np.einsum("nk,nk->n", windows[first_tap], self._filters[position % self._up])
        captured_ns = self._origin_ns + self._sent * NS_PER_S // self._rate
        self._sent = until
        done = until * self._down // self._up - self._half + 1 - self._kept_from
        self._kept = self._kept[done:].copy()
        self._kept_from += done
        lost, self._lost = self._lost, 0
        yield AudioChunk(samples, self._rate, captured_ns, lost)


@functools.lru_cache(maxsize=4)
def _filters(up: int, down: int) -> Filters:
    """Filter rows float32 [up, taps], one per phase, each with a sum of 1; taps is even."""
    limit = min(1.0, up / down)  # the lower Nyquist frequency, in units of the input's
    transition = (1.0 - _PASSBAND) * limit
    taps = 2 * math.ceil((_REJECTION_DB - 7.95) / (14.36 * transition / 2) / 2)
    cutoff = limit - transition / 2
    # Distance of tap k of phase p from the output position: k runs from 1 - taps / 2 to taps / 2.
    distance = np.arange(1 - taps // 2, taps // 2 + 1)[None, :] - np.arange(up)[:, None] / up
    beta = 0.1102 * (_REJECTION_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (2.0 * distance / taps) ** 2, 0.0, 1.0)))
    rows = np.sinc(cutoff * distance) * window
    rows /= rows.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(rows, dtype=np.float32)


def _scaled(samples: int, up: int, down: int) -> int:
    """A number of input samples as output samples, never rounded to nothing."""
    return -(-samples * up // down)
