"""What the camera senses have told, as far as the wearer sees it: signs and things where they are, and the scene.

A value like `HudState`: an event and the time in, a new value out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.events import (
    Corners,
    Event,
    ObjectsDetected,
    SceneRecognized,
    SeenObject,
    SenseChanged,
    SignsMoved,
    SignTranslated,
    SourceLost,
    StageFailed,
)
from edge.media import NS_PER_S
from edge.results import UNKNOWN

KEPT_SIGNS = 128
"""Signs remembered for when they come into sight again."""
SCENE_HOLD_S = 1.5
"""The name of a thing stays so long after it is no longer recognised: looks that fail do not make it flicker."""

Place = tuple[int, Corners]


@dataclass(frozen=True)
class Seen:
    """What is in sight.

    Attributes:
        signs: translated signs, the last told last.
        places: number and corners of those in sight, pixels of the camera frame.
        scene: name of what is looked at; empty for nothing known.
        scene_until_ns: clock time at which the name goes; None while it is recognised.
        objects: things in sight, and where they are.
    """

    signs: tuple[SignTranslated, ...] = ()
    places: tuple[Place, ...] = ()
    scene: str = ""
    scene_until_ns: int | None = None
    objects: tuple[SeenObject, ...] = ()

    @property
    def in_sight(self) -> tuple[tuple[SignTranslated, Corners], ...]:
        """The signs in sight and their corners."""
        known = {sign.region: sign for sign in self.signs}
        return tuple((known[region], box) for region, box in self.places if region in known)


def see(seen: Seen, event: Event, now_ns: int) -> Seen:
    """What is in sight after `event` at clock time `now_ns`."""
    if isinstance(event, SignTranslated):
        others = tuple(sign for sign in seen.signs if sign.region != event.region)
        places = tuple(place for place in seen.places if place[0] != event.region)
        return replace(
            seen, signs=(*others, event)[-KEPT_SIGNS:], places=(*places, (event.region, event.box))[-KEPT_SIGNS:]
        )
    if isinstance(event, SignsMoved):
        return replace(seen, places=tuple(event.boxes))
    if isinstance(event, ObjectsDetected):
        return replace(seen, objects=event.objects)
    if isinstance(event, SceneRecognized):
        if event.label != UNKNOWN and event.name:
            return replace(seen, scene=event.name, scene_until_ns=None)
        return _fading(seen, now_ns)
    return _ended(seen, event, now_ns)


def _ended(seen: Seen, event: Event, now_ns: int) -> Seen:
    """What is left in sight where a sense has stopped looking."""
    if isinstance(event, SenseChanged) and event.level == "off":
        if event.sense == "signs":
            return replace(seen, places=())
        return replace(seen, objects=()) if event.sense == "objects" else _fading(seen, now_ns)
    failed = isinstance(event, StageFailed) and event.stage == "objects"
    blind = isinstance(event, SourceLost) and event.source == "camera"
    return replace(seen, objects=()) if failed or blind else seen


def fade(seen: Seen, now_ns: int) -> Seen:
    """What is in sight at clock time `now_ns`: a name that is no longer recognised goes when its time is over."""
    over = seen.scene_until_ns is not None and seen.scene_until_ns <= now_ns
    return replace(seen, scene="", scene_until_ns=None) if over else seen


def _fading(seen: Seen, now_ns: int) -> Seen:
    if not seen.scene or seen.scene_until_ns is not None:
        return seen
    return replace(seen, scene_until_ns=now_ns + int(SCENE_HOLD_S * NS_PER_S))
