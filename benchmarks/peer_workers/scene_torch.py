"""A ViT-S/14 of transformers on PyTorch, float32, not compiled, random weights, on a decoded picture at 224 pixels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from peer_protocol import Order, Prepare, serve
from recognizer_data import squash, tensor_of

SIZE = 224


def load(order: Order) -> Prepare:
    """Order: `threads`."""
    import torch
    from transformers import Dinov2Config, Dinov2Model

    torch.set_num_threads(order["threads"])
    torch.manual_seed(0)
    model = Dinov2Model(
        Dinov2Config(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, patch_size=14, image_size=SIZE)
    ).eval()

    def prepare(item: Order) -> Callable[[], None]:
        image = np.asarray(cv2.imread(item["picture"]), np.uint8)

        def call() -> None:
            with torch.inference_mode():
                model(torch.from_numpy(tensor_of(squash(image, SIZE))[np.newaxis]))

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("torch", "transformers"))
