"""Gives a sentence the form the models were trained on, and takes it off the translation again.

Students are trained on written sentences: a capital first, a full stop last. Signs shout, people type without
either. Measured on 300 FLORES lines with the 2021 model, lower-cased BLEU without and with a capital and a full
stop: en-pt 46.7 and 48.0, pt-en 43.8 and 45.2. Shouted signs are hardly translated at all otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MIN_SHOUT = 4
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_CAPITALS = re.compile(r"[^\W\d_a-z]{2}")
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|am)"
_PRONOUN = r"(?:i|you|we|they|he|she|it|this|that|these|those|there|your|my|the|anyone|anybody)"
_QUESTIONS = {
    "en": re.compile(
        rf"(?:(?:where|who|why|which|whose|what|when|how)(?:'s|\s+{_AUXILIARY}\b)"
        rf"|how\s+(?:much|many|long|far|often|old)\b|what\s+(?:time|kind|day|color|colour|size)\b"
        rf"|(?:{_AUXILIARY}|may)\s+{_PRONOUN}\b)",
        re.IGNORECASE,
    ),
    "pt": re.compile(r"(?:onde|quem|qual|quais|quant[oa]s?|que\s+horas|o\s+que|por\s+que)\b", re.IGNORECASE),
}
_LOWER_EXCEPTIONS = {"en": re.compile(r"I(?:'|\b)"), "de": re.compile("")}


@dataclass(frozen=True)
class Form:
    """A sentence in trained form and what was done to it.

    Attributes:
        text: the sentence to translate.
        shouted: it was all capitals.
        lowered: its first letter was small.
        mark: the full stop or question mark that was added, or "".
    """

    text: str
    shouted: bool = False
    lowered: bool = False
    mark: str = ""


def give_form(sentence: str, language: str, keep: re.Pattern[str] | None = None) -> Form:
    """Put `sentence` (not empty) into trained form.

    Args:
        sentence: one sentence.
        language: its language.
        keep: what matches is never changed in case (addresses).
    """
    if sentence[0].isupper() and not sentence[-1].isalnum() and not sentence.isupper():
        return Form(sentence)
    text, shouted = sentence, _shouts(sentence, keep)
    if shouted:
        text = _WORD.sub(lambda match: match.group().lower(), text) if keep is None else _lower(text, keep)
    mark = _mark(text, language)
    lowered = not shouted and text[0].islower()
    if keep is None or not keep.match(text):
        text = text[0].upper() + text[1:]
    return Form(text + mark, shouted, lowered, mark)


def take_form(form: Form, translation: str, language: str, keep: re.Pattern[str] | None = None) -> str:
    """Undo on the translation what `give_form` did to the sentence.

    Args:
        form: what was done.
        translation: of `form.text`.
        language: of the translation.
        keep: what matches at the beginning keeps its case (a code for something carried through).
    """
    text = translation
    if form.mark and text.endswith((form.mark, ".", "。", "？")) and not text.endswith(".."):  # noqa: RUF001 - full width
        text = text[:-1].rstrip()
    if form.shouted:
        return text.upper()
    if keep is not None and keep.match(text):
        return text
    first = _WORD.match(text)
    if not form.lowered:
        capital = form.text[0].isupper() and first is not None and first[0].islower()
        return text[:1].upper() + text[1:] if capital else text
    exception = _LOWER_EXCEPTIONS.get(language)
    if (exception and exception.match(text)) or text[1:2].isupper():
        return text
    return text[:1].lower() + text[1:]


def _mark(text: str, language: str) -> str:
    """The mark that a sentence of a script with capitals lacks at its end."""
    last = text[-1]
    if not (last.isdigit() or last.lower() != last.upper()) or text.lower() == text.upper():
        return ""
    question = _QUESTIONS.get(language)
    return "?" if question is not None and question.match(text) else "."


def _shouts(sentence: str, keep: re.Pattern[str] | None) -> bool:
    if not sentence.isupper() and keep is not None:
        if _CAPITALS.search(sentence) is None or keep.search(sentence) is None:
            return False
        sentence = keep.sub("", sentence)
    return sentence.isupper() and sum(map(str.isalpha, sentence)) >= _MIN_SHOUT


def _lower(text: str, keep: re.Pattern[str]) -> str:
    pieces, at = [], 0
    for match in keep.finditer(text):
        pieces += [text[at : match.start()].lower(), match.group()]
        at = match.end()
    return "".join([*pieces, text[at:].lower()])
