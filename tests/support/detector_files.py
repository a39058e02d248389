"""A detector that finds coloured rectangles, as a folder of the store has it: one query for each colour."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 48
LABELS = ("cup", "dog", "book")
"""What is red, green, blue."""
BLUE, GREEN, RED = (230, 30, 30), (30, 230, 30), (30, 30, 230)
SURE = 60.0
"""Logit of a thing that fills the picture; one of a tenth of its area has a tenth of that, and all have 2 less."""


def picture(things=(), size=(120, 160), grey=128, seed=0):
    """A grey, slightly noisy picture, BGR uint8, with rectangles: pairs of colour and left, top, right, bottom."""
    image = np.full((*size, 3), grey, np.float64)
    for color, (left, top, right, bottom) in things:
        image[top:bottom, left:right] = color
    return np.clip(image + np.random.default_rng(seed).integers(-4, 5, image.shape), 0, 255).astype(np.uint8)


def graph(outputs=("logits", "pred_boxes"), *, nothing=False, side=SIDE, inputs=("pixel_values",)):
    """The graph: colour less the others gives a mask, its moments a box. `nothing`: with a class for nothing."""
    shapes = {"logits": [1, 3, 3 + nothing], "pred_boxes": [1, 3, 4], "mass": [1, 3]}
    model = helper.make_model(
        helper.make_graph(
            [*_mask_nodes(), *_moment_nodes("x"), *_moment_nodes("y"), *_answer_nodes()],
            "colours",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, side, side]) for name in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in _constants(side, nothing=nothing).items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    return model


def _constants(side, *, nothing):
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    return {
        "colours": np.array([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]], np.float32).reshape(3, 3, 1, 1),
        "faint": np.array(0.3, np.float32),
        "x": np.broadcast_to(place[None, None, None, :], (1, 1, side, side)).copy(),
        "y": np.broadcast_to(place[None, None, :, None], (1, 1, side, side)).copy(),
        "axes": np.array([2, 3]),
        "tiny": np.array(1e-4, np.float32),
        "twelve": np.array(12, np.float32),
        "last": np.array([2]),
        "middle": np.array([1]),
        "sure": np.array(SURE / side**2, np.float32),
        "own": np.eye(3, 3 + nothing, dtype=np.float32)[None],
        "less": np.array([*[-2.0] * 3, *[1.0] * nothing], np.float32),
    }


def _mask_nodes():
    """Where each colour is, and how many pixels that is."""
    return [
        helper.make_node("Conv", ["pixel_values", "colours"], ["pure"]),
        helper.make_node("Sub", ["pure", "faint"], ["clear"]),
        helper.make_node("Relu", ["clear"], ["relu"]),
        helper.make_node("Ceil", ["relu"], ["mask"]),
        helper.make_node("ReduceSum", ["mask", "axes"], ["bare"], keepdims=0),
        helper.make_node("Add", ["bare", "tiny"], ["mass"]),
    ]


def _moment_nodes(axis):
    """Centre and side along an axis: a rectangle is as long as the root of twelve times its variance."""
    return [
        helper.make_node("Mul", ["mask", axis], [f"m{axis}"]),
        helper.make_node("ReduceSum", [f"m{axis}", "axes"], [f"s{axis}"], keepdims=0),
        helper.make_node("Div", [f"s{axis}", "mass"], [f"c{axis}"]),
        helper.make_node("Mul", [f"m{axis}", axis], [f"mm{axis}"]),
        helper.make_node("ReduceSum", [f"mm{axis}", "axes"], [f"q{axis}"], keepdims=0),
        helper.make_node("Div", [f"q{axis}", "mass"], [f"e{axis}"]),
        helper.make_node("Mul", [f"c{axis}", f"c{axis}"], [f"cc{axis}"]),
        helper.make_node("Sub", [f"e{axis}", f"cc{axis}"], [f"v{axis}"]),
        helper.make_node("Mul", [f"v{axis}", "twelve"], [f"w{axis}"]),
        helper.make_node("Relu", [f"w{axis}"], [f"p{axis}"]),
        helper.make_node("Sqrt", [f"p{axis}"], [f"d{axis}"]),
    ]


def _answer_nodes():
    """Boxes, and logits by how many pixels a colour has."""
    return [
        *(helper.make_node("Unsqueeze", [name, "last"], [f"{name}_last"]) for name in ("cx", "cy", "dx", "dy", "bare")),
        helper.make_node("Concat", ["cx_last", "cy_last", "dx_last", "dy_last"], ["pred_boxes"], axis=2),
        helper.make_node("Mul", ["bare_last", "sure"], ["strength"]),
        helper.make_node("Mul", ["strength", "own"], ["scored"]),
        helper.make_node("Add", ["scored", "less"], ["logits"]),
    ]


def write_detector(folder, model=None, *, nothing=False, **changes):
    """`model.onnx` and `model.json` of it; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model or graph(nothing=nothing), str(folder / "model.onnx"))
    description = {
        "format": 2,
        "family": "detector",
        "graphs": {"model": "model.onnx"},
        "labels": LABELS,
        "preprocessing": {"fit": "squash", "height": SIDE, "width": SIDE},
        "activation": "softmax" if nothing else "sigmoid",
        **changes,
    }
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


class DetectorStore:
    """A store with nothing but this detector in it."""

    def __init__(self, root):
        self.root = write_detector(root)

    def open(self, model_id):
        return self.root

    def installed(self):
        return ()
