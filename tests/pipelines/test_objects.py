"""The pipeline of objects over fakes: when it looks, what it tells, when boxes go."""

import numpy as np
import pytest

from edge.errors import InferenceError
from edge.events import ObjectsDetected, SeenObject, StageFailed
from edge.media import NS_PER_S, VideoFrame
from edge.pipelines.objects import STAGE, ObjectWatch
from edge.results import DetectedObject, FollowedObject

FPS = 10
BOX = (10.04, 20.0, 30.0, 40.0)


class Camera:
    """Frames of 0.1 s; each is a word, what it shows. A word again is the same picture, `-` a blur."""

    def __init__(self, words):
        self.words = words.split()
        self.judged = -1
        self.kept = None
        self.looked = []

    def __iter__(self):
        for index in range(len(self.words)):
            image = np.zeros((1, 1, 3), np.uint8)
            image[0, 0, 0] = index
            yield VideoFrame(image, index * NS_PER_S // FPS, index)

    def see(self, image):
        self.judged = int(image[0, 0, 0])
        word = self.words[self.judged]
        if word == "-":
            return "moving"
        return "same" if word == self.kept else "new"

    def keep(self):
        self.kept = self.words[self.judged]

    def detect(self, image):
        """A thing for every letter of the word, digits aside; `x` is a failure."""
        self.looked.append(int(image[0, 0, 0]))
        word = self.words[self.looked[-1]].rstrip("0123456789")
        if word == "x":
            raise InferenceError("model failed; run: edge doctor")
        return [DetectedObject(letter, letter.upper(), 0.123456, BOX) for letter in word if letter.isalpha()]


class Follower:
    """Shows what it is told after `votes` in a row of the same."""

    def __init__(self, votes=1):
        self.votes = votes
        self.last = None
        self.count = 0
        self.shown = ()

    @property
    def open(self):
        return self.count < self.votes

    def observe(self, found, now_ns):
        self.count = self.count + 1 if found == self.last else 1
        self.last = found
        if self.count >= self.votes:
            self.shown = tuple(FollowedObject(number, thing, now_ns) for number, thing in enumerate(found, 1))
        return self.shown

    def forget(self):
        self.last, self.count, self.shown = None, 0, ()


def play(words, interval_s=0.3, votes=1, hold_s=0.5):
    camera = Camera(words)
    interval = interval_s if callable(interval_s) else lambda: interval_s
    watch = ObjectWatch(camera.detect, camera, Follower(votes), interval, lambda: hold_s, "pt")
    return list(watch.events(camera)), camera.looked


def told(events):
    """Labels, and the frame they belong to."""
    return [("".join(one.label for one in event.objects), event.captured_ns * FPS // NS_PER_S) for event in events]


def test_what_is_told_of_a_thing():
    events, _ = play("c " * 5)
    assert events == [ObjectsDetected(0, (SeenObject(1, "c", "C", 0.1235, (10.0, 20.0, 30.0, 40.0)),), "pt")]


def test_things_come_and_go():
    events, _ = play("a1 a2 a3 a4 ab1 ab2 ab3 ab4 b1 b2 b3 b4 . . . .")
    assert [labels for labels, _ in told(events)] == ["a", "ab", "b", ""]


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


def test_boxes_of_another_picture_are_taken_away():
    """The detector is slow, and the camera has turned to something else."""
    events, _ = play("a " * 3 + "b1 b2 b3 b4 b5 b6 b7", interval_s=5.0, hold_s=0.5)
    assert told(events) == [("a", 0), ("", 6)]


def test_but_not_over_the_same_picture():
    assert told(play("a " * 40, interval_s=5.0, hold_s=0.5)[0]) == [("a", 0)]


def test_a_swinging_camera_is_looked_through():
    events, looked = play("- - - - - - -", interval_s=0.2)
    assert looked == [0, 2, 4, 6]
    assert events == []


class TestFailures:
    def test_is_told_once_and_boxes_go(self):
        events, looked = play("a1 a2 a3 x1 x2 x3 x4 x5 x6 x7 a8", interval_s=0.3)
        assert looked == [0, 3, 6, 9] or looked[:3] == [0, 3, 6]
        kinds = [type(event) for event in events]
        assert kinds[:3] == [ObjectsDetected, ObjectsDetected, StageFailed]
        assert told(events[:2]) == [("a", 0), ("", 3)]
        assert kinds.count(StageFailed) == 1
        assert (events[2].stage, events[2].message) == (STAGE, "model failed; run: edge doctor")

    def test_again_after_it_worked(self):
        events, _ = play("x1 a2 x3 a4", interval_s=0.0)
        assert [type(event) for event in events].count(StageFailed) == 2
        assert told(event for event in events if isinstance(event, ObjectsDetected)) == [("a", 1), ("", 2), ("a", 3)]

    def test_another_exception_is_not_caught(self):
        def broken(_image):
            raise ZeroDivisionError

        camera = Camera("a")
        watch = ObjectWatch(broken, camera, Follower(), lambda: 0, lambda: 0, "pt")
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
