"""How good texts are, against what they should be. Small, so that the device needs no package for it.

Everything here counts over all texts together (errors of all over length of all), never means of per-text rates.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages written without spaces: their speech errors are counted in characters."""

CHRF_ORDER = 6
CHRF_BETA = 2


def normalise(text: str) -> str:
    """Text as word errors see it: NFKC, lower case, no apostrophes; all but letters, digits and marks is a space.

    Numbers stay as they are written: `10` and `ten` are different words.
    """
    text = unicodedata.normalize("NFKC", text.casefold()).replace("\u2019", "").replace("'", "")
    kept = (c if c.isalnum() or unicodedata.category(c) == "Mn" else " " for c in text)
    return " ".join("".join(kept).split())


def distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Least number of insertions, deletions and substitutions from one to the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for number, item in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, candidate in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (item != candidate))
    return row[-1]


def word_errors(said: Sequence[str], references: Sequence[str], language: str = "en") -> tuple[float, int]:
    """Word error rate in percent of the words of the references, and how many words these are.

    Both sides are `normalise`d first. In languages of `UNSPACED` every character is a word. References without any
    word are left out.
    """
    wrong = total = 0
    for answer, reference in zip(said, references, strict=True):
        wanted, got = _words(reference, language), _words(answer, language)
        if wanted:
            wrong, total = wrong + distance(wanted, got), total + len(wanted)
    return (100 * wrong / total if total else 0.0), total


def character_errors(said: Sequence[str], references: Sequence[str]) -> tuple[float, int]:
    """Character error rate in percent of the characters of the references, and how many these are.

    NFKC, spaces do not count (readers lose them); case and punctuation do.
    """
    wrong = total = 0
    for answer, reference in zip(said, references, strict=True):
        wanted, got = _solid(reference), _solid(answer)
        wrong, total = wrong + distance(wanted, got), total + len(wanted)
    return (100 * wrong / total if total else 0.0), total


def letters(text: str) -> Counter[str]:
    """How often every letter and digit stands in a text, compatibility forms and case put aside."""
    return Counter(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def letters_missed(found: Sequence[Counter[str]], required: Sequence[Counter[str]]) -> tuple[float, int]:
    """Letters and digits that stand in pictures and were not found there, in percent, and how many stand there.

    Order and place do not matter: this is for whole pictures, whose lines have no order.
    """
    total = sum(sum(one.values()) for one in required)
    missed = sum(sum((one - got).values()) for got, one in zip(found, required, strict=True))
    return (100 * missed / total if total else 0.0), total


def chrf(said: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of translations, 0..100: F-score of character n-grams of orders 1 to 6, recall counting twice.

    Source: Popovic 2015, "chrF: character n-gram F-score for automatic MT evaluation", with n-grams counted over all
    sentences and without spaces, precisions and recalls averaged over the orders that occur, as sacreBLEU does by
    default.
    """
    counts = np.zeros((CHRF_ORDER, 3), np.int64)
    for answer, reference in zip(said, references, strict=True):
        got, wanted = ("".join(text.split()) for text in (answer, reference))
        for order in range(1, CHRF_ORDER + 1):
            ours, theirs = _ngrams(got, order), _ngrams(wanted, order)
            counts[order - 1] += (ours.total(), theirs.total(), (ours & theirs).total())
    used = counts[(counts[:, 0] > 0) & (counts[:, 1] > 0)]
    if not used.size:
        return 0.0
    precision, recall = float(np.mean(used[:, 2] / used[:, 0])), float(np.mean(used[:, 2] / used[:, 1]))
    weighed = CHRF_BETA**2 * precision + recall
    return 100 * (1 + CHRF_BETA**2) * precision * recall / weighed if weighed else 0.0


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[start : start + order] for start in range(len(text) - order + 1))


def _words(text: str, language: str) -> Sequence[str]:
    text = normalise(text)
    return text.replace(" ", "") if language in UNSPACED else text.split()


def _solid(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
