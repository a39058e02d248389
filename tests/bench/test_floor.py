import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.bench.floor import count_work, floor_of
from edge.bench.report import Peaks, Work
from edge.bench.stage import Bench, Prepared, Stage, Variant
from edge.errors import ModelNotFoundError
from edge.hub.product_graph import product_graph
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory, float32
from edge.settings import InferenceSettings, Settings

MACHINE = Peaks(threads=1, bandwidth_gb_s=10, int8_gops=400, float_gops=100)


@pytest.fixture
def bench(tmp_path):
    return Bench(
        Variant("test.stage", "fp32", 1),
        ModelStore(tmp_path / "store"),
        Settings(),
        SessionFactory(InferenceSettings()),
    )


def stage(prepare):
    return Stage("test.stage", "one call", prepare)


def test_a_stage_that_reads_much_is_bound_by_memory():
    floor = floor_of(Work(weight_bytes=50_000_000, int8_operations=100_000_000, float_operations=0), MACHINE, 20.0)
    assert (floor.memory_ms, floor.compute_ms) == (5.0, 0.25)
    assert (floor.floor_ms, floor.ratio) == (5.0, 4.0)


def test_a_stage_that_computes_much_is_bound_by_both_kinds_of_products_together():
    work = Work(weight_bytes=1_000_000, int8_operations=4_000_000_000, float_operations=500_000_000)
    floor = floor_of(work, MACHINE, 30.0)
    assert (floor.memory_ms, floor.compute_ms) == (0.1, 15.0)
    assert (floor.floor_ms, floor.ratio) == (15.0, 2.0)


def test_weights_in_a_cache_are_read_faster_however_often_they_are_read():
    machine = MACHINE.model_copy(update={"bandwidths": ((1 << 20, 80.0), (64 << 20, 10.0))})
    work = Work(weight_bytes=80_000_000, int8_operations=0, float_operations=0, working_set_bytes=4_000_000)
    assert floor_of(work, machine, 2.0).memory_ms == 1.0
    once = work.model_copy(update={"working_set_bytes": 80_000_000})
    assert floor_of(once, machine, 16.0).memory_ms == 8.0


def test_the_work_of_a_stage_is_that_of_one_sample(bench):
    def prepare(given):
        session = given.sessions.open(product_graph("fp32", 4, 64, 32))
        run = lambda: session.run(None, {"x": np.ones((4, 64), np.float32)})  # noqa: E731 (three of the same)
        run()  # a warm-up while preparing is no work of a sample
        return Prepared(samples=[run, run, run])

    operations, weights = 2 * 4 * 64 * 32, 64 * 32 * 4
    assert count_work(stage(prepare), bench) == Work(
        weight_bytes=weights, int8_operations=0, float_operations=operations, working_set_bytes=weights
    )


def test_the_work_is_that_of_the_sample_asked_for(bench):
    def prepare(given):
        session = given.sessions.open(product_graph("int8", 4, 64, 32))
        run = lambda: session.run(None, {"x": np.ones((4, 64), np.uint8)})  # noqa: E731 (once, and thrice)
        return Prepared(samples=[run, lambda: [run() for _ in range(3)]])

    work = count_work(stage(prepare), bench, 1)
    assert (work.int8_operations, work.float_operations) == (3 * 2 * 4 * 64 * 32, 0)
    assert (work.weight_bytes, work.working_set_bytes) == (3 * 64 * 32, 64 * 32)
    assert count_work(stage(prepare), bench, 0).weight_bytes == 64 * 32


def test_sessions_add_up_and_the_largest_is_what_a_cache_must_hold(bench):
    def prepare(given):
        encoder = given.sessions.open(product_graph("fp32", 1, 64, 64))
        decoder = given.sessions.open(product_graph("fp32", 1, 64, 16))
        x = float32(np.ones((1, 64)))
        return Prepared(samples=[lambda: (encoder.run(None, {"x": x}), decoder.run(None, {"x": x}))])

    work = count_work(stage(prepare), bench)
    assert work.weight_bytes == (64 * 64 + 64 * 16) * 4
    assert work.working_set_bytes == 64 * 64 * 4


def test_state_is_put_back_before_the_sample(bench):
    seen = []

    def prepare(given):
        session = given.sessions.open(product_graph("fp32", 1, 8, 8))
        return Prepared(
            samples=[lambda: session.run(None, {"x": float32(np.ones((1, 8)))}) and seen.append("sample")] * 2,
            before_each=lambda: seen.append("before"),
        )

    count_work(stage(prepare), bench)
    assert seen == ["before", "sample"]


def test_a_stage_without_models_has_no_work(bench):
    assert count_work(stage(lambda _: Prepared(samples=[lambda: None])), bench) is None


def test_a_graph_without_products_or_weights_has_no_floor(bench):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    made = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()

    def prepare(given):
        session = given.sessions.open(model)
        return Prepared(samples=[lambda: session.run(None, {"x": float32([1, 2])})])

    assert count_work(stage(prepare), bench) is None


def test_what_cannot_be_prepared_says_so(bench):
    def prepare(given):
        given.store.open("whisper-base")

    with pytest.raises(ModelNotFoundError, match="edge models pull"):
        count_work(stage(prepare), bench)


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_the_graph_of_a_product_multiplies(precision):
    graph = product_graph(precision, 2, 16, 4)
    x = np.full((2, 16), 3, np.uint8 if precision == "int8" else np.float32)
    weights = onnx.numpy_helper.to_array(onnx.load_from_string(graph).graph.initializer[0])
    assert weights.min() > 0
    np.testing.assert_allclose(SessionFactory().open(graph).run(None, {"x": x})[0], x.astype(np.float32) @ weights)


@pytest.mark.models
def test_the_encoder_of_whisper_takes_what_its_paper_says(bench, model_folder):
    """Radford et al. 2022, table 1: base has 6 layers of width 512; two convolutions of kernel 3, the second halves.

    Our graph also projects the keys and values of the decoder's 6 layers.
    """
    frames, width, layers = 800, 512, 6
    length = frames // 2

    def prepare(given):
        session = given.sessions.open(model_folder("whisper-base") / "encoder_model_int8.onnx")
        mel = np.zeros((1, 80, frames), np.float32)
        return Prepared(samples=[lambda: session.run(None, {"mel": mel})])

    work = count_work(stage(prepare), bench)
    convolutions = 3 * 80 * width * frames + 3 * width * width * length
    attention = layers * 2 * length * length * width
    linear = layers * 12 * width * width * length
    for_the_decoder = layers * 2 * width * width * length
    assert work.float_operations == 2 * (convolutions + attention)
    assert work.int8_operations == 2 * (linear + for_the_decoder)
