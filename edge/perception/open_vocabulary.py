"""What is in a picture, among things that the user names: CLIP and SigLIP, a tower for pictures and one for words.

Folder and graphs: `edge.perception.descriptions.DualEncoderDescription`. The labels are encoded once, when the model is
loaded; the tower for words is let go then.

SigLIP judges each label for itself (Zhai et al. 2023: sigmoid of scale x cosine + bias): any number of them may be
true, or none. CLIP can only compare (Radford et al. 2021: softmax over scale x cosine); so that none of the labels can
win, it compares with `ELSE`, too, whose share is not given to any label.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import ModelCorruptError, SettingsError
from edge.inference.sessions import Session, SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.media import Image
from edge.perception.descriptions import DualEncoderDescription, read_description
from edge.perception.graph_contract import dual_encoder_contracts, open_checked
from edge.perception.image_recognition import logistic, softmax
from edge.perception.preprocessing import prepare
from edge.results import UNKNOWN, Glance

ELSE = ("something", "something else")
"""What a picture shows when it is none of the labels, for models that can only compare."""
MOST_LABELS = 1000

Floats = npt.NDArray[np.float32]

_SHORTEST = 1e-9
_WARM_UP_SIZE = (64, 64, 3)


class OpenVocabularyRecognizer:
    """Says which of the user's labels a picture shows.

    Args:
        session: over the graph `image`.
        description: of the same folder.
        labels: names of things.
        texts: float32 [n, d], rows of length 1: the labels, and behind them `ELSE` where the model can only compare.

    Attributes:
        labels: in the order of `Glance.scores`.
    """

    def __init__(
        self, session: Session, description: DualEncoderDescription, labels: Sequence[str], texts: Floats
    ) -> None:
        self._session = session
        self._description = description
        self._texts = texts
        self.labels = tuple(labels)

    @classmethod
    def load(
        cls, folder: Path, sessions: SessionFactory, model_id: str, labels: Sequence[str]
    ) -> OpenVocabularyRecognizer:
        """Open the model in `folder` and encode the labels.

        Raises:
            SettingsError: no labels, or too many.
            ModelNotFoundError: `folder` holds no `model.json`.
            ModelCorruptError: the files are not of this kind, or a graph and the description differ.
            InferenceError: a graph or the tokenizer cannot be loaded.
        """
        wanted = checked_labels(labels)
        description = read_description(folder, DualEncoderDescription, model_id)
        if Path(description.tokenizer).name != description.tokenizer:
            raise ModelCorruptError(model_id, description.tokenizer, "it is missing")
        image, text = dual_encoder_contracts(description)
        session = open_checked(image, folder, sessions, model_id, threads=sessions.threads)
        tokenizer = Tokenizer.load(folder / description.tokenizer)
        words = open_checked(text, folder, sessions, model_id, threads=sessions.threads)
        compared = wanted if description.activation == "sigmoid" else (*wanted, *ELSE)
        texts = np.stack([_unit(_encode(words, tokenizer, description, label)) for label in compared])
        return cls(session, description, wanted, texts)

    def look(self, image: Image) -> Glance:
        """Look at a whole picture once; `known` is the probability of the likeliest label.

        Args:
            image: BGR uint8 [h, w, 3] of any size and shape.

        Raises:
            ValueError: not such a picture, or one without pixels.
            InferenceError: the session failed.
        """
        pixels = prepare(image, self._description.preprocessing)
        seen = np.asarray(self._session.run(["image_embeds"], {"pixel_values": pixels})[0][0], np.float32)
        logits = self._texts @ _unit(seen) * np.float32(self._description.scale) + np.float32(self._description.bias)
        is_sigmoid = self._description.activation == "sigmoid"
        scores = (logistic(logits) if is_sigmoid else softmax(logits))[: len(self.labels)]
        return Glance(scores, known=float(scores.max()))

    def warm_up(self) -> None:
        """Run once on a grey picture, so that the first real one is not late."""
        self.look(np.full(_WARM_UP_SIZE, 128, np.uint8))


def checked_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels without surrounding spaces, empty ones and repetitions (whatever their case).

    Raises:
        SettingsError: none is left, there are too many, or one cannot be a name.
    """
    clean = {" ".join(label.split()).casefold(): " ".join(label.split()) for label in reversed(labels) if label.strip()}
    found = tuple(reversed(clean.values()))
    if not found:
        raise SettingsError('no labels; name things to look for: --labels "mug, keys, door"')
    if len(found) > MOST_LABELS:
        raise SettingsError(f"{len(found)} labels are too many; name at most {MOST_LABELS}")
    if UNKNOWN in clean:
        raise SettingsError(f"{UNKNOWN!r} is what none of the labels is called; choose another label")
    return found


def text_feed(tokenizer: Tokenizer, description: DualEncoderDescription, text: str) -> dict[str, npt.NDArray[np.int64]]:
    """Inputs of the graph `text` for one text, int64 [1, n]: with start, end and padding as the model wants them."""
    ids = tokenizer.encode(text.lower() if description.lower_case else text)
    start = [] if description.start_token is None else [description.start_token]
    end = [] if description.end_token is None else [description.end_token]
    tokens = [*start, *ids[: description.text_length - len(start) - len(end)], *end]
    missing = description.text_length - len(tokens) if description.padded else 0
    feed = {"input_ids": np.array([[*tokens, *[description.pad_token] * missing]], np.int64)}
    if description.masked:
        feed["attention_mask"] = np.array([[1] * len(tokens) + [0] * missing], np.int64)
    return feed


def _encode(words: Session, tokenizer: Tokenizer, description: DualEncoderDescription, label: str) -> Floats:
    feed = text_feed(tokenizer, description, description.template.replace("{}", label))
    return np.asarray(words.run(["text_embeds"], feed)[0][0], np.float32)


def _unit(values: Floats) -> Floats:
    return np.asarray(values / max(float(np.linalg.norm(values)), _SHORTEST), np.float32)


def split_labels(text: str) -> list[str]:
    """The labels in a text, separated by commas or new lines."""
    return [part for line in text.splitlines() for part in line.split(",")]
