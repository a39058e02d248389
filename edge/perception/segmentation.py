"""Segmentation: a stream of sound becomes onsets and segments of speech.

Two generators: `score` cuts the stream into windows of 32 ms and asks for the speech probability of each;
`cut` runs a machine of four states over them and hands out results. `segment` is one behind the other.

    quiet --speech--> starting --enough of it--> speaking <--speech / no speech--> stopping --hangover--> quiet

Promise: every Onset is followed by exactly one Segment of the same utterance, also when sound is lost or the
stream ends in mid-word. Bursts too short to be speech give nothing at all.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

from edge.media import NS_PER_S, AudioChunk, Samples
from edge.results import Onset, Segment
from edge.settings import SegmentationSettings, VoiceActivitySettings

SAMPLE_RATE = 16_000
WINDOW = 512
WINDOW_MS = 32

_START_GAP_MS = 96  # quiet that makes a beginning start over
_SILENT_WINDOWS = 31  # one second of silence before the model is no longer asked
_CUT_SEARCH = 0.3  # last part of a too long utterance in which the quietest point is sought
_CUT_SMOOTHING = 5  # windows; a pause is longer than the closure of a plosive
_DB_PER_PROBABILITY = 30.0  # what a probability of 1 weighs against loudness when a cut is sought


@dataclass(frozen=True)
class ScoredWindow:
    """A window of sound and how likely it is to be speech.

    Attributes:
        samples: float32 [512] at 16 kHz; fewer in the last window before a loss or the end.
        captured_ns: clock time of the first sample.
        probability: of speech, 0..1.
        fresh: nothing before this window belongs to it: the first one, and the first one after a loss.
    """

    samples: Samples = field(repr=False)
    captured_ns: int
    probability: float
    fresh: bool = False

    @property
    def ended_ns(self) -> int:
        """Clock time just after the last sample."""
        return self.captured_ns + len(self.samples) * NS_PER_S // SAMPLE_RATE

    @property
    def loudness_db(self) -> float:
        """Mean power in decibels of full scale; digital silence is -120."""
        return _loudness_db(self.samples)


def segment(
    chunks: Iterable[AudioChunk],
    probability: Callable[[Samples], float],
    reset: Callable[[], None],
    settings: SegmentationSettings,
    voice_settings: VoiceActivitySettings,
) -> Iterator[Onset | Segment]:
    """Onsets and segments of speech in a stream of sound.

    Args:
        chunks: mono, 16 kHz, of any length.
        probability: speech probability of a window float32 [512] (`VoiceActivityDetector.detect`).
        reset: makes `probability` forget what it heard; called at the start and behind every loss.
        settings: lengths.
        voice_settings: thresholds.

    Yields:
        An Onset when speech is certain (`min_speech_ms` of it), the Segment `hangover_ms` after its end.

    Raises:
        ValueError: a chunk at another rate than 16 kHz.
    """
    gated = _Gate(probability, reset, voice_settings.min_loudness_db)
    return cut(score(chunks, gated.probability, gated.reset), settings, voice_settings)


def score(
    chunks: Iterable[AudioChunk], probability: Callable[[Samples], float], reset: Callable[[], None]
) -> Iterator[ScoredWindow]:
    """Windows of 32 ms with their speech probability; see `segment` for the arguments."""
    rest = np.zeros(0, np.float32)
    rest_ns = 0
    fresh = True
    reset()
    for chunk in chunks:
        if chunk.sample_rate != SAMPLE_RATE:
            raise ValueError(f"segmentation wants {SAMPLE_RATE} Hz, not {chunk.sample_rate}")
        if chunk.lost:
            yield from _last_window(rest, rest_ns, probability, fresh)
            reset()
            rest, fresh = rest[:0], True
        # Time stamps follow the newest chunk, so that the drift of a device's clock does not add up.
        start_ns = chunk.captured_ns - len(rest) * NS_PER_S // SAMPLE_RATE
        samples = np.concatenate([rest, chunk.samples])
        whole = len(samples) - len(samples) % WINDOW
        for at in range(0, whole, WINDOW):
            window = samples[at : at + WINDOW]
            yield ScoredWindow(window, start_ns + at * NS_PER_S // SAMPLE_RATE, probability(window), fresh)
            fresh = False
        rest, rest_ns = samples[whole:], start_ns + whole * NS_PER_S // SAMPLE_RATE
    yield from _last_window(rest, rest_ns, probability, fresh)


class _Gate:
    """Lets the model sleep through silence: woken from idle it costs ten times what it costs in a busy program.

    Only silence that has lasted is skipped, so that nothing changes within an utterance. When sound comes back
    the model starts anew with the window before it.
    """

    def __init__(self, probability: Callable[[Samples], float], reset: Callable[[], None], floor_db: float) -> None:
        self._probability = probability
        self._reset = reset
        self._floor_db = floor_db
        self._silent = 0
        self._skipped: Samples | None = None

    def probability(self, window: Samples) -> float:
        self._silent = self._silent + 1 if _loudness_db(window) < self._floor_db else 0
        if self._silent > _SILENT_WINDOWS:
            self._skipped = window
            return 0.0
        if self._skipped is not None:
            self._reset()
            self._probability(self._skipped)
            self._skipped = None
        return self._probability(window)

    def reset(self) -> None:
        self._silent = 0
        self._skipped = None
        self._reset()


def _loudness_db(samples: Samples) -> float:
    power = float(np.dot(samples, samples)) / max(len(samples), 1)
    return 10.0 * math.log10(power + 1e-12)


def _last_window(
    rest: Samples, captured_ns: int, probability: Callable[[Samples], float], fresh: bool
) -> Iterator[ScoredWindow]:
    if len(rest):
        filled = np.zeros(WINDOW, np.float32)
        filled[: len(rest)] = rest
        yield ScoredWindow(rest, captured_ns, probability(filled), fresh)


def cut(
    windows: Iterable[ScoredWindow], settings: SegmentationSettings, voice_settings: VoiceActivitySettings
) -> Iterator[Onset | Segment]:
    """Onsets and segments from scored windows; see `segment`."""
    machine = _Machine(settings, voice_settings)
    for window in windows:
        if window.fresh:
            yield from machine.finish()
        again = deque([window])
        while again:
            result = machine.push(again.popleft())
            if result is not None:
                yield result
            again.extendleft(reversed(machine.take_over()))
    yield from machine.finish()


class _State(Enum):
    QUIET = auto()  # holding the look-back
    STARTING = auto()  # speech, but too little of it yet
    SPEAKING = auto()
    STOPPING = auto()  # quiet, but not for long enough yet


class _Machine:
    """The state machine: one window in, at most one result out."""

    def __init__(self, settings: SegmentationSettings, voice: VoiceActivitySettings) -> None:
        self._enter, self._stay = voice.threshold, min(voice.exit_threshold, voice.threshold)
        self._look_back = settings.look_back_ms // WINDOW_MS
        self._min_speech = -(-settings.min_speech_ms // WINDOW_MS)
        self._hangover = -(-settings.hangover_ms // WINDOW_MS)
        self._longest = int(settings.max_speech_s * 1000) // WINDOW_MS
        self._utterance = 0
        self._held: list[ScoredWindow] = []
        self._over: list[ScoredWindow] = []
        self._state = _State.QUIET
        self._speech: list[int] = []  # indices into `_held` of the windows with speech

    def push(self, window: ScoredWindow) -> Onset | Segment | None:
        self._held.append(window)
        inside = self._state in (_State.STARTING, _State.SPEAKING)
        if window.probability >= (self._stay if inside else self._enter):
            self._speech.append(len(self._held) - 1)
            return self._on_speech()
        return self._on_quiet()

    def take_over(self) -> list[ScoredWindow]:
        """What a forced cut left behind; it has to be pushed again."""
        over, self._over = self._over, []
        return over

    def finish(self) -> Iterator[Segment]:
        """The stream is broken or over: what was spoken so far is a segment."""
        if self._state in (_State.SPEAKING, _State.STOPPING):
            yield self._segment(len(self._held))
        self._held = []
        self._restart()

    def _on_speech(self) -> Onset | Segment | None:
        if self._state is _State.QUIET:
            self._state = _State.STARTING
        if self._state is _State.STARTING and len(self._speech) >= self._min_speech:
            self._state = _State.SPEAKING
            self._utterance += 1
            return Onset(self._utterance, self._held[self._speech[0]].captured_ns)
        if self._state is _State.STOPPING:
            self._state = _State.SPEAKING
        return self._cut_if_too_long()

    def _on_quiet(self) -> Segment | None:
        quiet = len(self._held) - 1 - self._speech[-1] if self._speech else 0
        if self._state is _State.STARTING and quiet * WINDOW_MS > _START_GAP_MS:
            self._restart()
        if self._state is _State.QUIET:
            del self._held[: max(0, len(self._held) - self._look_back)]
        if self._state is _State.SPEAKING:
            self._state = _State.STOPPING
        if self._state is _State.STOPPING and quiet >= self._hangover:
            return self._end(len(self._held))
        return self._cut_if_too_long()

    def _cut_if_too_long(self) -> Segment | None:
        if self._state in (_State.QUIET, _State.STARTING) or len(self._held) < self._longest:
            return None
        first = int(len(self._held) * (1.0 - _CUT_SEARCH))
        at = first + _quietest(self._held[first:]) + 1
        self._over = self._held[at:]
        return self._end(at)

    def _end(self, until: int) -> Segment:
        result = self._segment(until)
        # A soft first consonant may lie in the hangover just handed out: the next utterance gets it as well.
        self._held = self._held[max(0, until - self._look_back) : until] if not self._over else []
        self._restart()
        return result

    def _segment(self, until: int) -> Segment:
        held = self._held[:until]
        spoken = [index for index in self._speech if index < until]
        return Segment(
            samples=np.concatenate([window.samples for window in held]),
            sample_rate=SAMPLE_RATE,
            utterance=self._utterance,
            started_ns=held[0].captured_ns,
            captured_ns=held[spoken[-1]].ended_ns,
            spoken_s=sum(len(held[index].samples) for index in spoken) / SAMPLE_RATE,
        )

    def _restart(self) -> None:
        self._state = _State.QUIET
        self._speech = []


def _quietest(windows: list[ScoredWindow]) -> int:
    """Index of the middle of the quietest stretch: least loud and least likely speech, smoothed over a pause."""
    cost = np.array([window.loudness_db + _DB_PER_PROBABILITY * window.probability for window in windows])
    kernel = np.full(_CUT_SMOOTHING, 1.0 / _CUT_SMOOTHING)
    smooth = np.convolve(np.pad(cost, _CUT_SMOOTHING // 2, mode="edge"), kernel, mode="valid")
    return int(np.argmin(smooth))
