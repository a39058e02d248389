"""Does a line of text go on in the next one? Answers from the words alone, and joins lines into running text.

Signs seldom have full stops, so the words have to say it: a small letter at the start of a line, a comma, a hyphen
or a word such as "of" at the end of the one before mean that a sentence goes on; a price, a code, a bullet or a
label with a colon mean that an entry has ended.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum


class Link(Enum):
    """How strongly the words tie a line to the one before."""

    SURE = "sure"
    """The sentence goes on."""
    OPEN = "open"
    """The words do not say."""
    LOOSE = "loose"
    """Probably another entry: both are titles, or one is a heading."""
    NONE = "none"
    """Another entry."""


_JOINING = (
    "a an and at by for from in is of on or our the to with without your its no not until be are "
    "a as ao aos com da das de do dos e em na nas no nos o os ou para pela pelo por sem até seu sua "
    "al con del el en la las los para sin su un una y "
    "au aux avec dans des du et le les ou par pour sans sur une "
    "am auf aus bei das dem den der die ein eine für im in mit nach oder ohne und vom von zu zum zur "
    "alla che da del della di e gli il la lo nel nella per su een en het van voor met och av för i på til og"
)
_FUNCTION_WORDS = frozenset(_JOINING.split())
_BULLET = re.compile(r"^\s*(?:[•·●▪■◆\u2013*»>+-]\s|\(?\d{1,2}[.)]\s|\(?[a-zA-Z][.)]\s)")
_LABELLED = re.compile(r"^[^:：]{1,24}[:：]\s*\S")  # noqa: RUF001 - the full-width colon is meant
_CLOSED = re.compile(
    r"(?:[$€£¥]\s?\d[\d.,]*|\d+[.,]\d{2}\s?(?:[€$£¥元円]|EUR|kr)?|\d+\s?(?:[€£¥元円%号號])|[\])]"
    r"|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|(?=[A-Z\d-]*\d)(?=[A-Z\d-]*[A-Z])[A-Z\d]+(?:-[A-Z\d]+)*|\d[\d -]{6,}\d)$"
)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")
_HYPHENS = "-\u2010\u00ad\u00ac"
_OPEN_ENDS = _HYPHENS + ",、，&("  # noqa: RUF001 - full width
_MIN_LETTERS = 3
_LONG_WORD = 4
_MAX_SHARED = 12


def link(first: str, second: str) -> Link:
    """How the line `second` follows the line `first`, going by the words.

    Args:
        first: a line that is not empty.
        second: the line below it (left of it where the text is vertical), not empty.
    """
    last, head = first.rsplit(maxsplit=1)[-1], second.lstrip()[0]
    if _is_closed(first) or _BULLET.match(second) or _LABELLED.match(second) or _has_no_word(first, second):
        return Link.NONE
    if last[-1] in _OPEN_ENDS or (last.casefold() in _FUNCTION_WORDS and (len(last) > 1 or last.islower())):
        return Link.SURE
    if not scripts_agree(first, second):
        return Link.NONE
    if head.islower() and not first.isupper() and last[-1] not in ".!?":
        return Link.SURE
    if last[-1] in ":：":  # noqa: RUF001 - full width
        return Link.LOOSE
    return _by_capitals(first, second)


def join(lines: Sequence[str]) -> str:
    """Lines as running text: a space between where the script has spaces, words cut by a hyphen made whole.

    A hyphen goes where both halves are written alike (`emer-` and `gency`); it stays before a capital or a digit.
    """
    text = ""
    for line in lines:
        text = _appended(text, line.strip())
    return text


def is_unspaced(text: str) -> bool:
    """Whether most letters are of scripts that set no spaces between words (Chinese, Japanese, Thai ...)."""
    letters = sum(map(str.isalpha, text))
    return letters > 0 and 2 * len(_UNSPACED.findall(text)) > letters


def script(character: str) -> str:
    """A letter's script as the first word of its Unicode name (`LATIN`); Han, Kana and Hangul each their own."""
    return unicodedata.name(character, "?").split(" ")[0].removesuffix("-")


def scripts_agree(first: str, second: str) -> bool:
    """Whether two texts may be of one sentence: one script, or one of them has no letters."""
    if not any(map(str.isalpha, first)) or not any(map(str.isalpha, second)):
        return True
    if is_unspaced(first) or is_unspaced(second):
        return is_unspaced(first) == is_unspaced(second)
    found = [{script(letter) for letter in text if letter.isalpha()} for text in (first, second)]
    return bool(found[0] & found[1])


def shared_letters(first: str, second: str) -> int:
    """How many characters at the end of `first` stand at the beginning of `second`, too."""
    longest = min(len(first), len(second), _MAX_SHARED)
    same = (count for count in range(longest, 0, -1) if first[-count:].casefold() == second[:count].casefold())
    return next(same, 0)


def _appended(text: str, line: str) -> str:
    if not text or not line:
        return text or line
    before, after = text[-2:-1], line[0]
    if text[-1] in _HYPHENS and before.isalpha() and after.isalpha() and before.islower() == after.islower():
        return text[:-1] + line
    if text[-1] in _HYPHENS and before.isalnum():
        return text + line
    return text + line if _UNSPACED.match(text[-1]) and _UNSPACED.match(after) else f"{text} {line}"


def _is_closed(text: str) -> bool:
    """Ends in a price, a code, a date or a telephone number. A word in brackets is none: (closed)."""
    match = _CLOSED.search(text)
    if match is None:
        return False
    return text[-1] not in ")]" or any(map(str.isdigit, text.rsplit("(", 1)[-1].rsplit("[", 1)[-1]))


def _has_no_word(first: str, second: str) -> bool:
    """One of them is a number or a sign without letters, and the other is not."""
    return any(map(str.isalpha, first)) != any(map(str.isalpha, second)) or not any(map(str.isalpha, first))


def _by_capitals(first: str, second: str) -> Link:
    letters = [sum(map(str.isalpha, text)) for text in (first, second)]
    if first.isupper() != second.isupper() and min(letters) >= _MIN_LETTERS:
        return Link.NONE
    if first.isupper() or first == first.upper():
        return Link.OPEN  # shouted, or a script without capitals
    if first[-1] in ".!?" or not second[:1].isupper():
        return Link.OPEN
    if not _is_title(first):
        return Link.OPEN
    both_long = len(first.split()) > 1 and len(second.split()) > 1
    return Link.NONE if both_long and _is_title(second) else Link.LOOSE


def _is_title(text: str) -> bool:
    """Every longer word has a capital first, as in names and headings."""
    return all(word[:1].isupper() for word in re.findall(r"[^\W\d_]+", text) if len(word) >= _LONG_WORD)
