"""Every architecture, from its tiny model to a float export: what is in the folder, parity, the same bytes again."""

import json
from pathlib import Path

import onnx
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ARCHITECTURES = {
    "marian": "translation",
    "whisper": "speech-recognition",
    "vit": "image-recognition",
    "deit": "image-recognition",
    "mobilevit": "image-recognition",
    "dinov2": "image-recognition",
    "clip": "image-recognition",
    "siglip": "image-recognition",
    "detr": "object-detection",
    "yolos": "object-detection",
    "rt_detr": "object-detection",
    "rt_detr_v2": "object-detection",
    "d_fine": "object-detection",
}
WITH_TEXT = ("translation", "speech-recognition")


def test_every_architecture_has_a_family_a_task_a_head_and_a_tiny_model(scripts_on_path):
    from export_families import FAMILIES, HEADS, TASKS
    from tiny_models import MAKERS

    assert {name: TASKS[family] for name, family in FAMILIES.items()} == ARCHITECTURES
    assert set(TASKS) == set(HEADS) == set(MAKERS) == set(FAMILIES.values())
    for module in (*TASKS, *MAKERS.values()):
        assert (SCRIPTS / f"{module}.py").is_file()


def test_an_unknown_tiny_model_is_refused(scripts_on_path, tmp_path, capsys):
    import tiny_models

    assert tiny_models.main(["vit", "llama", "--out", str(tmp_path / "tiny")]) == 2
    assert "'llama' is not known; known are clip" in capsys.readouterr().err
    assert not (tmp_path / "tiny").exists()


def test_an_unknown_architecture_loads_no_family(scripts_on_path):
    from export_families import load_family

    from edge.errors import ExportError

    with pytest.raises(ExportError, match="architecture 'llama' is not supported; known are"):
        load_family("llama")


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_a_tiny_model_is_what_the_hub_would_have(tiny, model_type):
    folder = tiny(model_type)
    assert json.loads((folder / "config.json").read_text())["model_type"] == model_type
    assert (folder / "model.safetensors").is_file()
    assert not [path for pattern in ("*.bin", "*.pt", "*.pkl") for path in folder.glob(pattern)]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 30_000_000


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_it_is_exported_with_parity_and_with_nothing_else_in_the_folder(exported, scripts_on_path, model_type):
    from provenance import Provenance

    folder = exported(model_type)
    task = ARCHITECTURES[model_type]
    found = Provenance.read(folder)
    assert (found.architecture, found.task, found.id) == (model_type, task, model_type.replace("_", "-"))
    assert found.parity
    assert all(parity.holds for parity in found.parity)
    assert found.parameters > 0
    graphs = sorted(path.name for path in folder.glob("*.onnx"))
    assert graphs
    text = ["tokenizer.json"] if task in WITH_TEXT or model_type in ("clip", "siglip") else []
    assert sorted(path.name for path in folder.iterdir()) == sorted([*graphs, *text, "model.json", "provenance.json"])


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_its_graphs_are_valid_and_float(exported, model_type):
    for path in exported(model_type).glob("*.onnx"):
        graph = onnx.load(path)
        onnx.checker.check_model(graph)
        kinds = {onnx.TensorProto.DataType.Name(tensor.data_type) for tensor in graph.graph.initializer}
        assert not kinds & {"INT8", "UINT8", "FLOAT16", "BFLOAT16"}


@pytest.mark.parametrize("model_type", [name for name, task in ARCHITECTURES.items() if task != "speech-recognition"])
def test_its_description_is_read_by_the_device(exported, model_type):
    from edge.perception.descriptions import (
        ClassifierDescription,
        DetectorDescription,
        DualEncoderDescription,
        Seq2SeqDescription,
        family_of,
        read_description,
    )

    kinds = {
        "marian": Seq2SeqDescription,
        "classifier": ClassifierDescription,
        "dual-encoder": DualEncoderDescription,
        "detector": DetectorDescription,
    }
    folder = exported(model_type)
    description = read_description(folder, kinds[family_of(folder)], model_type)
    assert description.precision == "fp32"
    assert set(description.graphs.values()) == {path.name for path in folder.glob("*.onnx")}


def test_the_same_source_gives_the_same_bytes(tiny, exported, run_script, tmp_path):
    """In another process that begins with another order of sets: optimum merges decoders in the order of one."""
    done = run_script("export.py", tiny("marian"), "--out", tmp_path / "again", env={"PYTHONHASHSEED": "77"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first = exported("marian")
    names = {path.name for path in first.iterdir()}
    assert {path.name for path in (tmp_path / "again").iterdir()} == names
    for name in names - {"provenance.json"}:
        assert (tmp_path / "again" / name).read_bytes() == (first / name).read_bytes(), name
