"""What was seen in one showing of the film, beside what was there to see: signs and names."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.bench.film import Film, Sight, Sign
from edge.bench.stability import Shown, jitter_px, text_changes
from edge.media import NS_PER_S
from edge.results import UNKNOWN


@dataclass(frozen=True)
class Named:
    """A name that was told: when it was shown, and what."""

    shown_ns: int
    label: str


@dataclass(frozen=True)
class Visit:
    """Something in the film, with the film's seconds as clock time.

    Attributes:
        from_ns, still_ns, to_ns: see `film.Sign`.
    """

    what: Sign | Sight
    from_ns: int
    still_ns: int
    to_ns: int


@dataclass(frozen=True)
class Round:
    """One showing.

    Attributes:
        sign_ms: of the signs whose overlay became stable: first frame to last change.
        label_ms: of the things that were named right: first frame to name.
        read, written: text on the board of every sign while the camera stood still at last, and what is there.
        changes, minutes: texts of overlays that changed in so many minutes with signs in sight.
        deviations_px: of the overlays about their path.
        right, sights: names that were right when the camera had stood still, and places looked at.
    """

    sign_ms: tuple[float, ...] = ()
    label_ms: tuple[float, ...] = ()
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    changes: int = 0
    minutes: float = 0.0
    deviations_px: tuple[float, ...] = ()
    right: int = 0
    sights: int = 0


def judge_round(
    film: Film, senses: Sequence[str], began_ns: int, moments: Sequence[Shown], names: Sequence[Named]
) -> Round:
    """What a showing that began at `began_ns` gave.

    Args:
        film: what was shown.
        senses: those that ran.
        began_ns: clock of the events.
        moments: what overlays were on show when, oldest first; also the last one before the showing.
        names: in order; also the last one before the showing.
    """
    fields: dict[str, Any] = {}
    if "signs" in senses:
        fields |= _signs(moments, [_visit(sign, began_ns) for sign in film.signs])
    if "scene" in senses:
        fields |= _sights(names, [_visit(sight, began_ns) for sight in film.sights])
    return Round(**fields)


def _visit(what: Sign | Sight, began_ns: int) -> Visit:
    times = (began_ns + round(at_s * NS_PER_S) for at_s in (what.from_s, what.still_s, what.to_s))
    return Visit(what, *times)


def _signs(moments: Sequence[Shown], visits: Sequence[Visit]) -> dict[str, Any]:
    stable = (_stable_ms(moments, visit) for visit in visits)
    changes, minutes = 0, 0.0
    deviations: list[float] = []
    for start_ns, end_ns in sorted({(visit.from_ns, visit.to_ns) for visit in visits}):
        shown = during(moments, start_ns, end_ns)
        changes += text_changes(shown)
        minutes += (end_ns - start_ns) / NS_PER_S / 60
        deviations += jitter_px(shown).values()
    return {
        "sign_ms": tuple(ms for ms in stable if ms is not None),
        "read": tuple(_read(moments, visit) for visit in visits),
        "written": tuple(visit.what.text for visit in visits if isinstance(visit.what, Sign)),
        "changes": changes,
        "minutes": minutes,
        "deviations_px": tuple(deviations),
    }


def during(moments: Sequence[Shown], start_ns: int, end_ns: int) -> list[Shown]:
    """What was on show from `start_ns` to `end_ns`, of what came on show in that time."""
    first = bisect_right(moments, start_ns, key=lambda moment: moment.at_ns)
    last = bisect_left(moments, end_ns, key=lambda moment: moment.at_ns)
    old = moments[first - 1].overlays if first else {}
    return [
        Shown(moment.at_ns, {number: one for number, one in moment.overlays.items() if number not in old})
        for moment in moments[first:last]
    ]


def _on_board(moment: Shown, visit: Visit) -> list[tuple[str, Any]]:
    """Texts and boxes with their middle on the board of a sign, from top to bottom."""
    assert isinstance(visit.what, Sign)  # noqa: S101 - for the type checker
    corners = np.asarray(visit.what.corners)
    sides = np.roll(corners, -1, axis=0) - corners
    found = []
    for text, box in moment.overlays.values():
        middle = np.mean(box, axis=0)
        to_middle = middle - corners
        if (sides[:, 0] * to_middle[:, 1] - sides[:, 1] * to_middle[:, 0] >= 0).all():
            found.append((float(middle[1]), float(middle[0]), text, box))
    return [(text, box) for _, _, text, box in sorted(found)]


def _stable_ms(moments: Sequence[Shown], visit: Visit) -> float | None:
    """From the first frame of the visit to the last change of its overlays while the camera stands; None: never."""
    before: list[tuple[str, Any]] = []
    stable_ns = None
    for moment in during(moments, visit.from_ns, visit.still_ns):
        now = _on_board(moment, visit)
        if now != before:
            before, stable_ns = now, moment.at_ns
    return (stable_ns - visit.from_ns) / 1e6 if stable_ns is not None and before else None


def _read(moments: Sequence[Shown], visit: Visit) -> str:
    shown = during(moments, visit.from_ns, visit.still_ns)
    return " ".join(text for text, _ in _on_board(shown[-1], visit)) if shown else ""


def _sights(names: Sequence[Named], visits: Sequence[Visit]) -> dict[str, Any]:
    return {
        "label_ms": tuple(_named_ms(names, visits)),
        "right": sum(_name_at(names, visit.still_ns) == _label(visit) for visit in visits),
        "sights": len(visits),
    }


def _named_ms(names: Sequence[Named], visits: Sequence[Visit]) -> Iterator[float]:
    """From the first frame of a thing to its right name; nothing of what was not named right, or was before."""
    for visit in visits:
        label = _label(visit)
        if label == UNKNOWN:
            continue
        right = (one for one in names if one.label == label and visit.from_ns < one.shown_ns <= visit.to_ns)
        if (first := next(right, None)) is not None:
            yield (first.shown_ns - visit.from_ns) / 1e6


def _label(visit: Visit) -> str:
    return visit.what.label if isinstance(visit.what, Sight) else ""


def _name_at(names: Sequence[Named], at_ns: int) -> str:
    return next((one.label for one in reversed(names) if one.shown_ns <= at_ns), UNKNOWN)
