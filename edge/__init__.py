"""Offline assistant for smart glasses. The five-line Python interface; everything else is in the submodules.

    from edge import Captioner

    captioner = Captioner(source="en", target="pt")
    for subtitle in captioner.listen("talk.wav"):
        print(subtitle.source, "->", subtitle.text)

Importing this package loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.interface import Captioner, transcribe, translate

__all__ = ["Captioner", "transcribe", "translate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from edge import interface

        return getattr(interface, name)
    raise AttributeError(f"module 'edge' has no attribute {name!r}")
