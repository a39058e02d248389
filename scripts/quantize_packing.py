"""Weights in 4 bits, packed with numpy as ONNX Runtime's `MatMulNBits` wants them (docs/ContribOperators.md).

Symmetric. Those in 8 bits, which the device builds too: edge/hub/recipes/packing.py.
"""

from __future__ import annotations

import numpy as np

from edge.hub.recipes.packing import Bytes, Floats, in_blocks

BLOCKS = (128, 64, 32, 16)
_ZERO_4 = 8
_LOWEST_4 = -8
_NIBBLES = 15


def block_of(inputs: int, largest: int = BLOCKS[0]) -> int:
    """The largest block that divides this many inputs; the smallest allowed one, with zeros behind, where none does."""
    fitting = [block for block in BLOCKS if block <= largest]
    return next((block for block in fitting if inputs % block == 0), min(fitting))


def blocks_4(rows: Floats, block: int) -> tuple[Bytes, Floats]:
    """4 bits, zero point 8, the largest magnitude of a block at -8; two a byte, the first in the low half.

    Returns:
        uint8 [out, blocks, block / 2] and float32 [out, blocks].
    """
    parts = in_blocks(rows, block)
    index = np.abs(parts).argmax(axis=2)
    extreme = np.take_along_axis(parts, index[:, :, None], axis=2)[:, :, 0]
    scale = np.asarray(np.where(extreme != 0, extreme / np.float32(_LOWEST_4), np.float32(1)), np.float32)
    values = np.clip(np.rint(parts / scale[:, :, None]) + _ZERO_4, 0, _NIBBLES).astype(np.uint8)
    return values[:, :, 0::2] | values[:, :, 1::2] << 4, scale
