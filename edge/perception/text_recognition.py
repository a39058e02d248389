"""What a line of text says: PP-OCR's recogniser, one line at a time at its own width, and CTC decoding.

A model folder holds `model.onnx` (input float32 [n, 3, 48, w] in -1..1, BGR; outputs `classes` int64 [n, steps] and
`probabilities` float32 [n, steps]) and `characters.txt`: class 0 is the blank, class i is line i, the last class is the
space (Graves et al. 2006, "Connectionist Temporal Classification").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import Session, SessionFactory
from edge.media import Image
from edge.perception.crew import Crew
from edge.settings import TextSettings

MODEL_FILE = "model.onnx"
CHARACTERS_FILE = "characters.txt"
LINE_HEIGHT = 48
"""Pixels of a line as the graph wants it."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_OUTPUTS = ("classes", "probabilities")
_NARROWEST = 32
_WIDEST = 2400
_STEP = 8  # pixels: the graph gives one step for this many


@dataclass(frozen=True)
class RecognizedLine:
    """What one picture of a line says.

    Attributes:
        text: may be empty.
        confidence: mean probability of the characters, 0 for an empty text.
    """

    text: str
    confidence: float


class TextRecognizer:
    """Reads pictures of single lines."""

    def __init__(self, session: Session, characters: Sequence[str], crew: Crew) -> None:
        self._session = session
        self._characters = ("", *characters, " ")
        self._crew = crew
        self._input = session.get_inputs()[0].name

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, settings: TextSettings) -> TextRecognizer:
        """Open the model in `folder`.

        Raises:
            ModelNotFoundError: `folder` does not hold the model.
            ModelCorruptError: its graph or its list of characters is not what the recipe writes.
            InferenceError: the file cannot be loaded.
        """
        file = folder / MODEL_FILE
        listed = folder / CHARACTERS_FILE
        if not (file.is_file() and listed.is_file()):
            raise ModelNotFoundError(settings.recognizer)
        try:
            characters = listed.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise ModelCorruptError(settings.recognizer, CHARACTERS_FILE, "it is not UTF-8") from error
        if not all(len(character) == 1 for character in characters):
            raise ModelCorruptError(settings.recognizer, CHARACTERS_FILE, "a line is not one character")
        session = sessions.open(file, threads=1)
        names = {node.name for node in session.get_outputs()}
        if names != set(_OUTPUTS):
            raise ModelCorruptError(settings.recognizer, MODEL_FILE, f"its outputs are {', '.join(sorted(names))}")
        return cls(session, characters, Crew(sessions.threads))

    def recognize(self, lines: Sequence[Image], checkpoint: Callable[[], None] = lambda: None) -> list[RecognizedLine]:
        """Read lines.

        Args:
            lines: uint8 [48, w, 3], BGR, upright, of any widths.
            checkpoint: called before every group of lines.

        Returns:
            One result a line, in their order.

        Raises:
            InferenceError: the graph failed.
        """
        order = sorted(range(len(lines)), key=lambda index: lines[index].shape[1])
        read = self._crew.map(lambda index: self._read(lines[index]), order, checkpoint)
        results = dict(zip(order, read, strict=True))
        return [results[index] for index in range(len(lines))]

    def _read(self, line: Image) -> RecognizedLine:
        classes, probabilities = self._session.run(_OUTPUTS, {self._input: prepare(line)})
        return decode(classes[0], probabilities[0], self._characters)


def prepare(line: Image) -> Floats:
    """A line as the graph wants it: float32 [1, 3, 48, w] in -1..1, padded with grey to a multiple of 8.

    Very wide lines are squeezed to 2,400 pixels.

    Raises:
        ValueError: the line is not 48 pixels high.
    """
    import cv2

    if line.shape[0] != LINE_HEIGHT or line.ndim != 3:  # noqa: PLR2004 - height, width, channels
        raise ValueError(f"a line is {LINE_HEIGHT} pixels high and has three channels, not {line.shape}")
    if line.shape[1] > _WIDEST:
        line = np.asarray(cv2.resize(line, (_WIDEST, LINE_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    width = max(_NARROWEST, -(-line.shape[1] // _STEP) * _STEP)
    values = np.zeros((1, 3, LINE_HEIGHT, width), np.float32)
    values[0, :, :, : line.shape[1]] = line.transpose(2, 0, 1)
    values[0, :, :, : line.shape[1]] *= 2.0 / 255.0
    values[0, :, :, : line.shape[1]] -= 1.0
    return values


def decode(classes: Integers, probabilities: Floats, characters: Sequence[str]) -> RecognizedLine:
    """Greedy CTC: repeated classes count once, blanks not at all.

    Args:
        classes: int64 [steps], the likeliest class of each step.
        probabilities: float32 [steps], its probability.
        characters: of every class; class 0 is the blank.
    """
    new = np.ones(len(classes), bool)
    new[1:] = classes[1:] != classes[:-1]
    new &= classes != 0
    text = "".join(characters[index] for index in classes[new].tolist())
    stripped = text.strip()
    confidence = float(probabilities[new].mean()) if stripped else 0.0
    return RecognizedLine(stripped, confidence)
