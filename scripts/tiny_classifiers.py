"""Tiny image classifiers with random weights, of every architecture that can be exported, as folders from the hub are.

They know nothing: the chain is tested with them, not the quality of its results. The head is made decisive: the logits
of pictures of different colours differ by units, so that they get different answers, and the same ones from any
faithful export.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LABELS = ("coffee mug, mug", "umbrella", "chair", "cellphone, mobile phone", "laptop", "scissors", "wrench, spanner")
"""English names in the order of the logits, some with other names of the same thing behind a comma, as ImageNet's."""

_DIM = 32
_SIDE = 32
_PATCH = 8
_SPREAD = 4.0
"""Standard deviation of each logit over `_COLORS`."""
_COLORS = ((220, 40, 40), (40, 220, 40), (40, 40, 220), (220, 220, 40), (220, 40, 220), (20, 20, 20), (240, 240, 240))
"""Red, green and blue of the pictures that the head is made for."""


def make(model_type: str, out: Path) -> None:
    """Write `config.json`, `model.safetensors` and `preprocessor_config.json` into `out`.

    Args:
        model_type: `vit`, `deit`, `mobilevit` or `dinov2`.
        out: existing folder.

    Raises:
        KeyError: another type.
    """
    import torch

    make_parts = _MAKERS[model_type]
    torch.manual_seed(4)
    model, processor = make_parts()
    liven(model, processor)
    model.save_pretrained(out, safe_serialization=True)
    processor.save_pretrained(out)


def liven(model: Any, processor: Any) -> None:
    """Weights with which a classifier of any size, though it knows nothing, tells pictures apart.

    Args:
        model: freshly made, of one of the architectures; changed in place, and in evaluation mode afterwards.
        processor: its image processor.
    """
    import torch

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.normal_(0, (4 / module.weight[0].numel()) ** 0.5)
    _decide(model.eval(), processor)


def _decide(model: Any, processor: Any) -> None:
    """Random weights for the head, scaled and shifted by what the model says of pictures of one colour each.

    Batch normalisation gets the statistics of such pictures and of noise first: without any, it passes on what all
    pictures have in common.
    """
    import torch

    pixels = processor(colored_pictures(), return_tensors="pt")
    head = model.classifier
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = None
        if norms:
            values = pixels["pixel_values"]
            model.train()(
                pixel_values=torch.cat([values, values + 0.2 * torch.randn_like(values), torch.randn_like(values)])
            )
            model.eval()
        head.weight.normal_(0, 1)
        head.bias.zero_()
        spread, mean = torch.std_mean(model(**pixels).logits, dim=0)
        head.weight.mul_((_SPREAD / spread)[:, None])
        head.bias.copy_(-mean * _SPREAD / spread)


def colored_pictures() -> list[npt.NDArray[np.uint8]]:
    """RGB uint8 [50, 70, 3], one of each of a few colours, a little wavy."""
    rows, columns = np.mgrid[:50, :70]
    waves = (30 * np.sin(rows / 5) * np.cos(columns / 7))[:, :, np.newaxis]
    return [np.clip(np.array(color) + waves, 0, 255).astype(np.uint8) for color in _COLORS]


def _sizes() -> dict[str, Any]:
    return {
        "hidden_size": _DIM,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 2 * _DIM,
        "image_size": _SIDE,
        "patch_size": _PATCH,
        "initializer_range": 0.3,
        **_names(),
    }


def _names() -> dict[str, Any]:
    return {"id2label": dict(enumerate(LABELS)), "label2id": {name: index for index, name in enumerate(LABELS)}}


def _vit() -> tuple[Any, Any]:
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    processor = ViTImageProcessor(size={"height": _SIDE, "width": _SIDE})
    return ViTForImageClassification(ViTConfig(**_sizes())), processor


def _deit() -> tuple[Any, Any]:
    from transformers import DeiTConfig, DeiTForImageClassification, DeiTImageProcessor

    processor = DeiTImageProcessor(
        size={"height": _SIDE + 5, "width": _SIDE + 5}, crop_size={"height": _SIDE, "width": _SIDE}
    )
    return DeiTForImageClassification(DeiTConfig(**_sizes())), processor


def _dinov2() -> tuple[Any, Any]:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2ForImageClassification

    processor = BitImageProcessor(
        size={"shortest_edge": _SIDE + 5},
        crop_size={"height": _SIDE, "width": _SIDE},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    config = Dinov2Config(**{**_sizes(), "image_size": 2 * _SIDE})  # trained on larger pictures, as all of them
    return Dinov2ForImageClassification(config), processor


def _mobilevit() -> tuple[Any, Any]:
    from transformers import MobileViTConfig, MobileViTForImageClassification, MobileViTImageProcessor

    config = MobileViTConfig(
        image_size=64,
        hidden_sizes=[16, 24, 32],
        neck_hidden_sizes=[8, 8, 16, 16, 24, 24, _DIM],
        num_attention_heads=2,
        initializer_range=0.3,
        **_names(),
    )
    processor = MobileViTImageProcessor(size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64})
    return MobileViTForImageClassification(config), processor


_MAKERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "vit": _vit,
    "deit": _deit,
    "dinov2": _dinov2,
    "mobilevit": _mobilevit,
}
