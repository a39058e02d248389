"""A device that goes away comes back: sources that are opened again, ever more patiently, until they work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from itertools import chain, repeat
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from edge.errors import SourceError, SourceLostError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts; the last one is repeated."""


class Source(Protocol[T_co]):
    """An opened device. Iterating raises SourceLostError when the device goes away and ends after `close`."""

    def __iter__(self) -> Iterator[T_co]:
        """What the device captures, as it comes."""
        ...

    def close(self) -> None:
        """Let go of the device; may be called from another thread and more than once."""
        ...


class Reopening(Generic[T]):
    """A source that survives its device: iterating goes on when the device is back.

    Opens the device at once, so that a device that was never there is an error where it can be told.

    Args:
        open_source: opens the device; gets the last thing that came from it, None at first. Raises SourceError.
        on_lost: called when the device went away.
        on_restored: called when it is back.
        wait: waits so many seconds; returns True when closed meanwhile.

    Raises:
        SourceError: the device cannot be opened now.
    """

    def __init__(
        self,
        open_source: Callable[[T | None], Source[T]],
        on_lost: Callable[[SourceLostError], None] = lambda _: None,
        on_restored: Callable[[], None] = lambda: None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._open = open_source
        self._on_lost = on_lost
        self._on_restored = on_restored
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._last: T | None = None
        self._source: Source[T] | None = open_source(None)

    def __enter__(self) -> Reopening[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the device; iterating ends, also while it waits for the device to come back."""
        self._closed.set()
        source = self._source
        if source is not None:
            source.close()

    def __iter__(self) -> Iterator[T]:
        source = self._source
        while source is not None and not self._closed.is_set():
            lost = yield from self._until_lost(source)
            if lost is None:
                return
            self._source = None
            source.close()
            self._on_lost(lost)
            source = self._source = self._try_again()

    def _until_lost(self, source: Source[T]) -> Generator[T, None, SourceLostError | None]:
        try:
            for item in source:
                self._last = item
                yield item
        except SourceLostError as error:
            return error
        return None

    def _try_again(self) -> Source[T] | None:
        """The device once it is back; None when closed before that."""
        for pause_s in chain(BACK_OFF_S, repeat(BACK_OFF_S[-1])):
            if self._wait(pause_s) or self._closed.is_set():
                break
            try:
                source = self._open(self._last)
            except SourceError:
                continue
            if self._closed.is_set():  # closed while opening
                source.close()
                break
            self._on_restored()
            return source
        return None
