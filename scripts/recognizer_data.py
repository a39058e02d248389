"""The images of the recogniser: their list, the split, and the views that training sees. No torch here.

The list and its split stand in `edge.bench.inputs_scene`: what is judged must be what was not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge.bench.inputs_scene import STRANGERS, Picture, part_of, pictures, share_of

__all__ = [
    "MEAN",
    "STD",
    "STRANGERS",
    "Picture",
    "Pixels",
    "Views",
    "labels_of",
    "part_of",
    "pictures",
    "read",
    "squash",
    "tensor_of",
]

MEAN = (0.485, 0.456, 0.406)  # ImageNet's, red green blue
STD = (0.229, 0.224, 0.225)

Pixels = npt.NDArray[np.uint8]


def labels_of(items: Sequence[Picture]) -> tuple[str, ...]:
    """The categories in alphabetical order, without the strangers."""
    return tuple(sorted({item.label for item in items} - {STRANGERS}))


def read(file: Path) -> Pixels:
    """BGR uint8 [h, w, 3].

    Raises:
        ValueError: not a picture.
    """
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{file} is not a picture that OpenCV reads")
    return np.asarray(image, np.uint8)


def squash(image: Pixels, size: int) -> Pixels:
    """The whole picture as [size, size, 3], its sides scaled apart: by area when it shrinks, else linear."""
    shrinks = image.shape[0] * image.shape[1] > size * size
    return np.asarray(
        cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )


def tensor_of(image: Pixels) -> npt.NDArray[np.float32]:
    """BGR uint8 [s, s, 3] to normalised RGB float32 [3, s, s]."""
    rgb = image[:, :, ::-1].astype(np.float32) / 255
    return np.ascontiguousarray(
        ((rgb - np.asarray(MEAN, np.float32)) / np.asarray(STD, np.float32)).transpose(2, 0, 1), np.float32
    )


class Views:
    """Random views of pictures for training, the same for the same seed.

    Args:
        size: pixels of a side.
        backgrounds: pictures without a known thing, put behind pictures that are made small.
    """

    def __init__(self, size: int, backgrounds: Sequence[Pixels]) -> None:
        self.size = size
        self.backgrounds = backgrounds

    def view(self, image: Pixels, file: str, number: int) -> Pixels:
        """View `number` of a picture: 0 is the whole picture, the others are random. BGR uint8 [s, s, 3]."""
        if number == 0:
            return squash(image, self.size)
        random = np.random.default_rng(int(share_of(f"{number}/{file}") * 2**48))
        small = len(self.backgrounds) > 0 and random.random() < 0.3  # noqa: PLR2004
        framed = self._pasted(image, random) if small else squash(_crop(image, random, 0.3, 1.0), self.size)
        return _colours(framed[:, ::-1] if random.random() < 0.5 else framed, random)  # noqa: PLR2004

    def stranger(self, image: Pixels, file: str, number: int) -> Pixels:
        """A tiny piece of a picture, too small to tell what it is. BGR uint8 [s, s, 3]."""
        random = np.random.default_rng(int(share_of(f"stranger {number}/{file}") * 2**48))
        return _colours(squash(_crop(image, random, 0.01, 0.04), self.size), random)

    def _pasted(self, image: Pixels, random: np.random.Generator) -> Pixels:
        behind = self.backgrounds[int(random.integers(len(self.backgrounds)))]
        canvas = squash(_crop(behind, random, 0.3, 1.0), self.size).copy()
        area = random.uniform(0.12, 0.6)
        front = _crop(image, random, 0.6, 1.0)
        ratio = float(np.clip(front.shape[1] / front.shape[0], 0.5, 2.0))
        width = int(np.clip(self.size * np.sqrt(area * ratio), 8, self.size))
        height = int(np.clip(self.size * np.sqrt(area / ratio), 8, self.size))
        left, top = (int(random.integers(self.size - side + 1)) for side in (width, height))
        canvas[top : top + height, left : left + width] = cv2.resize(
            front, (width, height), interpolation=cv2.INTER_AREA
        )
        return canvas


def _crop(image: Pixels, random: np.random.Generator, least: float, most: float) -> Pixels:
    height, width = image.shape[:2]
    area = random.uniform(least, most)
    ratio = np.exp(random.uniform(np.log(0.75), np.log(1.333)))
    wide = int(np.clip(round(width * np.sqrt(area * ratio)), 4, width))
    high = int(np.clip(round(height * np.sqrt(area / ratio)), 4, height))
    left, top = int(random.integers(width - wide + 1)), int(random.integers(height - high + 1))
    return image[top : top + high, left : left + wide]


def _colours(image: Pixels, random: np.random.Generator) -> Pixels:
    """Light, contrast, saturation, white balance, and now and then blur, grey or noise."""
    picture = image.astype(np.float32) * random.uniform(0.6, 1.35)
    picture = (picture - picture.mean()) * random.uniform(0.7, 1.3) + picture.mean()
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * (0.0 if random.random() < 0.05 else random.uniform(0.6, 1.4))  # noqa: PLR2004
    picture *= random.uniform(0.9, 1.1, size=3).astype(np.float32)
    chance = random.random()
    if chance < 0.15:  # noqa: PLR2004
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 2.0))
    elif chance < 0.25:  # noqa: PLR2004
        picture = picture + random.normal(0, random.uniform(3, 12), picture.shape).astype(np.float32)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
