"""Checks what a translation model wrote: loops, and digits that were lost on the way."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

# Of an n-gram that follows itself: how often at least, to be a loop. Words, then characters (Chinese, Japanese).
_WORD_REPEATS = {1: 3, 2: 3}
_CHARACTER_REPEATS = {1: 5, 2: 3, 3: 3}
_LONGEST = 12
_SYLLABLES = re.compile(r"([^\W\d_]{1,6}?)\1{4,}")
_LONG_WORD = 7
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")

_NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")
_SEPARATORS = str.maketrans("", "", ".,\u00a0\u202f")
_MIN_DIGITS = 3
_SIMILAR = 0.6
_SCALE = re.compile(
    r"\s*(?:mil|milh|bilh|trilh|million|billion|trillion|thousand|hundred|mi\b|bi\b|k\b)", re.IGNORECASE
)
_CURRENCIES = {
    "\u20ac": re.compile("euro|\u20ac", re.IGNORECASE),
    "\u00a3": re.compile("pound|libra|sterling|\u00a3", re.IGNORECASE),
    "\u00a5": re.compile("yen|iene|yuan|\u00a5", re.IGNORECASE),
}
_ANY_CURRENCY = re.compile(r"(?:[A-Z]{1,2})?[$\u20ac\u00a3\u00a5]")
_COMMA_GROUPS = frozenset({"en", "zh", "ja", "ko", "he", "hi", "ms"})


@dataclass(frozen=True)
class Loop:
    """An n-gram that follows itself.

    Attributes:
        start: index of its first unit.
        size: units in the n-gram.
        repeats: how often it stands there.
    """

    start: int
    size: int
    repeats: int


def loops(text: str, source: str) -> bool:
    """Whether `text` repeats itself in a way that `source` does not."""
    found = find_loop(units(text))
    if found is not None:
        model = find_loop(units(source))
        return model is None or found.repeats > model.repeats
    return _stutters(text) and not _stutters(source)


def _stutters(text: str) -> bool:
    """Whether a word is one syllable over and over; such a word is long and has few different letters."""
    return any(
        len(word) > _LONG_WORD and 2 * len(set(word)) < len(word) and _SYLLABLES.search(word) for word in text.split()
    )


def collapse(text: str) -> str:
    """`text` with every loop cut down to one round."""
    parts = units(text)
    joiner = " " if len(parts) > 1 and " " in text else ""
    while (loop := find_loop(parts)) is not None:
        parts = [*parts[: loop.start + loop.size], *parts[loop.start + loop.size * loop.repeats :]]
    return _SYLLABLES.sub(r"\1", joiner.join(parts))


def units(text: str) -> list[str]:
    """Words, or characters where words are not set apart by white space."""
    if not text.isascii() and 2 * len(_UNSPACED.findall(text)) > len(text):
        return [character for character in text if not character.isspace()]
    return text.split()


def find_loop(parts: Sequence[str]) -> Loop | None:
    """The first n-gram that stands there too often in a row, compared without case and punctuation."""
    plain = [part.casefold().strip(".,;:!?…\"'()") for part in parts]
    if len(set(plain)) == len(plain):
        return None
    characters = max(map(len, parts)) == 1
    allowed = _CHARACTER_REPEATS if characters else _WORD_REPEATS
    for size in range(1, min(_LONGEST, len(plain) // 2) + 1):
        found = _run(plain, size, allowed.get(size, 2))
        if found is not None:
            return found
    return None


def _run(plain: Sequence[str], size: int, least: int) -> Loop | None:
    """The first stretch in which each unit equals the one `size` before it, long enough for `least` rounds."""
    equal = 0
    for at in range(size, len(plain)):
        equal = equal + 1 if plain[at] == plain[at - size] and plain[at] else 0
        if equal == size * (least - 1):
            start = at + 1 - size * least
            end = at + 1
            while end < len(plain) and plain[end] == plain[end - size]:
                end += 1
            if any(any(c.isalpha() for c in part) for part in plain[start:end]):
                return Loop(start, size, (end - start) // size)
    return None


def repair_numbers(source: str, text: str, source_language: str, target_language: str) -> str:
    """`text` with numbers of three digits and more put right where the model lost or changed a digit.

    A number of the source that is missing takes the place of the most similar number that has no business in the
    translation; "100,000" for "100 mil" is left alone. Nothing is added or removed.
    """
    if _NUMBER.search(source) is None:
        return text
    wanted, written = _numbers(source), _numbers(text)
    missing = [match for match in wanted if _digits(match) not in {_digits(other) for other in written}]
    strange = [match for match in written if _digits(match) not in {_digits(other) for other in wanted}]
    repairs: list[tuple[int, int, str]] = []
    for lost in missing:
        best = _closest(lost, strange, text)
        if best is not None:
            strange.remove(best)
            repairs.append((*best.span(), localise(lost.group(), source_language, target_language)))
    for start, end, number in sorted(repairs, reverse=True):
        text = text[:start] + number + text[end:]
    return text


def repair_currency(source: str, text: str) -> str:
    """`text` with the currency of the source, where the model wrote another sign that the source does not have."""
    for sign, names in _CURRENCIES.items() if not source.isascii() else ():
        if sign in source and not names.search(text):
            strange = (match for match in _ANY_CURRENCY.finditer(text) if match[0] not in source)
            text = next((text[: m.start()] + sign + text[m.end() :] for m in strange), text)
    return text


def localise(number: str, source_language: str, target_language: str) -> str:
    """`number` with group and decimal marks swapped where the two languages differ: 1,250.5 is 1.250,5 in pt."""
    if (source_language in _COMMA_GROUPS) == (target_language in _COMMA_GROUPS):
        return number
    return number.translate(str.maketrans(".,", ",."))


def _numbers(text: str) -> list[re.Match[str]]:
    return list(_NUMBER.finditer(text))


def _digits(match: re.Match[str]) -> str:
    return match.group().translate(_SEPARATORS)


def _closest(lost: re.Match[str], strange: list[re.Match[str]], text: str) -> re.Match[str] | None:
    digits = _digits(lost)
    if len(digits) < _MIN_DIGITS:
        return None
    likeness = {
        match: difflib.SequenceMatcher(None, digits, _digits(match)).ratio()
        for match in strange
        if not _SCALE.match(text, match.end()) and _digits(match).rstrip("0") != digits.rstrip("0")
    }
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best is not None and likeness[best] >= _SIMILAR else None
