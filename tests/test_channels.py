import threading
import time

import pytest

from edge.channels import Fan, Fifo, Latest


def test_fifo_keeps_order_and_ends_when_closed():
    fifo: Fifo[int] = Fifo(5)
    for i in range(3):
        fifo.put(i)
    fifo.close()
    fifo.put(99)
    assert list(fifo) == [0, 1, 2]
    assert fifo.get(0) is None


def test_fifo_drops_the_oldest_and_tells_which():
    fifo: Fifo[int] = Fifo(2)
    for i in range(5):
        fifo.put(i)
    assert fifo.take_dropped() == [0, 1, 2]
    assert fifo.take_dropped() == []
    assert [fifo.get(0), fifo.get(0), fifo.get(0)] == [3, 4, None]


def test_fifo_needs_room():
    with pytest.raises(ValueError, match="capacity"):
        Fifo(0)


def test_fifo_put_never_waits_for_a_reader():
    fifo: Fifo[int] = Fifo(1)
    done = threading.Event()
    threading.Thread(target=lambda: ([fifo.put(i) for i in range(1000)], done.set()), daemon=True).start()
    assert done.wait(5)
    assert len(fifo) == 1


def test_fifo_wakes_a_waiting_reader_on_put_and_on_close():
    fifo: Fifo[int] = Fifo(3)
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.extend(fifo), daemon=True)
    reader.start()
    fifo.put(1)
    time.sleep(0.02)
    fifo.put(2)
    fifo.close()
    reader.join(5)
    assert got == [1, 2]


def test_latest_gives_the_newest_once_and_counts_what_nobody_saw():
    latest: Latest[str] = Latest()
    assert latest.take() is None
    latest.put("a")
    latest.put("b")
    assert (latest.take(), latest.take(), latest.skipped) == ("b", None, 1)


def test_latest_ends_its_reader_when_closed():
    latest: Latest[int] = Latest()
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(latest), daemon=True)
    reader.start()
    latest.put(1)
    while not seen:
        time.sleep(0.005)
    latest.put(2)
    latest.close()
    latest.put(3)
    reader.join(5)
    assert seen[0] == 1
    assert 3 not in seen
    assert not reader.is_alive()


def test_every_reader_of_a_fan_gets_the_newest_item_once():
    fan = Fan()
    quick, slow = fan.reader(), fan.reader()
    fan.put(1)
    assert quick.take() == 1
    fan.put(2)
    assert (quick.take(), slow.take()) == (2, 2)
    assert (quick.take(), slow.take()) == (None, None)
    assert (quick.skipped, slow.skipped) == (0, 1)


def test_a_fan_counts_what_it_was_given_while_it_was_open():
    fan = Fan()
    assert fan.count == 0
    fan.reader()
    for item in "abc":
        fan.put(item)
    fan.close()
    fan.put("d")
    assert fan.count == 3


def test_a_closed_fan_ends_its_readers_and_those_who_come_late():
    fan = Fan()
    early = fan.reader()
    fan.put(1)
    fan.close()
    fan.put(2)
    assert list(early) == [1]
    assert list(fan.reader()) == []
