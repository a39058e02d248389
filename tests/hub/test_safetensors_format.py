import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.errors import RecipeError
from edge.hub.recipes.safetensors_format import describe_safetensors, read_safetensors, write_safetensors

TENSORS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array([1, -2], np.float16),
    "scalar": np.array(7, np.int64),
    "none": np.zeros((0, 4), np.int8),
}


def packed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(kind="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.fixture
def read(tmp_path):
    def run(content):
        file = tmp_path / "model.safetensors"
        file.write_bytes(content)
        return read_safetensors(file)

    return run


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "model.safetensors"
    write_safetensors(file, TENSORS)
    found = read_safetensors(file)
    assert found.keys() == TENSORS.keys()
    for name, expected in TENSORS.items():
        assert found[name].dtype == expected.dtype
        assert found[name].shape == expected.shape
        np.testing.assert_array_equal(found[name], expected)


def test_headers_say_type_and_shape(tmp_path):
    file = tmp_path / "model.safetensors"
    write_safetensors(file, TENSORS)
    assert describe_safetensors(file) == {
        "a": ("F16", (2,)), "b.weight": ("F32", (2, 3)), "none": ("I8", (0, 4)), "scalar": ("I64", ()),
    }  # fmt: skip
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(RecipeError, match="truncated"):
        describe_safetensors(file)


def test_order_does_not_change_the_bytes(tmp_path):
    for name, tensors in (("one", TENSORS), ("two", dict(reversed(TENSORS.items())))):
        write_safetensors(tmp_path / name, tensors)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_tensors_may_lie_in_any_order(read):
    data = np.array([1, 2, 3, 4], np.float32).tobytes()
    found = read(packed({"first": entry(offsets=(8, 16)), "second": entry(), "__metadata__": {"format": "pt"}}, data))
    assert found["first"].tolist() == [3, 4]
    assert found["second"].tolist() == [1, 2]


@given(arrays.arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_bfloat16_is_the_upper_half_of_float32(values):
    import tempfile
    from pathlib import Path

    upper = (values.view(np.uint32) >> 16).astype(np.uint16)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.safetensors"
        file.write_bytes(packed({"x": entry("BF16", (20,), (0, 40))}, upper.tobytes()))
        found = read_safetensors(file)["x"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), upper.astype(np.uint32) << 16)


def test_every_cut_is_noticed(tmp_path):
    file = tmp_path / "model.safetensors"
    write_safetensors(file, TENSORS)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(RecipeError, match="truncated"):
            read_safetensors(file)


def test_bytes_after_the_end_are_refused(read):
    with pytest.raises(RecipeError, match="2 bytes after its end"):
        read(packed({"x": entry()}, bytes(10)))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe{}", "not JSON"),
        ({"x": {"dtype": "F32", "shape": [2]}}, "header of x is damaged"),
        ({"x": 3}, "header of x is damaged"),
        ({"x": entry(offsets=(0, 8, 16))}, "header of x is damaged"),
        ({"x": entry(kind="F8_E4M3", shape=(8,))}, "F8_E4M3, which is not understood"),
        ({"x": entry(shape=(3,))}, r"bytes 0 to 8 for F32 \[3\]"),
        ({"x": entry(shape=(-2, -1))}, "the file is damaged"),
        ({"x": entry(offsets=(-8, 0))}, "the file is damaged"),
        ({"x": entry(), "y": entry(offsets=(4, 12))}, "y begins at byte [0-9]+, not"),
        ({"x": entry(offsets=(4, 12))}, "x begins at byte [0-9]+, not"),
    ],
)
def test_damaged_headers_are_named(read, header, message):
    with pytest.raises(RecipeError, match=message):
        read(packed(header, bytes(12)))


def test_a_header_of_absurd_length_is_not_read(read):
    with pytest.raises(RecipeError, match="no safetensors file"):
        read(struct.pack("<Q", 1 << 62) + b"{}")


def test_a_pickle_is_no_safetensors_file(read):
    with pytest.raises(RecipeError, match="no safetensors file"):
        read(b"\x80\x02}q\x00." + bytes(100))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"gone\.safetensors cannot be read"):
        read_safetensors(tmp_path / "gone.safetensors")
