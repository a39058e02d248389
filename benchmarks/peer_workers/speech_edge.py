"""Our recogniser on a decoded utterance: log-mel, encoder, guarded decoding. The model's folder is the order's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from peer_protocol import Order, Prepare, serve
from plain_sessions import sessions_for

from edge.perception.speech_recognition import SpeechRecognizer
from edge.settings import RecognitionSettings


def load(order: Order) -> Prepare:
    """Order: `folder`, `threads`, `plain`."""
    sessions = sessions_for(plain=order["plain"], threads=order["threads"])
    recognizer = SpeechRecognizer.load(Path(order["folder"]), sessions, RecognitionSettings())

    def prepare(item: Order) -> Callable[[], str]:
        samples = np.load(item["samples"])
        return lambda: recognizer.transcribe(samples, (item["language"],)).text

    return prepare


if __name__ == "__main__":
    serve(load, ("onnxruntime",))
