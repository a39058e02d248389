"""A recogniser that judges pictures by their colours, for tests of the scene sense and its commands."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from edge.errors import ModelNotFoundError
from edge.perception.image_recognition import MODEL_FILE
from edge.results import Glance

LABELS = ("cup", "umbrella", "watch")
CELLS = 8


def picture(color, size=(120, 160), thing=None, seed=0):
    """A textured picture of one colour (blue, green, red); `thing`: box (left, top, right, bottom) of that colour only.

    Around `thing` it is grey. `seed` changes the texture a little: another picture of the same.
    """
    noise = np.random.default_rng(seed).integers(-25, 26, (*size, 1))
    image = np.clip(np.full((*size, 3), color) + noise, 0, 255)
    image[: size[0] // 2] = np.clip(image[: size[0] // 2] + 20, 0, 255)
    if thing is not None:
        left, top, right, bottom = thing
        around = np.clip(120 + noise.repeat(3, 2), 0, 255)
        around[top:bottom, left:right] = image[top:bottom, left:right]
        image = around
    return image.astype(np.uint8)


BLUE, GREEN, RED = (230, 40, 40), (40, 230, 40), (40, 40, 230)
GREY, YELLOW, PINK = (128, 128, 128), (20, 220, 220), (220, 60, 220)


class ColorRecognizer:
    """Blue is a cup, green an umbrella, red a watch; anything else is unknown. Notes the sizes of what it looked at."""

    labels = LABELS

    def __init__(self):
        self.config = SimpleNamespace(unknown_threshold=0.5, taught_threshold=0.9)
        self.looked = []
        self.warm = 0
        self.failure = None

    def look(self, image):
        self.looked.append(image.shape[:2])
        if self.failure is not None:
            raise self.failure
        mean = image.reshape(-1, 3).mean(axis=0)
        share = mean / max(1.0, mean.sum())
        known = float(share.max() > 0.48)
        texture = np.resize(image[-1, :8, 1], 8) / 100 - mean[1] / 100
        embedding = np.concatenate([(mean - mean.mean()) / 40, [1.0], texture])
        return Glance(
            scores=(0.94 * share + 0.02).astype(np.float32),
            known=0.9 * known + 0.05,
            embedding=(embedding / np.linalg.norm(embedding)).astype(np.float32),
            saliency=_colorfulness(image),
        )

    def warm_up(self):
        self.warm += 1
        if self.failure is not None:
            raise self.failure


class FakeStore:
    """A store with one recogniser in it."""

    def __init__(self, root):
        self.root = Path(root)
        (self.root / MODEL_FILE).write_bytes(b"weights")
        self.is_installed = True

    def open(self, model_id):
        if not self.is_installed:
            raise ModelNotFoundError(model_id)
        return self.root

    def retrain(self):
        """Another recogniser from now on."""
        (self.root / MODEL_FILE).write_bytes(b"other weights")


def _colorfulness(image):
    rows = np.linspace(0, image.shape[0] - 1, CELLS).astype(int)
    columns = np.linspace(0, image.shape[1] - 1, CELLS).astype(int)
    cells = image[rows][:, columns].astype(float)
    return ((cells.max(axis=2) - cells.min(axis=2)) / 255).astype(np.float32)
