"""ONNX Runtime as it comes: its default options but for the number of threads, which is that of every other system."""

from __future__ import annotations

from pathlib import Path

from edge.inference.sessions import Session, SessionFactory, import_onnxruntime
from edge.settings import InferenceSettings


class PlainSessions(SessionFactory):
    """Sessions that spin, prepack and optimise as ONNX Runtime does unasked."""

    def __init__(self, threads: int) -> None:
        super().__init__(InferenceSettings(threads=threads))

    def open(self, model: Path | bytes, *, threads: int = 1) -> Session:  # noqa: ARG002 - every session gets them all
        """A session over an ONNX file (or its bytes) with all threads."""
        ort = import_onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        source = model if isinstance(model, bytes) else str(model)
        session: Session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return session


def sessions_for(*, plain: bool, threads: int) -> SessionFactory:
    """The program's own sessions, or plain ones."""
    return PlainSessions(threads) if plain else SessionFactory(InferenceSettings(threads=threads))
