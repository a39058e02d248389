"""Image classifiers: ViT, DeiT, MobileViT, DINOv2 with a head -> `model.onnx` and `model.json`.

Exported by optimum's exporter for the one size of picture that the processor makes (DINOv2's table of positions is
interpolated to it), so that a graph can be held against its description. The number of pictures stays free.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from export_families import ExportOptions
from export_parity import check_graph, fixed_pixels
from export_preprocessing import preprocessing_of
from provenance import Parity

from edge.errors import ExportError
from edge.perception.descriptions import DESCRIPTION_FILE, ClassifierDescription, Preprocessing

GRAPH = "model.onnx"
OPSET = 18
"""What optimum chooses for torch 2.13; ONNX Runtime 1.17 and later run it."""

_BATCH = 2
_TASK = "image-classification"


def export(source: Path, out: Path, options: ExportOptions) -> list[Parity]:
    """See `export_families.Family`: writes `model.onnx` and `model.json`.

    Raises:
        ExportError: a picture processor, or labels, that are not understood; weights that are not those of the head.
    """
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    preprocessing = preprocessing_of(source, config["model_type"])
    labels = labels_of(config)
    model = load_whole(source, config, "ForImageClassification")
    if len(labels) != model.config.num_labels:
        raise ExportError(f"config.json: id2label names {len(labels)} labels, the model has {model.config.num_labels}")
    parity = _export_graph(model, preprocessing, out / GRAPH, options)
    description = ClassifierDescription(graphs={"model": GRAPH}, labels=labels, preprocessing=preprocessing)
    (out / DESCRIPTION_FILE).write_text(description.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return parity


def labels_of(config: dict[str, Any]) -> tuple[str, ...]:
    """The labels of `config.json` in the order of the logits.

    Raises:
        ExportError: there are none, or numbers are missing.
    """
    named = config.get("id2label")
    if not named:
        raise ExportError("config.json: id2label is missing, so the model's answers have no names; add it")
    try:
        numbers = {int(number): str(name).strip() for number, name in named.items()}
    except (ValueError, AttributeError) as error:
        raise ExportError("config.json: id2label is no table from numbers to names") from error
    if sorted(numbers) != list(range(len(numbers))):
        raise ExportError(f"config.json: id2label does not number its {len(numbers)} labels from 0 on")
    return tuple(numbers[number] for number in range(len(numbers)))


def load_whole(source: Path, config: dict[str, Any], ending: str) -> Any:
    """The torch model of the class that `config.json` names, from safetensors, with every weight in place.

    transformers fills what the file lacks with random numbers, and only warns.

    Args:
        source: folder of the model.
        config: its `config.json`.
        ending: what the name of its class must have in it, such as `ForImageClassification`.

    Raises:
        ExportError: another class, or weights that are missing or have another shape.
    """
    import torch
    import transformers

    names = [str(name) for name in config.get("architectures") or ()]
    name = next((name for name in names if ending in name and hasattr(transformers, name)), None)
    if name is None:
        raise ExportError(f"config.json: architectures {names} has no ...{ending}; this model lacks that part")
    model, report = getattr(transformers, name).from_pretrained(
        source, use_safetensors=True, local_files_only=True, output_loading_info=True, dtype=torch.float32
    )
    lacking = sorted({*report["missing_keys"], *(str(key[0]) for key in report["mismatched_keys"])})
    if lacking:
        raise ExportError(f"the weights of {name} lack {lacking[0]} ({len(lacking)} in all); download them again")
    return model.eval()


def _export_graph(model: Any, preprocessing: Preprocessing, file: Path, options: ExportOptions) -> list[Parity]:
    import torch
    from optimum.exporters.onnx import export as export_onnx
    from optimum.exporters.tasks import TasksManager

    known: Any = TasksManager.get_exporter_config_constructor(
        "onnx", model, task=_TASK, model_type=model.config.model_type, library_name="transformers"
    ).func

    class OneSize(known):  # type: ignore[misc]  # optimum chooses the class
        """The architecture's own configuration, with a fixed size of pictures."""

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            return {"pixel_values": {0: "batch_size"}}

    pixels = fixed_pixels(_BATCH, 3, preprocessing.height or 0, preprocessing.width or 0)
    with torch.no_grad():
        expected = model(pixel_values=torch.from_numpy(pixels)).logits.numpy()
    export_onnx(
        model, OneSize(model.config, task=_TASK), file, opset=OPSET,
        input_shapes={"batch_size": _BATCH, "height": preprocessing.height, "width": preprocessing.width},
    )  # fmt: skip
    return check_graph(file, {"pixel_values": pixels}, {"logits": expected}, options.tolerance)
