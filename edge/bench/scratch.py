"""Folders for things of a benchmark that go when it ends, however it ends: the next one sweeps up after the killed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.hub.locks import exclusive

PREFIX = "edge-bench-"
_LOCK = ".lock"


@contextlib.contextmanager
def scratch_folder(inside: Path | None = None) -> Iterator[Path]:
    """A folder of its own; those of processes that are gone are removed first.

    A folder is somebody's as long as its lock file is held, and the kernel lets go of it with the process.

    Args:
        inside: where to; None: the folder for temporary files.
    """
    where = Path(tempfile.gettempdir()) if inside is None else inside
    _sweep(where)
    made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=where, ignore_cleanup_errors=True)
    with made as folder, exclusive(Path(folder) / _LOCK):
        yield Path(folder)


def _sweep(where: Path) -> None:
    for lock in where.glob(f"{PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError, _Held), exclusive(lock, _refuse):
            shutil.rmtree(lock.parent, ignore_errors=True)


class _Held(Exception):  # noqa: N818 - no error: somebody still works there
    pass


def _refuse() -> None:
    raise _Held
