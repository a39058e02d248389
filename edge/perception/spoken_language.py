"""Which language is spoken: one decision per utterance, with hysteresis over utterances."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from edge.errors import LanguageError

_SURE_AFTER_S = 3.0


class LanguageTracker:
    """Keeps the language of the last utterance unless the sound clearly says another.

    Whisper guesses a language from any sound; on a short "no" or "sim" the guess is worth little. The shorter the
    utterance, the larger the lead that another language needs.

    Args:
        margin: lead in probability (0..1) that another language needs in an utterance of 3 s or more; towards
            length 0 the lead needed grows to 1.
    """

    def __init__(self, margin: float) -> None:
        self._margin = margin
        self._current: str | None = None

    @property
    def current(self) -> str | None:
        """Language of the last utterance; None before the first."""
        return self._current

    def decide(self, probabilities: Mapping[str, float], seconds: float) -> str:
        """The language of an utterance of `seconds`, given the probability of each allowed language."""
        likeliest = max(probabilities, key=lambda code: probabilities[code])
        current = self._current
        if current is None or current not in probabilities or self._leads(likeliest, current, probabilities, seconds):
            self._current = current = likeliest
        return current

    def reset(self) -> None:
        """Forget: another recording or another wearer."""
        self._current = None

    def _leads(self, new: str, current: str, probabilities: Mapping[str, float], seconds: float) -> bool:
        doubt = max(0.0, 1.0 - seconds / _SURE_AFTER_S)
        return probabilities[new] - probabilities[current] > self._margin + (1.0 - self._margin) * doubt


def allowed_languages(asked: Sequence[str] | None, known: Collection[str], model: str) -> list[str]:
    """`asked` after a check against what `model` knows; None or nothing asked allows all of them.

    Raises:
        LanguageError: one is unknown to the model.
    """
    for code in asked or ():
        if code not in known:
            nearest = difflib.get_close_matches(code, sorted(known), n=1, cutoff=0.0)
            hint = f"; did you mean {nearest[0]}?" if nearest and len(known) > 1 else f"; it knows {', '.join(known)}"
            raise LanguageError(f"{model} does not know the language {code!r}{hint}")
    return list(asked) if asked else list(known)
