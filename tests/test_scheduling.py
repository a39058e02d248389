import threading
import time

import numpy as np
import pytest

from edge.media import NS_PER_S
from edge.results import Onset, Segment
from edge.scheduling import LEVELS, LoadControl, SpeechFirst
from edge.settings import SchedulingSettings

S = NS_PER_S


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def light(clock):
    return SpeechFirst(0.35, 0.6, clock)


def segment_at(captured_ns):
    return Segment(np.zeros(160, np.float32), 16000, 1, captured_ns - S // 100, captured_ns, 0.01)


def say(light, *probabilities):
    for probability in probabilities:
        light.heard(probability)


class TestLight:
    def test_is_green_in_silence_and_in_speech(self, light):
        say(light, 0.0, 0.1, 0.0, 0.0)
        assert not light.is_red
        say(light, 0.9, 0.9)
        assert not light.is_red

    def test_turns_red_in_a_pause_and_green_when_speech_goes_on(self, light):
        say(light, 0.9, 0.1, 0.1)
        assert not light.is_red
        say(light, 0.1)
        assert light.is_red
        say(light, 0.9)
        assert not light.is_red

    def test_a_pause_that_no_utterance_follows_ends(self, light, clock):
        say(light, 0.9, 0.1, 0.1, 0.1)
        clock.now = int(0.59 * S)
        assert light.is_red
        clock.now = int(0.61 * S)
        assert not light.is_red

    def test_is_red_from_a_segment_until_the_next_item_is_asked_for(self, light, clock):
        items = light.answering([Onset(1, 0), segment_at(S), Onset(2, 0)])
        next(items)
        assert not light.is_red
        next(items)
        clock.now = 100 * S
        assert light.is_red
        next(items)
        assert not light.is_red

    def test_turns_green_when_the_pipeline_dies(self, light):
        items = light.answering([segment_at(S)])
        next(items)
        items.close()
        assert not light.is_red

    def test_lag_is_that_of_the_slowest_caption_once(self, light, clock):
        clock.now = 3 * S
        list(light.answering([segment_at(S), segment_at(2 * S)]))
        assert light.take_lag_s() == 2.0
        assert light.take_lag_s() == 0.0

    def test_lag_of_a_caption_being_made_grows(self, light, clock):
        items = light.answering([segment_at(S)])
        next(items)
        clock.now = 4 * S
        assert light.take_lag_s() == 3.0
        clock.now = 6 * S
        assert light.take_lag_s() == 5.0

    def test_wait_returns_when_the_answer_is_there(self):
        light = SpeechFirst()
        items = light.answering([segment_at(0)])
        next(items)
        passed = threading.Event()
        waiter = threading.Thread(target=lambda: (light.wait(), passed.set()), daemon=True)
        waiter.start()
        assert not passed.wait(0.05)
        assert next(items, None) is None
        assert passed.wait(5)

    def test_wait_ends_with_the_pause(self):
        light = SpeechFirst(hold_s=0.05)
        say(light, 0.9, 0.1, 0.1, 0.1)
        began = time.monotonic_ns()
        light.wait()
        assert time.monotonic_ns() - began >= 0.04 * S

    def test_nobody_waits_after_close(self, light):
        next(light.answering([segment_at(0)]))
        light.close()
        light.wait()


class World:
    def __init__(self):
        self.lag = 0.0
        self.heat = None

    def control(self, *senses):
        settings = SchedulingSettings(max_lag_s=2, max_temperature_c=80, recover_s=10)
        return LoadControl(settings, senses or ("signs",), lambda: self.lag, lambda: self.heat)


@pytest.fixture
def world():
    return World()


class TestLoadControl:
    def test_nothing_changes_without_cause(self, world):
        control = world.control()
        assert [control.update(second * S) for second in range(30)] == [()] * 30
        assert control.level == "full"

    def test_steps_down_one_level_at_a_time_and_stops_at_off(self, world):
        control = world.control()
        world.lag = 2.1
        levels = []
        for tick in range(20):
            control.update(tick * S)
            levels.append(control.level)
        assert levels[:7] == ["slow", "slow", "small", "small", "off", "off", "off"]
        assert levels[-1] == LEVELS[-1]

    def test_all_senses_are_told_with_the_reason(self, world):
        control = world.control("signs", "scene")
        world.heat = 80.5
        told = control.update(5)
        assert [(event.sense, event.level, event.reason, event.captured_ns) for event in told] == [
            ("signs", "slow", "temperature", 5),
            ("scene", "slow", "temperature", 5),
        ]

    def test_lag_is_named_before_heat(self, world):
        world.lag, world.heat = 9, 99
        assert world.control().update(0)[0].reason == "lag"

    def test_comes_back_by_itself(self, world):
        control = world.control()
        world.lag = 3
        control.update(0)
        control.update(2 * S)
        assert control.level == "small"
        world.lag = 0
        assert control.update(11 * S) == ()
        assert control.update(12 * S)[0].reason == "recovered"
        assert control.level == "slow"
        assert control.update(13 * S) == ()
        control.update(22 * S)
        assert control.level == "full"

    def test_coming_back_too_early_makes_it_more_patient(self, world):
        control = world.control()
        world.lag = 3
        control.update(0)
        world.lag = 0
        control.update(10 * S)
        assert control.level == "full"
        world.lag = 3
        control.update(13 * S)
        assert control.level == "slow"
        world.lag = 0
        assert control.update(24 * S) == ()
        control.update(33 * S)
        assert control.level == "full"

    def test_watch_ends_when_stopped(self, world):
        control = world.control()
        world.lag = 3
        ticks = iter([False, False, True])
        assert [event.level for event in control.watch(lambda _: next(ticks), lambda: 7)] == ["slow"]
