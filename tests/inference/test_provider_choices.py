import logging

import pytest
from fake_runtime import CPU, CUDA, FakeRuntime

from edge.errors import StoreError
from edge.inference.provider_choices import (
    FILE,
    Choice,
    Choices,
    ChosenProviders,
    _cpu_name,
    circumstances,
    describe,
    key_of,
    read_choices,
)
from edge.settings import InferenceSettings

KEY = "whisper-base/32e3/encoder.onnx"


@pytest.fixture
def runtime():
    return FakeRuntime()


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "built" / KEY
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    return file


@pytest.fixture
def measured(tmp_path, runtime):
    """Writes choices for circumstances that differ from those of now as asked."""

    def write(provider=CUDA, **other):
        now = circumstances(runtime, 2).model_copy(update=other)
        Choices(machine=now, choices={KEY: Choice(provider=provider, why="3.10 times as fast")}).write(tmp_path)

    return write


def test_a_file_of_the_store_has_a_key(tmp_path, model):
    assert key_of(model) == (tmp_path, KEY)


def test_a_file_elsewhere_has_none(tmp_path):
    for file in ("encoder.onnx", "bench/whisper-base-fp32/x/encoder.onnx", "a/encoder.onnx"):
        assert key_of(tmp_path / file) is None


def test_the_measured_provider_is_chosen_for_that_file_alone(measured, runtime, model):
    measured()
    chosen = ChosenProviders(runtime, 2)
    assert chosen.of(model) == CUDA
    assert chosen.of(model.with_name("decoder.onnx")) == CPU
    assert chosen.of(model.parent.parent / "ffff" / model.name) == CPU


def test_nothing_measured_is_the_cpu(runtime, model, tmp_path):
    assert read_choices(tmp_path) is None
    assert ChosenProviders(runtime, 2).of(model) == CPU


@pytest.mark.parametrize(
    "other",
    [{"cpu": "Another"}, {"onnxruntime": "1.0"}, {"providers": (CPU,)}, {"threads": 4}],
    ids=lambda one: next(iter(one)),
)
def test_a_choice_made_under_other_circumstances_is_ignored(measured, runtime, model, other):
    measured(**other)
    assert ChosenProviders(runtime, 2).of(model) == CPU


def test_a_broken_file_is_told_and_the_cpu_runs(tmp_path, runtime, model, caplog):
    for content in ("{", '{"format": 2}', '{"format": 1, "machine": {}, "choices": {}}'):
        (tmp_path / FILE).write_text(content)
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            chosen = ChosenProviders(runtime, 2)
            assert [chosen.of(model), chosen.of(model)] == [CPU, CPU]
        assert [record.message.partition(FILE)[2] for record in caplog.records] == [
            " cannot be understood, so the CPU runs everything; run: edge bench --providers"
        ]


def test_the_file_is_read_once(measured, runtime, model, tmp_path):
    measured()
    chosen = ChosenProviders(runtime, 2)
    assert chosen.of(model) == CUDA
    (tmp_path / FILE).unlink()
    assert chosen.of(model) == CUDA


def test_a_store_that_cannot_be_written_is_told(tmp_path, runtime):
    with pytest.raises(StoreError, match=r"providers\.json cannot be written .*; check"):
        Choices(machine=circumstances(runtime, 2)).write(tmp_path / "none")


def test_writing_leaves_nothing_beside(measured, tmp_path):
    measured()
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("cpuinfo", "board", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2 GHz\n",
            None,
            "Some CPU @ 2 GHz",
        ),
        ("CPU part\t: 0xd0b\n", None, "0xd0b"),
        ("CPU part\t: 0xd0b\n", "Raspberry Pi 5 Model B Rev 1.0\0", "Raspberry Pi 5 Model B Rev 1.0"),
        ("nothing: here\n", None, "unknown"),
    ],
)
def test_the_board_or_else_the_processor_is_named(tmp_path, cpuinfo, board, name):
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    if board is not None:
        (tmp_path / "model").write_text(board)
    assert _cpu_name(tmp_path / "cpuinfo", tmp_path / "model") == name


def test_described_without_other_providers(tmp_path, model):
    lines = describe(tmp_path, InferenceSettings(), FakeRuntime(available=("AzureExecutionProvider", CPU)), [model])
    assert lines == ["available: Azure, CPU", "CPU for every model: there is no other provider"]


def test_described_before_measuring(tmp_path, runtime, model):
    assert describe(tmp_path, InferenceSettings(), runtime, [model]) == [
        "available: CUDA, CPU",
        "CPU for every model: not measured; run: edge bench --providers",
    ]


def test_described_as_measured(tmp_path, runtime, model, measured):
    measured()
    assert describe(tmp_path, InferenceSettings(), runtime, [model, model.with_name("other.onnx")])[1:] == [
        "whisper-base/encoder.onnx: CUDA, 3.10 times as fast",
        "whisper-base/other.onnx: CPU, not measured; run: edge bench --providers",
    ]


def test_described_when_something_changed_since(tmp_path, runtime, model, measured):
    measured(onnxruntime="1.0")
    assert describe(tmp_path, InferenceSettings(), runtime, [model])[1:] == [
        "CPU for every model: measured with another version of ONNX Runtime; run: edge bench --providers"
    ]


def test_described_as_the_settings_say(tmp_path, runtime, model, measured):
    measured()
    assert describe(tmp_path, InferenceSettings(providers=(CUDA, CPU)), runtime, [model])[1:] == [
        "settings say: CUDA, CPU"
    ]
