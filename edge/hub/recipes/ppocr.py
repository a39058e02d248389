"""PP-OCR's line recogniser, made lighter to call.

Upstream gives the probabilities of 18,710 classes for every step, 3 MB a line, and hides the characters in a property
of the file. Here the graph gives the likeliest class of every step and its probability, and the characters are a file.
Outputs: `model.onnx` (input `x` float32 [n, 3, 48, w]; outputs `classes` int64 [n, steps], `probabilities` float32
[n, steps]) and `characters.txt` (one a line, UTF-8; class 0 is CTC's blank, class i is line i, the last is the space).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from edge.errors import RecipeError

_PROPERTY = "character"
_NOT_CHARACTERS = 2  # the blank and the space


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
    """Fill `out` from the one `.onnx` file among `files`; all other files are copied.

    Raises:
        RecipeError: not one graph, an option, or a graph that is no such recogniser.
    """
    graphs = [name for name in files if name.endswith(".onnx")]
    if len(graphs) != 1 or options:
        raise RecipeError(f"recipe ppocr takes one .onnx file and no options, not {len(graphs)} and {sorted(options)}")
    model = _read(files[graphs[0]])
    characters = _characters(model)
    _drop_identities(model.graph)
    _decide(model.graph, len(characters) + _NOT_CHARACTERS)
    del model.metadata_props[:]
    onnx.checker.check_model(model)
    (out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (out / "characters.txt").write_text("\n".join(characters) + "\n", encoding="utf-8", newline="\n")
    for name, path in files.items():
        if name != graphs[0]:
            shutil.copyfile(path, out / name)


def _read(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)
    except Exception as error:
        raise RecipeError(f"{path.name} is not an ONNX file ({type(error).__name__})") from error


def _characters(model: onnx.ModelProto) -> list[str]:
    found = [entry.value for entry in model.metadata_props if entry.key == _PROPERTY]
    characters = found[0].split("\n") if len(found) == 1 else []
    if not characters or not all(len(character) == 1 for character in characters):
        raise RecipeError(f"the graph has no property {_PROPERTY!r} with one character a line")
    return characters


def _drop_identities(graph: onnx.GraphProto) -> None:
    """Remove nodes that pass on their input, except those that name an output of the graph."""
    outputs = {output.name for output in graph.output}
    same: dict[str, str] = {}
    kept = []
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = same.get(name, name)
        if node.op_type == "Identity" and node.output[0] not in outputs:
            same[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _decide(graph: onnx.GraphProto, classes: int) -> None:
    """Put the choice of the likeliest class behind the last softmax."""
    last = graph.node[-1] if graph.node else None
    shape = [size.dim_value for size in graph.output[0].type.tensor_type.shape.dim] if len(graph.output) == 1 else []
    if last is None or last.op_type != "Softmax" or shape[-1:] != [classes] or len(shape) != 3:  # noqa: PLR2004 - axes
        raise RecipeError(f"the graph does not end in the probabilities of {classes} classes")
    name = last.output[0]
    graph.node.append(helper.make_node("ArgMax", [name], ["classes"], axis=2, keepdims=0))
    graph.node.append(helper.make_node("ReduceMax", [name], ["probabilities"], axes=[2], keepdims=0))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("classes", TensorProto.INT64, ["n", "steps"]))
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", "steps"]))
