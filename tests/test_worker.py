import logging
import threading

from edge.channels import Fifo
from edge.errors import SourceError
from edge.events import Event, SpeechStarted, StageFailed
from edge.worker import Worker


def run(events, *, clock_ns=lambda: 7):
    channel: Fifo[Event] = Fifo(10)
    ended = threading.Event()
    worker = Worker("speech", events, channel, clock_ns, on_end=ended.set)
    worker.start()
    assert ended.wait(5)
    assert worker.join(5)
    channel.close()
    return worker, list(channel)


def test_events_arrive_in_order_and_the_channel_stays_open_for_others():
    channel: Fifo[Event] = Fifo(10)
    worker = Worker("speech", lambda: iter([SpeechStarted(1, 1), SpeechStarted(2, 2)]), channel, lambda: 0)
    worker.start()
    assert worker.join(5)
    assert not channel.closed
    assert [channel.get(0), channel.get(0)] == [SpeechStarted(1, 1), SpeechStarted(2, 2)]


def test_a_failure_becomes_an_event_after_what_was_said_before(caplog):
    def events():
        yield SpeechStarted(1, 1)
        raise SourceError("microphone went away")

    with caplog.at_level(logging.WARNING):
        worker, got = run(events)
    assert got == [SpeechStarted(1, 1), StageFailed(7, "speech", "microphone went away")]
    assert isinstance(worker.failure, SourceError)
    assert "microphone went away" in caplog.text


def test_an_unexpected_exception_is_logged_with_its_traceback(caplog):
    def events():
        raise KeyError
        yield

    with caplog.at_level(logging.ERROR):
        _, got = run(events)
    assert got == [StageFailed(7, "speech", "KeyError")]
    assert "Traceback" in caplog.text


def test_making_the_iterator_happens_inside_the_thread():
    made_in = []

    def events():
        made_in.append(threading.current_thread().name)
        return iter(())

    worker, got = run(events)
    assert (made_in, got, worker.failure) == (["edge-speech"], [], None)
