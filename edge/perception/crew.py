"""A crew: the same small job done to many things by a few threads, a group at a time.

Two threads with a session of one thread each read two tiles faster than one session with two threads reads them one
after the other: nobody waits between the nodes of the graph. ONNX Runtime and OpenCV release the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Crew:
    """Up to `threads` jobs at once; threads are started when first needed.

    Attributes:
        threads: most jobs at once.
    """

    def __init__(self, threads: int) -> None:
        if threads < 1:
            raise ValueError("a crew has at least one thread")
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="crew") if threads > 1 else None

    def map(
        self, job: Callable[[Thing], Result], things: Sequence[Thing], checkpoint: Callable[[], None] = lambda: None
    ) -> list[Result]:
        """`job` done to all things, in their order.

        Args:
            job: must be safe to call from several threads.
            things: what to do it to.
            checkpoint: called before every group of `threads` jobs, in the calling thread; it may wait.

        Raises:
            Exception: the first that a job or `checkpoint` raised; jobs of the same group are finished, later ones
                are not begun.
        """
        done: list[Result] = []
        for start in range(0, len(things), self.threads):
            checkpoint()
            group = things[start : start + self.threads]
            if self._pool is None or len(group) == 1:
                done += [job(thing) for thing in group]
            else:
                done += list(self._pool.map(job, group))
        return done
