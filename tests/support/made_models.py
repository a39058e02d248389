"""A tiny classifier as export.py and quantize.py leave it, made without torch: float, int8, and int8 that is broken."""

import json
import logging
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, WIDTH = 16, 48
LABELS = ["cat", "dog", "bird", "fish", "horse", "mouse", "sheep", "goat"]
SHA = "ab" * 32


def write_float(folder, *, licence="MIT", parity=1e-6, labels=LABELS):
    """The float folder: pixels -> 48 rectified features -> scores that differ much between pictures."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(5)
    first = random.normal(size=(3 * SIDE * SIDE, WIDTH)).astype(np.float32) / 20
    second = random.normal(size=(WIDTH, len(labels))).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["pixel_values"], ["flat"]),
            helper.make_node("MatMul", ["flat", "first"], ["mixed"], name="first"),
            helper.make_node("Relu", ["mixed"], ["features"]),
            helper.make_node("MatMul", ["features", "second"], ["logits"], name="second"),
        ],
        "classifier",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(labels)])],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    mean = [0.5, 0.5, 0.5]
    preprocessing = {"fit": "squash", "height": SIDE, "width": SIDE, "mean": mean, "std": mean}
    described = {
        "format": 2,
        "family": "classifier",
        "precision": "fp32",
        "graphs": {"model": "model.onnx"},
        "labels": labels,
        "preprocessing": preprocessing,
    }
    (folder / "model.json").write_text(json.dumps(described))
    difference = {"max_difference": parity, "largest": 3.25, "tolerance": 1e-4}
    provenance = {
        "id": "tiny-animals",
        "task": "image-recognition",
        "architecture": "vit",
        "repository": "https://huggingface.co/somebody/tiny-animals",
        "revision": "0123456789abcdef0123456789abcdef01234567",
        "licence": licence,
        "parameters": int(first.size + second.size),
        "upstream": {"model.safetensors": {"sha256": SHA, "size": 151_552}},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "parity": [{"graph": "model.onnx", "output": "logits", **difference}],
    }
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder


def write_int8(float_folder, folder, operators=("MatMul",)):
    """The same, its matrices in int8; also of what export.py made."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    shutil.copytree(float_folder, folder)
    graphs, records = {}, {}
    logging.disable(logging.WARNING)
    try:
        for role, name in json.loads((folder / "model.json").read_text())["graphs"].items():
            graphs[role] = name.replace(".onnx", "_int8.onnx")
            quantize_dynamic(
                folder / name,
                folder / graphs[role],
                per_channel=len(operators) > 1,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=list(operators),
                extra_options={"EnableSubgraph": True},
            )
            (folder / name).unlink()
            candidate = {"name": "dynamic", "precision": "int8", "size_mb": 0.04, "time_ratio": 0.5, "sqnr_db": 41.5}
            chosen = {"file": graphs[role], "data": "8 pictures", "chosen": "dynamic", "candidates": [candidate]}
            records[role] = chosen
    finally:
        logging.disable(logging.NOTSET)
    change_json(folder / "model.json", precision="int8", graphs=graphs)
    change_json(folder / "provenance.json", quantization={"cpu_class": "avx2", "graphs": records})
    return folder


def change_json(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def break_scale(file, name_ends="scale", factor=3.0, which=0):
    """Multiply one scale of a quantised graph, as a wrong calibration would; gives its name."""
    model = onnx.load(file)
    scales = [tensor for tensor in model.graph.initializer if tensor.name.endswith(name_ends)]
    tensor = scales[which]
    broken = numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(broken, np.float32), tensor.name))
    onnx.save(model, file)
    return tensor.name
