"""A pull drawn on the terminal: preview, progress bars, results. Without a terminal, plain lines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Column

from edge.hub.memory import memory_line
from edge.hub.plan import Plan
from edge.hub.report import Pulled


class ConsoleReport:
    """Writes to stderr, so that stdout is for results."""

    def __init__(self, on_result: Callable[[dict[str, str]], None] | None = None, *, quiet: bool = False) -> None:
        """Draw on stderr.

        Args:
            on_result: given one record per model instead of a drawn line (for `--json`).
            quiet: only what the user should know: fallbacks, waits, failures.
        """
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._on_result = on_result
        self._quiet = quiet

    def preview(self, plan: Plan) -> None:
        """A table of what is to be fetched, with sums."""
        if self._quiet or not plan.to_do:
            return
        rows = [("model", "download", "disk", "memory", "licence")]
        for item in plan.to_do:
            sizes = (size(item.download_bytes), size(item.disk_bytes), f"{item.model.ram_mb} MB")
            rows.append((item.model.id, *sizes, item.model.licence))
        memory = sum(item.model.ram_mb for item in plan.to_do)
        rows.append(("together", size(plan.download_bytes), size(plan.disk_bytes), f"{memory} MB", ""))
        width = max(len(row[0]) for row in rows)
        for name, download, disk, ram, licence in rows:
            self._line(f"{name:<{width}}  {download:>9}  {disk:>9}  {ram:>7}  {licence}".rstrip())
        self._line(memory_line(memory))
        done = len(plan.items) - len(plan.to_do)
        if done:
            self._line(f"{done} more installed already")

    def note(self, line: str) -> None:
        """One line, also when quiet."""
        self._line(line)

    @contextlib.contextmanager
    def downloading(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar on a terminal, else one line."""
        if self._quiet:
            yield lambda done: None  # noqa: ARG005  # keeps the signature
            return
        if not self._console.is_terminal:
            self._line(f"downloading {label} ({size(total)})")
            yield lambda done: None  # noqa: ARG005  # keeps the signature
            return
        name = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
        columns = (name, BarColumn(bar_width=20), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True) as bars:
            task = bars.add_task(label.replace("[", "\\["), total=total)
            yield lambda done: bars.update(task, completed=done)

    def building(self, model_id: str) -> None:
        """One line."""
        if not self._quiet:
            self._line(f"building {model_id}")

    def done(self, result: Pulled) -> None:
        """One line or record."""
        if self._on_result is not None:
            record = {"id": result.id, "status": result.status, "in_use": result.in_use}
            self._on_result({**record, "folder": str(result.folder)})
        elif not self._quiet:
            state = {"already": "is installed", "installed": "installed", "fallback": f"ready through {result.in_use}"}
            self._line(f"{result.id} {state[result.status]}")

    def failed(self, model_id: str, reason: str) -> None:
        """One line, also when quiet, and a record."""
        self._line(f"{model_id}: {reason}")
        if self._on_result is not None:
            self._on_result({"id": model_id, "status": "failed", "error": reason})

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False)


def size(count: int) -> str:
    """Bytes for people: `0.4 MB`, `66 MB`."""
    megabytes = count / 1e6
    return f"{megabytes:.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"  # noqa: PLR2004  # two digits
