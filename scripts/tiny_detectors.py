"""Tiny detectors with random weights, of every architecture that can be exported, as folders from the hub are.

They detect nothing that is there: the rules of the chain are tested with them, not the quality of its results. Scores
spread from sure to unlikely, so that a threshold divides the queries, and the order of the best ones is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LABELS = ("person", "cup", "chair", "dog", "book")
"""The classes of every tiny detector, in order; those with a softmax have `N/A` behind them, as COCO's gaps."""

_SPREAD = 2.0
"""Of the logits: about so large are their differences."""
_LAST_HEADS = ("class_labels_classifier", "decoder.class_embed")
_CLASS_HEADS = (*_LAST_HEADS, "enc_score_head")
_CHANNELS = (16, 24, 32, 40)
_SIDE = 96
_QUERIES = 12
_DIM = 32
_EDGES = {"shortest_edge": 64, "longest_edge": _SIDE}
_SQUARE = {"height": _SIDE, "width": _SIDE}
_LEVELS: dict[str, Any] = {
    "encoder_hidden_dim": _DIM,
    "encoder_in_channels": list(_CHANNELS[1:]),
    "encoder_layers": 1,
    "encoder_ffn_dim": 2 * _DIM,
    "encoder_attention_heads": 2,
    "d_model": _DIM,
    "num_queries": _QUERIES,
    "decoder_in_channels": [_DIM] * 3,
    "decoder_ffn_dim": 2 * _DIM,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "decoder_n_points": 2,
    "num_denoising": 0,
    "hidden_expansion": 0.5,
    "use_timm_backbone": False,
}
"""What RT-DETR, its second version and D-FINE have in common."""


def make(model_type: str, out: Path) -> None:
    """Write `config.json`, `model.safetensors` and `preprocessor_config.json` into `out`.

    Args:
        model_type: `yolos`, `detr`, `rt_detr`, `rt_detr_v2` or `d_fine`.
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
    """Weights with which a detector of any size, though it knows nothing, tells pictures, places and queries apart.

    Args:
        model: freshly made, of one of the architectures; changed in place, and in evaluation mode afterwards.
        processor: its image processor.
    """
    import torch

    with torch.no_grad():
        for name, module in model.named_modules():
            _enliven(name, module)
        pixels = processor(noise(120, 180), return_tensors="pt")["pixel_values"]
        _normalise(model.eval(), pixels)
        _decide(model, pixels)


def noise(height: int, width: int) -> npt.NDArray[np.uint8]:
    """A picture of smooth noise, uint8 [height, width, 3]: the same one every time."""
    from PIL import Image

    coarse = np.random.default_rng(4).integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height)), np.uint8)


def _enliven(name: str, module: Any) -> None:
    """Weights that pass on what differs: as initialised, all queries of a small net say the same of every picture."""
    from torch import nn

    if isinstance(module, nn.Conv2d):
        module.weight.normal_(0, (2 / module.weight[0].numel()) ** 0.5)
    elif isinstance(module, nn.Linear) and "sampling_offsets" not in name:
        is_score = any(head in name for head in _CLASS_HEADS)
        module.weight.normal_(0, (_SPREAD if is_score else 1.0) / module.in_features**0.5)
    elif isinstance(module, nn.Embedding):
        module.weight.normal_(0, 1)
    for token in ("detection_tokens", "position_embeddings", "mid_position_embeddings"):
        if isinstance(found := getattr(module, token, None), nn.Parameter):
            found.normal_(0, 1)


def _normalise(model: Any, pixels: Any) -> None:
    """Give every batch normalisation the statistics of one picture: without them all places look the same."""

    def settle(module: Any, inputs: tuple[Any, ...]) -> None:
        module.running_mean.copy_(inputs[0].mean((0, 2, 3)))
        module.running_var.copy_(inputs[0].var((0, 2, 3), correction=0).clamp(min=1e-3))

    hooks = [module.register_forward_pre_hook(settle) for module in model.modules() if hasattr(module, "running_var")]
    model(pixels)
    for hook in hooks:
        hook.remove()


def _decide(model: Any, pixels: Any) -> None:
    """Put the logits of the last class head below zero, with a standard deviation of `_SPREAD` over the queries.

    Anchors at the rim have nothing behind them and all the same score: it must not be among those that are chosen, or
    which of them is chosen were left to chance.
    """
    if inner := getattr(model.model, "enc_score_head", None) if hasattr(model, "model") else None:
        model.model.enc_output[0].weight.mul_(20)
        rim = inner(model.model.enc_output(pixels.new_zeros(1, inner.in_features)))[0]
        inner.bias.sub_(rim + 3 * _SPREAD)
    heads = [module for name, module in model.named_modules() if any(head in name for head in _LAST_HEADS)]
    last = next(module for module in reversed(heads) if hasattr(module, "in_features"))
    logits = model(pixels).logits[0]
    spread = _SPREAD / logits.std(0).clamp(min=1e-6)
    last.bias.sub_(logits.mean(0)).mul_(spread).sub_(1)
    last.weight.mul_(spread[:, None])


def _names(*more: str) -> dict[str, Any]:
    names = (*LABELS, *more)
    return {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}


def _yolos() -> Iterator[Any]:
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    config = YolosConfig(
        hidden_size=_DIM,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * _DIM,
        image_size=[64, _SIDE],
        patch_size=16,
        num_detection_tokens=_QUERIES,
        initializer_range=0.3,
        **_names("N/A"),
    )
    yield YolosForObjectDetection(config)
    yield YolosImageProcessor(size=_EDGES)


def _detr() -> Iterator[Any]:
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessor, ResNetConfig

    backbone = ResNetConfig(
        embedding_size=_CHANNELS[0],
        hidden_sizes=list(_CHANNELS),
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage4"],
    )
    config = DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        d_model=_DIM,
        num_queries=_QUERIES,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=2 * _DIM,
        decoder_ffn_dim=2 * _DIM,
        **_names("N/A"),
    )
    yield DetrForObjectDetection(config)
    yield DetrImageProcessor(size=_EDGES)


def _resnet() -> Any:
    from transformers import RTDetrResNetConfig

    return RTDetrResNetConfig(
        embedding_size=_CHANNELS[0],
        hidden_sizes=list(_CHANNELS),
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )


def _rt_detr() -> Iterator[Any]:
    from transformers import RTDetrConfig, RTDetrForObjectDetection

    yield RTDetrForObjectDetection(RTDetrConfig(backbone_config=_resnet(), **_LEVELS, **_names()))
    yield _square_processor()


def _rt_detr_v2() -> Iterator[Any]:
    from transformers import RTDetrV2Config, RTDetrV2ForObjectDetection

    yield RTDetrV2ForObjectDetection(RTDetrV2Config(backbone_config=_resnet(), **_LEVELS, **_names()))
    yield _square_processor()


def _d_fine() -> Iterator[Any]:
    from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config

    backbone = HGNetV2Config(
        embedding_size=8,
        hidden_sizes=list(_CHANNELS),
        depths=[1, 1, 1, 1],
        stem_channels=[3, 8, 12],
        stage_in_channels=[12, *_CHANNELS[:3]],
        stage_mid_channels=[8, 12, 16, 20],
        stage_out_channels=list(_CHANNELS),
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )
    yield DFineForObjectDetection(DFineConfig(backbone_config=backbone, **_LEVELS, **_names()))
    yield _square_processor()


def _square_processor() -> Any:
    from transformers import RTDetrImageProcessor

    return RTDetrImageProcessor(size=_SQUARE)


_MAKERS: dict[str, Callable[[], Iterator[Any]]] = {
    "yolos": _yolos,
    "detr": _detr,
    "rt_detr": _rt_detr,
    "rt_detr_v2": _rt_detr_v2,
    "d_fine": _d_fine,
}
