"""Translates what stands on signs: short, shouted, without verbs, full of names and numbers.

Prices, codes, telephone numbers, addresses and single marks stay as they are. Phrases that stand on signs everywhere
come from a table (`phrasebooks/signs-*.tsv`), because models trained on prose call a wet floor a motel; a heading
such as CAUTION is translated apart from what follows. Of what a model writes, explanations in brackets and articles
that nobody wrote are dropped: "Wivenhoe Park (a)", "O estacionamento".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from importlib import resources

from edge.errors import LanguageError
from edge.perception.text_continuation import is_unspaced
from edge.perception.text_language import UNDECIDED, identify, is_word
from edge.perception.text_likeness import same_text
from edge.perception.translation_glossary import Phrasebook
from edge.perception.translation_protection import ADDRESS
from edge.results import Region, SignText

Translate = Callable[[str, str, str], str]

_HEADING_WORDS = (
    "attention caution danger important notice warning sale "
    "aviso atenção cuidado perigo importante promoção oferta "
    "atención peligro ofertas avis soldes achtung gefahr hinweis vorsicht attenzione pericolo"
)
_HEADINGS = frozenset(_HEADING_WORDS.split())
_MIN_LETTERS = 3
_CODE = re.compile(r"(?=\S*\d)[A-Z\d][A-Z\d./-]*")
_AROUND = "()[]{}#:;,."
_PLATE = re.compile(r"[A-Z]{1,3}[ \u00b7-]?\d{2,}(?:[ -]?[A-Z\d]{1,4})?")
_MEASURE = re.compile(
    r"[\d.,/x%+-]*\d[\d.,/x%+-]*\s?(?:kg|g|mg|ml|cl|dl|l|m|cm|mm|km|km/h|h|min|oz|lb|W|V|A|Hz|°?C|°?F)?"
)
_NUMBER = r"(?:[#$€£¥]?\s?\d[\d.,:/-]*\s?[%€£¥]?)"
_NUMBERED = re.compile(rf"(?P<before>{_NUMBER}\s+)?(?P<core>[^\d]*[^\d\s])(?P<after>\s+{_NUMBER})?")
_INNER_CAPITAL = re.compile(r"[a-z]+[A-Z]\w*|\w*[\u00ae\u2122]")
_BRACKETS = re.compile(r"\s*[(\[][^)\]]*(?:[)\]]|$)")
_ARTICLES = {
    "pt": re.compile(r"(?:os?|as?|uma?)\s+", re.IGNORECASE),
    "en": re.compile(r"(?:the|an?)\s+", re.IGNORECASE),
    "es": re.compile(r"(?:el|la|los|las|una?)\s+", re.IGNORECASE),
    "fr": re.compile(r"(?:les?|la|l'|une?)\s*", re.IGNORECASE),
    "it": re.compile(r"(?:il|lo|la|gli|le|un[ao]?)\s+", re.IGNORECASE),
    "de": re.compile(r"(?:der|die|das|eine?)\s+", re.IGNORECASE),
}
_FEW_WORDS = 3
_MIN_MISREAD = 4
_LONG_MISREAD = 7
_LOOK_ALIKE = ("iltj1f", "odqc0u", "bphr8", "ecaos", "uvyn", "mnw", "gq9", "s5z", "kx")
_SURE_ALONE = 0.99
_REMEMBERED = 256
_SURE_OF_NUMBERS = 0.95
_SURE_OF_SHORT = 0.95
_SURE_OF_ONE = 0.97
_SHORT_WORDS = frozenset({"wc", "no", "up", "in", "on", "go"})
_ONE = re.compile(r"(?<!\w)[Il|](?=\s?(?:lit(?:er|re)|kg|ml|cl)\w*)")


class SignTranslator:
    """Finds the language of the texts of a picture and translates them.

    Args:
        translate: text, source and target language to the translation; raises LanguageError where no pack leads.
        target: the wearer's language.
        allowed: languages that may stand on signs; None: any.
        likely: languages that need no evidence, the likeliest first (those that packs serve).
    """

    def __init__(
        self, translate: Translate, target: str, allowed: Collection[str] | None = None, likely: Sequence[str] = ()
    ) -> None:
        self._translate = translate
        self._target = target
        self._allowed = None if allowed is None else {*allowed, target}
        self._likely = tuple(likely)
        self._phrasebooks: dict[str, Phrasebook] = {}
        self._unspaced: dict[str, Phrasebook] = {}
        self._words: dict[str, list[str]] = {}
        self._memory: list[SignText] = []

    def languages(self, texts: Sequence[str]) -> list[str]:
        """The language of every text of one picture; empty where nothing tells it."""
        return identify(texts, self._allowed, self._likely)

    def translate(self, region: Region, language: str) -> SignText:
        """What a region means; what was translated before, but for a misread letter, is remembered.

        Args:
            region: its lines and text.
            language: of its text, by `languages`.

        Raises:
            ModelCorruptError, InferenceError: a pack cannot be opened or run.
        """
        text = region.text
        if language == self._target or (is_fixed(text) and self._known(text, language) is None):
            return SignText(text, language, text)
        if language == UNDECIDED:
            return SignText(text, language, None)
        for known in self._memory if self._known(text, language) is None else ():
            if known.language == language and same_text(known.text, text):
                return SignText(text, language, known.translation)
        try:
            found = SignText(text, language, self._whole([line.text for line in region.lines], text, language))
        except LanguageError as error:
            return SignText(text, language, None, str(error))
        self._memory = [found, *self._memory[: _REMEMBERED - 1]]
        return found

    def _whole(self, lines: Sequence[str], text: str, language: str) -> str:
        """A known phrase, lines that are known one by one, a heading and the rest, or the text by the model."""
        known = self._known(text, language)
        if known is not None:
            return known
        each = [self._known(line, language) for line in lines]
        if len(lines) > 1 and all(part is not None for part in each):
            return " ".join(dict.fromkeys(part for part in each if part is not None))
        heading = lines[0].strip(" !:.") if lines else ""
        if len(lines) > 1 and heading.casefold() in _HEADINGS and text.startswith(lines[0]):
            rest = text[len(lines[0]) :].strip()
            return f"{self._phrase(heading, language)}: {self._phrase(rest, language)}"
        return self._phrase(text, language)

    def _phrase(self, text: str, language: str) -> str:
        known = self._known(text, language)
        if known is not None or is_fixed(text):
            return known or text
        text = _ONE.sub("1 ", text).replace("1  ", "1 ")
        return tidy(text, self._translate(text, language, self._target), language, self._target)

    def _known(self, text: str, language: str) -> str | None:
        """The phrasebook's translation, numbers before and behind the phrase carried over (SALE 70%).

        Readers lose spaces between capitals: NOPARKING is known, too.
        """
        if language not in self._phrasebooks:
            phrases = _phrases(language, self._target)
            self._phrasebooks[language] = Phrasebook(phrases)
            self._words[language] = [phrase for phrase in phrases if " " not in phrase]
            self._unspaced[language] = Phrasebook({_solid(phrase): said for phrase, said in phrases.items()})
        book, unspaced = self._phrasebooks[language], self._unspaced[language]
        found = book.find(text) or unspaced.find(_solid(text))
        if found is not None:
            return found
        parts = _NUMBERED.fullmatch(text.strip())
        core = book.find(parts["core"]) or unspaced.find(_solid(parts["core"])) if parts else None
        if parts and core:
            return f"{parts['before'] or ''}{core}{parts['after'] or ''}"
        meant = _misread(text.strip(), self._words[language])
        return book.find(meant) if meant else None


def _phrases(language: str, target: str) -> dict[str, str]:
    """The table of phrases for a direction, and what the table of the other direction says read backwards."""
    backwards = {said.casefold(): phrase for phrase, said in reversed(_table(target, language))}
    return {**backwards, **dict(_table(language, target))}


def _table(language: str, target: str) -> list[tuple[str, str]]:
    """Phrase and translation of each row; empty where there is no table."""
    file = resources.files("edge.perception").joinpath(f"phrasebooks/signs-{language}-{target}.tsv")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[0], row[1]) for row in rows]


def _misread(text: str, words: Sequence[str]) -> str | None:
    """The only word of the table that one misread letter makes of `text` (`EXTT`), in the case of `text`.

    In short words only letters that look alike are exchanged; what is a word of some language is left alone.
    """
    if len(text) < _MIN_MISREAD or not text.isalpha() or is_word(text):
        return None
    word = text.casefold()
    near = [known for known in words if len(known) == len(word) and _one_apart(word, known)]
    if len(near) != 1:
        return None
    return near[0].upper() if text.isupper() else near[0].capitalize() if text[0].isupper() else near[0]


def _one_apart(word: str, known: str) -> bool:
    pairs = [{one, other} for one, other in zip(word, known, strict=True) if one != other]
    return len(pairs) == 1 and (len(word) >= _LONG_MISREAD or any(pairs[0] <= set(group) for group in _LOOK_ALIKE))


def _solid(phrase: str) -> str:
    return "".join(phrase.split())


def worth_following(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Regions that say something: no lone letters, no doubtful numbers, as edges and textures are read.

    A lone Chinese character counts where it was read with confidence among others.
    """
    company = any(is_unspaced(region.text) and _says_something(region) for region in regions)
    return tuple(
        region
        for region in regions
        if _says_something(region) or (company and is_unspaced(region.text) and region.confidence >= _SURE_OF_ONE)
    )


def without_specks(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Regions without the lone Chinese characters that are read from textures in pictures of other scripts."""
    company = any(is_unspaced(region.text) and len(region.text) > 1 for region in regions)
    return tuple(
        region
        for region in regions
        if company or len(region.text) > 1 or not is_unspaced(region.text) or region.confidence >= _SURE_ALONE
    )


def _says_something(region: Region) -> bool:
    if not any(map(str.isalpha, region.text)) and region.confidence < _SURE_OF_NUMBERS:
        return False
    if is_unspaced(region.text):
        return sum(map(str.isalpha, region.text)) > 1
    longest = max(map(len, re.findall(r"[^\W_]+", region.text)), default=0)
    if longest <= _MIN_LETTERS and region.confidence < _SURE_OF_SHORT:
        return False
    return longest >= _MIN_LETTERS or region.text.casefold() in _SHORT_WORDS


def is_fixed(text: str) -> bool:
    """Whether nothing in `text` is to be translated: numbers, prices, codes, addresses, marks, trade names."""
    left = ADDRESS.sub(" ", text)
    words = left.split()
    if sum(map(str.isalpha, left)) < _MIN_LETTERS and left.isascii():
        return True
    if len(words) == 1 and _INNER_CAPITAL.fullmatch(words[0]):
        return True
    if all(len(word) == 1 for word in words) and left.isascii():
        return True
    if _PLATE.fullmatch(left.strip()) or _MEASURE.fullmatch(left.strip()):
        return True
    return all(_CODE.fullmatch(word.strip(_AROUND)) or not any(map(str.isalpha, word)) for word in words)


def tidy(text: str, translation: str, language: str, target: str) -> str:
    """A model's translation without what nobody wrote: explanations in brackets, articles before a few words.

    Args:
        text: what was translated.
        translation: what the model made of it.
        language: of `text`.
        target: of `translation`.
    """
    if not any(bracket in text for bracket in "([（【"):  # noqa: RUF001 - full width
        translation = _BRACKETS.sub("", translation).strip() or text
    own, article = _ARTICLES.get(language), _ARTICLES.get(target)
    if article and len(text.split()) <= _FEW_WORDS and not (own and own.match(text)):
        bare = translation[match.end() :] if (match := article.match(translation)) else translation
        if bare != translation and bare:
            translation = bare[:1].upper() + bare[1:] if text[:1].isupper() else bare
    if text[-1:] not in ".。" and translation.endswith(".") and not translation.endswith(".."):
        translation = translation[:-1]
    return translation
