"""What a pull tells whoever waits for it. The command line draws it; the library stays silent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge.hub.plan import Plan


class Report(Protocol):
    """Receives what happens, in order."""

    def preview(self, plan: Plan) -> None:
        """What is about to be fetched and built."""

    def note(self, line: str) -> None:
        """Something worth one line: a fallback, a mirror that failed, a wait."""

    def downloading(self, label: str, total: int) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """A download of `total` bytes begins; call what it gives with the bytes there are so far."""

    def building(self, model_id: str) -> None:
        """A recipe begins."""


def _ignore(done: int) -> None:
    del done


class Silent:
    """Tells nobody."""

    def preview(self, plan: Plan) -> None:
        """Nothing."""

    def note(self, line: str) -> None:
        """Nothing."""

    def downloading(self, label: str, total: int) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """Nothing."""
        del label, total
        return contextlib.nullcontext(_ignore)

    def building(self, model_id: str) -> None:
        """Nothing."""
