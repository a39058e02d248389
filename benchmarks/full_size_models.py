"""Random models of the sizes that people bring, as folders from the hub are, to see what the chain costs.

Widths and depths are those of the published configurations; the weights are noise, and the files of tokenizer and
processor are a tiny model's with other sizes. So time, disk and memory are real, and what the models say is not.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
_OPUS_VOCABULARY = 58_101
_CLASSES = 1000


@dataclass(frozen=True)
class FullSize:
    """How one model is made.

    Attributes:
        model_type: architecture, and which tiny model lends its files.
        build: makes the torch model.
        processor: what `preprocessor_config.json` says otherwise than the tiny model's.
        tokenizer: the same for `tokenizer_config.json`.
    """

    model_type: str
    build: Callable[[], Any]
    processor: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Mapping[str, Any] = field(default_factory=dict)


def make(name: str, out: Path) -> None:
    """Write the folder of the model `name` of `MODELS`; must run where torch and transformers are.

    Raises:
        KeyError: no such model.
    """
    import torch

    sys.path.insert(0, str(SCRIPTS))
    from tiny_models import make_all

    model = MODELS[name]
    make_all([model.model_type], out.parent / f".tiny-{name}")
    shutil.move(out.parent / f".tiny-{name}" / model.model_type, out)
    (out.parent / f".tiny-{name}").rmdir()
    _change(out / "preprocessor_config.json", model.processor)
    _change(out / "tokenizer_config.json", model.tokenizer)
    if model.model_type == "marian":
        _fill_vocabulary(out / "vocab.json")
    torch.manual_seed(4)
    built = model.build().eval()
    _liven(built, model.model_type, out)
    built.save_pretrained(out, safe_serialization=True)


def _liven(model: Any, model_type: str, folder: Path) -> None:
    """As the tiny models are made: weights with which a model tells its inputs apart, though it knows nothing."""
    from export_families import FAMILIES, TASKS
    from tiny_models import MAKERS
    from transformers import AutoImageProcessor, AutoTokenizer

    family = FAMILIES[model_type]
    if TASKS[family] not in ("image-recognition", "object-detection"):
        return
    model.config.save_pretrained(folder)
    parts = [AutoImageProcessor.from_pretrained(folder)]
    if family == "export_dual_encoders":
        parts.append(AutoTokenizer.from_pretrained(folder))
    importlib.import_module(MAKERS[family]).liven(model, *parts)


def _change(file: Path, values: Mapping[str, Any]) -> None:
    if values:
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def _fill_vocabulary(file: Path) -> None:
    """Pieces that no text has, up to the size of an OPUS-MT vocabulary; `<pad>` stays the last."""
    vocabulary = json.loads(file.read_text(encoding="utf-8"))
    del vocabulary["<pad>"]
    while len(vocabulary) < _OPUS_VOCABULARY - 1:
        vocabulary[f"\u2581\ue000{len(vocabulary)}"] = len(vocabulary)
    vocabulary["<pad>"] = len(vocabulary)
    file.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")


def _labels(count: int) -> dict[str, Any]:
    names = {index: f"thing {index}" for index in range(count)}
    return {"id2label": names, "label2id": {name: index for index, name in names.items()}}


def _opus_mt() -> Any:
    from transformers import MarianConfig, MarianMTModel

    config = MarianConfig(
        vocab_size=_OPUS_VOCABULARY,
        d_model=512,
        encoder_layers=6,
        decoder_layers=6,
        encoder_attention_heads=8,
        decoder_attention_heads=8,
        encoder_ffn_dim=2048,
        decoder_ffn_dim=2048,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        static_position_embeddings=True,
        share_encoder_decoder_embeddings=True,
        decoder_start_token_id=_OPUS_VOCABULARY - 1,
        pad_token_id=_OPUS_VOCABULARY - 1,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    model = MarianMTModel(config)
    model.generation_config.update(max_length=512, num_beams=4, bad_words_ids=[[_OPUS_VOCABULARY - 1]])
    return model


def _vision(width: int, heads: int, **more: Any) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_hidden_layers": 12, "num_attention_heads": heads}
    return {**sizes, "intermediate_size": 4 * width, **more}


def _deit_tiny() -> Any:
    from transformers import DeiTConfig, DeiTForImageClassification

    return DeiTForImageClassification(DeiTConfig(**_vision(192, 3), **_labels(_CLASSES)))


def _vit_base() -> Any:
    from transformers import ViTConfig, ViTForImageClassification

    return ViTForImageClassification(ViTConfig(**_vision(768, 12), **_labels(_CLASSES)))


def _dinov2_small() -> Any:
    from transformers import Dinov2Config, Dinov2ForImageClassification

    sizes = _vision(384, 6, image_size=518, patch_size=14)
    del sizes["intermediate_size"]
    return Dinov2ForImageClassification(Dinov2Config(**sizes, **_labels(_CLASSES)))


def _mobilevit_small() -> Any:
    from transformers import MobileViTConfig, MobileViTForImageClassification

    return MobileViTForImageClassification(MobileViTConfig(**_labels(_CLASSES)))


def _siglip_base() -> Any:
    from transformers import SiglipConfig, SiglipModel

    text = _vision(768, 12, vocab_size=32_000, max_position_embeddings=64)
    return SiglipModel(SiglipConfig(text_config=text, vision_config=_vision(768, 12, image_size=224, patch_size=16)))


def _clip_b32() -> Any:
    from transformers import CLIPConfig, CLIPModel

    text = _vision(512, 8, vocab_size=49_408, max_position_embeddings=77)
    return CLIPModel(CLIPConfig(text_config=text, vision_config=_vision(768, 12, image_size=224, patch_size=32)))


def _yolos_tiny() -> Any:
    from transformers import YolosConfig, YolosForObjectDetection

    sizes = _vision(192, 3, image_size=[800, 1333], patch_size=16, num_detection_tokens=100)
    return YolosForObjectDetection(YolosConfig(**sizes, use_mid_position_embeddings=False, **_labels(91)))


def _rtdetr_r18() -> Any:
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_in_channels=[128, 256, 512],
        decoder_layers=3,
        hidden_expansion=0.5,
        **_labels(80),
    )
    return RTDetrForObjectDetection(config)


_CUT_224 = {"crop_size": {"height": 224, "width": 224}}
MODELS: Mapping[str, FullSize] = {
    "opus-mt": FullSize("marian", _opus_mt),
    "deit-tiny-224": FullSize("deit", _deit_tiny, {"size": {"height": 256, "width": 256}, **_CUT_224}),
    "vit-base-224": FullSize("vit", _vit_base, {"size": {"height": 224, "width": 224}}),
    "dinov2-small": FullSize("dinov2", _dinov2_small, {"size": {"shortest_edge": 256}, **_CUT_224}),
    "mobilevit-small": FullSize(
        "mobilevit",
        _mobilevit_small,
        {"size": {"shortest_edge": 288}, "crop_size": {"height": 256, "width": 256}},
    ),
    "siglip-base-224": FullSize(
        "siglip", _siglip_base, {"size": {"height": 224, "width": 224}}, {"model_max_length": 64}
    ),
    "clip-vit-b32": FullSize("clip", _clip_b32, {"size": {"shortest_edge": 224}, **_CUT_224}, {"model_max_length": 77}),
    "yolos-tiny": FullSize("yolos", _yolos_tiny, {"size": {"shortest_edge": 512, "longest_edge": 864}}),
    "rtdetr-r18": FullSize("rt_detr", _rtdetr_r18, {"size": {"height": 640, "width": 640}}),
}
