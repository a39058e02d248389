"""faster-whisper on a decoded utterance: beam 1, the language told, everything else as it comes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from peer_protocol import Order, Prepare, serve


def load(order: Order) -> Prepare:
    """Order: `folder` in CTranslate2's format, `precision`, `threads`."""
    from faster_whisper import WhisperModel

    computes = {"int8": "int8", "fp32": "float32"}[order["precision"]]
    model = WhisperModel(order["folder"], device="cpu", compute_type=computes, cpu_threads=order["threads"])

    def prepare(item: Order) -> Callable[[], str]:
        samples = np.load(item["samples"])

        def call() -> str:
            parts, _ = model.transcribe(samples, beam_size=1, language=item["language"])
            return "".join(part.text for part in parts).strip()

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("faster-whisper", "ctranslate2"))
