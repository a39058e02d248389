"""Translation between any two languages that the installed packs connect; packs are opened when first needed.

Several senses may share one instance from their own threads.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from edge.errors import LanguageError, ModelNotFoundError, SettingsError
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.perception.translation import Translator
from edge.perception.translation_routes import plan_route
from edge.settings import TranslationSettings

Direction = tuple[str, str]


class Translators:
    """The installed packs.

    Args:
        store: where the packs are.
        sessions: makes their sessions.
        settings: limits, glossary, and the models to prefer.

    Raises:
        UnknownModelError: a preferred model is not in the catalogue.
        ModelNotFoundError: or not installed.
        SettingsError: or translates nothing.
    """

    def __init__(self, store: ModelStore, sessions: SessionFactory, settings: TranslationSettings) -> None:
        self._store = store
        self._sessions = sessions
        self._settings = settings
        self._packs = {**_installed_packs(store), **_preferred_packs(store, settings.models)}
        self._open: dict[Direction, Translator] = {}
        self._opening = threading.Lock()

    def route(self, source: str, target: str) -> tuple[Direction, ...]:
        """The packs to go through, in order; empty when both languages are the same.

        Raises:
            LanguageError: no way leads there; says what to pull.
        """
        return plan_route(source, target, self._packs)

    def connects(self, source: str, target: str) -> bool:
        """Whether there is a route."""
        try:
            self.route(source, target)
        except LanguageError:
            return False
        return True

    def translate(self, text: str, source: str, target: str) -> str:
        """`text` in the language `target`; unchanged when that is `source`.

        Raises:
            LanguageError: as `route`.
            ModelCorruptError, InferenceError: a pack cannot be opened or run.
        """
        for direction in self.route(source, target):
            text = self._translator(direction).translate(text)
        return text

    def warm_up(self, source: str, target: str) -> None:
        """Open the packs of a route and run each once."""
        self.translate("1.", source, target)

    def _translator(self, direction: Direction) -> Translator:
        with self._opening:
            if direction not in self._open:
                model_id = self._packs[direction]
                folder = self._store.open(model_id)
                self._open[direction] = Translator.load(folder, self._sessions, self._settings, model_id)
            return self._open[direction]


def check_direction(store: ModelStore, model_id: str, source: str, target: str) -> None:
    """Make sure that a model translates from `source` to `target`.

    Raises:
        UnknownModelError: it is not in the catalogue.
        LanguageError: it translates something else, or nothing.
    """
    model = store.catalogue.get(model_id)
    if model.task != "translation":
        raise LanguageError(f"{model_id} is for {model.task}, it translates nothing; run: edge models list")
    if (model.source, model.target) != (source, target):
        raise LanguageError(
            f"{model_id} translates {model.source} to {model.target}, not {source} to {target}; "
            f"run: edge translate --from {model.source} --to {model.target} --model {model_id}"
        )


def _preferred_packs(store: ModelStore, model_ids: Sequence[str]) -> dict[Direction, str]:
    """Direction to model id, the first of a direction in the list."""
    packs: dict[Direction, str] = {}
    for model_id in model_ids:
        model = store.catalogue.get(model_id)
        if model.task != "translation" or model.source is None or model.target is None:
            raise SettingsError(
                f"translation.models has {model_id}, which is for {model.task}; name translation models, "
                "such as opus-mt-en-de (edge models list shows all)"
            )
        if store.resolve(model_id) is None:
            raise ModelNotFoundError(model_id)
        packs.setdefault((model.source, model.target), model_id)
    return packs


def _installed_packs(store: ModelStore) -> dict[Direction, str]:
    """Direction to model id; the pair's own id (which knows its fallback) wins over special ones."""
    installed = set(store.installed())
    packs: dict[Direction, str] = {}
    for model in store.catalogue.models:
        if model.task != "translation" or model.source is None or model.target is None or model.id not in installed:
            continue
        direction = (model.source, model.target)
        own = f"mt-{model.source}-{model.target}"
        usable = store.resolve(own) if own in {m.id for m in store.catalogue.models} else None
        packs[direction] = own if usable is not None else packs.get(direction, model.id)
    return packs
