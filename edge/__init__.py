"""Offline assistant for smart glasses. The five-line Python interface; everything else is in the submodules.

    from edge import Captioner

    captioner = Captioner(source="en", target="pt")
    for subtitle in captioner.listen("talk.wav"):
        print(subtitle.source, "->", subtitle.text)

Importing this package loads nothing. It only asks OpenBLAS, before numpy brings it, for one thread: the products here
are small, and its other threads wait for the next one by spinning for 0.1 s, on the cores that the models need.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.interface import Captioner, transcribe, translate

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__all__ = ["Captioner", "transcribe", "translate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from edge import interface

        return getattr(interface, name)
    raise AttributeError(f"module 'edge' has no attribute {name!r}")
