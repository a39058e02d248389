"""How far an exported detector is from the torch model: the same pictures through both, compared from the picture on.

RT-DETR and D-FINE choose their queries: the best 300 of 8400 places, say. Scores that differ by less than the last bits
change places there, another query is computed, and, as queries attend to each other, all others differ as well. That
says nothing about the graph. So the choice is taken from the graph and forced upon torch, and everything is compared in
its order; the choice itself is judged by how much worse its worst places are than those that torch would choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from export_parity import compare
from provenance import Parity

from edge.errors import ExportError
from edge.inference.sessions import Session, SessionFactory

Array = npt.NDArray[Any]
OUTPUTS = ("logits", "pred_boxes")
SHAPES = ((240, 352), (333, 250))
"""Height and width of the pictures."""


def check_detector(
    model: Any, graph: Path, prepare: Callable[[Array], Array], processor: Any, tolerance: float | None = None
) -> list[Parity]:
    """Compare preparation, choice of queries where there is one, logits and boxes; of two pictures the worse.

    Args:
        model: of torch, in evaluation mode.
        graph: the exported one.
        prepare: the device's preparation: BGR uint8 [h, w, 3] to float32 [1, 3, h, w].
        processor: that of transformers.
        tolerance: most absolute difference; None: that of `export_parity`.

    Raises:
        ExportError: something has another shape in the graph than in torch.
    """
    queries = getattr(model.config, "num_queries", 0)
    session, choice = _session(graph, queries) if chooses(model) else (SessionFactory().open(graph), "")
    worst: dict[str, Parity] = {}
    for seed, shape in enumerate(SHAPES):
        image = noise(shape, seed)
        pixels = prepare(image)
        theirs = {"pixel_values": processor(image[:, :, ::-1], return_tensors="np")["pixel_values"]}
        parity = compare(graph.name, theirs, {"pixel_values": pixels}, tolerance)
        names = [*OUTPUTS, choice] if choice else list(OUTPUTS)
        said = dict(zip(names, session.run(names, {"pixel_values": pixels}), strict=True))
        chosen = said.pop(choice) if choice else None
        wanted, scores = ask(model, pixels, chosen)
        parity += compare(graph.name, wanted, said, tolerance)
        if chosen is not None and scores is not None:
            parity.append(judge_choice(graph.name, scores, chosen[0], tolerance))
        for one in parity:
            known = worst.get(one.output)
            worst[one.output] = one if known is None or not one.max_difference <= known.max_difference else known
    return list(worst.values())


def chooses(model: Any) -> bool:
    """Whether the model chooses its queries among the places of the picture."""
    return hasattr(model, "model") and hasattr(model.model, "enc_score_head")


def ask(model: Any, pixels: Array, chosen: Array | None = None) -> tuple[dict[str, Array], Array | None]:
    """Outputs of the torch model, and the scores of all places if a choice was forced upon it.

    Args:
        model: of torch.
        pixels: float32 [1, 3, h, w].
        chosen: int64 [1, queries], indices of places; None: the model chooses, if it does.
    """
    import torch

    with torch.no_grad(), _forced(chosen) as noted:
        said = model(torch.from_numpy(pixels))
    if chosen is not None and len(noted) != 1:
        raise ExportError(f"the model chooses its queries {len(noted)} times; once is what is known")
    return {name: said[name].numpy() for name in OUTPUTS}, noted[0] if noted else None


def judge_choice(graph: str, scores: Array, chosen: Array, tolerance: float | None = None) -> Parity:
    """How much worse the worst of the chosen places is than the worst that should have been chosen.

    Args:
        graph: its file name.
        scores: float32 [places], torch's.
        chosen: int64 [queries], the graph's.
        tolerance: as in `check_detector`.
    """
    best = np.sort(scores)[::-1][: len(chosen)]
    taken = np.sort(scores[np.unique(chosen)])[::-1]
    if len(taken) != len(best):
        raise ExportError(f"{graph}: it chooses {len(best) - len(taken)} of its queries more than once")
    (parity,) = compare(graph, {"choice of queries": best}, {"choice of queries": taken}, tolerance)
    return parity


def noise(shape: tuple[int, int], seed: int) -> Array:
    """A picture of smooth noise, BGR uint8 [h, w, 3]: the same every time."""
    from PIL import Image

    coarse = np.random.default_rng(seed).integers(0, 256, (shape[0] // 12, shape[1] // 12, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.uint8)


def _session(graph: Path, queries: int) -> tuple[Session, str]:
    """The graph with the indices of its choice as one more output, and the name of that."""
    import onnx

    model = onnx.load(graph)
    found = [node.output[1] for node in model.graph.node if node.op_type == "TopK"]
    for name in found:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None))
    session = SessionFactory().open(model.SerializeToString())
    size = {node.name: node.shape for node in session.get_inputs()}["pixel_values"]
    zeros = np.zeros([side if isinstance(side, int) else 64 for side in size], np.float32)
    shapes = {
        name: output.shape for name, output in zip(found, session.run(found, {"pixel_values": zeros}), strict=True)
    }
    choices = [name for name, shape in shapes.items() if shape == (1, queries)]
    if len(choices) != 1:
        raise ExportError(f"{graph.name} chooses its queries {len(choices)} times; once is what is known")
    return session, choices[0]


@contextmanager
def _forced(chosen: Array | None) -> Iterator[list[Array]]:
    """While this lasts, `torch.topk` of a row of scores gives `chosen`; yields the scores it was asked about."""
    import torch

    real, noted = torch.topk, []

    def topk(values: Any, k: int, *arguments: Any, **options: Any) -> Any:
        if chosen is None or values.ndim != chosen.ndim or k != chosen.shape[1]:
            return real(values, k, *arguments, **options)
        noted.append(values[0].numpy().copy())
        indices = torch.from_numpy(chosen)
        return values.gather(1, indices), indices

    with mock.patch.object(torch, "topk", topk):
        yield noted
