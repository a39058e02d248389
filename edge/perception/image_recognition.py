"""What is in a picture: a vision transformer of our own making (scripts/train_recognizer.py), one picture at a time.

A model folder holds `model_int8.onnx` (input `image` float32 [n, 3, s, s]; outputs `logits` float32
[n, categories + 1], the last one for strangers, `embedding` float32 [n, d] of length 1, `saliency` float32 [n, g, g]
as logits) and `config.json` with the labels, the preprocessing, and the numbers that calibrate the scores.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import Session, SessionFactory
from edge.media import Image
from edge.results import Glance
from edge.settings import SceneSettings

MODEL_FILE = "model_int8.onnx"
CONFIG_FILE = "config.json"

Floats = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; the last two are outside."""

_OUTPUTS = ("logits", "embedding", "saliency")


@dataclass(frozen=True)
class RecognizerConfig:
    """What `config.json` says.

    Attributes:
        labels: keys of the categories in the order of the scores.
        input_size: pixels of the square input.
        mean: of red, green and blue in 0..1.
        std: of the same.
        temperature: divides the logits before the softmax.
        known_weights: of the three numbers of `evidence`, for the logistic that gives `Glance.known`.
        known_bias: its constant.
        unknown_threshold: below this value of `known` a thing is unknown.
        taught_threshold: cosine similarity from which a taught thing is recognised.
        embedding_size: floats of an embedding.
    """

    labels: tuple[str, ...]
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    temperature: float
    known_weights: tuple[float, ...]
    known_bias: float
    unknown_threshold: float
    taught_threshold: float
    embedding_size: int

    @classmethod
    def read(cls, file: Path, model_id: str) -> RecognizerConfig:
        """Read the file.

        Raises:
            ModelNotFoundError: there is none.
            ModelCorruptError: it is no such configuration.
        """
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            lists = ("labels", "mean", "std", "known_weights")
            values: dict[str, Any] = {name: found[name] for name in cls.__dataclass_fields__}
            config = cls(**{**values, **{name: tuple(values[name]) for name in lists}})
        except FileNotFoundError as error:
            raise ModelNotFoundError(model_id) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ModelCorruptError(model_id, file.name, f"it lacks or misspells {error}") from error
        if not (len(config.mean) == len(config.std) == len(config.known_weights) == 3 and config.labels):  # noqa: PLR2004 - colours, evidence
            raise ModelCorruptError(model_id, file.name, "its lists have the wrong lengths")
        return config


class ImageRecognizer:
    """Names what a picture shows, says how sure it is that it knows the thing, and where it looked.

    Args:
        session: over the graph of the module's docstring.
        config: of the same folder.

    Attributes:
        labels: keys of the categories, in the order of `Glance.scores`.
        config: all calibration.
    """

    def __init__(self, session: Session, config: RecognizerConfig) -> None:
        self._session = session
        self.config = config
        self.labels = config.labels

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, settings: SceneSettings) -> ImageRecognizer:
        """Open the model in `folder`.

        Raises:
            ModelNotFoundError: `folder` does not hold the model.
            ModelCorruptError: the files there are not of this kind.
            InferenceError: the graph cannot be loaded.
        """
        config = RecognizerConfig.read(folder / CONFIG_FILE, settings.model)
        file = folder / MODEL_FILE
        if not file.is_file():
            raise ModelNotFoundError(settings.model)
        session = sessions.open(file, threads=sessions.threads)
        outputs = {node.name: node.shape for node in session.get_outputs()}
        if [node.name for node in session.get_inputs()] != ["image"] or set(outputs) != set(_OUTPUTS):
            raise ModelCorruptError(settings.model, MODEL_FILE, f"its outputs are {', '.join(sorted(outputs))}")
        if outputs["logits"][-1] != len(config.labels) + 1:
            raise ModelCorruptError(settings.model, MODEL_FILE, f"it has other categories than {CONFIG_FILE}")
        return cls(session, config)

    def look(self, image: Image) -> Glance:
        """Look at a whole picture once.

        Args:
            image: BGR uint8 [h, w, 3] of any size and shape.

        Raises:
            ValueError: not such a picture, or one without pixels.
            InferenceError: the session failed.
        """
        batch = prepare(image, self.config)[np.newaxis]
        logits, embedding, saliency = (
            np.asarray(value[0], np.float32) for value in self._session.run(list(_OUTPUTS), {"image": batch})
        )
        known = evidence(logits) @ np.asarray(self.config.known_weights, np.float32) + self.config.known_bias
        return Glance(
            scores=softmax(logits[:-1] / self.config.temperature),
            known=float(logistic(known)),
            embedding=embedding,
            saliency=logistic(saliency),
        )

    def warm_up(self) -> None:
        """Run once on a grey picture, so that the first real one is not late."""
        self.look(np.full((64, 64, 3), 128, np.uint8))


def prepare(image: Image, config: RecognizerConfig) -> Floats:
    """The input of the graph: the whole picture squashed into a square, RGB, normalised; float32 [3, s, s].

    The same steps as in training: by area when the picture has more pixels than the square, else linear.

    Raises:
        ValueError: `image` is not uint8 [h, w, 3] with at least one pixel.
    """
    import cv2

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:  # noqa: PLR2004 - axes, colours
        raise ValueError(f"a picture is uint8 [h, w, 3], not {image.dtype} {list(image.shape)}")
    side = config.input_size
    shrinks = image.shape[0] * image.shape[1] > side * side
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    rgb = np.asarray(small, np.float32)[:, :, ::-1] / 255
    normalised = (rgb - np.asarray(config.mean, np.float32)) / np.asarray(config.std, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1), np.float32)


def evidence(logits: Floats) -> Floats:
    """Three signs that a thing is known, from logits [..., categories + 1]: float32 [..., 3].

    The log-odds of all categories against the stranger, the largest category logit, and the largest log-probability
    among the categories.
    """
    categories, stranger = logits[..., :-1], logits[..., -1]
    top = categories.max(axis=-1)
    total = top + np.log(np.exp(categories - top[..., np.newaxis]).sum(axis=-1))
    return np.stack([total - stranger, top, top - total], axis=-1).astype(np.float32)


def salient_box(saliency: Floats | None, size: tuple[int, int], least: float = 0.3) -> Box:
    """The part of a picture where there is something to look at.

    The rows and columns of the map that hold all but 5 % of its weight above the middle between its least and its
    largest value, with one cell of margin, and never less than `least` of a side.

    Args:
        saliency: float32 [h, w]; None: nothing tells.
        size: width and height of the picture in pixels.
        least: smallest share of a side.

    Returns:
        Box within the picture, not empty; the whole picture for a flat map, or none.
    """
    width, height = size
    if saliency is None:
        return 0, 0, width, height
    low, high = float(saliency.min()), float(saliency.max())
    if high - low < 1e-3:  # noqa: PLR2004 - flat
        return 0, 0, width, height
    weight = np.maximum(saliency - (low + high) / 2, 0)
    left, right = _span(weight.sum(axis=0), width, least)
    top, bottom = _span(weight.sum(axis=1), height, least)
    return left, top, right, bottom


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def logistic(values: Floats) -> Floats:
    """Probabilities, each for itself."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)


def _span(profile: Floats, pixels: int, least: float) -> tuple[int, int]:
    share = np.cumsum(profile) / profile.sum()
    cells = len(profile)
    first = max(0, int(np.searchsorted(share, 0.025)) - 1)
    last = min(cells, int(np.searchsorted(share, 0.975)) + 2)
    start, end = first / cells, last / cells
    if end - start < least:
        start = min(max(0.0, (start + end - least) / 2), 1 - least)
        end = start + least
    begin = min(int(start * pixels), pixels - 1)
    return begin, max(begin + 1, min(pixels, round(end * pixels)))
