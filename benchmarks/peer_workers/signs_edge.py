"""Our reader of text in pictures, on a decoded picture, with the settings as they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from peer_protocol import Order, Prepare, serve
from plain_sessions import sessions_for

from edge.perception.text_reading import TextReader
from edge.settings import TextSettings


def load(order: Order) -> Prepare:
    """Order: `detector` and `recognizer`, folders; `threads`, `plain`."""
    sessions = sessions_for(plain=order["plain"], threads=order["threads"])
    reader = TextReader.load(Path(order["detector"]), Path(order["recognizer"]), sessions, TextSettings())

    def prepare(item: Order) -> Callable[[], list[str]]:
        image = np.asarray(cv2.imread(item["picture"]), np.uint8)
        return lambda: [line.text for line in reader.read(image)]

    return prepare


if __name__ == "__main__":
    serve(load, ("onnxruntime", "opencv-python-headless", "opencv-python"))
