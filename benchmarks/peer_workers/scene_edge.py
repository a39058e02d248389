"""Our recogniser of what a picture shows, on a decoded picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from peer_protocol import Order, Prepare, serve
from plain_sessions import sessions_for

from edge.perception.image_recognition import ImageRecognizer
from edge.settings import SceneSettings


def load(order: Order) -> Prepare:
    """Order: `folder`, `threads`, `plain`."""
    sessions = sessions_for(plain=order["plain"], threads=order["threads"])
    recognizer = ImageRecognizer.load(Path(order["folder"]), sessions, SceneSettings())

    def prepare(item: Order) -> Callable[[], dict[str, Any]]:
        image = np.asarray(cv2.imread(item["picture"]), np.uint8)

        def call() -> dict[str, Any]:
            glance = recognizer.look(image)
            return {"label": recognizer.labels[int(glance.scores.argmax())], "known": glance.known}

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("onnxruntime",))
