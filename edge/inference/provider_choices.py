"""Which execution provider a model runs on, as measured on this machine: `providers.json` in the model store.

`edge bench --providers` writes it:

    {"format": 1, "machine": {...}, "choices": {"<id>/<fingerprint>/<file>": {"provider", "why"}}}

A choice holds for the very file (its fingerprint names its bytes), the processor, the number of threads, the version of
ONNX Runtime and the providers with which it was measured. Where any of them is another, the CPU runs the model.
"""

from __future__ import annotations

import contextlib
import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import StoreError
from edge.inference.cpu import CPUINFO
from edge.inference.providers import CPU, short_name
from edge.settings import InferenceSettings

FILE = "providers.json"
_BUILT = "built"
_BOARD = Path("/proc/device-tree/model")
_NAMES = ("model name", "Model", "Hardware", "CPU part")
_MEASURE = "run: edge bench --providers"

log = logging.getLogger(__name__)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Circumstances(_Record):
    """What a measured choice depends on, beside the model."""

    cpu: str
    onnxruntime: str
    providers: tuple[str, ...]
    threads: int


class Choice(_Record):
    """A provider for one ONNX file, and why it."""

    provider: str
    why: str


class Choices(_Record):
    """All choices of a store."""

    format: Literal[1] = 1
    machine: Circumstances
    choices: dict[str, Choice] = {}

    def write(self, root: Path) -> None:
        """Put it into the store at `root`; the file is whole at any moment.

        Raises:
            StoreError: it cannot be written.
        """
        beside = root / f".{FILE}.part"
        try:
            beside.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
            beside.replace(root / FILE)
        except OSError as error:
            raise StoreError(f"{root / FILE} cannot be written ({error.strerror}); check the store's disk") from error


def circumstances(runtime: Any, threads: int) -> Circumstances:
    """Those of now; `runtime` is the onnxruntime module, `threads` the budget of the settings."""
    return Circumstances(
        cpu=f"{_cpu_name()} ({platform.machine()})",
        onnxruntime=runtime.__version__,
        providers=tuple(runtime.get_available_providers()),
        threads=threads,
    )


def _cpu_name(cpuinfo: Path = CPUINFO, board: Path = _BOARD) -> str:
    """The board where firmware tells it, else the processor."""
    with contextlib.suppress(OSError):
        return board.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    with contextlib.suppress(OSError):
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        fields = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in reversed(lines)}
        return next((fields[name] for name in _NAMES if fields.get(name)), "unknown")
    return platform.processor() or "unknown"


def key_of(model: Path) -> tuple[Path, str] | None:
    """Root of the store and key of an ONNX file in it; None for a file elsewhere."""
    folder = model.absolute().parent
    if len(folder.parents) < 3 or folder.parents[1].name != _BUILT:  # noqa: PLR2004 (built / id / fingerprint)
        return None
    return folder.parents[2], f"{folder.parent.name}/{folder.name}/{model.name}"


def read_choices(root: Path) -> Choices | None:
    """The choices of a store whatever machine they are of; None when nothing was measured.

    A file that is broken is told once and then as good as none: the CPU can run everything.
    """
    try:
        return Choices.model_validate_json((root / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        log.warning("%s cannot be understood, so the CPU runs everything; %s", root / FILE, _MEASURE)
        return None


class ChosenProviders:
    """Looks choices up; reads the file of each store once."""

    def __init__(self, runtime: Any, threads: int) -> None:
        self._now = circumstances(runtime, threads)
        self._read: dict[Path, Choices | None] = {}

    def of(self, model: Path) -> str:
        """Name of the provider for an ONNX file."""
        found = key_of(model)
        if found is None:
            return CPU
        root, key = found
        if root not in self._read:
            self._read[root] = read_choices(root)
        choices = self._read[root]
        if choices is None or choices.machine != self._now or key not in choices.choices:
            return CPU
        return choices.choices[key].provider


def describe(root: Path, settings: InferenceSettings, runtime: Any, files: Sequence[Path]) -> list[str]:
    """For people: which providers are there, and which one runs each of the ONNX files and why.

    Args:
        root: of the model store.
        settings: with the thread budget, and the providers where the user gave some.
        runtime: the onnxruntime module.
        files: in the store.
    """
    now = circumstances(runtime, settings.threads)
    lines = [f"available: {', '.join(short_name(name) for name in now.providers)}"]
    if settings.providers:
        return [*lines, f"settings say: {', '.join(short_name(name) for name in settings.providers)}"]
    if not set(now.providers) - {CPU, "AzureExecutionProvider"}:
        return [*lines, "CPU for every model: there is no other provider"]
    choices = read_choices(root)
    if choices is None:
        return [*lines, f"CPU for every model: not measured; {_MEASURE}"]
    if choices.machine != now:
        what = next(name for name in Circumstances.model_fields if getattr(choices.machine, name) != getattr(now, name))
        return [*lines, f"CPU for every model: measured with another {_WORDS[what]}; {_MEASURE}"]
    return [*lines, *(_line(file, choices) for file in files)]


_WORDS = {
    "cpu": "processor",
    "onnxruntime": "version of ONNX Runtime",
    "providers": "set of providers",
    "threads": "number of threads",
}


def _line(file: Path, choices: Choices) -> str:
    found = key_of(file)
    choice = choices.choices.get(found[1]) if found else None
    name = f"{file.parent.parent.name}/{file.name}"
    return (
        f"{name}: {short_name(choice.provider)}, {choice.why}" if choice else f"{name}: CPU, not measured; {_MEASURE}"
    )
