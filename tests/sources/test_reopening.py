"""A device that goes away and comes back, with scripted devices and no waiting."""

import threading

import pytest

from edge.errors import SourceError, SourceLostError
from edge.sources.reopening import BACK_OFF_S, Reopening


class _Device:
    """Gives its items, then goes away (or ends, when `ends`)."""

    def __init__(self, *items, ends=False):
        self.items = items
        self.ends = ends
        self.closed = 0

    def __iter__(self):
        yield from self.items
        if not self.ends:
            raise SourceLostError("unplugged")

    def close(self):
        self.closed += 1


class _Story:
    """Opens the scripted devices one after the other; an exception in the script is raised instead."""

    def __init__(self, *script):
        self.script = list(script)
        self.told = []
        self.last = []

    def open(self, last):
        self.last.append(last)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def wait(self, seconds):
        self.told.append(seconds)
        return False

    def source(self):
        return Reopening(
            self.open, lambda error: self.told.append(str(error)), lambda: self.told.append("restored"), self.wait
        )


def test_items_of_one_device():
    story = _Story(_Device(1, 2, 3, ends=True))
    assert list(story.source()) == [1, 2, 3]
    assert story.told == []


def test_a_device_that_was_never_there_is_an_error_at_once():
    with pytest.raises(SourceError, match="nothing there"):
        _Story(SourceError("nothing there")).source()


def test_iterating_goes_on_when_the_device_is_back():
    first = _Device(1, 2)
    story = _Story(first, SourceError("not yet"), SourceError("not yet"), _Device(3, ends=True))
    assert list(story.source()) == [1, 2, 3]
    assert story.told == ["unplugged", 0.5, 1.0, 2.0, "restored"]
    assert first.closed == 1
    assert story.last == [None, 2, 2, 2]  # who opens it again knows what came last


def test_patience_grows_to_a_limit_and_starts_over():
    refused = [SourceError("not yet")] * 6
    story = _Story(_Device(1), *refused, _Device(2), _Device(3, ends=True))
    assert list(story.source()) == [1, 2, 3]
    longest = BACK_OFF_S[-1]
    assert story.told == ["unplugged", *BACK_OFF_S, *[longest] * 3, "restored", "unplugged", BACK_OFF_S[0], "restored"]


def test_closing_ends_the_wait():
    waiting = threading.Event()
    source = Reopening(_Story(_Device(1)).open, lambda _: waiting.set())
    heard = []
    thread = threading.Thread(target=lambda: heard.extend(source))
    thread.start()
    assert waiting.wait(5)
    source.close()
    thread.join(5)
    assert not thread.is_alive()
    assert heard == [1]


def test_closing_closes_the_device():
    device = _Device(1, 2, ends=True)
    with Reopening(_Story(device).open) as source:
        assert next(iter(source)) == 1
    assert device.closed == 1
    assert list(source) == []


def test_a_device_opened_while_closing_is_let_go():
    late = _Device(2)
    story = _Story(_Device(1), late)

    def open_and_close(last):
        device = story.open(last)
        if device is late:
            source.close()
        return device

    source = Reopening(open_and_close, wait=story.wait)
    assert list(source) == [1]
    assert late.closed == 1


def test_other_errors_pass():
    class _Broken(_Device):
        def __iter__(self):
            yield 1
            raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        list(_Story(_Broken()).source())
