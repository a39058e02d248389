"""The one place where ONNX Runtime sessions are made, with the thread budget and the providers of this board."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge.errors import InferenceError
from edge.inference.cpu import cpu_flags, int8_saturates
from edge.inference.provider_choices import ChosenProviders, circumstances, key_of
from edge.inference.providers import CACHE, CPU, Provider, configured
from edge.settings import InferenceSettings

Array = npt.NDArray[Any]

_FATAL = 4

log = logging.getLogger(__name__)


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

    The provider is the one that was measured to be the fastest for a model on this machine (`edge bench --providers`),
    else the CPU; providers in the settings win. One that cannot be had, or breaks, is told once and the CPU takes over.

    ONNX Runtime wheels from 1.29 on send telemetry by default; the factory switches it off before the first
    import, which is why nothing else in this package may import onnxruntime.
    """

    def __init__(self, settings: InferenceSettings | None = None, *, strict: bool = False) -> None:
        """`strict`: a provider that cannot be had, or breaks, is an error; for measuring it."""
        self._settings = settings or InferenceSettings()
        self._strict = strict
        self._told: set[str] = set()
        self._choices: ChosenProviders | None = None

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
        name = _name(model)
        provider = self._provider(model, min(threads, self.threads))
        if provider is not None:
            session = self._accelerated(model, threads, provider)
            if session is not None:
                again = None if self._strict else lambda error: self._instead(model, threads, provider, error)
                return _Checked(session, name, again)
        return _Checked(self._create(model, self._options(threads)), name)

    def providers(self) -> list[str]:
        """Execution providers in the order in which they are tried, for a model that none was measured for."""
        return list(self._settings.providers) or [CPU]

    def computed_by(self, model: Path) -> str:
        """What the last digits of a model's answers depend on, beside its bytes and the number of threads."""
        runtime = import_onnxruntime()
        provider = self._provider(model, self.threads)
        cpu, flags = circumstances(runtime, self.threads).cpu, " ".join(sorted(cpu_flags()))
        return f"{provider.name if provider else CPU}, onnxruntime {runtime.__version__}, {cpu}, {flags}"

    def _provider(self, model: Path | bytes, threads: int) -> Provider | None:
        """The provider for a model; None: the CPU."""
        if self._settings.providers == (CPU,):
            return None
        runtime = import_onnxruntime()
        if not self._settings.providers:
            self._choices = self._choices or ChosenProviders(runtime, self.threads)
            names = [CPU if isinstance(model, bytes) else self._choices.of(model)]
        else:
            names = list(self._settings.providers)
        available = runtime.get_available_providers()
        for name in names:
            if name not in available:
                self._refuse(name, f"this onnxruntime has only {', '.join(available)}")
        here = [name for name in names if name in available]
        if not here or here[0] == CPU:
            return None
        cache = _cache(model)
        first, *others = [configured(name, available, threads, cache) for name in here if name != CPU]
        return Provider(first.name, first.options, (*others, *first.behind), first.own_threads) if others else first

    def _accelerated(self, model: Path | bytes, threads: int, provider: Provider) -> Any:
        """A session with that provider; None when it cannot be had, which is told."""
        options = self._options(1 if provider.own_threads else threads)
        options.log_severity_level = _FATAL  # what it says of itself is told by our own line
        runtime = import_onnxruntime()
        runtime.set_default_logger_severity(_FATAL)
        try:
            session = runtime.InferenceSession(_source(model), options, providers=provider.listed(), enable_fallback=0)
        except Exception as error:  # noqa: BLE001 - each provider has its own
            self._refuse(provider.name, f"{_name(model)} cannot be loaded with it: {one_line(error)}")
            return None
        finally:
            runtime.set_default_logger_severity(_WARNING)
        if provider.name not in session.get_providers():
            self._refuse(provider.name, "its libraries or its device are missing")
            return None
        return session

    def _instead(self, model: Path | bytes, threads: int, provider: Provider, error: Exception) -> Any:
        """A session on the CPU for one whose provider broke while running."""
        self._refuse(provider.name, f"{_name(model)} failed: {one_line(error)}")
        return self._create(model, self._options(threads))

    def _refuse(self, provider: str, why: str) -> None:
        """Tell once that a provider is not used."""
        line = f"{provider} cannot be used ({why})"
        if self._strict:
            raise InferenceError(f"{line}; run: edge doctor")
        if provider not in self._told:
            self._told.add(provider)
            log.warning("%s; the CPU runs it instead; run: edge doctor", line)

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
        """`onnxruntime.InferenceSession` on the CPU; raises InferenceError."""
        try:
            return import_onnxruntime().InferenceSession(_source(model), options, providers=[CPU])
        except Exception as error:
            raise InferenceError(f"{_name(model)} cannot be loaded: {one_line(error)}; run: edge doctor") from error


_WARNING = 2


def _name(model: Path | bytes) -> str:
    return "graph" if isinstance(model, bytes) else str(model)


def _source(model: Path | bytes) -> str | bytes:
    return model if isinstance(model, bytes) else str(model)


def _cache(model: Path | bytes) -> Path | None:
    found = None if isinstance(model, bytes) else key_of(model)
    return found[0] / CACHE if found else None


class _Checked:
    """A session whose failures are InferenceErrors that name the model."""

    def __init__(self, session: Any, name: str, instead: Callable[[Exception], Any] | None = None) -> None:
        """`instead`: makes the session that takes over for good at the first failure."""
        self._session = session
        self._name = name
        self._instead = instead
        self._lock = threading.Lock()
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        session = self._session
        try:
            outputs: list[Array] = session.run(output_names, input_feed)
        except Exception as error:
            if self._replaced(session, error):
                return self.run(output_names, input_feed)
            raise InferenceError(f"{self._name} failed: {one_line(error)}; run: edge doctor") from error
        return outputs

    def _replaced(self, session: Any, error: Exception) -> bool:
        """Whether another session stands in the place of the one that failed; several threads may come here."""
        with self._lock:
            if self._session is session and self._instead is not None:
                self._session, self._instead = self._instead(error), None
            return self._session is not session


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
