"""How much of what the wearer reads changes while it should not: pure functions over the events of a session.

Events are the records of `edge run --events` (docs/events.md). *Interval* is a stretch of the session, in nanoseconds
of its clock, in which the same signs are in sight; what happens between intervals is not judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Event = Mapping[str, Any]
Corners = tuple[tuple[float, float], ...]
Interval = tuple[int, int]

_SAME_PLACE = 0.3  # of the smaller of two boxes, covered by the other: the same place in the picture
_WINDOW = 9  # samples of a path about which it is smoothed
_LEAST = 3
_OPEN = 1000  # utterances and regions that are remembered


@dataclass(frozen=True)
class Shown:
    """The overlays on show from `at_ns` on: text and corners in camera pixels by number of the region."""

    at_ns: int
    overlays: Mapping[int, tuple[str, Corners]]


class Erasure:
    """Characters of shown captions that were taken back, caption by caption; of long sessions, too.

    Normalised erasure of Arivazhagan et al. 2020, "Re-translation versus streaming for simultaneous translation", with
    characters for tokens: of each change, what stands behind the longest common beginning is erased.
    """

    def __init__(self) -> None:
        self._last: dict[int, str] = {}
        self._erased = self._total = 0

    def add(self, caption: Event) -> None:
        """The next Subtitle event."""
        utterance, text = caption["utterance"], caption["text"]
        before = self._last.pop(utterance, "")
        self._erased += len(before) - _common(before, text)
        self._total += len(text) - len(before)
        self._last[utterance] = text
        if len(self._last) > _OPEN:
            del self._last[next(iter(self._last))]

    @property
    def normalised(self) -> float | None:
        """Over the characters in the end; None without any."""
        return self._erased / self._total if self._total else None


def _common(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class Timeline:
    """What overlays are on show, by SignTranslated and SignsMoved as the HUD takes them."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._shown: dict[int, tuple[str, Corners]] = {}
        self._now_ns = 0

    def add(self, event: Event) -> Shown | None:
        """The next event of a session; what is on show from then on, if it changes that."""
        if event["event"] == "SignTranslated":
            self._now_ns = max(self._now_ns, event["captured_ns"] + int((event["latency_ms"] or 0) * 1e6))
            self._texts[event["region"]] = event["text"]
            self._shown = {**self._shown, event["region"]: (event["text"], _corners(event["box"]))}
            if len(self._texts) > _OPEN:
                del self._texts[next(iter(self._texts))]
        elif event["event"] == "SignsMoved":
            self._now_ns = max(self._now_ns, event["captured_ns"])
            boxes = ((number, box) for number, box in event["boxes"] if number in self._texts)
            self._shown = {number: (self._texts[number], _corners(box)) for number, box in boxes}
        else:
            return None
        return Shown(self._now_ns, self._shown)


def _corners(box: Sequence[Sequence[float]]) -> Corners:
    return tuple((float(x), float(y)) for x, y in box)


def within(moments: Sequence[Shown], interval: Interval) -> list[Shown]:
    """The moments of an interval; the first is what was on show when it began, if anything was."""
    start, end = interval
    before = [moment for moment in moments if moment.at_ns <= start]
    inside = [moment for moment in moments if start < moment.at_ns < end]
    return [Shown(start, before[-1].overlays), *inside] if before else inside


def text_changes(moments: Sequence[Shown]) -> int:
    """How often a text on show gave way to another one in its place, went, or came back, while nothing should change.

    What comes on show for the first time is no change.
    """
    changes = 0
    places: list[tuple[str | None, Corners]] = []  # everything that was ever on show; None: gone
    for moment in moments:
        now = list(moment.overlays.values())
        after: list[tuple[str | None, Corners]] = []
        for text, box in places:
            here = next((one for one in now if _same_place(one[1], box)), None)
            changes += (here[0] if here else None) != text
            after.append(here or (None, box))
        places = after + [one for one in now if not any(_same_place(one[1], box) for _, box in places)]
    return changes


def _same_place(one: Corners, other: Corners) -> bool:
    a, b = np.asarray(one), np.asarray(other)
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    common = float(np.prod(np.maximum(high - low, 0.0)))
    smaller = min(float(np.prod(np.ptp(a, axis=0))), float(np.prod(np.ptp(b, axis=0))))
    return common > _SAME_PLACE * smaller


def jitter_px(moments: Sequence[Shown]) -> dict[int, float]:
    """Standard deviation of the corners of every region about their smooth path, pixels, by number of the region.

    The path is the parabola through the neighbouring samples that fits best (Savitzky and Golay 1964, "Smoothing and
    differentiation of data by simplified least squares procedures", for uneven times); it goes along with a camera
    that moves evenly. Boxes that did not move, or too rarely to tell, have 0.
    """
    paths: dict[int, list[tuple[int, Corners]]] = {}
    for moment in moments:
        for number, (_, box) in moment.overlays.items():
            paths.setdefault(number, []).append((moment.at_ns, box))
    return {number: _deviation(path) for number, path in paths.items()}


def _deviation(path: Sequence[tuple[int, Corners]]) -> float:
    times = np.array([at_ns for at_ns, _ in path], np.float64) / 1e9
    places = np.array([np.ravel(box) for _, box in path], np.float64)
    if len(path) < _LEAST or not np.ptp(places, axis=0).any():
        return 0.0
    rests = [_rest(times, places, at) for at in range(len(path))]
    return float(np.sqrt(np.mean(np.square(rests))))


def _rest(times: npt.NDArray[np.float64], places: npt.NDArray[np.float64], at: int) -> npt.NDArray[np.float64]:
    """How far the sample is from the parabola (for few samples: line, mean) through its neighbours and itself."""
    start = max(0, min(at - _WINDOW // 2, len(times) - _WINDOW))
    near = slice(start, start + _WINDOW)
    moved = times[near] - times[at]
    order = min(2, (len(moved) - 1) // 2)
    scale = float(np.abs(moved).max()) or 1.0
    powers = np.vander(moved / scale, order + 1, increasing=True)
    fitted, *_ = np.linalg.lstsq(powers, places[near], rcond=None)
    rest: npt.NDArray[np.float64] = places[at] - fitted[0]
    return rest
