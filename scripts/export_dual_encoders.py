"""Pairs of towers: CLIP and SigLIP -> `vision_model.onnx`, `text_model.onnx`, `tokenizer.json` and `model.json`.

Two graphs, because labels are encoded once and pictures all the time. optimum exports CLIP and SigLIP as one graph
only, but has the division for MetaCLIP 2 (variant `split`: `get_image_features`, `get_text_features`); it is used here
for both. The text graph takes an attention mask only where texts are padded and the tokenizer makes one, which that of
SigLIP does not (padding is read like words there); CLIP gets each text at its own length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from export_classifiers import OPSET, load_whole
from export_families import ExportOptions
from export_parity import check_graph, fixed_pixels
from export_preprocessing import preprocessing_of
from export_text import FILE as TOKENIZER_FILE
from export_text import TextRules, write_tokenizer
from provenance import Parity

from edge.errors import ExportError
from edge.perception.descriptions import DESCRIPTION_FILE, DualEncoderDescription

VISION_GRAPH, TEXT_GRAPH = "vision_model.onnx", "text_model.onnx"

_BATCH = 2
_TASK = "feature-extraction"
_KINDS: Mapping[str, tuple[str, Literal["sigmoid", "softmax"], str]] = {
    "clip": ("CLIPModel", "softmax", "a photo of a {}."),
    "siglip": ("SiglipModel", "sigmoid", "This is a photo of {}."),
}
"""Class, what turns similarities into probabilities, and the words around a label in the authors' own evaluations."""


def export(source: Path, out: Path, options: ExportOptions) -> list[Parity]:
    """See `export_families.Family`: writes both graphs, `tokenizer.json` and `model.json`.

    Raises:
        ExportError: a picture processor or tokenizer that is not understood; weights that are missing.
    """
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    name, activation, template = _KINDS[config["model_type"]]
    preprocessing = preprocessing_of(source, config["model_type"])
    model = load_whole(source, config, name)
    rules = write_tokenizer(source, out / TOKENIZER_FILE, model.config.text_config.max_position_embeddings)
    if rules.size > model.config.text_config.vocab_size:
        raise ExportError(f"the tokenizer has {rules.size} tokens, the model {model.config.text_config.vocab_size}")
    padded = activation == "sigmoid"
    bias = getattr(model, "logit_bias", None)
    description = DualEncoderDescription(
        graphs={"image": VISION_GRAPH, "text": TEXT_GRAPH},
        preprocessing=preprocessing,
        tokenizer=TOKENIZER_FILE,
        text_length=rules.length,
        padded=padded,
        pad_token=rules.pad,
        start_token=rules.start,
        end_token=rules.end,
        lower_case=rules.lower_case,
        masked=padded and rules.masked,
        scale=math.exp(model.logit_scale.item()),
        bias=0.0 if bias is None else bias.item(),
        activation=activation,
        template=template,
    )
    (out / DESCRIPTION_FILE).write_text(description.model_dump_json(indent=1) + "\n", encoding="utf-8")
    size = (preprocessing.height or 0, preprocessing.width or 0)
    return [*_vision(model, out, size, options), *_text(model, out, rules, description, options)]


def _vision(model: Any, out: Path, size: tuple[int, int], options: ExportOptions) -> list[Parity]:
    import torch

    pixels = fixed_pixels(_BATCH, 3, *size)
    with torch.no_grad():
        expected = model.get_image_features(torch.from_numpy(pixels)).numpy()
    _export_tower(model, out / VISION_GRAPH, {"pixel_values": {0: "batch_size"}}, "image_embeds", size)
    return check_graph(out / VISION_GRAPH, {"pixel_values": pixels}, {"image_embeds": expected}, options.tolerance)


def _text(
    model: Any, out: Path, rules: TextRules, description: DualEncoderDescription, options: ExportOptions
) -> list[Parity]:
    import numpy as np
    import torch

    sequence = {0: "batch_size"} if description.padded else {0: "batch_size", 1: "sequence_length"}
    size = (description.preprocessing.height or 0, description.preprocessing.width or 0)
    names = ("input_ids", "attention_mask") if description.masked else ("input_ids",)
    _export_tower(model, out / TEXT_GRAPH, dict.fromkeys(names, sequence), "text_embeds", size, rules.length)
    found = []
    for sample in rules.samples(padded=description.padded):
        feeds = {name: np.array(rows, np.int64) for name, rows in zip(names, sample, strict=False)}
        with torch.no_grad():
            expected = model.get_text_features(*map(torch.from_numpy, feeds.values())).numpy()
        found += check_graph(out / TEXT_GRAPH, feeds, {"text_embeds": expected}, options.tolerance)
    return [max(found, key=lambda one: one.max_difference)]


def _export_tower(
    model: Any, file: Path, taken: dict[str, dict[int, str]], given: str, size: tuple[int, int], length: int = 16
) -> None:
    from optimum.exporters.onnx import export as export_onnx
    from optimum.exporters.onnx.model_configs import MetaCLIP2OnnxConfig

    class Tower(MetaCLIP2OnnxConfig):  # type: ignore[misc]  # optimum has no types
        """One half, with the sizes fixed that the device does not change."""

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            return taken

        @property
        def outputs(self) -> dict[str, dict[int, str]]:
            return {given: {0: "batch_size"}}

    half = Tower(model.config, task=_TASK, variant="split", vision_model=given == "image_embeds")
    shapes = {"batch_size": _BATCH, "height": size[0], "width": size[1], "sequence_length": length}
    export_onnx(model, half, file, opset=OPSET, input_shapes=shapes)
