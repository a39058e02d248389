"""Samples whose last answers are kept, so that quality is judged by the very calls that were timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

Input = TypeVar("Input")
Answer = TypeVar("Answer")


class Answers(Generic[Input, Answer]):
    """One sample for each input.

    Args:
        call: what is measured.
        inputs: in the order of the samples.

    Attributes:
        samples: calls without arguments, for `Prepared.samples`.
    """

    def __init__(self, call: Callable[[Input], Answer], inputs: Sequence[Input]) -> None:
        self._call = call
        self._inputs = tuple(inputs)
        self._kept: dict[int, Answer] = {}
        self.samples: tuple[Callable[[], Answer], ...] = tuple(
            partial(self._run, number) for number in range(len(self._inputs))
        )

    def all(self) -> list[Answer]:
        """The last answer to every input; those that no sample has asked for yet are asked for now."""
        return self.first(len(self.samples))

    def first(self, count: int) -> list[Answer]:
        """The last answers to the first `count` inputs, as `all`."""
        some = enumerate(self.samples[:count])
        return [self._kept[number] if number in self._kept else sample() for number, sample in some]

    def _run(self, number: int) -> Answer:
        answer = self._kept[number] = self._call(self._inputs[number])
        return answer
