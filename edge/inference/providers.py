"""Execution providers: what else than the CPU could run a model here, and with which options.

A provider is never chosen because it is there. `edge bench --providers` measures each of them on each model and writes
down the faster one whose answers agree (`edge.inference.provider_choices`); the session factory reads that.
Options: onnxruntime.ai/docs/execution-providers, one page for each provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
COREML = "CoreMLExecutionProvider"
XNNPACK = "XnnpackExecutionProvider"

KNOWN = (TENSORRT, CUDA, OPENVINO, COREML, XNNPACK)
"""Those that we have options for, in the order in which they are measured."""

CACHE = "provider-cache"
"""Folder in the store for what providers compile from a model."""


@dataclass(frozen=True)
class Provider:
    """A provider with its options.

    Attributes:
        behind: providers that take the nodes which this one cannot run, before the CPU does.
        own_threads: it has a pool of threads of its own; ONNX Runtime's must then have one thread, or both fight.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    behind: tuple[Provider, ...] = ()
    own_threads: bool = False

    @property
    def short(self) -> str:
        """Its name without the last two words."""
        return short_name(self.name)

    def listed(self) -> list[tuple[str, dict[str, str]]]:
        """As `onnxruntime.InferenceSession` takes them, the CPU last."""
        return [(one.name, dict(one.options)) for one in (self, *self.behind)] + [(CPU, {})]


def short_name(provider: str) -> str:
    """`CUDA` for `CUDAExecutionProvider`."""
    return provider.removesuffix("ExecutionProvider")


def candidates(available: Sequence[str], threads: int, cache: Path | None = None) -> tuple[Provider, ...]:
    """The providers worth measuring, of those that this build of ONNX Runtime has; the CPU is not among them.

    Args:
        available: `onnxruntime.get_available_providers()`.
        threads: that a session may use.
        cache: folder that may keep what they compile; None: nothing is kept.
    """
    return tuple(configured(name, available, threads, cache) for name in KNOWN if name in available)


def configured(name: str, available: Sequence[str], threads: int, cache: Path | None = None) -> Provider:
    """A provider with the options it needs here; one that nobody here knows is taken without any."""
    if name == TENSORRT:
        behind = (Provider(CUDA, _CUDA_OPTIONS),) if CUDA in available else ()
        return Provider(name, {"trt_fp16_enable": "1", **_tensorrt_cache(cache)}, behind)
    if name == CUDA:
        return Provider(name, _CUDA_OPTIONS)
    if name == OPENVINO:
        kept = {"cache_dir": _folder(cache, "openvino")} if cache else {}
        return Provider(name, {"device_type": "CPU", "num_of_threads": str(threads), **kept}, own_threads=True)
    if name == COREML:
        kept = {"ModelCacheDirectory": _folder(cache, "coreml")} if cache else {}
        return Provider(name, {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL", **kept})
    if name == XNNPACK:
        return Provider(name, {"intra_op_num_threads": str(threads)}, own_threads=True)
    return Provider(name)


_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC"}
"""The default tries all algorithms at every new shape, and our pictures and sounds have many."""


def _tensorrt_cache(cache: Path | None) -> dict[str, str]:
    """Building an engine takes minutes, so it is kept."""
    if cache is None:
        return {}
    folder = _folder(cache, "tensorrt")
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
    }


def _folder(cache: Path, name: str) -> str:
    return str(cache / name)
