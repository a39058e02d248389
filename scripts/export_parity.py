"""How far an exported graph is from the torch model: the same fixed inputs through both, compared output by output.

ONNX Runtime runs with the device's own sessions (edge/inference), so what is compared is what will run there.

Tolerance. Both sides count in float32 (24 bits, 1.2e-7 of a value), but add in another order, and the differences grow
from layer to layer: exports that are right differ by 1e-7 to 1e-5 of the largest output. An export that is wrong (a
mask that was folded away, a size that was frozen, a layer left out) differs by about as much as the output. The line is
drawn between them at `RELATIVE` of the largest magnitude, and never below `ABSOLUTE`, which noise from values of
size one inside the network can reach when the output itself is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from provenance import Parity

from edge.errors import ExportError
from edge.inference.sessions import SessionFactory

Array = npt.NDArray[Any]
RELATIVE = 1e-4
ABSOLUTE = 1e-5
_SEED = 20


def check_graph(
    path: Path, feeds: Mapping[str, Array], expected: Mapping[str, Array], tolerance: float | None = None
) -> list[Parity]:
    """Run the graph at `path` and compare it with what torch said.

    Args:
        path: the ONNX file.
        feeds: input name to the value that torch was given too.
        expected: output name to torch's value (`tensor.numpy()`); every one is compared.
        tolerance: most absolute difference; None: `default_tolerance` of each output.

    Raises:
        ExportError: the graph takes other inputs, lacks an output, or gives one of another shape; or torch says the
            same of every element of the batch.
        InferenceError: ONNX Runtime cannot run it.
    """
    session = SessionFactory().open(path)
    taken = {found.name for found in session.get_inputs()}
    if taken != set(feeds):
        raise ExportError(f"{path.name} takes {_names(taken)}, and torch was given {_names(set(feeds))}")
    given = [found.name for found in session.get_outputs()]
    if lacking := set(expected) - set(given):
        raise ExportError(f"{path.name} gives {_names(set(given))}, and lacks {_names(lacking)}")
    wanted = list(expected)
    _check_telling(path.name, expected)
    return compare(path.name, expected, dict(zip(wanted, session.run(wanted, feeds), strict=True)), tolerance)


def compare(
    graph: str, expected: Mapping[str, Array], actual: Mapping[str, Array], tolerance: float | None = None
) -> list[Parity]:
    """Torch's outputs against those of ONNX Runtime, of the same names.

    A NaN on either side is a difference of NaN, which no tolerance allows; equal infinities (masks) do not differ.

    Raises:
        ExportError: an output has another shape, or is empty.
    """
    found = []
    for name, wanted in expected.items():
        got = actual[name]
        if wanted.shape != got.shape:
            raise ExportError(f"{graph}: {name} has shape {list(got.shape)}, and torch's has {list(wanted.shape)}")
        if not wanted.size:
            raise ExportError(f"{graph}: {name} is empty, so it proves nothing; this is a fault of the family's inputs")
        largest = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
        found.append(
            Parity(
                graph=graph,
                output=name,
                max_difference=difference(wanted, got),
                largest=largest,
                tolerance=default_tolerance(largest) if tolerance is None else tolerance,
            )
        )
    return found


def _check_telling(graph: str, expected: Mapping[str, Array]) -> None:
    """A model that does not look at its input agrees with any graph that does not either."""
    batches = [array for array in expected.values() if array.ndim and len(array) > 1]
    if batches and all(np.ptp(array, axis=0).max() <= default_tolerance(np.abs(array).max()) for array in batches):
        raise ExportError(
            f"{graph} says the same whatever it is given, so parity proves nothing: are the weights trained?"
        )


def difference(wanted: Array, got: Array) -> float:
    """Largest absolute difference of two arrays of one shape; NaN where either has one."""
    with np.errstate(invalid="ignore"):
        distances = np.abs(wanted.astype(np.float64) - got.astype(np.float64))
    distances[wanted == got] = 0.0
    return float(distances.max())


def default_tolerance(largest: float) -> float:
    """Most absolute difference allowed to an output whose largest magnitude is `largest`."""
    return max(ABSOLUTE, RELATIVE * largest)


def fixed_pixels(*shape: int) -> npt.NDArray[np.float32]:
    """Normal noise of this shape, the same every time: every element of the input counts, no two pictures are alike."""
    return np.random.default_rng(_SEED).standard_normal(shape, dtype=np.float32)


def fixed_tokens(batch: int, length: int, vocabulary: int) -> npt.NDArray[np.int64]:
    """Token ids [batch, length] in 0..vocabulary-1, the same every time."""
    return np.random.default_rng(_SEED).integers(0, vocabulary, (batch, length), dtype=np.int64)


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
