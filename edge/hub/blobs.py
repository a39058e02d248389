"""Content-addressed files: what was downloaded, each under the name of its SHA-256.

A partial download is `<hash>.part`; it becomes `<hash>` only when its bytes have that hash.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge.errors import EdgeError, StoreError

CHUNK = 1 << 20
"""Bytes read at once."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def store_errors(root: Path) -> Iterator[None]:
    """Turn what the file system refuses into a StoreError that says what to do.

    Raises:
        StoreError: full disk, missing permission, or any other OSError.
    """
    try:
        yield
    except EdgeError:
        raise
    except OSError as error:
        raise StoreError(_explain(error, root)) from error


def _explain(error: OSError, root: Path) -> str:
    if error.errno in _FULL:
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(root).free // 1_000_000
            return (
                f"the disk of {root} is full ({free} MB free); free some space or set EDGE_MODELS to another "
                "folder, then run the same command again (what was downloaded is kept)"
            )
    where = error.filename or root
    if error.errno in _DENIED:
        reason = f"{where} cannot be read or written ({error.strerror})"
        return f"{reason}; change its permissions or set EDGE_MODELS to a folder of yours"
    return (
        f"model store {root}: {error.strerror or error} ({where}); check the disk or set EDGE_MODELS to another folder"
    )


class BlobStore:
    """Files under `root`, named by their SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where the finished file is or will be."""
        return self.root / sha256

    def part(self, sha256: str) -> Path:
        """Where the partial file is or will be."""
        return self.root / f"{sha256}.part"

    def note(self, sha256: str) -> Path:
        """Where the source of the partial file is noted."""
        return self.root / f"{sha256}.part.json"

    def has(self, sha256: str, size: int) -> bool:
        """Whether the file is here with the right bytes; one with wrong bytes is removed."""
        path = self.path(sha256)
        if not path.is_file():
            return False
        if path.stat().st_size == size and sha256_of(path) == sha256:
            return True
        path.unlink()
        return False

    def commit(self, sha256: str) -> Path:
        """Make the partial file, whose hash the caller has checked, the finished one."""
        path = self.part(sha256).replace(self.path(sha256))
        self.note(sha256).unlink(missing_ok=True)
        return path

    def discard(self, sha256: str) -> None:
        """Forget the partial file."""
        self.part(sha256).unlink(missing_ok=True)
        self.note(sha256).unlink(missing_ok=True)

    def remove(self, sha256: str) -> None:
        """Forget the file, finished or partial."""
        self.path(sha256).unlink(missing_ok=True)
        self.discard(sha256)
