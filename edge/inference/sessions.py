"""The one place where ONNX Runtime sessions are made, with the thread budget and the providers of this board."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge.errors import InferenceError
from edge.inference.cpu import int8_saturates
from edge.settings import InferenceSettings

Array = npt.NDArray[Any]


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that perception uses."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        """Run the graph; `output_names` None gives all outputs in graph order."""
        ...

    def get_inputs(self) -> list[Any]:
        """Input descriptions with `name`, `shape`, `type`."""
        ...

    def get_outputs(self) -> list[Any]:
        """Output descriptions with `name`, `shape`, `type`."""
        ...


class SessionFactory:
    """Makes sessions under one policy: inter-op 1, intra-op as asked within the budget, spinning off.

    ONNX Runtime wheels from 1.29 on send telemetry by default; the factory switches it off before the first
    import, which is why nothing else in this package may import onnxruntime.
    """

    def __init__(self, settings: InferenceSettings | None = None) -> None:
        self._settings = settings or InferenceSettings()

    @property
    def threads(self) -> int:
        """Most intra-op threads a session may ask for."""
        return self._settings.threads

    def open(self, model: Path | bytes, *, threads: int = 1) -> Session:
        """A session over an ONNX file (or its bytes).

        Args:
            model: path of the file, or the serialised graph.
            threads: intra-op threads wanted; capped by the budget.

        Raises:
            InferenceError: the file is missing or is no graph this runtime can run.
        """
        name = "graph" if isinstance(model, bytes) else str(model)
        return _Checked(self._create(model, self._options(threads)), name)

    def _options(self, threads: int) -> Any:
        """`onnxruntime.SessionOptions` of the policy."""
        options = import_onnxruntime().SessionOptions()
        options.intra_op_num_threads = min(threads, self._settings.threads)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if self._settings.spinning else "0")
        if int8_saturates():
            options.add_session_config_entry("session.x64quantprecision", "1")
        return options

    def _create(self, model: Path | bytes, options: Any) -> Any:
        """`onnxruntime.InferenceSession` of the model; raises InferenceError."""
        source = model if isinstance(model, bytes) else str(model)
        name = "graph" if isinstance(model, bytes) else str(model)
        try:
            return import_onnxruntime().InferenceSession(source, options, providers=self.providers())
        except Exception as error:
            raise InferenceError(f"{name} cannot be loaded: {one_line(error)}; run: edge doctor") from error

    def providers(self) -> list[str]:
        """Execution providers in the order in which they are tried."""
        return list(self._settings.providers) or ["CPUExecutionProvider"]


class _Checked:
    """A session whose failures are InferenceErrors that name the model."""

    def __init__(self, session: Any, name: str) -> None:
        self._session = session
        self._name = name
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        try:
            outputs: list[Array] = self._session.run(output_names, input_feed)
        except Exception as error:
            raise InferenceError(f"{self._name} failed: {one_line(error)}; run: edge doctor") from error
        return outputs


def import_onnxruntime() -> Any:
    """Import onnxruntime with its telemetry switched off."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


def one_line(error: BaseException) -> str:
    """The first non-empty line of an exception's message."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def float32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """`values` as a contiguous float32 array, without a copy when it already is one."""
    return np.ascontiguousarray(values, dtype=np.float32)
