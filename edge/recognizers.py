"""Which recogniser a model folder holds: our own, a classifier, or an open vocabulary that the user's labels fill."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edge.errors import SettingsError
from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception.descriptions import family_of
from edge.results import Glance
from edge.settings import SceneSettings

CLASSIFIER = "classifier"
OPEN_VOCABULARY = "dual-encoder"


class Recognizer(Protocol):
    """What the scene sense asks of a model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Keys of the categories, in the order of `Glance.scores`."""
        ...

    def look(self, image: Image) -> Glance:
        """What a picture (BGR uint8 [h, w, 3]) shows; raises InferenceError."""
        ...

    def warm_up(self) -> None:
        """Run once; raises InferenceError."""
        ...


def is_brought(folder: Path) -> bool:
    """Whether `folder` holds a model that came through the chain, and not our own recogniser."""
    return family_of(folder) is not None


def try_recognizer(folder: Path, sessions: SessionFactory, settings: SceneSettings) -> None:
    """Open whatever recogniser is in `folder`, and run it once.

    Raises:
        ModelNotFoundError, ModelCorruptError: the files are not what they should be.
        InferenceError: a graph cannot be loaded or run.
    """
    if not is_brought(folder):
        from edge.perception.image_recognition import ImageRecognizer

        ImageRecognizer.load(folder, sessions, settings).warm_up()
        return
    labels = (settings.labels or ("thing",)) if family_of(folder) == OPEN_VOCABULARY else ()
    load_brought(folder, sessions, settings.model_copy(update={"labels": labels})).warm_up()


def load_brought(folder: Path, sessions: SessionFactory, settings: SceneSettings) -> Recognizer:
    """The recogniser in a folder that `is_brought`, for the labels of the settings if it needs any.

    Raises:
        SettingsError: labels for a model that has its own, no labels for one that has none, or a model that does not
            recognise things at all.
        ModelCorruptError: the files are not what they should be.
        InferenceError: a graph cannot be loaded.
    """
    family = family_of(folder)
    if family == OPEN_VOCABULARY:
        from edge.perception.open_vocabulary import OpenVocabularyRecognizer

        if not settings.labels:
            raise SettingsError(
                f'{settings.model} finds what you name, and nothing was named; add --labels "mug, keys, door", or '
                "labels = [...] under [scene] in the settings file"
            )
        return OpenVocabularyRecognizer.load(folder, sessions, settings.model, settings.labels)
    if family != CLASSIFIER:
        raise SettingsError(f"{settings.model} is a model of the family {family}, and does not name what it sees")
    refuse_labels(settings)
    from edge.perception.image_classification import ImageClassifier

    return ImageClassifier.load(folder, sessions, settings.model)


def refuse_labels(settings: SceneSettings) -> None:
    """For a model that has labels of its own.

    Raises:
        SettingsError: the settings name labels.
    """
    if settings.labels:
        raise SettingsError(
            f"{settings.model} knows its own things and cannot look for others; make an open-vocabulary model "
            "(scripts/make siglip-base-224) and name it with --model, or leave --labels out"
        )
