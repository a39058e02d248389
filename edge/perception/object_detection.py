"""What is where in a picture: detectors of the DETR family, without anchors and without suppression of neighbours.

A model folder holds the graph and `model.json` of `descriptions.DetectorDescription`, made by `scripts/export.py`.
Scores and boxes are those of `post_process_object_detection` of Hugging Face's processors, but that a query tells one
thing, not several, and that the same thing told by two queries is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.inference.sessions import Session, SessionFactory
from edge.media import Image
from edge.perception.descriptions import DetectorDescription, Preprocessing, read_description
from edge.perception.graph_contract import detector_contract, open_checked
from edge.perception.image_recognition import logistic, softmax
from edge.perception.preprocessing import prepare
from edge.results import Box, DetectedObject

REPEATED = 0.7
"""Two boxes of one name that share this much of their area are the same thing."""

Floats = npt.NDArray[np.float32]

_WARM_UP_SIZE = (480, 640, 3)
_OUTPUTS = ("logits", "pred_boxes")


class ObjectDetector:
    """Finds things of the names it knows.

    Args:
        session: over the graph of `DetectorDescription`.
        description: of the same folder.

    Attributes:
        description: labels, preprocessing, threshold.
    """

    def __init__(self, session: Session, description: DetectorDescription) -> None:
        self._session = session
        self.description = description

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, model_id: str) -> ObjectDetector:
        """Open the model in `folder`.

        Raises:
            ModelNotFoundError: `folder` holds no model.
            ModelCorruptError: it is of another family, or its graph has other inputs, outputs or classes.
            InferenceError: the graph cannot be loaded.
        """
        description = read_description(folder, DetectorDescription, model_id)
        contract = detector_contract(description)
        return cls(open_checked(contract, folder, sessions, model_id, threads=sessions.threads), description)

    def detect(self, image: Image, threshold: float | None = None, *, small: bool = False) -> list[DetectedObject]:
        """Things in a picture, the surest first; their names are the labels.

        Args:
            image: BGR uint8 [h, w, 3] of any size and shape.
            threshold: least score; None: the model's own.
            small: look at half the width and height, where the model takes any size: faster, and misses small things.

        Raises:
            ValueError: not such a picture, or one without pixels.
            InferenceError: the session failed.
        """
        pixels = prepare(image, _halved(self.description.preprocessing) if small else self.description.preprocessing)
        feed = {"pixel_values": pixels}
        if self.description.masked:
            feed["pixel_mask"] = np.ones((1, *pixels.shape[2:]), np.int64)
        logits, boxes = (np.asarray(output[0], np.float32) for output in self._session.run(list(_OUTPUTS), feed))
        least = self.description.threshold if threshold is None else threshold
        size = (image.shape[1], image.shape[0])
        return without_repeats(decode(logits, boxes, self.description, size, least))

    def warm_up(self) -> None:
        """Run once on a grey picture, so that the first real one is not late."""
        self.detect(np.full(_WARM_UP_SIZE, 128, np.uint8))


def _halved(preprocessing: Preprocessing) -> Preprocessing:
    if preprocessing.fit != "bound":
        return preprocessing
    sides = {"shortest": preprocessing.shortest, "longest": preprocessing.longest}
    return preprocessing.model_copy(update={name: side and max(1, side // 2) for name, side in sides.items()})


def decode(
    logits: Floats, boxes: Floats, description: DetectorDescription, size: tuple[int, int], threshold: float
) -> list[DetectedObject]:
    """Every query that is sure enough of one of its classes, the surest first.

    Args:
        logits: float32 [queries, classes]; with a softmax the last class is nothing.
        boxes: float32 [queries, 4]: centre x, centre y, width, height as shares of the picture.
        description: labels and activation.
        size: width and height of the picture in pixels; boxes are cut to it.
        threshold: least score.
    """
    scores = softmax(logits)[:, :-1] if description.activation == "softmax" else logistic(logits)
    best = scores.argmax(axis=1)
    found: list[DetectedObject] = []
    for query in np.argsort(-scores.max(axis=1), kind="stable").tolist():
        label, score = description.labels[best[query]], float(scores[query, best[query]])
        if score < threshold or not np.isfinite(score):
            break
        box = _corners(boxes[query], size)
        if label and box[0] < box[2] and box[1] < box[3]:
            found.append(DetectedObject(label, label, score, box))
    return found


def without_repeats(found: Sequence[DetectedObject]) -> list[DetectedObject]:
    """What is left when of boxes of the same name that lie over each other only the first is kept."""
    kept: list[DetectedObject] = []
    for one in found:
        if not any(one.label == other.label and overlap(one.box, other.box) >= REPEATED for other in kept):
            kept.append(one)
    return kept


def overlap(one: Box, other: Box) -> float:
    """The area that two boxes share, of the area that they cover together: 0..1."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _corners(box: Floats, size: tuple[int, int]) -> Box:
    x, y, width, height = (float(value) for value in box)
    across, down = size
    left, right = (min(max(edge, 0.0), 1.0) * across for edge in (x - width / 2, x + width / 2))
    top, bottom = (min(max(edge, 0.0), 1.0) * down for edge in (y - height / 2, y + height / 2))
    return left, top, right, bottom
