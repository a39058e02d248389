"""Text to measure translation with: sentences and phrases of our own, and FLORES where the user has it.

Our own lie in `sentences/*.tsv`: English, tab, Brazilian Portuguese; lines that begin with # are comments. They were
written by hand for this project, both sides, and none stands in a phrasebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from itertools import islice
from pathlib import Path

Pair = tuple[str, str]
"""A text and how it is translated."""

ENGLISH, PORTUGUESE = "en", "pt"
DIRECTIONS: tuple[Pair, ...] = ((ENGLISH, PORTUGUESE), (PORTUGUESE, ENGLISH))


def sentences() -> tuple[Pair, ...]:
    """40 sentences of 8 to 15 words: English and Portuguese."""
    return _table("sentences")


def phrases() -> tuple[Pair, ...]:
    """20 phrases of 3 to 6 words: English and Portuguese."""
    return _table("phrases")


def directed(pairs: Sequence[Pair], source: str) -> tuple[Pair, ...]:
    """English and Portuguese as source and reference, from `en` or `pt`."""
    return tuple(pairs) if source == ENGLISH else tuple((target, text) for text, target in pairs)


def flores(data: Path, source: str, target: str, most: int | None = None) -> tuple[Pair, ...]:
    """The first lines of `data`/flores/dev.CODE and their references; none where there are no such files."""
    files = [data / "flores" / f"dev.{code}" for code in (source, target)]
    if not all(file.is_file() for file in files):
        return ()
    texts, references = (file.read_text(encoding="utf-8").splitlines() for file in files)
    return tuple(islice(zip(texts, references, strict=False), most))


def _table(name: str) -> tuple[Pair, ...]:
    lines = resources.files("edge.bench").joinpath(f"sentences/{name}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple((row[0], row[1]) for row in rows)
