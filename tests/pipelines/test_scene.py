"""The scene pipeline over fakes: votes, hysteresis, an idle camera, a swinging one, failures."""

import numpy as np
import pytest

from edge.errors import InferenceError
from edge.events import SceneRecognized, StageFailed
from edge.media import NS_PER_S, VideoFrame
from edge.pipelines.scene import Settling, scenes
from edge.results import UNKNOWN, Category

FPS = 10
PIXEL = np.zeros((1, 1, 3), np.uint8)


class Camera:
    """Frames of 0.1 s; each is a word, what it shows. A word again is the same picture, `-` a blur."""

    def __init__(self, words):
        self.words = words.split()
        self.judged = -1
        self.kept = None

    def __iter__(self):
        for index in range(len(self.words)):
            image = PIXEL.copy()
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


class Recogniser:
    """Sees the word of the frame without its digits; `x` is a failure. Notes the frames at which it looked."""

    def __init__(self, camera):
        self.camera = camera
        self.looked = []

    def __call__(self, image):
        index = int(image[0, 0, 0])
        self.looked.append(index)
        label = self.camera.words[index].rstrip("0123456789")
        if label == "x":
            raise InferenceError("model failed; run: edge doctor")
        label = UNKNOWN if label in {"?", "-"} else label
        return Category(label, label.upper(), 0.87654321)


def play(words, interval_s=0.3, votes=2, misses=3):
    camera = Camera(words)
    recognise = Recogniser(camera)
    interval = interval_s if callable(interval_s) else lambda: interval_s
    events = list(scenes(camera, recognise, camera, interval, Settling(votes, misses), "pt"))
    return events, recognise.looked


def told(events):
    """What was said, and the frame it belongs to."""
    return [(event.label, event.captured_ns * FPS // NS_PER_S) for event in events]


class TestSettling:
    def test_a_name_is_told_once_with_the_first_frame_that_showed_it(self):
        events, _ = play("cup " * 30)
        assert events == [SceneRecognized(0, "cup", "CUP", 0.8765, "pt")]

    def test_then_another(self):
        events, _ = play("cup " * 10 + "dog " * 10)
        assert [label for label, _ in told(events)] == ["cup", "dog"]
        assert 10 <= told(events)[1][1] <= 12

    def test_nothing_known_at_first_is_not_told(self):
        assert play("? " * 30)[0] == []
        assert play("?1 ?2 ?3 ?4 ?5 ?6 ?7 ?8 ?9")[0] == []

    def test_a_single_doubt_changes_nothing(self):
        events, looked = play("cup1 cup2 cup3 cup4 dog5 cup6 cup7 dog8 cup9 cup10 ?11 ?12 cup13 cup14", 0.0)
        assert told(events) == [("cup", 0)]
        assert looked == list(range(14))

    def test_two_names_in_turns_never_flicker(self):
        assert told(play(" ".join(f"cup{n} dog{n}" for n in range(20)), 0.0)[0]) == []
        settled = "cup " * 6 + " ".join(f"dog{n} cup{n}" for n in range(20))
        assert told(play(settled, 0.0)[0]) == [("cup", 0)]

    def test_nothing_known_between_two_votes_does_not_count(self):
        assert told(play("cup1 ?2 cup3 ?4 cup5", 0.0)[0]) == [("cup", 0)]

    def test_a_name_goes_after_some_misses_in_a_row(self):
        events, _ = play("cup1 cup2 ?3 ?4 cup5 ?6 ?7 ?8 ?9", 0.0)
        assert told(events) == [("cup", 0), (UNKNOWN, 5)]

    def test_and_comes_back(self):
        events, _ = play("cup1 cup2 ?3 ?4 ?5 cup6 cup7", 0.0)
        assert told(events) == [("cup", 0), (UNKNOWN, 2), ("cup", 5)]

    def test_a_rival_is_forgotten_after_the_misses(self):
        assert told(play("cup1 ?2 ?3 ?4 cup5 ?6", 0.0)[0]) == []

    @pytest.mark.parametrize("votes", [1, 2, 4])
    def test_so_many_votes_are_needed(self, votes):
        words = [f"cup{n}" for n in range(votes)]
        assert told(play(" ".join(words), 0.0, votes=votes)[0]) == [("cup", 0)]
        assert play(" ".join(words[1:]), 0.0, votes=votes)[0] == []

    @pytest.mark.parametrize("misses", [1, 3])
    def test_so_many_misses_are_needed(self, misses):
        words = ["cup1", "cup2", *(f"?{n}" for n in range(misses))]
        assert told(play(" ".join(words), 0.0, misses=misses)[0])[-1] == (UNKNOWN, 2)
        assert told(play(" ".join(words[:-1]), 0.0, misses=misses)[0]) == [("cup", 0)]


class TestLooking:
    def test_a_still_camera_is_looked_at_once(self):
        events, looked = play("cup " * 200)
        assert looked == [0]
        assert told(events) == [("cup", 0)]

    def test_a_still_stranger_too(self):
        assert play("? " * 200)[1] == [0]

    def test_a_changing_scene_at_the_interval_and_sooner_while_in_doubt(self):
        _, looked = play(" ".join(f"cup{n}" for n in range(16)), 0.6)
        assert looked == [0, 2, 8, 14]

    def test_the_name_goes_when_the_same_empty_table_is_seen(self):
        events, looked = play("cup " * 10 + "? " * 20)
        assert told(events) == [("cup", 0), (UNKNOWN, 10)]
        assert looked == [0, 10]

    def test_frames_of_a_swinging_camera_are_spared(self):
        events, looked = play("cup " * 5 + "- " * 10 + "dog " * 5)
        assert looked == [0, 15]
        assert told(events) == [("cup", 0), ("dog", 15)]

    def test_but_not_for_ever(self):
        _, looked = play("- " * 40, 0.0)
        assert looked[:2] == [15, 16]

    def test_a_rest_between_two_swings_starts_the_patience_anew(self):
        _, looked = play("cup " * 5 + "- " * 10 + "dog " + "- " * 10 + "cup " * 3)
        assert 0 < len([index for index in looked if index < 25]) <= 2

    def test_switched_off_nothing_is_looked_at_and_back_again_the_name_is_told_again(self):
        paces = iter([0.0] * 4 + [None] * 6 + [0.0] * 10)
        events, looked = play("cup " * 20, lambda: next(paces))
        assert looked == [0, 10]
        assert told(events) == [("cup", 0), ("cup", 10)]

    def test_what_was_seen_before_it_was_switched_off_does_not_come_back(self):
        paces = iter([0.0] * 4 + [None] * 8 + [0.0] * 40)
        events, looked = play("cup " * 4 + "dog " * 16, lambda: next(paces))
        assert [index for index in looked if 4 <= index < 12] == []
        assert told(events) == [("cup", 0), ("dog", 12)]


class TestFailure:
    def test_is_told_once_and_the_others_go_on(self):
        events, _ = play("cup1 cup2 x3 x4 x5 cup6 dog7 dog8", 0.0)
        assert [type(event) for event in events] == [SceneRecognized, StageFailed, SceneRecognized]
        failure = events[1]
        assert (failure.stage, failure.message) == ("image-recognition", "model failed; run: edge doctor")
        assert failure.captured_ns == 2 * NS_PER_S // FPS
        assert told([events[2]]) == [("dog", 6)]

    def test_again_after_a_success(self):
        events, _ = play("x1 cup2 x3 x4", 0.0)
        assert [type(event) for event in events] == [StageFailed, StageFailed]

    def test_a_still_picture_that_failed_is_tried_again_at_the_interval(self):
        _, looked = play("x " * 10)
        assert looked == [0, 3, 6, 9]

    def test_a_defect_of_the_program_is_not_hidden(self):
        def broken(_):
            raise ZeroDivisionError

        camera = Camera("cup")
        with pytest.raises(ZeroDivisionError):
            list(scenes(camera, broken, camera, lambda: 0.0, Settling(2, 3), "pt"))
