"""What `edge doctor` says of one thing it looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from edge.errors import EdgeError


@dataclass(frozen=True)
class Finding:
    """One checked thing.

    Attributes:
        check: what was looked at.
        ok: whether a session can run; optional things (a microphone, a display) do not spoil it.
        message: what was found.
        run: what to run or install, empty when nothing is to be done.
        advice: what to do that is no command, empty when nothing is to be done.
    """

    check: str
    ok: bool
    message: str
    run: str = ""
    advice: str = ""

    def record(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        mark = "BAD " if not self.ok else "note" if self.run or self.advice else "ok  "
        line = f"{mark} {self.check}: {self.message}"
        return line + (f"; {self.advice}" if self.advice else "") + (f"; run: {self.run}" if self.run else "")


def attempt(check: str, look: Callable[[], Finding], *, optional: bool = False) -> Iterator[Finding]:
    """The finding of `look`; what it raises is a finding too, and no fault where the thing is optional."""
    try:
        yield look()
    except EdgeError as error:
        message, _, run = str(error).partition("; run: ")
        yield Finding(check, optional, message, run)
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever it meets
        yield Finding(check, optional, f"{type(error).__name__}: {error}")
