"""Weights in 8 bits, packed with numpy as ONNX Runtime's operators want them; symmetric.

Layouts: docs/ContribOperators.md of ONNX Runtime, `MatMulNBits` and `DynamicQuantizeMatMul`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

PEAK_8 = 127
ZERO_8 = 128


def per_channel(rows: Floats, peak: int = PEAK_8) -> tuple[npt.NDArray[np.int8], Floats]:
    """Int8 with one scale per output.

    Args:
        rows: float32 [out, in].
        peak: largest magnitude; 63 for processors whose products saturate.

    Returns:
        int8 [out, in] and float32 [out].
    """
    scale = scale_of(np.abs(rows).max(axis=1), peak)
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


def blocks_8(rows: Floats, block: int) -> tuple[Bytes, Floats]:
    """8 bits, zero point 128, one scale per block of inputs: uint8 [out, blocks, block] and float32 [out, blocks]."""
    parts = in_blocks(rows, block)
    scale = scale_of(np.abs(parts).max(axis=2), PEAK_8)
    return (np.rint(parts / scale[:, :, None]) + ZERO_8).astype(np.uint8), scale


def in_blocks(rows: Floats, block: int) -> Floats:
    """[out, in] as [out, blocks, block], with zeros behind where the last block is not full."""
    outputs, inputs = rows.shape
    padded = np.pad(rows, ((0, 0), (0, -inputs % block)))
    return padded.reshape(outputs, -1, block)


def scale_of(peak: Floats, largest: int) -> Floats:
    """What `largest` stands for, so that `peak` just fits; 1 where all is zero."""
    return np.asarray(np.where(peak > 0, peak / np.float32(largest), np.float32(1)), np.float32)
