# ruff: noqa: RUF001 - the tables below are lists of punctuation, ambiguous or not
"""Where a line of text may break, in any script: words, wide characters with their line-start rules, clusters."""

from __future__ import annotations

import re
import unicodedata

_SPACE = re.compile(r"\s+")
_JOINERS = "\u200c\u200d"
_NO_START = frozenset(
    "!%),.:;?]}¢°’”»›‐–—…‥%、。〃々〉》」』】〕〗〙〛〜・ーゝゞヽヾ！％），．：；？］｝～ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ،؛؟۔।॥๏ฯๆ"
)
_MAY_START = frozenset("‐–—…’")
_NO_END = frozenset("([{¡¿‘“«‹〈《「『【〔〖〘〚（［｛￥＄$£€#@")
_BRACKETS = frozenset("([{«„“（「『《【〈［｛")
_OPENERS = _BRACKETS | frozenset("¡¿‹〖〔") | {""}
_NO_SPACES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))  # Thai and Lao, Burmese, Khmer
_LEADING_VOWELS = frozenset("เแโใไເແໂໃໄ")
_FOLLOWING_VOWELS = frozenset("ะาำๅະາຳຽ")
_URL = re.compile(r"://|^www\.|@|^\S+\.\S+/")

SENTENCE_END = frozenset(".!?…。！？؟۔।॥")
CLAUSE_END = frozenset(",;:،؛、，；：—–")
_CLOSERS = "\"'’”»)]」』）】 "


def clean(text: str) -> str:
    """Text fit for one line: composed (NFC), runs of white space as one space, no control or direction marks."""
    unwanted = {"Cc", "Cf", "Cs", "Co"}
    kept = (c for c in text if c in _JOINERS or c.isspace() or unicodedata.category(c) not in unwanted)
    return _SPACE.sub(" ", unicodedata.normalize("NFC", "".join(kept))).strip()


def clusters(text: str) -> list[str]:
    """What a reader takes for one character: a base with its marks, joiners and Thai-like side vowels."""
    found: list[str] = []
    joined = False
    for character in text:
        attached = unicodedata.category(character) in {"Mn", "Mc", "Me"} or character in _JOINERS
        if found and (attached or joined or character in _FOLLOWING_VOWELS or found[-1][-1] in _LEADING_VOWELS):
            found[-1] += character
        else:
            found.append(character)
        joined = character == "\u200d"
    return found


def pieces(text: str) -> list[str]:
    """The unbreakable pieces of `text`, in order; each but the last may end in a space; joined they give `text`."""
    found: list[str] = []
    for cluster in clusters(text):
        if found and not _may_break(found[-1], cluster):
            found[-1] += cluster
        else:
            found.append(cluster)
    return found


def takes_hyphen(left: str, right: str) -> bool:
    """Whether a word broken between `left` and `right` shows a hyphen: alphabetic words, not addresses."""
    if _URL.search(left + right):
        return False
    before, after = left[-1:], right[:1]
    return (
        before.isalpha() and after.isalpha() and not (_is_wide(before) or _is_spaceless(before) or _is_arabic(before))
    )


def break_rank(piece: str, following: str = "") -> int:
    """How good a break after `piece` is: 2 a sentence ends, 1 a clause ends or a bracket opens, 0 neither."""
    core = piece.rstrip(_CLOSERS)
    last = core[-1:]
    if last in SENTENCE_END and last:
        return 2
    return int((last and last in CLAUSE_END) or following[:1] in _BRACKETS)


def _may_break(before: str, after: str) -> bool:
    """Whether a line may end after the piece `before` when the cluster `after` follows."""
    last, first = before[-1], after[0]
    if first.isspace():
        return False
    if first in _NO_START and not (last.isspace() and first in _MAY_START):
        return False
    if last.isspace():
        return before.strip()[-1:] not in _OPENERS
    if last in _NO_END:
        return False
    after_dash = last in "-‐–—/" and first.isalpha() and len(before.strip()) > 1
    return after_dash or any(_is_ideograph(c) for c in (last, first)) or all(_is_spaceless(c) for c in (last, first))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _is_ideograph(character: str) -> bool:
    """Wide, but not Hangul, which is written with spaces."""
    return _is_wide(character) and not "\uac00" <= character <= "\ud7a3"


def _is_spaceless(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _NO_SPACES)


def _is_arabic(character: str) -> bool:
    return unicodedata.bidirectional(character) in {"AL", "R"}
