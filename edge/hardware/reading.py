"""Small files of the kernel and small programs of the board, read so that nothing odd in them is an error.

Every path is looked up below a root, so that a board can be played by a folder.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path("/")
_PATIENCE_S = 5.0
_LONGEST = 100  # characters, of what may be a number
_MOST = 1 << 64


def text(file: Path) -> str | None:
    """What a file says, without blanks and NULs around it; None where it cannot be read or says nothing."""
    try:
        said = file.read_bytes()
    except (OSError, ValueError):  # absent, forbidden, a sensor that is off (EAGAIN, EIO), an odd name
        return None
    return said.decode("utf-8", "replace").strip("\0 \t\r\n") or None


def number(file: Path) -> int | None:
    """The whole number in a file; None where there is none."""
    return whole(text(file))


def whole(said: str | None, base: int = 10) -> int | None:
    """The whole number that a text is; None where it is none, or none that a kernel could count to (64 bits)."""
    if said is None or len(said) > _LONGEST:
        return None
    try:
        found = int(said, base)
    except ValueError:
        return None
    return found if abs(found) < _MOST else None


def present(path: Path) -> bool:
    """Whether there is a file or folder; not where the folder around it may not be looked into."""
    try:
        return path.exists()
    except OSError:
        return False


def listed(root: Path, pattern: str) -> list[Path]:
    """Paths below the root that match, in the order of their numbers (cpu2 before cpu10)."""
    try:
        return sorted(root.glob(pattern), key=lambda path: (len(str(path)), str(path)))
    except OSError:
        return []


def answer(root: Path, program: str, *arguments: str) -> str | None:
    """What a program says; None where it is absent, fails or takes seconds.

    Args:
        root: folder of the machine.
        program: path below the root, such as `usr/bin/vcgencmd`.
        arguments: for the program.
    """
    path = root / program
    if not present(path):
        return None
    try:
        done = subprocess.run(
            [str(path), *arguments], capture_output=True, text=True, errors="replace", check=False,
            timeout=_PATIENCE_S, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
