"""Steps of `scripts/make.py` that are not repeated while nothing that they depend on has changed.

`steps.json` in the working folder notes, for every step that ended well, a hash of all that went into it: its
arguments, the files it read and the scripts that did it. It is written after the step, so an interrupted one is
repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

STEPS_FILE = "steps.json"
_SCRIPTS = Path(__file__).resolve().parent


class Steps:
    """What has been done in one working folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STEPS_FILE
        self._done = _read(self._path)

    def do(self, name: str, key: str, result: Path, work: Callable[[], None]) -> bool:
        """Do `work` unless it was done with the same `key` and `result` is still there; whether it was done now.

        Whatever `work` raises passes through, and the step counts as not done.
        """
        if self._done.get(name) == key and result.exists():
            return False
        self._note(name, None)
        work()
        self._note(name, key)
        return True

    def _note(self, name: str, key: str | None) -> None:
        self._done.pop(name, None)
        if key is not None:
            self._done[name] = key
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(self._done, indent=1) + "\n", encoding="utf-8")
        scratch.replace(self._path)


def key_of(
    arguments: Iterable[str], scripts: str | None, folder: Path | None = None, ignore: Collection[str] = ()
) -> str:
    """Hash of arguments, of the scripts that match a pattern, and of all files below a folder."""
    digest = hashlib.sha256(json.dumps(list(arguments)).encode())
    for path in sorted(_SCRIPTS.glob(scripts)) if scripts else ():
        _update(digest, path.name, path)
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file() and path.name not in ignore:
            _update(digest, path.relative_to(folder or path).as_posix(), path)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, name: str, path: Path) -> None:
    digest.update(f"\x00{name}\x00{path.stat().st_size}\x00".encode())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(key) for name, key in found.items()} if isinstance(found, dict) else {}
