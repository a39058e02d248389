"""Left-to-right and right-to-left text in one line: which way each character runs, and the order on screen.

The Unicode Bidirectional Algorithm (UAX #9, unicode.org/reports/tr9) without explicit embeddings, overrides
and isolates, whose control characters never reach the HUD (see `breaking.clean`), and without the bracket
pairs of rule N0.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

RTL_LANGUAGES = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ku", "ps", "sd", "ug", "ur", "yi"})

_NEUTRAL = frozenset({"B", "S", "WS", "ON", "BN", "ET", "ES", "CS"})


def is_rtl(text: str, language: str = "") -> bool:
    """Whether a paragraph runs from right to left: by its first strong character (rules P2, P3), else by language."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in {"L", "R", "AL"}:
            return kind != "L"
    return language.split("-", maxsplit=1)[0] in RTL_LANGUAGES


def levels(text: str, rtl: bool) -> list[int]:
    """The embedding level of each character of a line: even runs left to right, odd right to left."""
    base = int(rtl)
    if not rtl and text.isascii():
        return [base] * len(text)
    kinds = _neutrals(_weak([unicodedata.bidirectional(c) or "L" for c in text], base), base)
    found = [_level(kind, base) for kind in kinds]
    for index in range(len(text) - 1, -1, -1):  # L1: trailing white space has the level of the paragraph
        if not text[index].isspace():
            break
        found[index] = base
    return found


def reorder(items: Sequence[T], item_levels: Sequence[int]) -> list[T]:
    """Items in the order in which they stand on screen, from left to right (rule L2)."""
    order = list(range(len(items)))
    for level in range(max(item_levels, default=0), 0, -1):
        start = 0
        while start < len(order):
            if item_levels[order[start]] < level:
                start += 1
                continue
            stop = start
            while stop < len(order) and item_levels[order[stop]] >= level:
                stop += 1
            order[start:stop] = reversed(order[start:stop])
            start = stop
    return [items[index] for index in order]


def _level(kind: str, base: int) -> int:
    """Rules I1 and I2."""
    if kind == "R":
        return 1
    if kind in {"EN", "AN"}:
        return 2
    return 2 if base else 0


def _weak(kinds: list[str], base: int) -> list[str]:
    """Rules W1 to W7: marks, numbers, and the signs around numbers."""
    edge = "R" if base else "L"
    previous = edge
    for index, kind in enumerate(kinds):  # W1
        kinds[index] = previous if kind == "NSM" else kind
        previous = kinds[index]
    strong = edge
    for index, kind in enumerate(kinds):  # W2, W3
        if kind in {"L", "R", "AL"}:
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[index] = "AN"
    kinds = ["R" if kind == "AL" else kind for kind in kinds]
    for index in range(1, len(kinds) - 1):  # W4
        before, after = kinds[index - 1], kinds[index + 1]
        if before == after and (
            (kinds[index] == "ES" and before == "EN") or (kinds[index] == "CS" and before in {"EN", "AN"})
        ):
            kinds[index] = before
    _terminators(kinds)
    strong = edge
    for index, kind in enumerate(kinds):  # W7
        if kind in {"L", "R"}:
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[index] = "L"
    return kinds


def _terminators(kinds: list[str]) -> None:
    """W5: currency and percent signs beside a European number belong to it."""
    index = 0
    while index < len(kinds):
        if kinds[index] != "ET":
            index += 1
            continue
        stop = index
        while stop < len(kinds) and kinds[stop] == "ET":
            stop += 1
        if "EN" in (kinds[index - 1] if index else "", kinds[stop] if stop < len(kinds) else ""):
            kinds[index:stop] = ["EN"] * (stop - index)
        index = stop


def _neutrals(kinds: list[str], base: int) -> list[str]:
    """Rules N1 and N2: what stands between two of one direction runs that way, else with the paragraph."""
    edge = "R" if base else "L"
    index = 0
    while index < len(kinds):
        if kinds[index] not in _NEUTRAL:
            index += 1
            continue
        stop = index
        while stop < len(kinds) and kinds[stop] in _NEUTRAL:
            stop += 1
        before = _side(kinds[index - 1]) if index else edge
        after = _side(kinds[stop]) if stop < len(kinds) else edge
        kinds[index:stop] = [before if before == after else edge] * (stop - index)
        index = stop
    return kinds


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"
