"""What suffers is found: a layer whose weights no 8 bits can hold is planted among good ones."""

from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.inference.sessions import SessionFactory

LAYERS, WIDTH = 4, 64


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


def tower(bad=None, names="/encoder/layer.{}/{}/MatMul"):
    """Residual layers of two matrices; in layer `bad` a few huge inputs hide all others from a scale of the row."""
    nodes, tensors, x = [], [], "x"
    random = np.random.default_rng(0)
    for layer in range(LAYERS):
        for part in ("up", "down"):
            weight = random.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)).astype(np.float32)
            if layer == bad and part == "down":
                weight[::16] *= 400
            tensors.append(numpy_helper.from_array(weight, f"onnx::MatMul_{2 * layer + (part == 'down')}"))
        up, down = (tensor.name for tensor in tensors[-2:])
        nodes += [
            helper.make_node("MatMul", [x, up], [f"u{layer}"], name=names.format(layer, "up")),
            helper.make_node("Tanh", [f"u{layer}"], [f"t{layer}"], name=f"/encoder/layer.{layer}/Tanh"),
        ]
        source = f"t{layer}"
        if layer == bad:
            tensors.append(
                numpy_helper.from_array(np.tile([0.001, *[1.0] * 15], WIDTH // 16).astype(np.float32), "mask")
            )
            nodes.append(helper.make_node("Mul", [source, "mask"], ["masked"], name="mask"))
            source = "masked"
        nodes += [
            helper.make_node("MatMul", [source, down], [f"d{layer}"], name=names.format(layer, "down")),
            helper.make_node("Add", [x, f"d{layer}"], [f"x{layer}"], name=f"/encoder/layer.{layer}/Add"),
        ]
        x = f"x{layer}"
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", WIDTH])],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def at_least(decibels):
    return lambda found: found.sqnr_db >= decibels


def judge_of(model):
    from quantize_fidelity import answers, fidelity

    feeds = [{"x": np.random.default_rng(seed).normal(size=(6, WIDTH)).astype(np.float32)} for seed in range(3)]
    outputs = [model.graph.output[0].name]
    exact = answers(SessionFactory().open(model.SerializeToString()), feeds, outputs)

    def judge(made):
        return fidelity(exact, answers(SessionFactory().open(made.SerializeToString()), feeds, outputs), outputs)

    return judge


def test_the_planted_layer_is_the_worst_and_leaving_it_float_is_enough():
    from quantize_methods import METHODS, Calibration
    from quantize_sensitivity import exclude, measure

    model, method = tower(bad=2), METHODS["dynamic"]
    judge = judge_of(model)
    whole = judge(method.make(model, set(), Calibration())).sqnr_db
    table = measure(model, method, Calibration(), judge)
    assert table[0].group.name == "encoder/layer.2/down/MatMul"
    assert table[0].sqnr_db < table[1].sqnr_db - 8
    out = exclude(model, method, Calibration(), judge, table, at_least(whole + 6))
    assert [group.name for group in out] == ["encoder/layer.2/down/MatMul"]


def test_a_sound_tower_has_no_such_layer():
    from quantize_methods import METHODS, Calibration
    from quantize_sensitivity import measure

    model = tower()
    table = measure(model, METHODS["dynamic"], Calibration(), judge_of(model))
    assert len(table) == 2 * LAYERS
    assert table[-1].sqnr_db - table[0].sqnr_db < 8


def test_what_cannot_be_reached_with_half_of_the_groups_is_given_up():
    from quantize_methods import METHODS, Calibration
    from quantize_sensitivity import exclude, measure

    model, method = tower(), METHODS["weights4"]
    judge = judge_of(model)
    table = measure(model, method, Calibration(), judge)
    assert exclude(model, method, Calibration(), judge, table, at_least(100.0)) is None


def test_the_deadline_ends_the_search():
    from quantize_methods import METHODS, Calibration
    from quantize_sensitivity import exclude, measure

    model, method = tower(), METHODS["dynamic"]
    judge = judge_of(model)
    assert measure(model, method, Calibration(), judge, deadline=0.0) == []
    table = measure(model, method, Calibration(), judge)
    assert exclude(model, method, Calibration(), judge, table, at_least(100.0), deadline=0.0) is None


def names_of(found, most):
    from quantize_sensitivity import groups

    return [group.name for group in groups(found, most)]


def test_groups_are_as_fine_as_allowed():
    from quantize_graph import places
    from quantize_sensitivity import groups

    found = places(tower())
    assert names_of(found, 8)[:2] == ["encoder/layer.0/up/MatMul", "encoder/layer.0/down/MatMul"]
    assert names_of(found, 7) == [f"encoder/layer.{layer}" for layer in range(LAYERS)]
    assert names_of(found, 3) == ["encoder"]
    assert sum(group.parameters for group in groups(found, 4)) == 2 * LAYERS * WIDTH**2


def test_names_that_tell_nothing_are_grouped_in_a_row():
    from quantize_graph import places

    found = places(tower(names="MatMul_{}_{}"))
    assert names_of(found, 4) == [f"MatMul_{layer}_up..MatMul_{layer}_down" for layer in range(LAYERS)]


def test_weights_are_asked_where_nodes_have_no_path():
    from quantize_graph import Place

    found = [
        Place(f"MatMul_{layer}", "MatMul", f"decoder/layer_{layer}/fc/weight", turned=True, parameters=9)
        for layer in (0, 1)
    ]
    assert names_of(found, 4) == ["decoder/layer_0/fc/weight", "decoder/layer_1/fc/weight"]


def test_branches_count_a_shared_weight_once():
    from quantize_graph import Place
    from quantize_sensitivity import groups

    place = Place("/layer/MatMul", "MatMul", "w", turned=True, parameters=9)
    assert groups([place, place])[0].parameters == 9


def places_of(sizes):
    from quantize_graph import Place

    return [Place(name, "Conv", f"w{name}", turned=False, parameters=size) for name, size in sizes.items()]


def test_a_large_group_beside_many_small_ones_is_divided():
    heads = {f"/head/layer.{number}/MatMul": 10 for number in range(6)}
    backbone = {f"/backbone/stages/stage.{number}/block/conv/Conv": 500 for number in range(4)}
    found = places_of({**backbone, **heads})
    assert names_of(found, 12)[:4] == [f"backbone/stages/stage.{number}/block/conv/Conv" for number in range(4)]
    assert names_of(found, 5) == [*(f"backbone/stages/stage.{number}" for number in range(4)), "head"]
    assert names_of(found, 2) == ["backbone", "head"]


def test_groups_are_fewer_where_each_look_takes_long(monkeypatch):
    import quantize_sensitivity
    from quantize_fidelity import Fidelity
    from quantize_methods import Calibration, Method
    from quantize_sensitivity import measure

    looks = []

    def slow(model, excluded, _):
        looks.append(excluded)
        return model

    monkeypatch.setattr(quantize_sensitivity, "time", SimpleNamespace(monotonic=lambda: 10.0 * len(looks)))
    model = tower()
    method = Method(slow, frozenset(("MatMul",)), "int8")
    table = measure(model, method, Calibration(), lambda _: Fidelity(30.0, None), deadline=90.0)
    assert [row.group.name for row in table] == [f"encoder/layer.{layer}" for layer in range(LAYERS)]
    assert len(looks) == 1 + LAYERS


def test_the_worst_groups_are_left_out_in_growing_steps():
    from quantize_fidelity import Fidelity
    from quantize_methods import Calibration, Method
    from quantize_sensitivity import Sensitivity, exclude, groups

    table = [Sensitivity(group, 1.0) for group in groups(places_of({f"/a.{number}/b": 1 for number in range(24)}))]
    tried = []

    def make(model, excluded, _):
        tried.append(len(excluded))
        return model

    method = Method(make, frozenset(("Conv",)), "int8")
    judge = lambda _: Fidelity(float(tried[-1]), None)  # noqa: E731 - the more are left out, the better
    out = exclude(tower(), method, Calibration(), judge, table, at_least(5.0))
    assert len(out) == 6
    assert tried == [1, 2, 3, 4, 6]
