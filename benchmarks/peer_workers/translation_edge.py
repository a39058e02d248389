"""Our translator through the function that `edge translate` calls for a line. The pack's folder is the order's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from peer_protocol import Order, Prepare, serve
from plain_sessions import sessions_for

from edge.perception.translation import Translator
from edge.settings import TranslationSettings


def load(order: Order) -> Prepare:
    """Order: `folder`, `threads`, `plain`."""
    sessions = sessions_for(plain=order["plain"], threads=order["threads"])
    translator = Translator.load(Path(order["folder"]), sessions, TranslationSettings())

    def prepare(item: Order) -> Callable[[], str]:
        return lambda: translator.translate(item["text"])

    return prepare


if __name__ == "__main__":
    serve(load, ("onnxruntime",))
