"""Readings of made-up regions: what settles, what stays, what comes back, and what is told twice (nothing)."""

import numpy as np
import pytest

from edge.perception.quads import farthest, moved
from edge.perception.tracking import Tracker, elect
from edge.results import Region, TextLine
from edge.settings import SignSettings

SIZE = (960, 540)
S = 1_000_000_000
IDENTITY = ((1, 0, 0), (0, 1, 0))


def region(text, x=300, y=200, width=200, height=40, confidence=0.95):
    box = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Region((TextLine(box, text, confidence),), box, text, confidence)


class Watcher:
    """A tracker, the clock of its frames, and everything it told."""

    def __init__(self, **settings):
        self.tracker = Tracker(SignSettings(**settings))
        self.now = 0
        self.since = None
        self.told = []
        self.back = []

    def read(self, *regions, still=False, after=0.4, expire=True):
        if not still:
            self.since = None
        elif self.since is None:
            self.since = self.now + int(after * S) - S // 10
        self.now += int(after * S)
        told, back = self.tracker.observe(regions, self.now, SIZE, since_ns=self.since)
        if expire:
            self.tracker.expire(self.now, SIZE)
        self.told += [(track.number, track.text) for track in told]
        self.back += [track.number for track in back]
        return told

    @property
    def in_sight(self):
        return {track.number: track.text for track in self.tracker.settled}

    def box(self, number=1):
        return next(track.box for track in self.tracker.settled if track.number == number)


@pytest.fixture
def watcher():
    return Watcher(votes=2)


def test_two_readings_that_agree_settle_a_text(watcher):
    watcher.read(region("EXIT"))
    assert watcher.told == []
    assert watcher.tracker.open
    watcher.read(region("EXIT", x=303))
    assert watcher.told == [(1, "EXIT")]
    assert not watcher.tracker.open


def test_one_sure_reading_of_a_still_picture_is_enough(watcher):
    (track,) = watcher.read(region("EXIT"), still=True)
    assert track.first_ns == watcher.now - S // 10, "the text was there since the picture stands still"


def test_one_sure_reading_of_a_steady_picture_is_enough(watcher):
    watcher.tracker.observe([region("EXIT"), region("PUSH", y=400, confidence=0.8)], S, SIZE, steady=True)
    assert watcher.in_sight == {1: "EXIT"}


def test_an_unsure_reading_of_a_still_picture_is_not(watcher):
    watcher.read(region("EXIT", confidence=0.8), still=True)
    assert watcher.told == []


def test_a_sign_cut_off_by_the_border_waits_for_a_second_reading(watcher):
    watcher.read(region("INTENANCE", x=0), still=True)
    assert watcher.told == []
    watcher.read(region("INTENANCE", x=0), still=True)
    assert watcher.told == [(1, "INTENANCE")]


def test_a_settled_text_never_changes(watcher):
    for text in ("EXIT", "EXIT", "EX1T", "EXLT", "EXI", "EXIT", "FXIT", "EX1T"):
        watcher.read(region(text))
    assert watcher.told == [(1, "EXIT")]
    assert watcher.in_sight == {1: "EXIT"}


def test_the_majority_spells_the_text():
    watcher = Watcher(votes=3)
    for text in ("MAINTENANCF", "MAINTENANCE", "MAINTENANCE"):
        watcher.read(region(text))
    assert watcher.told == [(1, "MAINTENANCE")]


def test_a_single_misreading_of_something_else_is_forgotten(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.read(region("WHAT EVER"))
    watcher.read(region("EXIT"))
    assert watcher.in_sight == {1: "EXIT"}


def test_a_place_that_shows_another_text_again_and_again_is_another_sign(watcher):
    for text in ["Gate 12 Lisbon"] * 2 + ["Delayed until noon"] * 8:
        watcher.read(region(text))
    assert watcher.told == [(1, "Gate 12 Lisbon"), (2, "Delayed until noon")]
    assert watcher.in_sight == {2: "Delayed until noon"}


def test_unsure_readings_of_something_else_change_nothing(watcher):
    for text, confidence in [("Gate 12 Lisbon", 0.95)] * 2 + [("Dolayod umtil moon", 0.7)] * 8:
        watcher.read(region(text, confidence=confidence))
    assert watcher.in_sight == {1: "Gate 12 Lisbon"}


def test_two_like_signs_side_by_side_stay_two(watcher):
    for jitter in (0, 2, -2, 1):
        watcher.read(region("NO PARKING", x=100 + jitter), region("NO PARKING", x=500 - jitter))
    assert watcher.told == [(1, "NO PARKING"), (2, "NO PARKING")]
    assert farthest(watcher.box(1), region("", x=100).box) < 5


def test_a_region_is_held_over_misses(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.read()
    watcher.read()
    assert watcher.in_sight == {1: "EXIT"}
    assert watcher.tracker.open, "it is looked for again"
    for _ in range(4):
        watcher.read()
    assert watcher.in_sight == {}


def test_one_miss_after_a_long_pause_loses_nothing(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.read(after=8)
    assert watcher.in_sight == {1: "EXIT"}


def test_a_sign_that_comes_back_keeps_its_number_and_is_not_told_again(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.tracker.cut()
    assert watcher.in_sight == {}
    watcher.read(region("EXIT", x=600, y=300), after=6)
    watcher.read(region("EXIT", x=600, y=300))
    assert watcher.told == [(1, "EXIT")]
    assert watcher.back == [1]
    assert farthest(watcher.box(), region("", x=600, y=300).box) < 3


def test_a_sign_that_comes_back_much_later_is_a_new_one(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.tracker.cut()
    watcher.read(region("EXIT"), after=30)
    watcher.read(region("EXIT"))
    assert watcher.told == [(1, "EXIT"), (2, "EXIT")]


def test_regions_move_with_the_camera_and_leave_the_picture(watcher):
    watcher.read(region("EXIT", x=700))
    watcher.read(region("EXIT", x=700))
    watcher.tracker.move(((1, 0, 100), (0, 1, -20)))
    assert watcher.box()[0] == (800, 180)
    watcher.read(region("EXIT", x=801, y=180))
    watcher.tracker.move(((1, 0, 120), (0, 1, 0)))
    watcher.read()
    assert watcher.in_sight == {}


def test_a_moved_region_is_found_where_the_camera_took_it(watcher):
    watcher.read(region("EXIT", x=100))
    for step in range(1, 6):
        watcher.tracker.move(((1, 0, 110), (0, 1, 0)))
        watcher.read(region("EXIT", x=100 + 110 * step))
    assert watcher.told == [(1, "EXIT")]


def test_boxes_of_a_still_scene_do_not_tremble(watcher):
    rng = np.random.default_rng(1)
    watcher.read(region("EXIT"), still=True)
    before = watcher.box()
    for spread in [3] * 30 + [20] * 10:
        x, y, wide = rng.uniform(-spread, spread, 3)
        watcher.read(region("EXIT", x=300 + x, y=200 + y, width=200 + wide), still=True)
        assert farthest(watcher.box(), before) == 0


def test_a_box_is_put_right_once_when_the_camera_has_come_to_rest(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.tracker.move(((1, 0, 30), (0, 1, 0)))
    watcher.read(region("EXIT", x=310), still=True)
    assert watcher.box() == region("", x=310).box
    watcher.read(region("EXIT", x=325), still=True)
    assert watcher.box() == region("", x=310).box


def test_a_reading_corrects_a_box_that_has_drifted(watcher):
    watcher.read(region("EXIT"))
    watcher.read(region("EXIT"))
    watcher.tracker.move(((1, 0, 12), (0, 1, 9)))
    watcher.read(region("EXIT"))
    assert watcher.box() == region("EXIT").box


def test_half_a_sign_read_alone_neither_shrinks_the_box_nor_is_told(watcher):
    sign = region("BEWARE OF MAINTENANCE VEHICLES", height=120)
    watcher.read(sign)
    watcher.read(sign)
    for _ in range(4):
        watcher.read(region("MAINTENANCE", y=240))
        watcher.read(region("BEWARE OF", y=200), region("MAINTENANCE VEHICLES", y=240, height=80))
    assert watcher.told == [(1, "BEWARE OF MAINTENANCE VEHICLES")]
    assert watcher.box() == sign.box


def test_two_regions_read_in_one_are_not_told_again(watcher):
    heading, body = region("SPECIAL OFFER", y=100), region("TAKE 3 PAY 2", y=145)
    for _ in range(2):
        watcher.read(heading, body)
    for _ in range(8):
        watcher.read(region("SPECIAL OFFER TAKE 3 PAY 2", y=100, height=85))
    assert len(watcher.told) == 2
    assert set(watcher.in_sight) == {1, 2}


def test_an_unchanged_picture_keeps_what_was_found(watcher):
    watcher.read(region("EXIT"), still=True)
    watcher.tracker.confirm(60 * S)
    watcher.tracker.expire(60 * S, SIZE)
    assert watcher.in_sight == {1: "EXIT"}


def test_without_hold_what_was_missed_twice_goes(watcher):
    watcher.read(region("EXIT"), still=True)
    watcher.read(after=0.1)
    watcher.read(after=0.1)
    watcher.tracker.expire(watcher.now, SIZE, hold=False)
    assert watcher.in_sight == {}


def test_a_text_in_doubt_stops_asking_for_readings(watcher):
    rng = np.random.default_rng(2)
    for _ in range(4):
        watcher.read(region("".join(rng.choice(list("abcdefghijklmnop"), 8, replace=False)), confidence=0.6))
    assert watcher.told == []
    assert not watcher.tracker.open


def test_a_walk_past_ten_signs_tells_each_once():
    watcher = Watcher(votes=2)
    rng = np.random.default_rng(3)
    names = ["Bakery", "Pharmacy", "Town Hall", "Library", "Station", "Museum", "Hotel Mar", "Post Office", "School",
             "Market"]  # fmt: skip
    camera = 0.0
    for frame in range(160):
        camera += 15
        watcher.tracker.move(((1, 0, -15), (0, 1, 0)))
        if frame % 4 == 0:
            seen = []
            for index, name in enumerate(names):
                x = 200 + 250 * index - camera
                if 0 < x < 760 and rng.random() > 0.15:
                    seen.append(region(name, x + rng.uniform(-2, 2), 200 + rng.uniform(-2, 2), 180))
            watcher.read(*seen, after=0.27)
    assert sorted(text for _, text in watcher.told) == sorted(names)


@pytest.mark.parametrize(
    ("readings", "sure", "elected"),
    [
        ([], 0.9, None),
        ([("EXIT", 0.95)], 0.9, "EXIT"),
        ([("EXIT", 0.85)], 0.9, None),
        ([("EXIT", 0.6), ("EXIT", 0.6)], 2.0, "EXIT"),
        ([("EXIT", 0.6), ("TAXI", 0.6)], 2.0, None),
        ([("Platform A", 0.6), ("Platform B", 0.7), ("Platform A", 0.6)], 2.0, "Platform A"),
        ([("VEHICLFS HERE", 0.6), ("VEHICLES HERE", 0.7)], 2.0, "VEHICLES HERE"),
    ],
)
def test_elections(readings, sure, elected):
    assert elect(readings, 2, sure) == elected


def test_moving_is_what_quads_do():
    assert moved(region("x").box, IDENTITY) == region("x").box


def test_doubtful_are_texts_without_votes_and_regions_that_were_not_found_again(watcher):
    watcher.read(region("EXIT"), region("ALPHA", y=400, confidence=0.6), still=True)
    assert [track.region.text for track in watcher.tracker.doubtful] == ["ALPHA"]
    watcher.read(region("ALPHA", y=400, confidence=0.6), still=True)
    assert [track.text for track in watcher.tracker.doubtful] == ["EXIT"]


def answer(watcher, *regions, after=0.4):
    watcher.now += int(after * S)
    told, back = watcher.tracker.answer(regions, watcher.now, SIZE, since_ns=watcher.since)
    watcher.told += [(track.number, track.text) for track in told]
    return told, back


def test_an_answer_settles_a_text_in_doubt_and_leaves_the_others_as_they_are(watcher):
    watcher.read(region("EXIT"), region("ALPHA", y=400, confidence=0.6), still=True)
    assert watcher.told == [(1, "EXIT")]
    answer(watcher, region("ALPHA", y=400, confidence=0.8))
    assert watcher.told == [(1, "EXIT"), (2, "ALPHA")]
    assert not watcher.tracker.open
    assert [track.misses for track in watcher.tracker.settled] == [0, 0]


def test_an_answer_that_finds_nothing_counts_as_a_miss(watcher):
    watcher.read(region("ALPHA", confidence=0.6), still=True)
    for _ in range(2):
        answer(watcher, None)
    assert watcher.tracker.doubtful[0].misses == 2
    watcher.tracker.expire(watcher.now, SIZE, hold=False)
    assert watcher.tracker.doubtful == ()


def test_an_answer_that_finds_a_region_again_takes_the_doubt_away(watcher):
    watcher.read(region("EXIT"), still=True)
    watcher.read(still=True)
    assert watcher.tracker.open
    answer(watcher, region("EXIT"))
    assert not watcher.tracker.open
    assert watcher.in_sight == {1: "EXIT"}


def test_answers_that_say_something_else_several_times_are_another_sign(watcher):
    watcher.read(region("EXIT"), still=True)
    for _ in range(6):
        watcher.read(still=True, expire=False)
        answer(watcher, *[region("BAKERY", confidence=0.99)] * len(watcher.tracker.doubtful))
    assert (2, "BAKERY") in watcher.told


def test_answers_are_as_many_as_doubtful_tracks(watcher):
    watcher.read(region("ALPHA", confidence=0.6), still=True)
    with pytest.raises(ValueError, match="zip"):
        answer(watcher)


def test_a_texture_that_reads_the_same_again_at_its_place_is_no_text(watcher):
    watcher.read(region("AAGAKA", confidence=0.68), still=True)
    for _ in range(3):
        answer(watcher, region("AAGAKA", confidence=0.7))
    assert watcher.told == []
    answer(watcher, region("AAGAKA", confidence=0.8))
    assert watcher.told == [(1, "AAGAKA")]


def test_a_settled_text_may_be_read_again_with_little_confidence(watcher):
    watcher.read(region("EXIT"), still=True)
    watcher.read(still=True)
    answer(watcher, region("EXIT", confidence=0.55))
    assert not watcher.tracker.open
