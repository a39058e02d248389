"""`preprocessor_config.json` of a classifier or of a pair of towers, as the device's `Preprocessing`.

The file says what differs from its class's defaults, in several generations of spelling (`size` as a number, as
`shortest_edge`, as `height` and `width`); the defaults here are those of transformers 4.57. What is not understood is
refused by its name, because a picture prepared in another way makes a model worse without any error. No torch here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import ExportError
from edge.perception.descriptions import Preprocessing

FILE = "preprocessor_config.json"

_HALF = [0.5, 0.5, 0.5]
_IMAGENET_MEAN, _IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_CLIP_MEAN, _CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
_BILINEAR, _BICUBIC = 2, 3
_FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
_SQUARE_224 = {"height": 224, "width": 224}

_CLIP = {
    "size": {"shortest_edge": 224},
    "do_center_crop": True,
    "crop_size": _SQUARE_224,
    "resample": _BICUBIC,
    "image_mean": _CLIP_MEAN,
    "image_std": _CLIP_STD,
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "ViT": {"size": _SQUARE_224, "resample": _BILINEAR, "image_mean": _HALF, "image_std": _HALF},
    "DeiT": {
        "size": {"height": 256, "width": 256},
        "do_center_crop": True,
        "crop_size": _SQUARE_224,
        "resample": _BICUBIC,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
    },
    "MobileViT": {
        "size": {"shortest_edge": 224},
        "do_center_crop": True,
        "crop_size": {"height": 256, "width": 256},
        "resample": _BILINEAR,
        "do_flip_channel_order": True,
        "do_normalize": False,
    },
    "Bit": _CLIP,
    "CLIP": _CLIP,
    "Siglip": {"size": _SQUARE_224, "resample": _BICUBIC, "image_mean": _HALF, "image_std": _HALF},
}
"""Class of the processor without its ending: what it does where the file is silent (all of them resize and rescale)."""
_EVERYWHERE: Mapping[str, Any] = {
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
}
_NUMBER_IS_SHORTEST = ("MobileViT", "Bit", "CLIP")
"""A plain number as `size` is the shortest side; elsewhere a square."""
_OF_ARCHITECTURE = {
    "vit": "ViT", "deit": "DeiT", "mobilevit": "MobileViT", "dinov2": "Bit", "clip": "CLIP", "siglip": "Siglip",
}  # fmt: skip
"""Where the file does not name a class."""
_ENDINGS = ("ImageProcessorFast", "ImageProcessor", "FeatureExtractor")
_CLASS_FIELDS = ("image_processor_type", "feature_extractor_type")
_WITHOUT_EFFECT = frozenset(
    ("processor_class", "_valid_processor_keys", "do_convert_rgb", "return_tensors", "data_format", "input_data_format")
) | frozenset(("device", "disable_grouping", "default_to_square", "do_reduce_labels", "size_divisor", *_CLASS_FIELDS))
"""All pictures here are RGB before they are prepared; labels of pixels are not our concern."""
_UNDERSTOOD = frozenset(
    (
        "size",
        "crop_size",
        "do_center_crop",
        "resample",
        "image_mean",
        "image_std",
        "do_flip_channel_order",
        *_EVERYWHERE,
    )
)


def preprocessing_of(folder: Path, model_type: str) -> Preprocessing:
    """How the model in `folder` wants its pictures.

    Args:
        folder: with `preprocessor_config.json`.
        model_type: `model_type` of transformers.

    Raises:
        ExportError: no such file, or a field that would be ignored; names it.
    """
    found = _read(folder / FILE)
    kind = _kind(found, model_type)
    for field, value in found.items():
        if field not in _UNDERSTOOD | _WITHOUT_EFFECT and value not in (None, False):
            raise ExportError(f"{FILE}: {field} = {json.dumps(value)} is not supported for {kind} pictures")
    given = {field: value for field, value in found.items() if value is not None}
    return _translate({**_EVERYWHERE, **_DEFAULTS[kind], **given}, kind)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{file.parent} has no {FILE}: how pictures are prepared is unknown; add the file") from error
    except ValueError as error:
        raise ExportError(f"{file} is no JSON ({str(error).splitlines()[0]}); download it again") from error
    if not isinstance(found, dict):
        raise ExportError(f"{file} is no JSON object; download it again")
    return found


def _kind(found: Mapping[str, Any], model_type: str) -> str:
    for field in _CLASS_FIELDS:
        name = found.get(field)
        if not name:
            continue
        kind = next((str(name).removesuffix(ending) for ending in _ENDINGS if str(name).endswith(ending)), str(name))
        if kind in _DEFAULTS:
            return kind
        raise ExportError(f"{FILE}: {field} {name!r} is not supported; known are those of {', '.join(_DEFAULTS)}")
    return _OF_ARCHITECTURE[model_type]


def _translate(values: Mapping[str, Any], kind: str) -> Preprocessing:
    if not values["do_resize"]:
        raise ExportError(f"{FILE}: do_resize = false is not supported: the camera's pictures have other sizes")
    mean, std = (_colors(values, name) if values["do_normalize"] else None for name in ("image_mean", "image_std"))
    if values.get("do_flip_channel_order") and mean is not None:
        raise ExportError(f"{FILE}: do_flip_channel_order together with do_normalize is not supported")
    resample = values["resample"]
    if resample not in range(len(_FILTERS)):
        raise ExportError(f"{FILE}: resample = {json.dumps(resample)} is none of Pillow's filters")
    return Preprocessing.model_validate(
        {
            **_sizes(values, kind),
            "resample": _FILTERS[resample],
            "scale": float(values["rescale_factor"]) if values["do_rescale"] else 1.0,
            "mean": mean,
            "std": std,
            "channels": "bgr" if values.get("do_flip_channel_order") else "rgb",
        }
    )


def _colors(values: Mapping[str, Any], name: str) -> list[float]:
    found = values[name]
    if isinstance(found, (int, float)):
        found = [found] * 3
    if not isinstance(found, list) or len(found) != 3 or not all(isinstance(one, (int, float)) for one in found):  # noqa: PLR2004 - colours
        raise ExportError(f"{FILE}: {name} = {json.dumps(found)} is not one number a colour")
    return [float(one) for one in found]


def _sizes(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    size = _size(values["size"], "size", is_shortest=kind in _NUMBER_IS_SHORTEST)
    if not values.get("do_center_crop"):
        if "shortest" in size:
            raise ExportError(f"{FILE}: size keeps the shape and nothing is cut out, so pictures have no one size")
        return {"fit": "squash", **size}
    cut = _size(values["crop_size"], "crop_size", is_shortest=False)
    if "shortest" in cut:
        raise ExportError(f"{FILE}: crop_size = {json.dumps(values['crop_size'])} has no height and width")
    if "shortest" in size:
        _fits(cut, size["shortest"], size["shortest"])
        return {"fit": "cover", "shortest": size["shortest"], **cut}
    _fits(cut, size["height"], size["width"])
    return {"fit": "squash", "squashed": (size["height"], size["width"]), **cut}


def _size(value: Any, name: str, *, is_shortest: bool) -> dict[str, int]:
    if isinstance(value, int):
        value = {"shortest_edge": value} if is_shortest else {"height": value, "width": value}
    elif isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 - height and width
        value = {"height": value[0], "width": value[1]}
    keys = sorted(value) if isinstance(value, dict) else []
    if keys not in (["shortest_edge"], ["height", "width"]) or not all(
        isinstance(side, int) and side > 0 for side in value.values()
    ):
        raise ExportError(f"{FILE}: {name} = {json.dumps(value)} is not understood")
    return {"shortest": value["shortest_edge"]} if keys == ["shortest_edge"] else dict(value)


def _fits(cut: Mapping[str, int], height: int, width: int) -> None:
    if cut["height"] > height or cut["width"] > width:
        raise ExportError(
            f"{FILE}: crop_size {cut['height']}x{cut['width']} is larger than the picture it is cut out of, "
            f"{height}x{width}"
        )
