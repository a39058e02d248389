"""Cuts a line of text into sentences, and an over-long sentence into clauses."""
# ruff: noqa: RUF001 - punctuation of many scripts is what this file is about

from __future__ import annotations

import re

_OPENING = "\"'“”‘’«»([{¿¡—–-"
_CLOSING = "\"'”’»)\\]}」』）】"
_MARKS = ".!?…。！？"
# An end: Latin marks need white space after them, full-width marks do not.
_END = re.compile(rf"(?:[.!?…]+[{_CLOSING}]*(?=\s)|[。！？]+[{_CLOSING}]*)\s*")
_WORD_BEFORE = re.compile(r"[^\s(\[{\"'“‘«]+$")
_INITIALS = re.compile(r"^(?:[^\W\d_]\.)+$")
_CLAUSE = re.compile(r"(?<=[;:,—–])\s+|(?<=[，；：、])\s*|\s+(?=[-—–]\s)")

# Words after which a full stop does not end a sentence, lower case, with the stop.
_TITLE_WORDS = (
    "mr. mrs. ms. dr. prof. st. sr. sra. srta. dra. jr. vs. gen. col. lt. sgt. capt. rev. gov. sen. rep. fr. mt. "
    "hon. pres. exmo. exma. eng. d. dna. mme. mlle. m. hr. fr. nr. bzw. z.b. d.h. ca. av. avda. ud. uds. "
    "fig. figs. cf. e.g. i.e. p.ex. ex. approx. apt. n.º. art. arts. pág. págs. vol. vols. tel. cap."
)
_TITLES = frozenset(_TITLE_WORDS.split())
# Words that may also end one: they do not when a digit or a lower-case letter follows.
_NUMBERED_WORDS = "no. nos. n. p. pp. etc. inc. ltd. co. corp. ltda. cia. bros. ave. blvd. rd. min. max."
_NUMBERED = frozenset(_NUMBERED_WORDS.split())


def split_sentences(text: str) -> list[str]:
    """Cut one line into sentences; white space between them is dropped, every other character is kept.

    Decimals, initials ("J. R."), abbreviations, ellipses inside a sentence and domain names are not ends.
    """
    if not any(mark in text[:-1] for mark in _MARKS):
        return [text.strip()] if text.strip() else []
    sentences, start = [], 0
    for match in _END.finditer(text):
        if match.end() < len(text) and _ends(text, start, match):
            sentences.append(text[start : match.end()].strip())
            start = match.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def split_clauses(sentence: str) -> list[str]:
    """Cut at commas, semicolons, colons and dashes; a sentence without any is cut at its middle word gap.

    Gives one piece only when there is no place to cut.
    """
    pieces = [piece.strip() for piece in _CLAUSE.split(sentence)]
    pieces = [piece for piece in pieces if piece]
    if len(pieces) > 1:
        return _halves(pieces, joiner=" " if " " in sentence else "")
    words = sentence.split()
    if len(words) > 1:
        return _halves(words, joiner=" ")
    middle = len(sentence) // 2
    return [sentence[:middle], sentence[middle:]] if middle else [sentence]


def _halves(pieces: list[str], joiner: str) -> list[str]:
    """Two runs of pieces whose lengths are as even as can be."""
    lengths = [len(piece) for piece in pieces]
    total = sum(lengths)
    best = min(range(1, len(pieces)), key=lambda at: abs(2 * sum(lengths[:at]) - total))
    return [joiner.join(pieces[:best]), joiner.join(pieces[best:])]


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match.group().strip()
    if mark[0] in "。！？":
        return True
    after = text[match.end() :].lstrip(_OPENING)[:1]
    if mark.startswith(("...", "…")):
        return after.isupper() or after.isdigit()
    if mark[0] in "!?":
        return not after.islower()
    before = _WORD_BEFORE.search(text[start : match.start()])
    word = (before.group() if before else "").lower() + "."
    if after.islower() or (word in _TITLES) or (_INITIALS.match(word) and after.isupper()):
        return False
    return not (word in _NUMBERED and after.isdigit())
