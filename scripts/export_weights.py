"""Weights in safetensors, judged by their headers: complete, of a size that an ONNX graph can hold, and no pickle.

Pickles (`pytorch_model.bin` and the like) can run code when they are opened, so none ever is: beside safetensors they
are left alone, and where there is nothing else the model is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import ExportError
from edge.hub.recipes.safetensors_format import describe_safetensors

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.joblib", "*.npz")
FLOATS = ("F64", "F32", "F16", "BF16")
LARGEST_GRAPH = 2**31
"""Bytes of float32 weights from which a model is refused: a graph is one protobuf message, which ends at 2 GiB."""

_COUNTERS = ".num_batches_tracked"
"""Of batch normalisation, for training only; older checkpoints lack them."""

_FLOAT32 = 4
_GB = 1e9
_SHOWN = 3


@dataclass(frozen=True)
class Weights:
    """What the headers say.

    Attributes:
        files: the safetensors files that belong together.
        parameters: numbers in them.
    """

    files: tuple[Path, ...]
    parameters: int

    @property
    def float_bytes(self) -> int:
        """Size as float32, which is what is exported."""
        return self.parameters * _FLOAT32


def read_weights(folder: Path) -> Weights:
    """Find the weights in `folder` and check their headers; no tensor is read.

    Raises:
        ExportError: there are none in safetensors, a part of them is missing, they are quantised already, or too large.
        RecipeError: a file is truncated or damaged.
    """
    files, index = _files(folder)
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for path in files:
        found = describe_safetensors(path)
        missing = sorted(name for name, file in index.items() if file == path.name and name not in found)
        if missing:
            raise ExportError(f"{path} lacks {missing[0]}, which {INDEX} says it has; get both files again")
        tensors |= found
    strange = sorted({kind for kind, _ in tensors.values()} - {*FLOATS, "I64", "I32", "BOOL"})
    if strange:
        raise ExportError(f"{folder} holds tensors of type {', '.join(strange)}: it is quantised; export the original")
    parameters = sum(math.prod(shape) for kind, shape in tensors.values() if kind in FLOATS)
    if not parameters:
        raise ExportError(f"{files[0]} holds no weights")
    weights = Weights(files, parameters)
    if weights.float_bytes >= LARGEST_GRAPH:
        raise ExportError(
            f"{folder} has {parameters / 1e6:.0f} million parameters, {weights.float_bytes / _GB:.1f} GB as float32, "
            f"and an ONNX graph ends at {LARGEST_GRAPH / _GB:.1f} GB (a board's memory sooner): take a smaller model"
        )
    return weights


def _files(folder: Path) -> tuple[tuple[Path, ...], dict[str, str]]:
    """The files of the weights, and for sharded ones, which tensor should be in which."""
    if (folder / WHOLE).is_file():
        return (folder / WHOLE,), {}
    if (folder / INDEX).is_file():
        index = _read_index(folder / INDEX)
        parts = tuple(folder / name for name in sorted(set(index.values())))
        if lacking := [part.name for part in parts if not part.is_file()]:
            raise ExportError(f"{folder} lacks {', '.join(lacking[:_SHOWN])} of its {len(parts)} parts of weights")
        return parts, index
    if others := _names(folder, ("*.safetensors",)):
        why = f"holds {others}, but neither {WHOLE} nor {INDEX}"
        raise ExportError(f"{folder} {why}: a part of a model, or an adapter of one; get the whole model")
    if pickles := _names(folder, PICKLES):
        raise ExportError(
            f"{folder} holds its weights as {pickles} only: a pickle can run code when it is opened, so it never is; "
            f"take a revision that has {WHOLE} (the hub's conversion bot offers one as --revision refs/pr/N), or "
            "convert it where you trust it"
        )
    raise ExportError(f"{folder} has no {WHOLE}: only weights in safetensors are read")


def _names(folder: Path, patterns: Sequence[str]) -> str:
    found = sorted({path.name for pattern in patterns for path in folder.glob(pattern)})
    return ", ".join(found[:_SHOWN]) + (" and others" if len(found) > _SHOWN else "")


def _read_index(path: Path) -> dict[str, str]:
    try:
        index: Any = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        files = {str(tensor): str(file) for tensor, file in index.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{path} has no weight_map; get the file again") from error
    strange = [file for file in files.values() if Path(file).name != file or not file.endswith(".safetensors")]
    if strange or not files:
        raise ExportError(
            f"{path} names {strange[0] if strange else 'no file'}, which is no safetensors file beside it"
        )
    return files


def check_complete(folder: Path, architecture: str) -> None:
    """Load the weights into the torch model as the family will, and see that none is missing or of another shape.

    transformers fills what is missing with random numbers and says so in a log only.

    Args:
        folder: checked files.
        architecture: class of transformers.

    Raises:
        ExportError: names the first of them.
    """
    import transformers

    kind = getattr(transformers, architecture, None)
    if kind is None:
        raise ExportError(f"transformers {transformers.__version__} has no {architecture}, which config.json asks for")
    model, found = kind.from_pretrained(
        folder, output_loading_info=True, ignore_mismatched_sizes=True, use_safetensors=True, local_files_only=True
    )
    if found["mismatched_keys"]:
        name = min(found["mismatched_keys"])
        stored = next((shape for path in folder.glob("*.safetensors") if (shape := _shape(path, name))), "not")
        raise ExportError(
            f"config.json and the weights disagree: {name} should be {list(model.state_dict()[name].shape)}, and is "
            f"{stored}; get both from one revision"
        )
    if missing := sorted(name for name in found["missing_keys"] if not name.endswith(_COUNTERS)):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ExportError(
            f"the weights lack {missing[0]}{more}, which {architecture} needs: this part was never trained"
        )


def _shape(path: Path, name: str) -> list[int]:
    """Shape of the tensor in this file; empty where it has none of this name."""
    return list(describe_safetensors(path).get(name, ("", ()))[1])
