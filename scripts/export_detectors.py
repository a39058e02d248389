"""Exports detectors of the DETR family (DETR, YOLOS, RT-DETR and its second version, D-FINE) through optimum.

One graph, `model.onnx`, as in Hugging Face's exports, for one picture at a time. Where the model's own processor
squashes every picture into the same square (RT-DETR, D-FINE), the graph has this size. Where it keeps the shape (DETR,
YOLOS: the shortest side 800, the longest 1333), the graph takes any size, and `shortest` and `longest` in `model.json`
may be made smaller before quantising: fewer pixels are faster, and small things are missed.

Parity is measured from the picture on: see detector_parity.py.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from detector_parity import check_detector
from export_families import ExportOptions
from provenance import Parity

from edge.errors import ExportError
from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import DESCRIPTION_FILE, DetectorDescription, Preprocessing
from edge.perception.preprocessing import prepare

Resampling = Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]

_GRAPH = "model.onnx"
_CHOOSING = frozenset({"rt_detr", "rt_detr_v2", "d_fine"})
_RESAMPLING: tuple[Resampling, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's numbers of its filters, in order."""
_NO_CLASS = frozenset({"", "n/a"})


def export(source: Path, out: Path, options: ExportOptions) -> list[Parity]:
    """As `export_families.Family.export`: writes `model.onnx` and `model.json`.

    Raises:
        ExportError: the model needs timm, has no processor or one with unknown steps, or has other classes
            than names.
    """
    config = _check_config(source)
    processor, model = _load(source)
    preprocessing = read_preprocessing(processor)
    description = describe(config, preprocessing)
    _export(model, out / _GRAPH, preprocessing)
    (out / DESCRIPTION_FILE).write_text(description.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _check_classes(out / _GRAPH, description)
    return check_detector(
        model, out / _GRAPH, partial(prepare, preprocessing=preprocessing), processor, options.tolerance
    )


def describe(config: Mapping[str, Any], preprocessing: Preprocessing) -> DetectorDescription:
    """What the device needs to know.

    Args:
        config: content of `config.json`.
        preprocessing: as its processor does it.

    Raises:
        ExportError: the classes have no names, or the head is of a kind that is not known.
    """
    named = config.get("id2label") or {}
    labels = tuple(str(named.get(str(index), "")) for index in range(len(named)))
    if not any(labels):
        raise ExportError("config.json names no classes (id2label); add their names in the order of the logits")
    chooses = config["model_type"] in _CHOOSING
    if chooses and not config.get("use_focal_loss", True):
        raise ExportError("a head trained without focal loss is not supported; known are those with (use_focal_loss)")
    return DetectorDescription(
        graphs={"model": _GRAPH},
        labels=tuple("" if label.lower() in _NO_CLASS else label for label in labels),
        preprocessing=preprocessing,
        activation="sigmoid" if chooses else "softmax",
    )


def read_preprocessing(processor: Any) -> Preprocessing:
    """The steps of an image processor of transformers.

    Raises:
        ExportError: it does something that the device does not.
    """
    size = dict(processor.size) if processor.do_resize else {}
    if "height" in size and "width" in size:
        fit: dict[str, Any] = {"fit": "squash", "height": size["height"], "width": size["width"]}
    elif size.get("shortest_edge"):
        fit = {"fit": "bound", "shortest": size["shortest_edge"], "longest": size.get("longest_edge")}
        fit["multiple"] = 16 if "Yolos" in type(processor).__name__ else 1
    else:
        raise ExportError(
            f"its processor makes pictures the size {size or 'they have'}; known are height and width, or shortest_edge"
        )
    if getattr(processor, "pad_size", None):
        raise ExportError("its processor pads pictures to a fixed size; set do_pad false in preprocessor_config.json")
    return Preprocessing(
        **fit,
        resample=_RESAMPLING[int(processor.resample)],
        scale=float(processor.rescale_factor) if processor.do_rescale else 1.0,
        mean=tuple(processor.image_mean) if processor.do_normalize else None,
        std=tuple(processor.image_std) if processor.do_normalize else None,
    )


def _check_config(source: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if config.get("use_timm_backbone"):
        raise ExportError(
            "its backbone comes from timm, which is not installed here; choose a revision without it "
            "(facebook/detr-resnet-50 has no_timm), or an RT-DETR"
        )
    if not (source / "preprocessor_config.json").is_file():
        raise ExportError(f"{source.name} has no preprocessor_config.json; a detector needs one")
    return config


def _load(source: Path) -> tuple[Any, Any]:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    processor = AutoImageProcessor.from_pretrained(source, use_fast=False, local_files_only=True)
    model = AutoModelForObjectDetection.from_pretrained(
        source, use_safetensors=True, local_files_only=True, dtype="float32"
    )
    return processor, model.eval()


def _export(model: Any, file: Path, preprocessing: Preprocessing) -> None:
    from optimum.exporters.onnx import export as export_graph
    from optimum.exporters.tasks import TasksManager

    make_config = TasksManager.get_exporter_config_constructor(
        "onnx", model=model, task="object-detection", library_name="transformers"
    )
    height, width = preprocessing.height or 480, preprocessing.width or 640
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what tracing keeps constant; what matters of it, the comparison finds
        export_graph(model, make_config(model.config), file, input_shapes={"height": height, "width": width})
    _fix_shapes(file, preprocessing)


def _fix_shapes(file: Path, preprocessing: Preprocessing) -> None:
    """One picture at a time, and of the one size where there is one: the runtime computes the rest beforehand."""
    import onnx

    model = onnx.load(file)
    (pixels,) = model.graph.input
    batch, channels, height, width = pixels.type.tensor_type.shape.dim
    batch.dim_value, channels.dim_value = 1, 3
    if preprocessing.fit == "squash":
        height.dim_value, width.dim_value = preprocessing.height, preprocessing.width
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, file)


def _check_classes(graph: Path, description: DetectorDescription) -> None:
    shapes = {node.name: node.shape for node in SessionFactory().open(graph).get_outputs()}
    classes, named = shapes["logits"][-1], len(description.labels) + (description.activation == "softmax")
    if classes != named:
        raise ExportError(f"the model tells {classes} classes apart, config.json names {named}, nothing included")
