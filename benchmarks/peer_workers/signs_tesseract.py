"""The program tesseract for sparse text. Its time holds what a caller pays: start, loading, decoding of the picture.

The memory is that of its process, not of this one.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from peer_protocol import Order, Prepare, serve

LANGUAGES = ("eng", "por", "chi_sim")


def load(order: Order) -> Prepare:
    """Order: `threads`."""
    if shutil.which("tesseract") is None:
        raise ImportError("tesseract is not installed; run: sudo apt install tesseract-ocr tesseract-ocr-por")
    environment = {**os.environ, "OMP_THREAD_LIMIT": str(order["threads"])}
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, check=True, text=True).stdout.split()
    languages = "+".join(code for code in LANGUAGES if code in listed)
    if not languages:
        raise ImportError("tesseract has no English; run: sudo apt install tesseract-ocr-eng")

    def prepare(item: Order) -> Callable[[], list[str]]:
        command = ["tesseract", item["picture"], "-", "--psm", "11", "-l", languages]

        def call() -> list[str]:
            done = subprocess.run(command, capture_output=True, check=True, env=environment)
            return done.stdout.decode("utf-8").splitlines()

        return call

    return prepare


def end() -> dict[str, Any]:
    """Most memory of any process of the program (ru_maxrss is in KiB on Linux), and its version."""
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    told = subprocess.run(["tesseract", "--version"], capture_output=True, check=True, text=True)
    version = (told.stdout or told.stderr).split()[1]
    return {"peak_rss_mb": round(peak_kb * 1024 / 1e6, 1), "versions": {"tesseract": version}}


if __name__ == "__main__":
    serve(load, (), end)
