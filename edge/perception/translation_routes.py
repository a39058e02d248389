"""Which packs take a text from one language to another."""

from __future__ import annotations

from collections.abc import Collection

from edge.errors import LanguageError
from edge.perception.languages import LANGUAGES, normalise_language

PIVOT = "en"

Direction = tuple[str, str]


def plan_route(source: str, target: str, installed: Collection[Direction]) -> tuple[Direction, ...]:
    """The packs to apply, in order: none where both languages are the same, one, or two through English.

    Args:
        source: language of the text, any spelling of its code.
        target: language wanted.
        installed: directions of the packs in the store.

    Raises:
        LanguageError: an unknown language, or packs that are not installed (the message says what to pull).
    """
    source, target = normalise_language(source), normalise_language(target)
    if source == target:
        return ()
    if (source, target) in installed:
        return ((source, target),)
    through = ((source, PIVOT), (PIVOT, target))
    wanted = [direction for direction in through if direction[0] != direction[1]]
    missing = [direction for direction in wanted if direction not in installed]
    if not missing:
        return tuple(wanted)
    packs = " ".join(f"mt-{first}-{second}" for first, second in missing)
    raise LanguageError(
        f"no installed pack translates {LANGUAGES[source]} ({source}) to {LANGUAGES[target]} ({target}); "
        f"run: edge models pull {packs}"
    )
