"""Outputs are checked before a session begins, and made only when there is something to write."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def check_file(path: Path) -> None:
    """Fail now rather than at the first write. What is there stays as it is, and nothing is left.

    Raises:
        OSError: `path` cannot be written; `strerror` says why.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    if not path.exists():
        path.touch(exist_ok=False)
        path.unlink()
    elif not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def check_folder(path: Path) -> None:
    """The same for a folder that is to be made.

    Raises:
        OSError: no files can be put into `path`; `strerror` says why.
    """
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{there.name} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
