"""rapidocr on a decoded picture, with its own models and settings as they come but for the threads."""

from __future__ import annotations

from collections.abc import Callable

import cv2
from peer_protocol import Order, Prepare, serve


def load(order: Order) -> Prepare:
    """Order: `threads`."""
    from rapidocr import RapidOCR

    threads = {"intra_op_num_threads": order["threads"], "inter_op_num_threads": 1}
    chosen = {f"EngineConfig.onnxruntime.{key}": value for key, value in threads.items()}
    engine = RapidOCR(params={**chosen, "Global.log_level": "critical"})

    def prepare(item: Order) -> Callable[[], list[str]]:
        image = cv2.imread(item["picture"])
        return lambda: [str(text) for text in engine(image).txts or ()]

    return prepare


if __name__ == "__main__":
    serve(load, ("rapidocr", "onnxruntime", "opencv-python-headless", "opencv-python"))
