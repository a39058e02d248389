"""The comparison that decides whether an export is right."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import ExportError


@pytest.fixture(autouse=True)
def _scripts(scripts_on_path):
    pass


@pytest.fixture
def scaled(tmp_path):
    """Function: a graph that gives `pixel_values` times a factor as `logits`."""

    def write(factor, name="model.onnx"):
        graph = helper.make_graph(
            [helper.make_node("Mul", ["pixel_values", "factor"], ["logits"])],
            "scaled",
            [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
            [helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return write


def test_a_graph_that_says_the_same_holds(scaled):
    from export_parity import check_graph, fixed_pixels

    pixels = fixed_pixels(2, 3)
    (found,) = check_graph(scaled(2.0), {"pixel_values": pixels}, {"logits": pixels * 2})
    assert (found.graph, found.output) == ("model.onnx", "logits")
    assert found.holds
    assert found.max_difference == 0
    assert found.largest == pytest.approx(np.abs(pixels).max() * 2)


@pytest.mark.parametrize(("factor", "holds"), [(2.00001, True), (2.01, False), (-2.0, False), (float("nan"), False)])
def test_a_graph_that_says_something_else_does_not(scaled, factor, holds):
    from export_parity import check_graph, fixed_pixels

    pixels = fixed_pixels(2, 3)
    (found,) = check_graph(scaled(factor), {"pixel_values": pixels}, {"logits": pixels * 2})
    assert found.holds is holds


def test_a_tolerance_that_is_given_is_absolute(scaled):
    from export_parity import check_graph

    pixels = np.full((1, 3), 100, np.float32)
    for tolerance, holds in ((1.5, True), (0.5, False)):
        (found,) = check_graph(scaled(1.01), {"pixel_values": pixels}, {"logits": pixels}, tolerance)
        assert found.tolerance == tolerance
        assert found.holds is holds


def test_other_inputs_than_torch_had_are_refused(scaled):
    from export_parity import check_graph

    pixels = np.ones((1, 3), np.float32)
    with pytest.raises(ExportError, match=r"model\.onnx takes pixel_values, and torch was given mask, pixel_values"):
        check_graph(scaled(1), {"pixel_values": pixels, "mask": pixels}, {"logits": pixels})
    with pytest.raises(ExportError, match="torch was given nothing"):
        check_graph(scaled(1), {}, {"logits": pixels})


def test_a_graph_that_lacks_an_output_is_refused(scaled):
    from export_parity import check_graph

    pixels = np.ones((1, 3), np.float32)
    with pytest.raises(ExportError, match="gives logits, and lacks pred_boxes"):
        check_graph(scaled(1), {"pixel_values": pixels}, {"logits": pixels, "pred_boxes": pixels})


def test_a_model_that_does_not_look_at_its_input_proves_nothing(scaled):
    from export_parity import check_graph, fixed_pixels

    pixels = fixed_pixels(2, 3)
    constant = np.ones((2, 3), np.float32)
    with pytest.raises(ExportError, match="says the same whatever it is given, so parity proves nothing"):
        check_graph(scaled(0.0), {"pixel_values": pixels}, {"logits": constant})
    (one,) = check_graph(scaled(0.0), {"pixel_values": pixels[:1]}, {"logits": constant[:1]})
    assert not one.holds  # of one input nothing can be said; that the graph is wrong is seen as always


def test_one_output_that_depends_on_the_input_is_enough(tmp_path):
    """The keys of a decoder's first token are the same for every sentence, the logits are not."""
    from export_parity import _check_telling, fixed_pixels

    _check_telling("decoder.onnx", {"present.0.decoder.key": np.ones((2, 4)), "logits": fixed_pixels(2, 4)})


def test_another_shape_is_refused_even_where_it_would_broadcast():
    from export_parity import compare

    with pytest.raises(ExportError, match=r"logits has shape \[1, 3\], and torch's has \[2, 3\]"):
        compare("model.onnx", {"logits": np.ones((2, 3))}, {"logits": np.ones((1, 3))})


def test_an_empty_output_proves_nothing():
    from export_parity import compare

    with pytest.raises(ExportError, match="proves nothing"):
        compare("model.onnx", {"logits": np.ones((0, 3))}, {"logits": np.ones((0, 3))})


@pytest.mark.parametrize("nan_in", [0, 1])
def test_nan_on_either_side_never_holds(nan_in):
    from export_parity import compare

    sides = [np.array([1.0, 2.0]), np.array([1.0, 2.0])]
    sides[nan_in][0] = np.nan
    (found,) = compare("model.onnx", {"logits": sides[0]}, {"logits": sides[1]}, tolerance=1e9)
    assert not found.holds


def test_nan_on_both_sides_does_not_hold_either():
    from export_parity import compare

    both = np.array([np.nan, 1.0])
    (found,) = compare("model.onnx", {"logits": both}, {"logits": both}, tolerance=1e9)
    assert not found.holds


def test_equal_infinities_do_not_differ_and_unequal_ones_do():
    from export_parity import compare

    masked, wrong = np.array([-np.inf, 1.0]), np.array([np.inf, 1.0])
    (same,) = compare("model.onnx", {"logits": masked}, {"logits": masked})
    assert same.holds
    assert same.largest == 1
    (other,) = compare("model.onnx", {"logits": masked}, {"logits": wrong})
    assert not other.holds


def test_large_outputs_may_differ_more_and_small_ones_not_less_than_noise():
    from export_parity import default_tolerance

    assert default_tolerance(1000) == pytest.approx(0.1)
    assert default_tolerance(1) == pytest.approx(1e-4)
    assert default_tolerance(0) == 1e-5


def test_small_integers_do_not_wrap_around():
    from export_parity import difference

    assert difference(np.array([0], np.uint8), np.array([255], np.uint8)) == 255


def test_fixed_inputs_are_the_same_every_time_and_use_their_range():
    from export_parity import fixed_pixels, fixed_tokens

    assert np.array_equal(fixed_pixels(2, 3, 8, 8), fixed_pixels(2, 3, 8, 8))
    assert not np.array_equal(*fixed_pixels(2, 3, 8, 8))
    tokens = fixed_tokens(2, 200, 5)
    assert tokens.dtype == np.int64
    assert set(tokens.ravel()) == set(range(5))
