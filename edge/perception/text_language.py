"""Which language a written text is in: by its script, and for Latin letters by its words, endings and accents.

Signs are short: a statistical identifier calls "EXIT" Latin and "no parking" Tagalog (py3langid 0.4, which also takes
0.8 s to load and 100 MB). So the decision is made among languages that are likely here, the texts of one picture
vote together, and another language needs evidence of its own. The word lists are `language_words.tsv`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from unicodedata import combining, normalize

from edge.perception.text_continuation import script

UNDECIDED = ""
"""Language of a text in a script that none of the allowed languages is written in, or without letters."""

_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "HIRAGANA": ("ja",), "KATAKANA": ("ja",), "CJK": ("zh", "ja"), "HANGUL": ("ko",), "CYRILLIC": ("ru", "uk", "bg",
    "sr", "mk", "be"), "GREEK": ("el",), "ARABIC": ("ar", "fa", "ur"), "HEBREW": ("he",), "THAI": ("th",),
    "DEVANAGARI": ("hi", "mr", "ne"), "BENGALI": ("bn",), "TAMIL": ("ta",), "TELUGU": ("te",), "KANNADA": ("kn",),
    "MALAYALAM": ("ml",), "GUJARATI": ("gu",), "GEORGIAN": ("ka",), "ARMENIAN": ("hy",), "LAO": ("lo",),
    "KHMER": ("km",), "MYANMAR": ("my",), "GURMUKHI": ("pa",), "SINHALA": ("si",), "ETHIOPIC": ("am",),
}  # fmt: skip
_LETTERS_OF = {"uk": "іїєґ", "be": "ў", "sr": "ђћџјљњ", "mk": "ѓќѕ", "fa": "پچژگ", "ur": "ٹڈڑے"}
_KANA = ("HIRAGANA", "KATAKANA")
_HEAVY = {"CJK": 3, "HIRAGANA": 3, "KATAKANA": 3, "HANGUL": 2}  # one such letter says as much as some Latin ones

_WORD = re.compile(r"[^\W\d_]+(?:[-·'\u2019][^\W\d_]+)*")
_EVIDENCE = {"words": 3.0, "endings": 1.0, "letters": 2.0}
_FOLDED = 0.7
_FULL_WORD = 5  # letters; a shorter word may as well be an abbreviation
_MIN_ENDING_WORD = 5
_LIKELY = 1.5
_FIRST = 0.3
_NEIGHBOURS = 0.25
_MAX_NEIGHBOURS = 2.0


@dataclass(frozen=True)
class _Table:
    """Item to the languages that have it, by kind; `folded` are the words without accents."""

    words: Mapping[str, tuple[str, ...]]
    folded: Mapping[str, tuple[str, ...]]
    endings: Mapping[str, tuple[str, ...]]
    letters: Mapping[str, tuple[str, ...]]
    languages: tuple[str, ...]


def identify(texts: Sequence[str], allowed: Collection[str] | None, likely: Sequence[str]) -> list[str]:
    """The language of every text of one picture.

    Args:
        texts: what is written; they vote together where one alone does not say enough.
        allowed: codes to choose from; None: any that is known here.
        likely: codes that need no evidence, the likeliest first; what cannot be told is in the first of them that
            is allowed.

    Returns:
        A code for each text, or `UNDECIDED`.
    """
    scripts = [_script(text) for text in texts]
    latin = [_evidence(text) if found == "LATIN" else Counter() for text, found in zip(texts, scripts, strict=True)]
    together: Counter[str] = Counter()
    for evidence in latin:
        together.update(evidence)
    has_kana = any(found in _KANA for found in scripts)
    return [
        _latin(evidence, together, allowed, likely) if found == "LATIN" else _by_script(found, text, allowed, has_kana)
        for text, found, evidence in zip(texts, scripts, latin, strict=True)
    ]


def is_word(text: str) -> bool:
    """Whether a single word stands in the lists of any language."""
    word = text.casefold()
    return word in _table().words or word in _table().folded


def _script(text: str) -> str:
    """The script of most of the text; kana make a text Japanese."""
    found: Counter[str] = Counter()
    for letter in text:
        if letter.isalpha():
            name = script(letter)
            found[name] += _HEAVY.get(name, 1)
    if not found:
        return UNDECIDED
    kana = next((name for name in _KANA if found[name]), None)
    best = max(found, key=lambda name: found[name])
    return kana if kana and best == "CJK" else best


def _by_script(name: str, text: str, allowed: Collection[str] | None, has_kana: bool) -> str:
    candidates = [code for code in _SCRIPTS.get(name, ()) if allowed is None or code in allowed]
    if name == "CJK" and has_kana and "ja" in candidates:
        return "ja"
    special = [code for code in candidates if set(_LETTERS_OF.get(code, "")) & set(text.lower())]
    return next(iter(special or candidates), UNDECIDED)


def _latin(own: Counter[str], together: Counter[str], allowed: Collection[str] | None, likely: Sequence[str]) -> str:
    table = _table()
    usual = [code for code in likely if (allowed is None or code in allowed) and _is_latin(code)]
    others = table.languages if allowed is None else [code for code in allowed if _is_latin(code)]
    scores: dict[str, float] = {}
    for code in dict.fromkeys([*usual, *others]):
        around = min(_NEIGHBOURS * (together[code] - own[code]), _MAX_NEIGHBOURS)
        scores[code] = own[code] + around + (_LIKELY if code in usual else 0.0) + (_FIRST if code in usual[:1] else 0.0)
    return max(scores, key=lambda code: scores[code], default=UNDECIDED)


def _is_latin(code: str) -> bool:
    return not any(code in codes for codes in _SCRIPTS.values())


def _evidence(text: str) -> Counter[str]:
    """What speaks for each language; what many languages share says little."""
    table = _table()
    evidence: Counter[str] = Counter()

    def add(languages: Sequence[str], weight: float) -> None:
        for code in languages:
            evidence[code] += weight / len(languages)  # type: ignore[assignment]  # a Counter of floats

    lowered = text.casefold() if not text.isupper() else text.lower()
    for word in _WORD.findall(lowered):
        if word in table.words:
            add(table.words[word], _EVIDENCE["words"] * min(len(word) / _FULL_WORD, 1.0))
        elif word in table.folded:
            add(table.folded[word], _EVIDENCE["words"] * _FOLDED)
        elif len(word) >= _MIN_ENDING_WORD:
            ending = next((word[-size:] for size in (6, 5, 4, 3) if word[-size:] in table.endings), None)
            add(table.endings.get(ending or "", ()), _EVIDENCE["endings"])
    for letters, languages in table.letters.items():
        if letters in lowered:
            add(languages, _EVIDENCE["letters"])
    return evidence


@lru_cache(maxsize=1)
def _table() -> _Table:
    """The word lists, read once."""
    found: dict[str, dict[str, list[str]]] = {"words": {}, "folded": {}, "endings": {}, "letters": {}}
    languages = []
    content = resources.files("edge.perception").joinpath("language_words.tsv").read_text(encoding="utf-8")
    for line in content.splitlines():
        if not line or line.startswith("#"):
            continue
        code, kind, items = line.split("\t")
        languages.append(code)
        for item in dict.fromkeys(items.split()):
            found[kind].setdefault(item, []).append(code)
    for word, codes in found["words"].items():
        plain = _fold(word)
        if plain != word and plain not in found["words"]:
            found["folded"].setdefault(plain, []).extend(codes)
    kept = {kind: {item: tuple(codes) for item, codes in items.items()} for kind, items in found.items()}
    return _Table(**kept, languages=tuple(dict.fromkeys(languages)))


def _fold(word: str) -> str:
    return "".join(letter for letter in normalize("NFKD", word) if not combining(letter))
