"""Weights in fewer bits, packed with numpy as ONNX Runtime's operators want them.

Layouts: docs/ContribOperators.md of ONNX Runtime, `MatMulNBits` and `DynamicQuantizeMatMul`. All are symmetric.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

BLOCKS = (128, 64, 32, 16)
ZERO_8 = 128
_ZERO_4 = 8
_PEAK_8 = 127
_LOWEST_4 = -8
_NIBBLES = 15


def per_channel(rows: Floats, peak: int = _PEAK_8) -> tuple[npt.NDArray[np.int8], Floats]:
    """Int8 with one scale per output.

    Args:
        rows: float32 [out, in].
        peak: largest magnitude; 63 for processors whose products saturate.

    Returns:
        int8 [out, in] and float32 [out].
    """
    scale = _scale(np.abs(rows).max(axis=1), peak)
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


def block_of(inputs: int, largest: int = BLOCKS[0]) -> int:
    """The largest block that divides this many inputs; the smallest allowed one, with zeros behind, where none does."""
    fitting = [block for block in BLOCKS if block <= largest]
    return next((block for block in fitting if inputs % block == 0), min(fitting))


def blocks_8(rows: Floats, block: int) -> tuple[Bytes, Floats]:
    """8 bits, zero point 128, one scale per block of inputs: uint8 [out, blocks, block] and float32 [out, blocks]."""
    parts = _parts(rows, block)
    scale = _scale(np.abs(parts).max(axis=2), _PEAK_8)
    return (np.rint(parts / scale[:, :, None]) + ZERO_8).astype(np.uint8), scale


def blocks_4(rows: Floats, block: int) -> tuple[Bytes, Floats]:
    """4 bits, zero point 8, the largest magnitude of a block at -8; two a byte, the first in the low half.

    Returns:
        uint8 [out, blocks, block / 2] and float32 [out, blocks].
    """
    parts = _parts(rows, block)
    index = np.abs(parts).argmax(axis=2)
    extreme = np.take_along_axis(parts, index[:, :, None], axis=2)[:, :, 0]
    scale = np.asarray(np.where(extreme != 0, extreme / np.float32(_LOWEST_4), np.float32(1)), np.float32)
    values = np.clip(np.rint(parts / scale[:, :, None]) + _ZERO_4, 0, _NIBBLES).astype(np.uint8)
    return values[:, :, 0::2] | values[:, :, 1::2] << 4, scale


def _parts(rows: Floats, block: int) -> Floats:
    outputs, inputs = rows.shape
    padded = np.pad(rows, ((0, 0), (0, -inputs % block)))
    return padded.reshape(outputs, -1, block)


def _scale(peak: Floats, largest: int) -> Floats:
    return np.asarray(np.where(peak > 0, peak / np.float32(largest), np.float32(1)), np.float32)
