"""Whether the graphs of a model folder have the inputs and outputs that its `model.json` promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import ModelCorruptError
from edge.inference.sessions import Session, SessionFactory
from edge.perception.descriptions import (
    DESCRIPTION_FILE,
    ClassifierDescription,
    DetectorDescription,
    DualEncoderDescription,
    Seq2SeqDescription,
    family_of,
    read_description,
)
from edge.perception.whisper_model import cross_names, read_configuration


@dataclass(frozen=True)
class Contract:
    """What one graph must look like.

    Attributes:
        file: name of the graph.
        inputs: all names, no more and no fewer.
        outputs: names that must be among the outputs.
        last: output to the size of its last axis, where the graph states one.
        pixels: height and width of the picture it takes, where it states them; None: any.
    """

    file: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    last: Mapping[str, int] = field(default_factory=dict)
    pixels: tuple[int | None, int | None] = (None, None)


def check_graphs(folder: Path, sessions: SessionFactory, model_id: str) -> list[str]:
    """Open every graph of the model in `folder` and compare.

    Returns:
        Names of the graphs that were compared; none for a family that promises nothing in `model.json`.

    Raises:
        ModelNotFoundError, ModelCorruptError: the description is missing or damaged, or a graph differs; names both.
        InferenceError: a graph cannot be loaded.
    """
    family = family_of(folder)
    contracts = _FAMILIES[family](folder, model_id) if family in _FAMILIES else []
    for contract in contracts:
        open_checked(contract, folder, sessions, model_id)
    return [contract.file for contract in contracts]


def open_checked(
    contract: Contract, folder: Path, sessions: SessionFactory, model_id: str, threads: int = 1
) -> Session:
    """A session over the graph of a contract.

    Raises:
        ModelCorruptError: the graph is not as promised; names both.
        InferenceError: it cannot be loaded.
    """
    session = sessions.open(folder / contract.file, threads=threads)
    problem = difference(contract, session)
    if problem:
        raise ModelCorruptError(model_id, contract.file, f"{problem}, unlike {DESCRIPTION_FILE}")
    return session


def difference(contract: Contract, session: Session) -> str:
    """What a graph has otherwise than promised, in words; empty where nothing."""
    inputs = {node.name for node in session.get_inputs()}
    outputs: dict[str, Any] = {node.name: node.shape for node in session.get_outputs()}
    if inputs != contract.inputs:
        return f"its inputs differ: {_both(contract.inputs - inputs, inputs - contract.inputs)}"
    if not contract.outputs <= outputs.keys():
        return f"its outputs differ: {_both(contract.outputs - outputs.keys(), outputs.keys() - contract.outputs)}"
    for node in session.get_inputs():
        if node.name == "pixel_values" and not _fits(node.shape, contract.pixels):
            return f"it takes pictures of {list(node.shape)[-2:]} instead of {list(contract.pixels)} pixels"
    for name, size in contract.last.items():
        shape = outputs[name]
        if shape and isinstance(shape[-1], int) and shape[-1] != size:
            return f"its output {name} has {shape[-1]} columns instead of {size}"
    return ""


def _fits(shape: Any, pixels: tuple[int | None, int | None]) -> bool:
    stated = list(shape or ())[-2:]
    return all(
        not isinstance(side, int) or wanted is None or side == wanted
        for side, wanted in zip(stated, pixels, strict=False)
    )


def _both(missing: frozenset[str], unexpected: set[str]) -> str:
    parts = [("it lacks", missing), ("it has", unexpected)]
    return "; ".join(f"{what} {', '.join(sorted(names)[:4])}" for what, names in parts if names)


def _marian(folder: Path, model_id: str) -> list[Contract]:
    return list(seq2seq_contracts(read_description(folder, Seq2SeqDescription, model_id)))


def seq2seq_contracts(found: Seq2SeqDescription) -> tuple[Contract, Contract]:
    """Of the graphs `encoder` and `decoder`."""
    cells = [f"{layer}.{of}.{part}" for layer in range(found.layers) for of, part in _PARTS]
    past = {f"past_key_values.{cell}" for cell in cells}
    read = {"input_ids", "encoder_attention_mask", "encoder_hidden_states", "use_cache_branch"}
    encoder = frozenset({"input_ids", "attention_mask"})
    written = {"logits", *(f"present.{cell}" for cell in cells)}
    return (
        Contract(found.graphs["encoder"], encoder, frozenset({"last_hidden_state"})),
        Contract(found.graphs["decoder"], frozenset(read | past), frozenset(written), {"logits": found.vocabulary}),
    )


_PARTS = tuple((of, part) for of in ("decoder", "encoder") for part in ("key", "value"))


def _classifier(folder: Path, model_id: str) -> list[Contract]:
    return [classifier_contract(read_description(folder, ClassifierDescription, model_id))]


def classifier_contract(found: ClassifierDescription) -> Contract:
    """Of the graph `model`."""
    last = {"logits": len(found.labels)}
    pixels = (found.preprocessing.height, found.preprocessing.width)
    return Contract(found.graphs["model"], frozenset({"pixel_values"}), frozenset(last), last, pixels)


def _dual_encoder(folder: Path, model_id: str) -> list[Contract]:
    return list(dual_encoder_contracts(read_description(folder, DualEncoderDescription, model_id)))


def dual_encoder_contracts(found: DualEncoderDescription) -> tuple[Contract, Contract]:
    """Of the graphs `image` and `text`."""
    text = {"input_ids", "attention_mask"} if found.masked else {"input_ids"}
    pixels = (found.preprocessing.height, found.preprocessing.width)
    return (
        Contract(found.graphs["image"], frozenset({"pixel_values"}), frozenset({"image_embeds"}), {}, pixels),
        Contract(found.graphs["text"], frozenset(text), frozenset({"text_embeds"})),
    )


def _detector(folder: Path, model_id: str) -> list[Contract]:
    return [detector_contract(read_description(folder, DetectorDescription, model_id))]


def detector_contract(found: DetectorDescription) -> Contract:
    """Of the graph `model`."""
    inputs = {"pixel_values", "pixel_mask"} if found.masked else {"pixel_values"}
    last = {"logits": len(found.labels) + (found.activation == "softmax"), "pred_boxes": 4}
    pixels = (found.preprocessing.height, found.preprocessing.width)
    return Contract(found.graphs["model"], frozenset(inputs), frozenset(last), last, pixels)


def _whisper(folder: Path, _model_id: str) -> list[Contract]:
    found = read_configuration(folder)
    cross = cross_names(found)
    both = [f"{part}_{layer}" for layer in range(found.layers) for part in ("key", "value")]
    read = {"tokens", "cross_bias", *cross, *(f"past_{name}" for name in both)}
    last = {"logits": found.vocabulary}
    return [
        Contract(f"encoder_model_{found.precision}.onnx", frozenset({"mel"}), frozenset(cross)),
        Contract(f"decoder_model_{found.precision}.onnx", frozenset(read), frozenset({"logits", *both}), last),
    ]


_FAMILIES: Mapping[str | None, Callable[[Path, str], list[Contract]]] = {
    "marian": _marian,
    "classifier": _classifier,
    "dual-encoder": _dual_encoder,
    "detector": _detector,
    "whisper": _whisper,
}
