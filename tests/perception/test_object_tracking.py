"""Things over detections: what is shown, under which name and number, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.perception.object_tracking import ObjectTracker, moved, smoothed
from edge.results import DetectedObject
from edge.settings import ObjectSettings

HERE, THERE = (100.0, 100.0, 200.0, 200.0), (400.0, 100.0, 500.0, 200.0)


def cup(box=HERE, score=0.6, label="cup"):
    return DetectedObject(label, label.upper(), score, box)


def shifted(box, by):
    return tuple(side + by for side in box)


def tracker(**settings):
    return ObjectTracker(ObjectSettings(**settings))


def play(follow, *detections):
    """What is shown after each: lists of number, label."""
    shown = [follow.observe(found, index) for index, found in enumerate(detections)]
    return [[(one.number, one.thing.label) for one in seen] for seen in shown]


class TestShowing:
    def test_two_detections_make_a_thing(self):
        assert play(tracker(votes=2), [cup()], [cup()]) == [[], [(1, "cup")]]

    def test_a_sure_one_is_shown_at_once(self):
        assert play(tracker(sure_score=0.8), [cup(score=0.85)]) == [[(1, "cup")]]

    def test_a_thing_seen_once_is_forgotten_at_the_next_miss(self):
        assert play(tracker(votes=2), [cup()], [], [cup()]) == [[], [], []]

    def test_one_miss_does_not_flicker_and_the_second_takes_it_away(self):
        shown = play(tracker(misses=2, votes=1), [cup()], [], [cup()], [], [])
        assert shown == [[(1, "cup")]] * 4 + [[]]

    def test_what_comes_back_is_another_one(self):
        assert play(tracker(votes=1, misses=1), [cup()], [], [cup()])[-1] == [(2, "cup")]

    def test_two_alike_are_kept_apart(self):
        follow = tracker(votes=1)
        shown = follow.observe([cup(HERE), cup(THERE)], 0)
        again = follow.observe([cup(shifted(THERE, 5)), cup(shifted(HERE, 5))], 1)
        assert [one.number for one in shown] == [one.number for one in again] == [1, 2]
        assert again[0].thing.box[0] < 300 < again[1].thing.box[0]

    def test_a_dog_in_front_of_a_cup_is_not_the_cup(self):
        follow = tracker(votes=1)
        follow.observe([cup(), cup(label="dog")], 0)
        shown = follow.observe([cup(label="dog"), cup()], 1)
        assert [(one.number, one.thing.label) for one in shown] == [(1, "cup"), (2, "dog")]

    def test_the_time_is_that_of_the_first_detection(self):
        follow = tracker(votes=2)
        follow.observe([cup()], 7)
        (one,) = follow.observe([cup()], 9)
        assert one.first_ns == 7

    def test_nothing_is_left_after_forgetting(self):
        follow = tracker(votes=1)
        follow.observe([cup()], 0)
        follow.forget()
        assert follow.shown == ()
        assert follow.open is False


class TestNames:
    def test_one_strange_name_changes_nothing(self):
        shown = play(tracker(votes=1), [cup()], [cup()], [cup(label="bowl")], [cup()])
        assert {label for seen in shown for _, label in seen} == {"cup"}

    def test_but_a_lasting_one_does(self):
        follow = tracker(votes=1)
        shown = play(follow, [cup()], *[[cup(label="bowl")]] * 4)
        assert shown[-1] == [(1, "bowl")]
        assert follow.shown[0].thing.name == "BOWL"

    def test_the_name_belongs_to_the_label(self):
        follow = tracker(votes=1)
        follow.observe([cup()], 0)
        follow.observe([cup()], 1)
        (one,) = follow.observe([cup(label="bowl")], 2)
        assert (one.thing.label, one.thing.name) == ("cup", "CUP")


class TestBoxes:
    def test_a_restless_box_stands_still(self):
        follow = tracker(votes=1)
        follow.observe([cup()], 0)
        for index, by in enumerate((3, -4, 5, -2), 1):
            (one,) = follow.observe([cup(shifted(HERE, by))], index)
            assert one.thing.box == HERE

    def test_a_slow_thing_is_followed_by_halves(self):
        assert smoothed(HERE, shifted(HERE, 14)) == shifted(HERE, 7)

    def test_a_fast_one_at_once(self):
        assert smoothed(HERE, shifted(HERE, 60)) == shifted(HERE, 60)

    @given(st.lists(st.floats(-200, 200), min_size=4, max_size=4))
    def test_never_beyond_where_it_was_found(self, by):
        new = tuple(one + change for one, change in zip(HERE, by, strict=True))
        if new[0] < new[2] and new[1] < new[3]:
            for side, old, found in zip(smoothed(HERE, new), HERE, new, strict=True):
                assert min(old, found) <= side <= max(old, found)


class TestCamera:
    def test_boxes_go_along(self):
        follow = tracker(votes=1)
        follow.observe([cup(HERE), cup(THERE)], 0)
        follow.move(((1.0, 0.0, 30.0), (0.0, 1.0, -20.0)))
        assert [one.thing.box for one in follow.shown] == [(130, 80, 230, 180), (430, 80, 530, 180)]

    def test_what_comes_nearer_grows(self):
        assert moved(HERE, ((2.0, 0.0, 0.0), (0.0, 2.0, 0.0))) == (200, 200, 400, 400)

    def test_a_head_that_tilts_turns_the_middle_and_not_the_box(self):
        left, top, right, bottom = moved(HERE, ((0.0, -1.0, 400.0), (1.0, 0.0, 0.0)))
        assert (left, top, right, bottom) == (200, 100, 300, 200)

    def test_a_thing_that_went_along_is_found_again_as_the_same(self):
        follow = tracker(votes=1)
        follow.observe([cup(HERE)], 0)
        follow.move(((1.0, 0.0, 300.0), (0.0, 1.0, 0.0)))
        (one,) = follow.observe([cup((401, 100, 501, 200))], 1)
        assert one.number == 1


class TestDoubt:
    def test_what_is_not_found_again_goes_at_once(self):
        follow = tracker(votes=1, misses=5)
        follow.observe([cup(HERE), cup(THERE)], 0)
        follow.doubt()
        assert len(follow.shown) == 2
        assert [one.number for one in follow.observe([cup(THERE)], 1)] == [2]

    def test_what_is_found_again_is_trusted_as_before(self):
        follow = tracker(votes=1, misses=2)
        follow.observe([cup()], 0)
        follow.doubt()
        follow.observe([cup()], 1)
        assert len(follow.observe([], 2)) == 1


class TestOpen:
    @pytest.mark.parametrize(
        ("detections", "is_open"),
        [([[cup()]], True), ([[cup()], [cup()]], False), ([[cup()], [cup()], []], True), ([[]], False)],
    )
    def test_whether_the_next_detection_matters(self, detections, is_open):
        follow = tracker(votes=2)
        play(follow, *detections)
        assert follow.open is is_open
