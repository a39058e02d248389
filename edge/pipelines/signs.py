"""Pictures in, translated signs out."""

from __future__ import annotations

from edge.events import SignTranslated
from edge.results import Region, SignText


def told(captured_ns: int, number: int, region: Region, text: SignText, target: str) -> SignTranslated:
    """The event that tells what a region means."""
    return SignTranslated(
        captured_ns,
        number,
        region.box,
        text.text,
        text.translation,
        text.language,
        target,
        lines=tuple(line.box for line in region.lines),
        ink=region.ink,
        paper=region.paper,
        vertical=region.vertical,
    )
