"""Follows regions of text from reading to reading, and settles what they say by vote.

A reading sees a region where it was before, moved along with the camera, or with the same words nearby. What a region
says is settled when enough readings agree, or at once when a sure reader saw a picture that stands still. A settled
text never changes: a region that clearly shows another text several times over is another sign. Regions that are not
found for a while are gone, but remembered: seen again within `memory_s` they come back under their old number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge.media import NS_PER_S
from edge.perception.quads import Matrix, area, bounds, common_area, farthest, middle, moved, overlap, size
from edge.perception.text_grouping import region_of
from edge.perception.text_likeness import contained, likeness, same_text
from edge.results import Quad, Region
from edge.settings import SignSettings

_SURE_OVERLAP = 0.5
_SOME_OVERLAP = 0.1
_SAME_SIGN = 0.5
_NEARBY = 1.5
_COVERED = 0.6
_PART = 0.75
_OTHER_TEXT_TIMES = 4
_OTHER_TEXT = 0.6
_TOLERANCE_PX = 2.0
_TOLERANCE_HEIGHT = 0.15
_SAME_SIZE = 1.25
_BORDER = 0.01
_MAX_READINGS = 12
_UNSEEN_SHARE = 0.5
_MIN_MISSES = 2
_SURE_IN_PLACE = 0.75


@dataclass
class Track:
    """A region that is followed.

    Attributes:
        number: of the region within the session, from 1; 0 until it has settled.
        region: its newest reading that agrees with the text, at its present place.
        first_ns: clock time of the first frame in which it was seen.
        seen_ns: of the last.
        readings: text and confidence of its readings, oldest first.
        text: what it says, once that is settled.
        strangers: the same other text, as often as it was read with confidence since the text was last read.
        misses: readings in a row that did not find it.
        placed_ns: clock time of the frame whose reading gave or confirmed its place.
    """

    region: Region
    first_ns: int
    seen_ns: int
    number: int = 0
    readings: list[tuple[str, float]] = field(default_factory=list)
    text: str | None = None
    strangers: list[str] = field(default_factory=list)
    misses: int = 0
    placed_ns: int = 0

    @property
    def box(self) -> Quad:
        """Where it is now."""
        return self.region.box

    def found(self, now_ns: int) -> None:
        """A reading of the frame at `now_ns` has it."""
        self.seen_ns = now_ns
        self.misses = 0


class Tracker:
    """Regions of one camera. Not for several threads.

    Args:
        settings: votes, hold and memory.
    """

    def __init__(self, settings: SignSettings) -> None:
        self._settings = settings
        self._tracks: list[Track] = []
        self._remembered: list[Track] = []
        self._count = 0

    @property
    def settled(self) -> tuple[Track, ...]:
        """Tracks in sight whose text is settled."""
        return tuple(track for track in self._tracks if track.text is not None)

    @property
    def doubtful(self) -> tuple[Track, ...]:
        """Tracks for which another reading may settle something: a text in doubt, a region not found again."""
        votes = self._settings.votes + 1
        return tuple(
            track for track in self._tracks if track.misses > 0 or (track.text is None and len(track.readings) < votes)
        )

    @property
    def open(self) -> bool:
        """Whether another reading may settle something."""
        return bool(self.doubtful)

    def move(self, matrix: Matrix) -> None:
        """Take all regions along with the camera."""
        for track in self._tracks:
            track.region = _shifted(track.region, matrix)

    def cut(self) -> None:
        """Another view: nothing is in sight any more."""
        self._remembered += self.settled
        self._tracks.clear()

    def observe(
        self,
        regions: Sequence[Region],
        now_ns: int,
        image_size: tuple[int, int],
        *,
        since_ns: int | None = None,
        steady: bool = False,
    ) -> tuple[list[Track], list[Track]]:
        """Take in a reading.

        Args:
            regions: what was read.
            now_ns: clock time of the frame that was read.
            image_size: its width and height.
            since_ns: clock time since which the picture stands still; None: it moves.
            steady: it moves so little that it is sharp: one sure reading is enough.

        Returns:
            Tracks whose text has settled by this reading, and remembered ones that came back.
        """
        fresh: list[Region] = []
        regions = [self._unknown_part(region, now_ns) for region in regions]
        pairs = self._matches(regions)
        for followed in self._tracks:
            followed.misses += 1
        for index, region in enumerate(regions):
            track = pairs.get(index)
            if track is None:
                fresh.append(region)
            elif _agrees(track, region):
                self._seen(track, region, now_ns, since_ns)
            elif not self._is_part(region, now_ns):
                self._contradicted(track, region, now_ns, since_ns)
        self._tracks += [_begin(region, now_ns, since_ns) for region in fresh if not self._is_part(region, now_ns)]
        self._credit(regions, now_ns)
        return self.settle(image_size, still=steady or since_ns is not None)

    def answer(
        self,
        regions: Sequence[Region | None],
        now_ns: int,
        image_size: tuple[int, int],
        *,
        since_ns: int | None = None,
        steady: bool = False,
    ) -> tuple[list[Track], list[Track]]:
        """Take in what was read at the places of the `doubtful` tracks, as `observe` does; None: nothing.

        A texture reads the same again at the same place: what is no text yet has to be read with some confidence.
        """
        for track, read in zip(self.doubtful, regions, strict=True):
            track.misses += 1
            unsure = track.text is None and read is not None and read.confidence < _SURE_IN_PLACE
            region = None if unsure else read
            if region is not None and _agrees(track, region):
                self._seen(track, region, now_ns, since_ns)
            elif region is not None:
                self._contradicted(track, region, now_ns, since_ns)
        return self.settle(image_size, still=steady or since_ns is not None)

    def expire(self, now_ns: int, image_size: tuple[int, int], *, hold: bool = True) -> None:
        """Let go of regions that readings did not find, or that left the picture; forget old memories.

        Args:
            now_ns: clock time of the frame.
            image_size: its width and height.
            hold: only of those not found for `hold_s`.
        """
        hold_ns = int(self._settings.hold_s * NS_PER_S) if hold else -1
        kept = []
        for track in self._tracks:
            held = track.misses < _MIN_MISSES or now_ns - track.seen_ns <= hold_ns
            if held and _in_sight(track.box, image_size):
                kept.append(track)
            elif track.text is not None:
                self._remembered.append(track)
        self._tracks = kept
        memory_ns = int(self._settings.memory_s * NS_PER_S)
        self._remembered = [track for track in self._remembered if now_ns - track.seen_ns <= memory_ns]

    def confirm(self, now_ns: int) -> None:
        """The picture has not changed: what was found is still there."""
        for track in self._tracks:
            if not track.misses:
                track.seen_ns = now_ns

    def _matches(self, regions: Sequence[Region]) -> dict[int, Track]:
        """Index of region to track, the likeliest pairs first, each used once."""
        scored = [
            (_likelihood(track, region), index, place)
            for index, region in enumerate(regions)
            for place, track in enumerate(self._tracks)
        ]
        pairs: dict[int, Track] = {}
        used: set[int] = set()
        for score, index, place in sorted(scored, key=lambda pair: -pair[0]):
            if score > 0 and index not in pairs and place not in used:
                pairs[index] = self._tracks[place]
                used.add(place)
        return pairs

    def _seen(self, track: Track, region: Region, now_ns: int, since_ns: int | None) -> None:
        track.found(now_ns)
        track.strangers = []
        track.readings = [*track.readings, (region.text, region.confidence)][-_MAX_READINGS:]
        if track.text is None:
            track.region, track.placed_ns = region, now_ns
        elif since_ns is None or track.placed_ns < since_ns:  # in a picture that stands still, a place is final
            track.region, track.placed_ns = _corrected(track.region, region), now_ns

    def _contradicted(self, track: Track, region: Region, now_ns: int, since_ns: int | None) -> None:
        """The region shows another text: a misreading, or after several times another sign."""
        track.found(now_ns)
        if track.text is None:
            track.readings = [*track.readings, (region.text, region.confidence)][-_MAX_READINGS:]
            track.region, track.placed_ns = region, now_ns
            return
        kept = [text for text in track.strangers if same_text(text, region.text)]
        track.strangers = [*kept, region.text] if region.confidence >= self._settings.sure_confidence else kept
        if len(track.strangers) >= _OTHER_TEXT_TIMES:
            self._tracks.remove(track)
            self._remembered.append(track)
            self._tracks.append(_begin(region, now_ns, since_ns))

    def _is_part(self, region: Region, now_ns: int) -> bool:
        """A piece of a settled region that was read on its own, or settled regions read in one."""
        for track in self.settled:
            if _covers(track.box, region.box) and contained(region.text, track.text or "") >= _PART:
                track.found(now_ns)
                return True
        letters = sum(len(track.text or "") for track in self.settled if _includes(region, track))
        return letters >= _COVERED * len(region.text)

    def _unknown_part(self, region: Region, now_ns: int) -> Region:
        """The lines of a region that no settled track has yet, where it includes one and goes on.

        A closer look may find more lines of a sign that has been told; they become a region of their own, because
        what has been told does not change. Tracks that are included count as found.
        """
        if len(region.lines) == 1:
            return region
        inner = [track for track in self.settled if _includes(region, track)]
        rest = [line for line in region.lines if not any(_covers(track.box, line.box) for track in inner)]
        if not rest or len(rest) == len(region.lines):
            return region
        for track in inner:
            track.found(now_ns)
            track.misses = -1  # whatever the matching says: it counts up from here
        return replace(region_of(rest), ink=region.ink, paper=region.paper)

    def _credit(self, regions: Sequence[Region], now_ns: int) -> None:
        """What was read as a part of something larger has been found, too."""
        for track in self.settled:
            if track.misses and any(_includes(region, track) for region in regions):
                track.found(now_ns)

    def settle(self, image_size: tuple[int, int], *, still: bool) -> tuple[list[Track], list[Track]]:
        """Settle what can be settled: tracks to be told, and remembered ones that came back.

        Args:
            image_size: width and height of the picture.
            still: what was read last stands still, so that one sure reading is enough.
        """
        told: list[Track] = []
        back: list[Track] = []
        for place, track in enumerate(self._tracks):
            if track.text is not None:
                continue
            sure = self._settings.sure_confidence if still and not _at_border(track.box, image_size) else math.inf
            text = elect(track.readings, self._settings.votes, sure)
            if text is None:
                continue
            known = self._recall(text, track.box)
            if known is not None:
                self._tracks[place] = replace(
                    known, region=track.region, seen_ns=track.seen_ns, strangers=[], misses=0, placed_ns=track.placed_ns
                )
                back.append(self._tracks[place])
                continue
            self._count += 1
            track.text, track.number = text, self._count
            track.region = replace(track.region, text=text)
            told.append(track)
        return told, back

    def _recall(self, text: str, box: Quad) -> Track | None:
        """Take the nearest remembered region that says the same out of the memory."""
        same = [track for track in self._remembered if same_text(track.text or "", text)]
        found = min(same, key=lambda track: math.dist(middle(track.box), middle(box)), default=None)
        if found is not None:
            self._remembered.remove(found)
        return found


def elect(readings: Sequence[tuple[str, float]], votes: int, sure: float = math.inf) -> str | None:
    """The text that enough readings agree on, or None.

    Readings that say the same (`same_text`) form a party; of the largest one the spelling with the most confidence
    altogether is elected. One reading that is at least as confident as `sure` is enough.
    """
    parties: list[list[tuple[str, float]]] = []
    for text, confidence in readings:
        party = next((party for party in parties if same_text(party[0][0], text)), None)
        if party is None:
            parties.append([(text, confidence)])
        else:
            party.append((text, confidence))
    best = max(parties, key=lambda party: (len(party), sum(confidence for _, confidence in party)), default=[])
    if len(best) < votes and not any(confidence >= sure for _, confidence in best):
        return None
    spellings: dict[str, float] = {}
    for text, confidence in best:
        spellings[text] = spellings.get(text, 0.0) + confidence
    return max(spellings, key=lambda text: spellings[text])


def _covers(box: Quad, part: Quad) -> bool:
    return common_area(box, part) > _COVERED * area(part)


def _includes(region: Region, track: Track) -> bool:
    return _covers(region.box, track.box) and contained(track.text or "", region.text) >= _PART


def _begin(region: Region, now_ns: int, since_ns: int | None) -> Track:
    first_ns = now_ns if since_ns is None else since_ns
    return Track(region, first_ns, now_ns, readings=[(region.text, region.confidence)], placed_ns=now_ns)


def _likelihood(track: Track, region: Region) -> float:
    """How likely a reading is of a track; 0 for not at all."""
    shared = overlap(track.box, region.box)
    width, height = size(track.box)
    near = math.dist(middle(track.box), middle(region.box)) < _NEARBY * max(width / 2, height)
    if not near and shared < _SOME_OVERLAP:
        return 0.0
    alike = likeness(track.text if track.text is not None else track.region.text, region.text)
    if shared >= _SURE_OVERLAP or (shared >= _SOME_OVERLAP and alike >= _SAME_SIGN):
        return shared + alike
    return alike / 2 if near and alike >= 1 - _SOME_OVERLAP else 0.0


def _agrees(track: Track, region: Region) -> bool:
    text = track.text if track.text is not None else track.region.text
    return likeness(text, region.text) >= _OTHER_TEXT


def _corrected(now: Region, read: Region) -> Region:
    """The place of a region after a reading: where it was read, unless that is nearly the same or of another size."""
    drift = farthest(now.box, read.box)
    if drift <= _tolerance(now.box):
        return now
    for own, other in zip(size(now.box), size(read.box), strict=True):
        if max(own, other) > _SAME_SIZE * max(min(own, other), 1.0):
            return now
    return replace(now, box=read.box)


def _tolerance(box: Quad) -> float:
    return max(_TOLERANCE_PX, _TOLERANCE_HEIGHT * size(box)[1])


def _shifted(region: Region, matrix: Matrix) -> Region:
    lines = tuple(replace(line, box=moved(line.box, matrix)) for line in region.lines)
    return replace(region, box=moved(region.box, matrix), lines=lines)


def _at_border(box: Quad, image_size: tuple[int, int]) -> bool:
    left, top, right, bottom = bounds(box)
    width, height = image_size
    slack = _BORDER * max(image_size)
    return left < slack or top < slack or right > width - slack or bottom > height - slack


def _in_sight(box: Quad, image_size: tuple[int, int]) -> bool:
    width, height = image_size
    frame = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
    return common_area(box, frame) > _UNSEEN_SHARE * area(box)
