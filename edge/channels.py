"""How threads hand things on: `Fifo` for audio and events, `Latest` for camera frames, `Fan` to several `Latest`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Inlet(Protocol[T_contra]):
    """Where a source puts what it captures."""

    def put(self, item: T_contra) -> None:
        """Hand `item` on; never waits."""

    def close(self) -> None:
        """Nothing more will come."""


class Fifo(Generic[T]):
    """A bounded queue that never blocks the writer: when full, the oldest item is dropped and counted.

    Iterating takes items in order until the channel is closed and empty.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._ready = threading.Condition()
        self._closed = False
        self._dropped: list[T] = []

    def put(self, item: T) -> None:
        """Append `item`; drop the oldest when full; ignored after `close`. Never waits for a reader."""
        with self._ready:
            if self._closed:
                return
            if len(self._items) >= self._capacity:
                self._dropped.append(self._items.popleft())
            self._items.append(item)
            self._ready.notify()

    def get(self, timeout_s: float | None = None) -> T | None:
        """The oldest item, waiting up to `timeout_s` (None: for ever); None on time-out or when closed and empty."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout_s)
            return self._items.popleft() if self._items else None

    def take_dropped(self) -> list[T]:
        """The items dropped since the last call."""
        with self._ready:
            dropped, self._dropped = self._dropped, []
            return dropped

    def close(self) -> None:
        """End the channel: readers finish what is queued, writers are ignored."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called (items may remain)."""
        return self._closed

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._items or self._closed)
                if not self._items:
                    return
                item = self._items.popleft()
            yield item


class Latest(Generic[T]):
    """One slot that holds the newest item only. No reader gets an item twice; unread items are skipped and counted."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._ready = threading.Condition()
        self._closed = False
        self.skipped = 0

    def put(self, item: T) -> None:
        """Replace whatever is there; ignored after `close`."""
        with self._ready:
            if self._closed:
                return
            self.skipped += self._item is not None
            self._item = item
            self._ready.notify()

    def take(self, timeout_s: float | None = 0.0) -> T | None:
        """The newest unread item, waiting up to `timeout_s` (0: not at all); None when there is none."""
        with self._ready:
            self._ready.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """End the channel; an unread item may still be taken."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def __iter__(self) -> Iterator[T]:
        while (item := self.take(None)) is not None:
            yield item


class Fan(Generic[T]):
    """Hands every item to all its readers, each of which sees the newest one only, at its own pace.

    Attributes:
        count: items that were put.
    """

    def __init__(self) -> None:
        self.count = 0
        self._readers: list[Latest[T]] = []
        self._closed = False

    def reader(self) -> Latest[T]:
        """A new reader; it gets what is put from now on."""
        reader: Latest[T] = Latest()
        if self._closed:
            reader.close()
        self._readers = [*self._readers, reader]
        return reader

    def put(self, item: T) -> None:
        """Give `item` to every reader; ignored after `close`."""
        self.count += not self._closed
        for reader in self._readers:
            reader.put(item)

    def close(self) -> None:
        """End the channel for every reader."""
        self._closed = True
        for reader in self._readers:
            reader.close()
