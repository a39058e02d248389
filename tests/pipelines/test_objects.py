"""The pipeline of objects over fakes: when it looks, what it tells, when boxes go."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edge.errors import InferenceError
from edge.events import ObjectsDetected, SeenObject, StageFailed
from edge.media import NS_PER_S, VideoFrame
from edge.pipelines.objects import STAGE, ObjectWatch
from edge.results import DetectedObject, FollowedObject

FPS = 10
BOX = (10.04, 20.0, 30.0, 40.0)


SHIFT = ((1.0, 0.0, 10.0), (0.0, 1.0, 0.0))


class Camera:
    """Frames of 0.1 s; each is a word, what it shows: a letter for every thing, and any number to tell pictures apart.

    A word again is the same picture, another of the same letters has moved to the right by 10 pixels, one after `|` is
    another view; `x` is a failure.
    """

    def __init__(self, words):
        self.words = words.split()
        self.looked = []
        self.last = None

    def __iter__(self):
        for index in range(len(self.words)):
            image = np.zeros((1, 1, 3), np.uint8)
            image[0, 0, 0] = index
            yield VideoFrame(image, index * NS_PER_S // FPS, index)

    def estimate(self, image):
        before, self.last = self.last, self.words[int(image[0, 0, 0])]
        is_cut = before is None or (self.last.startswith("|") and before != self.last)
        return SimpleNamespace(still=before == self.last, cut=is_cut, matrix=SHIFT)

    def detect(self, image):
        self.looked.append(int(image[0, 0, 0]))
        word = self.words[self.looked[-1]]
        if "x" in word:
            raise InferenceError("model failed; run: edge doctor")
        return [DetectedObject(letter, letter.upper(), 0.123456, BOX) for letter in word if letter.isalpha()]


class Follower:
    """Shows what it is told after `votes` in a row of the same."""

    def __init__(self, votes=1):
        self.votes = votes
        self.doubts = 0
        self.forget()

    @property
    def open(self):
        return self.count < self.votes

    def observe(self, found, now_ns):
        self.count = self.count + 1 if found == self.last else 1
        self.last = found
        if self.count >= self.votes:
            self.shown = tuple(FollowedObject(number, thing, now_ns) for number, thing in enumerate(found, 1))
        return self.shown

    def move(self, matrix):
        (_, _, right), _ = matrix

        def moved(one):
            left, top, end, bottom = one.thing.box
            return replace(one, thing=replace(one.thing, box=(left + right, top, end + right, bottom)))

        self.shown = tuple(map(moved, self.shown))

    def doubt(self):
        self.doubts += 1

    def forget(self):
        self.last, self.count, self.shown = None, 0, ()


def play(words, interval_s=0.3, votes=1):
    camera = Camera(words)
    interval = interval_s if callable(interval_s) else lambda: interval_s
    watch = ObjectWatch(camera.detect, camera.estimate, Follower(votes), interval, "pt")
    return list(watch.events(camera)), camera.looked


def told(events):
    """Labels, and the frame they belong to."""
    return [("".join(one.label for one in event.objects), event.captured_ns * FPS // NS_PER_S) for event in events]


def lefts(events):
    return [event.objects[0].box[0] for event in events]


def test_what_is_told_of_a_thing():
    events, _ = play("c " * 5)
    assert events == [ObjectsDetected(0, (SeenObject(1, "c", "C", 0.1235, (10.0, 20.0, 30.0, 40.0)),), "pt")]


def test_things_come_and_go():
    events, _ = play("a a a a ab ab ab ab b b b b . . . .")
    labels = [labels for labels, _ in told(events)]
    assert [label for index, label in enumerate(labels) if labels[index - 1 : index] != [label]] == ["a", "ab", "b", ""]


def test_nothing_is_told_of_nothing():
    assert play(". .1 .2 .3 .4 .5 .6")[0] == []


def test_the_interval_is_kept():
    _, looked = play(" ".join(f"a{index}" for index in range(20)), interval_s=0.5)
    assert looked == [0, 5, 10, 15]


def test_a_still_picture_costs_one_look():
    events, looked = play("a " * 50)
    assert (len(events), looked) == (1, [0])


def test_a_still_picture_counts_for_the_votes_without_the_model():
    events, looked = play("a " * 10, votes=2)
    assert looked == [0]
    assert told(events) == [("a", 3)]


def test_between_two_looks_boxes_go_along_with_the_camera():
    events, looked = play("a1 a2 a3 a3 a3 a4", interval_s=5.0)
    assert looked == [0]
    assert [frame for _, frame in told(events)] == [0, 1, 2, 5]
    assert lefts(events) == [10, 20, 30, 40]


def test_a_picture_that_moved_is_looked_at_again_when_it_is_time():
    events, looked = play("a1 a2 a2 a2 a2 a2 a2", interval_s=0.3)
    assert looked == [0, 3]
    assert lefts(events) == [10, 20, 10]


def test_a_tremor_is_not_told():
    follower = Follower()
    camera = Camera("a1 a2 a3 a4 a5 a6 a7 a8")
    estimate = camera.estimate

    def tremble(image):
        motion = estimate(image)
        motion.matrix = ((1.0, 0.0, 0.4), (0.0, 1.0, 0.0))
        return motion

    events = list(ObjectWatch(camera.detect, tremble, follower, lambda: 5.0, "pt").events(camera))
    assert [frame for _, frame in told(events)] == [0, 4], "slow drift adds up until it counts"


def test_another_view_is_looked_at_soon():
    events, looked = play("a1 a1 a1 |b1 |b1 |b1 |b1 |b1 |b1", interval_s=0.6)
    assert looked == [0, 3]
    assert told(events) == [("a", 0), ("b", 3)]


def test_but_only_once_where_every_frame_seems_another_view():
    _, looked = play(" ".join(f"|a{n}" for n in range(20)), interval_s=0.6)
    assert looked == [0, 6, 12, 18]
    _, looked = play("a0 a1 a2 " + " ".join(f"|a{n}" for n in range(20)), interval_s=0.6)
    assert looked == [0, 3, 9, 15, 21]


def test_what_another_view_does_not_have_is_doubted():
    camera, follower = Camera("a1 |b1 |b2 b3"), Follower()
    list(ObjectWatch(camera.detect, camera.estimate, follower, lambda: 5.0, "pt").events(camera))
    assert follower.doubts == 3, "the first frame of all is another view, too"


class TestFailures:
    def test_is_told_once_and_boxes_go(self):
        events, looked = play("a a a x1 x2 x3 x4 x5 x6 x7 x8", interval_s=0.3)
        assert looked == [0, 3, 6, 9]
        assert [type(event) for event in events] == [ObjectsDetected, StageFailed, ObjectsDetected]
        assert (events[1].stage, events[1].message) == (STAGE, "model failed; run: edge doctor")
        assert told([events[0], events[2]]) == [("a", 0), ("", 3)]

    def test_a_failure_on_a_still_picture_is_tried_again_but_not_all_the_time(self):
        assert play("x x x x x x x", interval_s=0.3)[1] == [0, 3, 6]

    def test_again_after_it_worked(self):
        events, _ = play("x1 a2 x3 a4", interval_s=0.0)
        assert [type(event) for event in events].count(StageFailed) == 2
        assert told(event for event in events if isinstance(event, ObjectsDetected)) == [("a", 1), ("", 2), ("a", 3)]

    def test_another_exception_is_not_caught(self):
        def broken(_image):
            raise ZeroDivisionError

        camera = Camera("a")
        watch = ObjectWatch(broken, camera.estimate, Follower(), lambda: 0, "pt")
        with pytest.raises(ZeroDivisionError):
            list(watch.events(camera))


class TestOff:
    def test_boxes_go_and_come_back(self):
        count = iter(range(100))

        def interval():
            return None if 3 <= next(count) < 6 else 0.0

        events, looked = play("a " * 9, interval_s=interval)
        assert told(events) == [("a", 0), ("", 3), ("a", 6)]
        assert looked == [0, 6]
