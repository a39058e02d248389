"""Weights in 8 bits: within half a step of what they were, whatever their shape and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edge.hub.recipes.packing import ZERO_8, blocks_8, in_blocks, per_channel

WEIGHTS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=40),
    elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False),
)


@settings(max_examples=50, deadline=None)
@given(WEIGHTS, st.sampled_from([127, 63]))
def test_per_channel_is_within_half_a_step(rows, peak):
    packed, scale = per_channel(rows, peak)
    assert (packed.dtype, scale.dtype) == (np.int8, np.float32)
    assert packed.shape == rows.shape
    assert scale.shape == (rows.shape[0],)
    assert np.abs(packed.astype(int)).max() <= peak
    assert (np.abs(packed * scale[:, None] - rows) <= scale[:, None] * 0.5001).all()


@settings(max_examples=50, deadline=None)
@given(WEIGHTS, st.sampled_from([16, 32, 128]))
def test_blocks_are_within_half_a_step_and_zero_behind(rows, block):
    packed, scale = blocks_8(rows, block)
    outputs, inputs = rows.shape
    assert packed.shape == (outputs, -(-inputs // block), block)
    assert (packed.dtype, scale.dtype) == (np.uint8, np.float32)
    assert packed.min() >= 1
    back = ((packed.astype(np.float32) - ZERO_8) * scale[:, :, None]).reshape(outputs, -1)
    assert not back[:, inputs:].any()
    steps = np.repeat(scale, block, axis=1)[:, :inputs]
    assert (np.abs(back[:, :inputs] - rows) <= steps * 0.5001).all()


def test_rows_of_zeros_have_a_scale_that_divides():
    packed, scale = per_channel(np.zeros((2, 4), np.float32))
    assert not packed.any()
    assert scale.tolist() == [1.0, 1.0]
    blocks, scales = blocks_8(np.zeros((1, 32), np.float32), 16)
    assert (blocks == ZERO_8).all()
    assert scales.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(("inputs", "blocks"), [(1, 1), (16, 1), (17, 2)])
def test_a_block_that_is_not_full_is_filled_with_zeros(inputs, blocks):
    parts = in_blocks(np.ones((3, inputs), np.float32), 16)
    assert parts.shape == (3, blocks, 16)
    assert parts.sum() == 3 * inputs
