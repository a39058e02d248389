"""Stages of translation: sentences and short phrases, English to Portuguese and back by turns.

Through the same `Translator` as the program's: sentences are split, protected, guarded and repaired. Quality is chrF of
those very translations; that of sentences is of lines of FLORES where the user has them. Our own are plain and have one
reference each: numbers of the two data are not comparable with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.bench.answers import Answers
from edge.bench.inputs_text import DIRECTIONS, Pair, directed, flores, phrases, sentences
from edge.bench.precisions import FLOAT, INSTALLED, model_folder
from edge.bench.report import Quality
from edge.bench.scoring import chrf
from edge.bench.stage import Bench, Prepared, Stage
from edge.perception.translation import Translator
from edge.perception.translation_glossary import Phrasebook
from edge.perception.translation_model import Draft, Model, TranslationModel

MODELS = ("mt-en-pt", "mt-pt-en")
QUICK_LINES = 30
QUICK_TIMED = 31
"""Inputs that are timed; quality is that of all of them."""
FULL_LINES = 300


class Counting:
    """A model that counts the tokens that it wrote.

    Attributes:
        written: tokens of all drafts so far, the ends not counted.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.source_language = model.source_language
        self.target_language = model.target_language
        self.max_tokens = model.max_tokens
        self.encode = model.encode
        self.spells = model.spells
        self.written = 0

    def generate(self, ids: list[int], max_length: int) -> Draft:
        """As the model's, counted."""
        draft = self._model.generate(ids, max_length)
        self.written += draft.tokens
        return draft


class Counted:
    """A translator that says how many tokens a translation took."""

    def __init__(self, model: Model, bench: Bench) -> None:
        self._model = Counting(model)
        book = Phrasebook.load(model.source_language, model.target_language)
        self._translator = Translator(self._model, bench.settings.translation, phrasebook=book)

    def __call__(self, text: str) -> tuple[str, int]:
        """The translation, and tokens written."""
        before = self._model.written
        return self._translator.translate(text), self._model.written - before


def sentence(bench: Bench) -> Prepared:
    """Sentences; judged on FLORES where the user has it."""
    return _translation(bench, sentences(), "own sentences", bench.data)


def phrase(bench: Bench) -> Prepared:
    """Phrases."""
    return _translation(bench, phrases(), "own phrases", None)


def _translation(bench: Bench, pairs: Sequence[Pair], what: str, data: Path | None) -> Prepared:
    translators = [Counted(_load(bench, id_), bench) for id_ in MODELS]
    asked = [directed(pairs, source) for source, _ in DIRECTIONS]
    inputs = [(side, number) for number in range(len(asked[0])) for side in range(len(DIRECTIONS))]

    def translate(place: tuple[int, int]) -> tuple[str, int]:
        side, number = place
        return translators[side](asked[side][number][0])

    answers = Answers(translate, inputs)
    timed = odd(QUICK_TIMED if bench.quick else len(inputs))

    def quality() -> Sequence[Quality]:
        said = answers.all()
        found = []
        for side, (source, target) in enumerate(DIRECTIONS):
            lines = () if data is None else flores(data, source, target, _most(bench))
            if lines:
                texts = [translators[side](text)[0] for text, _ in lines]
                found.append(_judged(texts, lines, f"FLORES {source}-{target}"))
            else:
                texts = [said[at][0] for at, place in enumerate(inputs) if place[0] == side]
                found.append(_judged(texts, asked[side], f"{what} {source}-{target}"))
        return found

    def counted() -> float:
        return sum(tokens for _, tokens in answers.first(timed)) / timed

    return Prepared(answers.samples[:timed], quality, unit="token", counted=counted)


def odd(count: int) -> int:
    """`count`, or one less: the median of turns of an odd number of inputs is that of one of them."""
    return count - 1 + count % 2


def _load(bench: Bench, model_id: str) -> TranslationModel:
    return TranslationModel.load(model_folder(bench, model_id), bench.sessions)


def _most(bench: Bench) -> int:
    return QUICK_LINES if bench.quick else FULL_LINES


def _judged(texts: Sequence[str], pairs: Sequence[Pair], data: str) -> Quality:
    value = chrf(texts, [reference for _, reference in pairs])
    return Quality(metric="chrF", value=round(value, 2), data=data, items=len(texts), better="higher")


STAGES: tuple[Stage, ...] = (
    Stage("translation.sentence", "sentence of 8 to 15 words", sentence, MODELS, (INSTALLED, FLOAT), threaded=False),
    Stage("translation.phrase", "phrase of 3 to 6 words", phrase, MODELS, (INSTALLED, FLOAT), threaded=False),
)
"""In the order of the table."""
