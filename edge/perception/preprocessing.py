"""A picture as the input of a brought network: the steps of its own processor, with Pillow's resampling.

The networks were trained on pictures that Pillow made smaller; OpenCV's filters look at other pixels when they shrink.
Sizes are computed as in Hugging Face's image processors (transformers 4.57, `image_transforms.resize`, `center_crop`,
and `get_size_with_aspect_ratio` of DETR and YOLOS); tests hold the results against theirs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.media import Image
from edge.perception.descriptions import Preprocessing

Floats = npt.NDArray[np.float32]
Size = tuple[int, int]
"""Height and width."""

_COLORS = 3


def prepare(image: Image, preprocessing: Preprocessing) -> Floats:
    """The input for one picture: float32 [1, 3, h, w], contiguous.

    Args:
        image: BGR uint8 [h, w, 3] of any size and shape.
        preprocessing: of the model.

    Raises:
        ValueError: not such a picture, or one without pixels.
    """
    if image.ndim != _COLORS or image.shape[2] != _COLORS or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"a picture is uint8 [h, w, 3], not {image.dtype} {list(image.shape)}")
    size = (image.shape[0], image.shape[1])
    resized = _resize(image, resized_size(size, preprocessing), preprocessing.resample)
    cut = _middle(resized, _cut_size(preprocessing))
    ordered = cut if preprocessing.channels == "bgr" else cut[:, :, ::-1]
    values = ordered.astype(np.float32)
    values *= preprocessing.scale
    values -= preprocessing.mean or 0
    values /= preprocessing.std or 1
    return np.ascontiguousarray(values.transpose(2, 0, 1)[np.newaxis])


def resized_size(size: Size, preprocessing: Preprocessing) -> Size:
    """Height and width to which a picture of `size` is resampled, before the middle is cut out of it."""
    if preprocessing.fit == "squash":
        return preprocessing.squashed or _input_size(preprocessing)
    if preprocessing.fit == "cover":
        return _shortest_to(size, _needed(preprocessing.shortest, "shortest"))
    height, width = _bounded(size, _needed(preprocessing.shortest, "shortest"), preprocessing.longest)
    step = preprocessing.multiple
    return max(step, height - height % step), max(step, width - width % step)


def _cut_size(preprocessing: Preprocessing) -> Size | None:
    if preprocessing.fit == "bound":
        return None
    return _input_size(preprocessing)


def _input_size(preprocessing: Preprocessing) -> Size:
    return _needed(preprocessing.height, "height"), _needed(preprocessing.width, "width")


def _needed(value: int | None, name: str) -> int:
    if value is None:
        raise ValueError(f"the preprocessing of this model lacks {name}")
    return value


def _shortest_to(size: Size, shortest: int) -> Size:
    height, width = size
    if width <= height:
        return int(shortest * height / width), shortest
    return shortest, int(shortest * width / height)


def _bounded(size: Size, shortest: int, longest: int | None) -> Size:
    """As DETR does it: rounded where the longest side rules, cut off elsewhere."""
    short, long = min(size), max(size)
    exact = float(shortest)
    if longest is not None and long / short * shortest > longest:
        exact = longest * short / long
        shortest = round(exact)
    other = long if short == shortest else int(exact * long / short)
    found = max(1, shortest), max(1, other)
    return found if size[0] <= size[1] else (found[1], found[0])


def _resize(image: Image, size: Size, resample: str) -> Image:
    from PIL import Image as Pillow

    if size == image.shape[:2]:
        return image
    height, width = size
    method = Pillow.Resampling[resample.upper()]
    return np.asarray(Pillow.fromarray(image).resize((width, height), resample=method))


def _middle(image: Image, size: Size | None) -> Image:
    """The middle of this size, with zeros around it where the picture is smaller."""
    if size is None or size == image.shape[:2]:
        return image
    wanted = np.array(size)
    have = np.array(image.shape[:2])
    missing = np.maximum(wanted - have, 0)
    before = -(-missing // 2)
    padded = np.pad(image, [*zip(before, missing - before, strict=True), (0, 0)]) if missing.any() else image
    top, left = (np.array(padded.shape[:2]) - wanted) // 2
    return padded[top : top + size[0], left : left + size[1]]
