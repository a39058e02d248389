"""When two readings are the same text: a few letters may differ, a number or a short word may not."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

_SAME_WORD = 0.7
_MIN_FUZZY_WORD = 4
_WORDS_PER_SPOILT = 8
_SAME_TEXT = 0.86
_MIN_PIECE = 2


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Letters and digits without case, single spaces between words."""
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())


@lru_cache(maxsize=4096)
def likeness(one: str, other: str) -> float:
    """How much two texts have in common, 0..1, whatever their case, spaces and punctuation."""
    first, second = plain(one).replace(" ", ""), plain(other).replace(" ", "")
    if first == second:
        return 1.0
    if not first or not second:
        return 0.0
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() > 1 - _SAME_TEXT else matcher.quick_ratio()


@lru_cache(maxsize=4096)
def contained(part: str, whole: str) -> float:
    """How much of `part` stands in `whole`, in order, 0..1."""
    first, second = plain(part).replace(" ", ""), plain(whole).replace(" ", "")
    if not first:
        return 1.0
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size >= min(_MIN_PIECE, len(first))) / len(first)


def same_text(one: str, other: str) -> bool:
    """Whether two readings say the same, so that the translation of one serves for the other.

    Long words may differ by a letter or two (`VEHICLES`, `VEHICLFS`), and of many words one in eight may be spoilt
    (`FOR WIIOM`); digits and short words may not differ: Platform A is not Platform B.
    """
    first, second = plain(one), plain(other)
    if first.replace(" ", "") == second.replace(" ", ""):
        return bool(first)
    if _digits(first) != _digits(second) or likeness(one, other) < _SAME_TEXT:
        return False
    words, others = first.split(), second.split()
    if len(words) != len(others):
        return min(len(first), len(second)) >= _MIN_FUZZY_WORD * 2
    different = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
    if any(min(map(len, pair)) < _MIN_FUZZY_WORD for pair in different):
        return False
    spoilt = [pair for pair in different if SequenceMatcher(None, *pair, autojunk=False).ratio() < _SAME_WORD]
    return len(spoilt) <= len(words) // _WORDS_PER_SPOILT


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
