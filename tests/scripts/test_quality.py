"""Quality and agreement of whole models on folders of data."""

import json

import cv2
import made_models
import numpy as np
import pytest

from edge.errors import ExportError, InferenceError

pytestmark = pytest.mark.usefixtures("scripts_on_path")


@pytest.fixture
def float_folder(tmp_path):
    return made_models.write_float(tmp_path / "float")


@pytest.fixture
def animals(tmp_path):
    """Four pictures, by twos in folders of two labels, one written otherwise than the model does."""
    from quality_data import synthetic_pictures

    data = tmp_path / "animals"
    for number, image in enumerate(synthetic_pictures(4)):
        folder = data / ("Cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return data


def test_scores_are_what_the_model_says_of_the_pictures(float_folder, animals):
    from quality import measure
    from quality_data import picture
    from quality_subjects import load

    subject = load(float_folder)
    right = [subject.answer(picture(file))[0] == file.parent.name.casefold() for file in sorted(animals.rglob("*.png"))]
    one, five = measure(float_folder, animals)
    assert (one.metric, one.value, one.items) == ("top-1", 100 * sum(right) / 4, 4)
    assert one.value <= five.value <= 100


def test_no_data_no_scores(float_folder):
    from quality import measure

    assert measure(float_folder, None) == []


def test_names_with_synonyms_are_found(tmp_path, animals):
    from quality import measure

    labels = ["tabby, cat", "hound, dog", *made_models.LABELS[2:]]
    one, _ = measure(made_models.write_float(tmp_path / "synonyms", labels=labels), animals)
    assert one.items == 4


def test_a_model_agrees_with_itself(float_folder):
    from quality import agreement

    (found,) = agreement(float_folder, float_folder)
    assert (found.share, found.data, found.items) == (1.0, "48 synthetic pictures", 48)


def test_and_less_with_a_broken_one(float_folder, tmp_path):
    from quality import agreement

    broken = made_models.write_int8(float_folder, tmp_path / "broken")
    made_models.break_scale(broken / "model_int8.onnx", "first_scale", factor=-3.0)
    assert agreement(float_folder, broken)[0].share < 0.6


def test_detectors_are_judged_by_their_boxes(tmp_path):
    from quality import tasks
    from quality_metrics import Detection
    from quality_subjects import Subject

    tree = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": number, "category_id": 1, "bbox": [0, 0, 10, 10]} for number in (1, 2)],
    }
    data = tmp_path / "boxes"
    data.mkdir()
    (data / "notes.json").write_text(json.dumps(tree))
    for number, name in enumerate(("a.png", "b.png")):
        cv2.imwrite(str(data / name), np.full((20, 20, 3), 100 * number, np.uint8))
    dark_only = Subject("detection", lambda image: [Detection("cat", (0, 0, 10, 9), 0.9)] if image.max() < 50 else [])
    (task,) = tasks(dark_only, data)
    (score,) = task.judge(task.answers(dark_only))
    assert (score.metric, score.data, score.items) == ("mAP@0.5", "boxes", 2)
    assert score.value == pytest.approx(50)


def test_a_folder_that_is_not_there(float_folder, tmp_path):
    from quality import measure

    with pytest.raises(ExportError, match="no folder"):
        measure(float_folder, tmp_path / "nowhere")


def test_a_folder_that_holds_no_model(tmp_path):
    from quality_subjects import load

    with pytest.raises(ExportError, match="holds no model whose quality can be measured"):
        load(tmp_path)


def test_a_graph_that_is_cut_off(float_folder, animals):
    from quality import measure

    file = float_folder / "model.onnx"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InferenceError):
        measure(float_folder, animals)


class TestCommand:
    def test_it_prints_a_line_a_score(self, float_folder, animals, capsys):
        import quality

        assert quality.main([str(float_folder), "--data", str(animals), "--limit", "2"]) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("top-1")
        assert second.endswith("animals, 2 items")

    def test_errors_are_one_line(self, tmp_path, animals, capsys):
        import quality

        assert quality.main([str(tmp_path), "--data", str(animals)]) == 2
        said = capsys.readouterr().err
        assert said.startswith("quality: ")
        assert said.count("\n") == 1


@pytest.mark.models
@pytest.mark.shared
class TestInstalledModels:
    def test_translation(self, shared_data):
        from quality import measure

        from edge.hub.store import ModelStore

        bleu, chrf = measure(ModelStore().open("mt-en-pt-2021"), shared_data / "flores", 40)
        assert (bleu.data, bleu.items) == ("flores/dev", 40)
        assert bleu.value > 35
        assert chrf.value > 60

    def test_speech(self, shared_data):
        from quality import measure

        from edge.hub.store import ModelStore

        (score,) = measure(ModelStore().open("whisper-base"), shared_data / "speech-es", 4)
        assert (score.metric, score.data, score.items) == ("WER", "speech-es", 4)
        assert score.value < 40

    def test_the_default_recogniser(self, shared_data):
        from quality import measure

        from edge.hub.store import ModelStore

        one, _ = measure(ModelStore().open("recognizer-vit-s14"), shared_data / "recognition" / "caltech101", 30)
        assert one.value > 70
