"""Detectors through the export: what is read from their files without torch, and every architecture with it."""

import json
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from edge.errors import ExportError
from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception import object_detection
from edge.perception.descriptions import DetectorDescription, Preprocessing, read_description

ARCHITECTURES = ("detr", "yolos", "rt_detr", "rt_detr_v2", "d_fine")
SQUARE_ONES = frozenset({"rt_detr", "rt_detr_v2", "d_fine"})
"""Those that squash every picture into the same square, and choose their queries."""
QUERIES = 12
LABELS = ("person", "cup", "chair", "dog", "book")


@pytest.fixture
def detectors(scripts_on_path):
    import export_detectors

    return export_detectors


def processor(**changes):
    steps = {
        "do_resize": True, "size": {"height": 640, "width": 640}, "resample": 2, "do_rescale": True,
        "rescale_factor": 1 / 255, "do_normalize": False, "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225], "pad_size": None,
    }  # fmt: skip
    return SimpleNamespace(**{**steps, **changes})


class YolosImageProcessor(SimpleNamespace):
    pass


class TestPreprocessing:
    def test_a_square(self, detectors):
        found = detectors.read_preprocessing(processor())
        assert found == Preprocessing(fit="squash", height=640, width=640, resample="bilinear", scale=1 / 255)

    def test_the_shape_is_kept(self, detectors):
        size = {"shortest_edge": 800, "longest_edge": 1333}
        found = detectors.read_preprocessing(processor(size=size, do_normalize=True, resample=3))
        assert (found.fit, found.shortest, found.longest, found.multiple) == ("bound", 800, 1333, 1)
        assert (found.resample, found.mean) == ("bicubic", (0.485, 0.456, 0.406))

    def test_yolos_rounds_to_its_patches(self, detectors):
        given = YolosImageProcessor(**vars(processor(size={"shortest_edge": 512, "longest_edge": None})))
        found = detectors.read_preprocessing(given)
        assert (found.multiple, found.longest) == (16, None)

    def test_bytes_that_are_not_scaled(self, detectors):
        assert detectors.read_preprocessing(processor(do_rescale=False)).scale == 1.0

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"do_resize": False}, "the size they have"),
            ({"size": {"max_height": 600, "max_width": 600}}, "max_height"),
            ({"pad_size": {"height": 640, "width": 640}}, "pads"),
        ],
    )
    def test_steps_that_the_device_does_not_know(self, detectors, changes, why):
        with pytest.raises(ExportError, match=why):
            detectors.read_preprocessing(processor(**changes))


SQUARE = Preprocessing(fit="squash", height=64, width=64)


class TestDescription:
    def test_gaps_in_the_classes_are_no_classes(self, detectors):
        names = {"0": "N/A", "1": "person", "2": "n/a", "3": "cup"}
        found = detectors.describe({"model_type": "detr", "id2label": names}, SQUARE)
        assert found.labels == ("", "person", "", "cup")
        assert found.activation == "softmax"

    def test_classes_are_in_the_order_of_their_numbers(self, detectors):
        names = {str(index): f"thing {index}" for index in reversed(range(12))}
        found = detectors.describe({"model_type": "rt_detr", "id2label": names}, SQUARE)
        assert found.labels[9:] == ("thing 9", "thing 10", "thing 11")
        assert found.activation == "sigmoid"

    @pytest.mark.parametrize("named", [None, {}])
    def test_classes_without_names(self, detectors, named):
        with pytest.raises(ExportError, match="id2label"):
            detectors.describe({"model_type": "detr", "id2label": named}, SQUARE)

    def test_a_head_of_another_kind(self, detectors):
        config = {"model_type": "rt_detr", "id2label": {"0": "cup"}, "use_focal_loss": False}
        with pytest.raises(ExportError, match="focal"):
            detectors.describe(config, SQUARE)


class TestChoice:
    """The choice of a graph against what torch's scores say."""

    scores = np.array([0.5, 3.0, 1.0, 2.0, 0.0, 2.5], np.float32)

    @pytest.fixture
    def judge(self, scripts_on_path):
        from detector_parity import judge_choice

        return lambda *chosen, scores=self.scores: judge_choice("model.onnx", scores, np.array(chosen))

    def test_the_best_in_any_order(self, judge):
        for chosen in ((1, 5, 3), (3, 1, 5)):
            assert judge(*chosen).max_difference == 0
            assert judge(*chosen).holds

    def test_another_place_is_as_wrong_as_it_is_worse(self, judge):
        assert judge(1, 5, 2).max_difference == 1
        assert not judge(1, 5, 2).holds

    def test_a_place_that_is_worse_by_the_last_bits_is_right(self, judge):
        scores = self.scores.copy()
        scores[2] = np.nextafter(scores[3], np.float32(0))
        assert judge(1, 5, 2, scores=scores).holds

    def test_a_place_that_is_chosen_twice(self, judge):
        with pytest.raises(ExportError, match="more than once"):
            judge(1, 1, 5)


class TestBadModels:
    """Refused before torch is loaded: by what their files say."""

    def folder(self, root, **config):
        (root / "config.json").write_text(json.dumps({"model_type": "detr", "id2label": {"0": "cup"}, **config}))
        return root

    def test_a_backbone_of_timm(self, detectors, tmp_path):
        with pytest.raises(ExportError, match="no_timm"):
            detectors.export(self.folder(tmp_path, use_timm_backbone=True), tmp_path, None)

    def test_no_processor(self, detectors, tmp_path):
        with pytest.raises(ExportError, match=r"preprocessor_config\.json"):
            detectors.export(self.folder(tmp_path), tmp_path, None)


def picture(height: int = 130, width: int = 190, seed: int = 5) -> Image:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height // 10, width // 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)


ASK_TORCH = """
import sys, json, numpy, torch
from pathlib import Path
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForObjectDetection
for folder in sys.argv[2:]:
    model = AutoModelForObjectDetection.from_pretrained(folder, use_safetensors=True).eval()
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    image = numpy.load(sys.argv[1])[:, :, ::-1]
    with torch.no_grad():
        said = model(processor(image, return_tensors="pt")["pixel_values"])
    (found,) = processor.post_process_object_detection(said, threshold=0.5, target_sizes=[image.shape[:2]])
    print(json.dumps([folder, {name: values.tolist() for name, values in found.items()}]))
import export_detectors
for folder in sorted(Path(sys.argv[1]).parent.glob("old-*")):
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False, local_files_only=True)
    print(json.dumps([folder.name, export_detectors.read_preprocessing(processor).model_dump()]))
"""
COLOURS = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "do_resize": True}
OLD_PROCESSORS = {
    "old-yolos": {"feature_extractor_type": "YolosFeatureExtractor", "do_normalize": True, "size": 512,
                  "max_size": 1333, **COLOURS},
    "old-detr": {"feature_extractor_type": "DetrFeatureExtractor", "do_normalize": True, "size": 800,
                 "max_size": 1333, **COLOURS},
    "old-rt_detr": {"image_processor_type": "RTDetrImageProcessorFast", "do_normalize": False, "do_pad": False,
                    "pad_size": None, "resample": 2, "size": {"height": 640, "width": 640}, **COLOURS},
}  # fmt: skip
"""As the hub has them: written by older versions, or for the processors of torchvision."""


@pytest.fixture(scope="module")
def torch_says(tiny, run_script, tmp_path_factory):
    """Architecture -> what transformers itself detects in `picture()`: scores, labels and boxes."""
    file = tmp_path_factory.mktemp("picture") / "picture.npy"
    np.save(file, picture())
    for name, processor in OLD_PROCESSORS.items():
        (file.parent / name).mkdir()
        (file.parent / name / "preprocessor_config.json").write_text(json.dumps(processor))
        (file.parent / name / "config.json").write_text(json.dumps({"model_type": name.removeprefix("old-")}))
    done = run_script("-c", ASK_TORCH, file, *[tiny(name) for name in ARCHITECTURES])
    assert done.returncode == 0, done.stderr
    answers = dict(json.loads(line) for line in done.stdout.splitlines())
    known = {str(tiny(name)): name for name in ARCHITECTURES}
    return {known.get(key, key): answer for key, answer in answers.items()}


def test_processors_as_the_hub_has_them(torch_says):
    yolos, detr, rt_detr = (Preprocessing(**torch_says[name]) for name in OLD_PROCESSORS)
    assert (yolos.fit, yolos.shortest, yolos.longest, yolos.multiple) == ("bound", 512, 1333, 16)
    assert (detr.fit, detr.shortest, detr.longest, detr.multiple) == ("bound", 800, 1333, 1)
    assert (rt_detr.fit, rt_detr.height, rt_detr.width, rt_detr.mean) == ("squash", 640, 640, None)
    assert detr.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("name", ARCHITECTURES)
class TestArchitectures:
    def test_the_folder_is_complete_and_parity_holds(self, exported, name):
        folder = exported(name)
        assert {file.name for file in folder.iterdir()} == {"model.onnx", "model.json", "provenance.json"}
        provenance = json.loads((folder / "provenance.json").read_text())
        assert (provenance["architecture"], provenance["task"]) == (name, "object-detection")
        found = {one["output"]: one for one in provenance["parity"]}
        choice = {"choice of queries"} if name in SQUARE_ONES else set()
        assert set(found) == {"pixel_values", "logits", "pred_boxes"} | choice
        assert all(0 <= one["max_difference"] <= one["tolerance"] <= 1e-2 for one in found.values())
        assert found["logits"]["largest"] > 1, "a model that says nothing is easily equalled"

    def test_the_description(self, exported, name):
        found = read_description(exported(name), DetectorDescription, name)
        is_square = name in SQUARE_ONES
        assert found.labels == (LABELS if is_square else (*LABELS, ""))
        assert found.activation == ("sigmoid" if is_square else "softmax")
        assert found.preprocessing.fit == ("squash" if is_square else "bound")

    def test_the_graph_says_what_it_takes(self, exported, name):
        session = onnxruntime.InferenceSession(exported(name) / "model.onnx")
        (pixels,) = session.get_inputs()
        is_square = name in SQUARE_ONES
        assert pixels.shape[:2] == [1, 3]
        assert (pixels.shape[2:] == [96, 96]) is is_square
        assert {output.name for output in session.get_outputs()} >= {"logits", "pred_boxes"}

    def test_detects_what_transformers_detects(self, exported, torch_says, monkeypatch, name):
        """From the picture to names and boxes: as torch with its own preparation and postprocessing."""
        monkeypatch.setattr(object_detection, "REPEATED", 2.0)  # nothing counts as told twice: transformers tells all
        height, width = picture().shape[:2]
        said = torch_says[name]
        full = len(said["scores"]) == QUERIES  # RT-DETR's processor tells at most so many pairs of box and class
        threshold = max(0.5, min(said["scores"]) + 1e-3) if full else 0.5
        wanted = {}  # transformers may say two things of one box: the device says the surer one
        for score, label, box in zip(said["scores"], said["labels"], said["boxes"], strict=True):
            place = tuple(np.clip(box, 0, [width, height, width, height]).round(2))
            if label < len(LABELS) and threshold < score > wanted.get(place, (0, ""))[0]:
                wanted[place] = (score, LABELS[label])
        assert len(wanted) >= 2
        detector = object_detection.ObjectDetector.load(exported(name), SessionFactory(), name)
        found = detector.detect(picture(), threshold=threshold)
        assert len(found) == len(wanted)
        for one in found:
            place = min(wanted, key=lambda box: np.abs(np.subtract(box, one.box)).max())
            assert np.abs(np.subtract(place, one.box)).max() < 0.05
            score, label = wanted.pop(place)
            assert one.label == label
            assert one.score == pytest.approx(score, abs=1e-3)
