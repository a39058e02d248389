"""Whisper in transformers on PyTorch, float32, not compiled, greedy; the folder is in Hugging Face's format."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from peer_protocol import Order, Prepare, serve


def load(order: Order) -> Prepare:
    """Order: `folder`, `threads`."""
    import torch
    from tokenizers import Tokenizer
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.set_num_threads(order["threads"])
    model = WhisperForConditionalGeneration.from_pretrained(order["folder"], dtype=torch.float32).eval()
    extractor = WhisperFeatureExtractor.from_pretrained(order["folder"])
    tokenizer = Tokenizer.from_file(f"{order['folder']}/tokenizer.json")

    def prepare(item: Order) -> Callable[[], str]:
        samples = np.load(item["samples"])

        def call() -> str:
            features = extractor(samples, sampling_rate=16_000, return_tensors="pt").input_features
            with torch.inference_mode():
                tokens = model.generate(
                    features, language=item["language"], task="transcribe", num_beams=1, do_sample=False
                )
            return str(tokenizer.decode(tokens[0].tolist(), skip_special_tokens=True)).strip()

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("torch", "transformers"))
