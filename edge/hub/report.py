"""What a pull tells whoever waits for it. The command line draws it; the library stays silent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from edge.hub.plan import Plan


@dataclass(frozen=True)
class Pulled:
    """What became of one model that was asked for; `in_use` differs from `id` for a fallback."""

    id: str
    status: Literal["already", "installed", "fallback"]
    in_use: str
    folder: Path


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

    def done(self, result: Pulled) -> None:
        """A model is ready."""

    def failed(self, model_id: str, reason: str) -> None:
        """A model could not be had; the others go on."""


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

    def done(self, result: Pulled) -> None:
        """Nothing."""

    def failed(self, model_id: str, reason: str) -> None:
        """Nothing."""


def _ignore(done: int) -> None:
    del done
