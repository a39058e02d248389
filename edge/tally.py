"""What a session has shown, counted for its last event and its last line on the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.events import (
    AudioLost,
    Event,
    ObjectsDetected,
    SceneRecognized,
    SessionEnded,
    SignTranslated,
    SpeechStarted,
    Subtitle,
)
from edge.results import UNKNOWN
from edge.run_options import OBJECTS, SCENE, SIGNS, SPEECH
from edge.telemetry import percentile


@dataclass
class Tally:
    """Counts what was shown, for SessionEnded."""

    utterances: int = 0
    subtitles: int = 0
    signs: int = 0
    scenes: int = 0
    objects: int = 0
    lost_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    def count(self, event: Event) -> None:
        """Take one shown event into account."""
        if isinstance(event, SpeechStarted):
            self.utterances += 1
        elif isinstance(event, AudioLost):
            self.lost_s += event.seconds
        elif isinstance(event, Subtitle):
            self.subtitles += 1
            if event.latency_ms is not None:
                self.latencies_ms.append(event.latency_ms)
        elif isinstance(event, SignTranslated):
            self.signs += 1
        elif isinstance(event, SceneRecognized):
            self.scenes += event.label != UNKNOWN
        elif isinstance(event, ObjectsDetected):
            self.objects = max(self.objects, *(one.number for one in event.objects), 0)

    def totals(self, *, timed: bool = True, senses: Sequence[str] = (SPEECH,)) -> str:
        """One line for the console, of the senses that were on; flat out there is no waiting to tell of."""
        parts = []
        if SPEECH in senses:
            parts.append(f"captions: {self.subtitles} of {self.utterances} utterances")
            if timed and self.latencies_ms:
                p50, p90 = (percentile(self.latencies_ms, share) for share in (0.5, 0.9))
                parts.append(f"last spoken sample to caption: p50 {p50:.0f} ms, p90 {p90:.0f} ms")
        if SIGNS in senses:
            parts.append(f"signs: {self.signs}")
        if SCENE in senses:
            parts.append(f"scenes: {self.scenes}")
        if OBJECTS in senses:
            parts.append(f"objects: {self.objects}")
        if self.lost_s:
            parts.append(f"{self.lost_s:.1f} s of sound lost")
        return "; ".join(parts)

    def ended(self, now_ns: int, rss_mb: float | None, fps: float | None = None) -> SessionEnded:
        """The totals."""
        p50, p90 = (percentile(self.latencies_ms, share) for share in (0.5, 0.9))
        lost_s = round(self.lost_s, 3)
        seen = (self.signs, self.scenes, self.objects, fps)
        return SessionEnded(now_ns, self.utterances, self.subtitles, p50, p90, lost_s, rss_mb, *seen)
