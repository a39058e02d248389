"""Follows things from one detection to the next, so that boxes do not flicker, jump or change their names.

A thing is shown when `votes` detections have found it, or one was sure; it goes when `misses` in a row have not. Its
name is the one with the most probability over its detections, older ones counting less. Its box stays where it is while
detections differ by less than a detector's own restlessness, and follows by halves otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge.perception.motion import Matrix
from edge.perception.object_detection import overlap
from edge.results import Box, DetectedObject, FollowedObject
from edge.settings import ObjectSettings

_SAME = 0.3
"""Boxes that share this much may be the same thing."""
_RESTLESS = 0.06
"""Sides that move by less than this share of the box stand still."""
_FAST = 0.5
"""Boxes that share less than this much have moved so far that half the way would be neither here nor there."""
_FADING = 0.7
"""What a detection counts for a name after the next one."""


@dataclass
class _Track:
    thing: DetectedObject
    first_ns: int
    number: int = 0
    hits: int = 1
    misses: int = 0
    doubted: bool = False
    weights: dict[str, float] = field(default_factory=dict)


class ObjectTracker:
    """Things of one camera. Not for several threads.

    Args:
        settings: votes, misses, sure score.
    """

    def __init__(self, settings: ObjectSettings) -> None:
        self._settings = settings
        self._tracks: list[_Track] = []
        self._count = 0

    @property
    def open(self) -> bool:
        """Whether the next detection may show something new or take something away."""
        return any(not track.number or track.misses for track in self._tracks)

    def observe(self, found: Sequence[DetectedObject], now_ns: int) -> tuple[FollowedObject, ...]:
        """Take in a detection; what is to be shown, by number.

        Args:
            found: the things in a frame.
            now_ns: its clock time.
        """
        pairs = self._matches(found)
        for track in self._tracks:
            track.misses += 1
        for index, thing in enumerate(found):
            track = pairs.get(index) or self._begin(thing, now_ns)
            if index in pairs:
                _seen(track, thing)
            if not track.number and (track.hits >= self._settings.votes or thing.score >= self._settings.sure_score):
                self._count += 1
                track.number = self._count
        self._tracks = [track for track in self._tracks if track.misses < self._patience(track)]
        return self.shown

    @property
    def shown(self) -> tuple[FollowedObject, ...]:
        """The things in sight, by number."""
        settled = sorted((track for track in self._tracks if track.number), key=lambda track: track.number)
        return tuple(FollowedObject(track.number, track.thing, track.first_ns) for track in settled)

    def move(self, matrix: Matrix) -> None:
        """Take all boxes along with the camera: shifted and scaled, but upright as boxes are."""
        for track in self._tracks:
            track.thing = replace(track.thing, box=moved(track.thing.box, matrix))

    def doubt(self) -> None:
        """The view may be another one: what the next detection does not find has gone."""
        for track in self._tracks:
            track.doubted = True

    def forget(self) -> None:
        """Nothing is in sight any more."""
        self._tracks.clear()

    def _patience(self, track: _Track) -> int:
        return self._settings.misses if track.number and not track.doubted else 1

    def _begin(self, thing: DetectedObject, now_ns: int) -> _Track:
        track = _Track(thing, now_ns, weights={thing.label: thing.score})
        self._tracks.append(track)
        return track

    def _matches(self, found: Sequence[DetectedObject]) -> dict[int, _Track]:
        """Index of a detection to its track: those that lie best over each other first; the same name is half of it."""
        scored = [
            (shared + (track.thing.label == thing.label) / 2, index, place)
            for index, thing in enumerate(found)
            for place, track in enumerate(self._tracks)
            if (shared := overlap(track.thing.box, thing.box)) >= _SAME
        ]
        pairs: dict[int, _Track] = {}
        used: set[int] = set()
        for _, index, place in sorted(scored, key=lambda pair: -pair[0]):
            if index not in pairs and place not in used:
                pairs[index] = self._tracks[place]
                used.add(place)
        return pairs


def _seen(track: _Track, thing: DetectedObject) -> None:
    track.hits += 1
    track.misses = 0
    track.doubted = False
    weights = {label: weight * _FADING for label, weight in track.weights.items()}
    weights[thing.label] = weights.get(thing.label, 0.0) + thing.score
    track.weights = weights
    label = max(weights, key=lambda name: weights[name])
    name = thing.name if label == thing.label else track.thing.name if label == track.thing.label else label
    track.thing = replace(thing, label=label, name=name, box=smoothed(track.thing.box, thing.box))


def moved(box: Box, matrix: Matrix) -> Box:
    """A box after a similarity of the whole picture: its middle goes along, its sides are scaled."""
    (a, b, c), (d, e, f) = matrix
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    scale = math.hypot(a, d)
    across, down = scale * (box[2] - box[0]) / 2, scale * (box[3] - box[1]) / 2
    x, y = a * x + b * y + c, d * x + e * y + f
    return x - across, y - down, x + across, y + down


def smoothed(old: Box, new: Box) -> Box:
    """Where to draw a box that was at `old` and is now found at `new`."""
    slack = _RESTLESS * max(1.0, min(old[2] - old[0], old[3] - old[1]))
    if all(abs(one - other) <= slack for one, other in zip(old, new, strict=True)):
        return old
    if overlap(old, new) < _FAST:
        return new
    left, top, right, bottom = ((one + other) / 2 for one, other in zip(old, new, strict=True))
    return left, top, right, bottom
