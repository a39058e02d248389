"""What is in a picture, by a classifier that the user brought (ViT, DeiT, MobileViT, DINOv2 with a head).

Folder and graph: `edge.perception.descriptions.ClassifierDescription`. Such a model knows no stranger: a picture of
none of its categories is only seen by a low probability of the likeliest one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.errors import ModelCorruptError
from edge.inference.sessions import Session, SessionFactory
from edge.media import Image
from edge.perception.descriptions import ClassifierDescription, read_description
from edge.perception.graph_contract import classifier_contract, open_checked
from edge.perception.image_recognition import softmax
from edge.perception.preprocessing import prepare
from edge.results import Glance

_WARM_UP_SIZE = (64, 64, 3)


class ImageClassifier:
    """Names what a picture shows.

    Args:
        session: over the graph `model`.
        description: of the same folder.
        model_id: for messages.

    Attributes:
        labels: English names in the order of `Glance.scores`.
    """

    def __init__(self, session: Session, description: ClassifierDescription, model_id: str) -> None:
        self._session = session
        self._description = description
        self._model_id = model_id
        self.labels = description.labels

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, model_id: str) -> ImageClassifier:
        """Open the model in `folder`.

        Raises:
            ModelNotFoundError: `folder` holds no `model.json`.
            ModelCorruptError: the files are not of this kind, or graph and description differ.
            InferenceError: the graph cannot be loaded.
        """
        description = read_description(folder, ClassifierDescription, model_id)
        contract = classifier_contract(description)
        session = open_checked(contract, folder, sessions, model_id, threads=sessions.threads)
        return cls(session, description, model_id)

    def look(self, image: Image) -> Glance:
        """Look at a whole picture once; `known` is the probability of the likeliest category.

        Args:
            image: BGR uint8 [h, w, 3] of any size and shape.

        Raises:
            ValueError: not such a picture, or one without pixels.
            ModelCorruptError: the graph gives another number of categories.
            InferenceError: the session failed.
        """
        pixels = prepare(image, self._description.preprocessing)
        logits = np.asarray(self._session.run(["logits"], {"pixel_values": pixels})[0][0], np.float32)
        if logits.shape != (len(self.labels),):
            file = self._description.graphs["model"]
            raise ModelCorruptError(
                self._model_id, file, f"it gives {list(logits.shape)} for {len(self.labels)} labels"
            )
        scores = softmax(logits)
        return Glance(scores, known=float(scores.max()))

    def warm_up(self) -> None:
        """Run once on a grey picture, so that the first real one is not late."""
        self.look(np.full(_WARM_UP_SIZE, 128, np.uint8))
