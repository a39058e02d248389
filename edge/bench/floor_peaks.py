"""What this machine reaches at most: reading memory, and multiplying matrices in int8 and float32.

Reading is measured with the largest byte of an array (numpy, one vector instruction for every vector read, nothing
written): a product of a matrix and a vector reads every weight just so, and multiplies and adds besides, so it cannot
be faster. Arrays of several sizes tell what comes out of caches; the largest is beyond them. Products of matrices go
through ONNX Runtime with the settings of the program, weights packed: its best kernels at shapes they like.
The best of many short tries counts, in rounds that are apart in time: what disturbs can only make them slower.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge.bench.report import Peaks
from edge.hub.memory import available_mb
from edge.hub.product_graph import product_graph
from edge.inference.sessions import SessionFactory
from edge.settings import InferenceSettings

_MB = 1 << 20
_SIZES = (1 * _MB, 4 * _MB, 16 * _MB, 32 * _MB, 64 * _MB, 256 * _MB)
_SHARE_OF_FREE = 4
"""No more than this part of the free memory is taken."""
_BATCH = 8 * _MB
"""Bytes that a thread reads before it is asked again, so that asking costs nothing."""
_SHAPES = ((1024, 256, 256), (256, 1024, 1024))
"""Rows, inner and columns of the products."""
_ROUNDS = 2
_TRY_S = 0.06

Bytes = npt.NDArray[np.uint8]
Precision = Literal["int8", "fp32"]


def measure_peaks(threads: int, *, clock: Callable[[], float] = time.perf_counter) -> Peaks:
    """Bandwidth and peaks at a number of threads; takes two seconds and at most a quarter of the free memory.

    Raises:
        InferenceError: ONNX Runtime cannot multiply matrices here.
    """
    sizes = sizes_within(available_mb())
    memory = np.ones(sizes[-1], np.uint8)
    precisions: tuple[Precision, Precision] = ("int8", "fp32")
    products = {precision: [_product(precision, shape, threads) for shape in _SHAPES] for precision in precisions}
    reads = dict.fromkeys(sizes, 0.0)
    gops = dict.fromkeys(precisions, 0.0)
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_ROUNDS):
            for size in sizes:
                reads[size] = max(reads[size], _rate_gb_s(pool, memory[:size], threads, clock))
            for precision, (operations, run) in _flat(products):
                gops[precision] = max(gops[precision], operations / best_s(run, _TRY_S, clock) / 1e9)
    return Peaks(
        threads=threads,
        bandwidth_gb_s=reads[sizes[-1]],
        int8_gops=gops["int8"],
        float_gops=gops["fp32"],
        bandwidths=tuple(reads.items()),
    )


def best_peaks(tries: Sequence[Peaks]) -> Peaks:
    """The best of several measurements at the same number of threads, one quantity at a time."""
    rates: dict[int, float] = {}
    for size, rate in (pair for one in tries for pair in one.bandwidths):
        rates[size] = max(rate, rates.get(size, 0.0))
    return Peaks(
        threads=tries[0].threads,
        bandwidth_gb_s=max(one.bandwidth_gb_s for one in tries),
        int8_gops=max(one.int8_gops for one in tries),
        float_gops=max(one.float_gops for one in tries),
        bandwidths=tuple(sorted(rates.items())),
    )


def sizes_within(free_mb: int | None) -> tuple[int, ...]:
    """Sizes of arrays that a machine with so much free memory can spare; always the first."""
    most = _SIZES[-1] if free_mb is None else free_mb * 1_000_000 // _SHARE_OF_FREE
    return tuple(size for size in _SIZES if size <= most) or _SIZES[:1]


def bandwidth_for(working_set_bytes: int, peaks: Peaks) -> float:
    """Highest rate at which weights of this size could be read again and again, 10^9 bytes a second.

    That of the next smaller size that was measured, or of any larger one that was read faster.
    """
    smaller = [size for size, _ in peaks.bandwidths if size <= working_set_bytes] or [0]
    return max([rate for size, rate in peaks.bandwidths if size >= smaller[-1]] + [peaks.bandwidth_gb_s])


def best_s(call: Callable[[], object], budget_s: float, clock: Callable[[], float]) -> float:
    """Shortest time of `call` in seconds, tried for `budget_s` and at least twice after a first that does not count."""
    call()
    tries: list[float] = []
    end = clock() + budget_s
    while len(tries) < 2 or clock() < end:  # noqa: PLR2004 (at least twice)
        start = clock()
        call()
        tries.append(clock() - start)
    return min(tries)


def _rate_gb_s(pool: ThreadPoolExecutor, memory: Bytes, threads: int, clock: Callable[[], float]) -> float:
    parts = np.array_split(memory, threads)
    times = max(1, _BATCH // len(parts[0]))

    def read_all() -> None:
        list(pool.map(functools.partial(_read, times=times), parts))

    return times * len(memory) / best_s(read_all, _TRY_S, clock) / 1e9


def _read(part: Bytes, times: int) -> None:
    for _ in range(times):
        part.max()


_Product = tuple[int, Callable[[], object]]


def _product(precision: Precision, shape: tuple[int, int, int], threads: int) -> _Product:
    """Operations of a product, and a call that makes it."""
    rows, inner, columns = shape
    settings = InferenceSettings(threads=threads, providers=("CPUExecutionProvider",))
    session = SessionFactory(settings).open(product_graph(precision, rows, inner, columns), threads=threads)
    left = np.full((rows, inner), 3, np.uint8 if precision == "int8" else np.float32)
    return 2 * rows * inner * columns, lambda: session.run(None, {"x": left})


def _flat(products: dict[Precision, list[_Product]]) -> Iterator[tuple[Precision, _Product]]:
    return ((precision, product) for precision, several in products.items() for product in several)
