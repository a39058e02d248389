"""Ctrl-C and SIGTERM as a wish that is granted between two pictures, not as an exception in the middle of one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Inside, SIGINT and SIGTERM only make the function that is given true; a second one raises KeyboardInterrupt.

    An exception between writing a frame and counting it would spoil a video that could have been finished. In
    another thread than the main one signals cannot be caught, and nothing is changed.
    """
    wanted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal wanted
        if wanted:
            signal.default_int_handler(number, frame)
        wanted = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def sigterm_is_ctrl_c() -> Iterator[None]:
    """Inside, SIGTERM raises KeyboardInterrupt: what is kept at Ctrl-C is kept then, too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave(status: int) -> NoReturn:
    """End the process with this status, though a worker may still be inside an inference.

    The end of the interpreter tears such threads out of C++, which aborts the process (status 134): seen on a slow
    machine, where one inference takes longer than anybody waits after Ctrl-C. Everything is closed by then.
    """
    if any(thread.daemon for thread in threading.enumerate() if thread is not threading.current_thread()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # its reader may be gone
                stream.flush()
        os._exit(status)
    raise SystemExit(status)
