"""The float ViT-S that our recogniser was made from, in plain ONNX Runtime, on a decoded picture at 224 pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from peer_protocol import Order, Prepare, serve
from plain_sessions import PlainSessions
from recognizer_data import squash, tensor_of

SIZE = 224


def load(order: Order) -> Prepare:
    """Order: `weights`, an ONNX file; `threads`."""
    session = PlainSessions(order["threads"]).open(Path(order["weights"]))
    (name,) = (node.name for node in session.get_inputs())

    def prepare(item: Order) -> Callable[[], None]:
        image = np.asarray(cv2.imread(item["picture"]), np.uint8)

        def call() -> None:
            session.run(None, {name: tensor_of(squash(image, SIZE))[np.newaxis]})

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("onnxruntime",))
