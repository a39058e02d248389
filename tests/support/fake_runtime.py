"""An onnxruntime with execution providers that this machine lacks: some work, some cannot be loaded, some break."""

from dataclasses import dataclass, field

import numpy as np

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class FakeOptions:
    def __init__(self):
        self.entries = {}

    def add_session_config_entry(self, key, value):
        self.entries[key] = value


@dataclass
class FakeRuntime:
    """Attributes:
    unloadable: providers whose sessions cannot be made, with the reason; missing: those whose library is not there
    (ONNX Runtime then makes a session of the rest without a word); breaking: those that fail at every run.
    """

    available: tuple = (CUDA, CPU)
    unloadable: dict = field(default_factory=dict)
    missing: tuple = ()
    breaking: tuple = ()
    version: str = "9.9.9"
    made: list = field(default_factory=list)
    severities: list = field(default_factory=list)

    def __post_init__(self):
        self.__version__ = self.version
        self.SessionOptions = FakeOptions

    def get_available_providers(self):
        return list(self.available)

    def set_default_logger_severity(self, severity):
        self.severities.append(severity)

    def InferenceSession(self, source, options, providers, enable_fallback=1):  # noqa: N802 (the runtime's name)
        names = [one if isinstance(one, str) else one[0] for one in providers]
        if names[0] in self.unloadable:
            raise RuntimeError(self.unloadable[names[0]])
        session = FakeSession(source, options, providers, [name for name in names if name not in self.missing], self)
        self.made.append(session)
        return session


@dataclass
class FakeSession:
    source: object
    options: object
    asked: list
    providers: list
    runtime: FakeRuntime

    def get_providers(self):
        return self.providers

    def get_inputs(self):
        return []

    def get_outputs(self):
        return []

    def run(self, output_names, input_feed):
        if self.providers[0] in self.runtime.breaking:
            raise RuntimeError("CUDA failure 700: an illegal memory access\nmore of it")
        return [np.array([self.providers[0]])]
