"""The gate from end to end on a tiny classifier: what passes, what is refused, and that nothing of it is silent."""

import json
import os

import cv2
import made_models
import numpy as np
import pytest

from edge.hub.catalogue import Catalogue, load_catalogue

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

pytestmark = pytest.mark.usefixtures("scripts_on_path", "quick")


@pytest.fixture
def quick(scripts_on_path, monkeypatch):
    """Memory is measured in a process of its own: once in this file is enough."""
    import gate_compare

    monkeypatch.setattr(gate_compare, "memory_mb", lambda folder: 12.4)


@pytest.fixture
def steady(monkeypatch):
    """Times do not decide: the candidate is as fast as float."""

    def set_speed(ratio=1.0, high=1.1):
        import gate_compare
        from gate_limits import Speed

        speed = Speed(ratio, ratio - 0.05, high, 2.0 * ratio, 2.0, 15, 2)
        monkeypatch.setattr(gate_compare, "alternate", lambda *_arguments: speed)

    set_speed()
    return set_speed


@pytest.fixture
def float_folder(tmp_path):
    return made_models.write_float(tmp_path / "float")


@pytest.fixture
def folder(float_folder, tmp_path):
    return made_models.write_int8(float_folder, tmp_path / "quantised")


@pytest.fixture
def pictures(float_folder, tmp_path):
    """Pictures in folders named after what the float model clearly sees: it is right about all of them."""
    from quality_data import synthetic_pictures

    from edge.inference.sessions import SessionFactory
    from edge.perception.image_classification import ImageClassifier

    classifier = ImageClassifier.load(float_folder, SessionFactory(), "tiny")
    data = tmp_path / "animals"
    count = 0
    for number, image in enumerate(synthetic_pictures(80)):
        scores = classifier.look(image).scores
        second, first = np.sort(scores)[-2:]
        if first - second > 0.2 and count < 40:
            count += 1
            label = data / classifier.labels[int(scores.argmax())]
            label.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(label / f"{number}.png"), image)
    assert count == 40
    assert len(list(data.iterdir())) >= 3
    return data


def run(folder, against, *arguments):
    import gate

    return gate.main(
        [str(folder), "--against", str(against), "--rounds", "3", "--date", "2026-01-02", *map(str, arguments)]
    )


def verdict(folder):
    return json.loads((folder / "provenance.json").read_text())["verdict"]


class TestPass:
    def test_card_and_entry_say_what_was_measured(self, folder, float_folder, pictures, steady, capsys):
        assert run(folder, float_folder, "--data", pictures) == 0
        found = verdict(folder)
        assert (found["passed"], found["reasons"], found["date"]) == (True, [], "2026-01-02")
        (top_one, _) = found["quality"]
        assert (top_one["metric"], top_one["data"], top_one["items"]) == ("top-1", "animals", 40)
        assert (top_one["reference"], top_one["limit"]) == (100.0, 0.5)
        card = (folder / "card.md").read_text()
        machine = found["machine"]
        for said in (
            f"| top-1 | {top_one['candidate']:.2f} | 100.00 | 0.5 | animals | 40 |",
            "| 2.00 | 2.00 | 1.00 | 0.95 | 1.10 |",
            f"{found['size']['candidate'] / 1e6:.2f} MB, {found['size']['ratio']:.2f} of the other's",
            f"{machine['cpu']}, class {machine['class']}, {machine['cores']} cores",
            "about 13 MB of memory",
            "revision 0123456789abcdef0123456789abcdef01234567",
            "| model.onnx | logits | 1e-06 | 3.25 | 0.0001 |",
            "| dynamic | int8 | 0.04 | 0.5 |",
            made_models.SHA,
            "edge recognize photo.jpg --model tiny-animals",
        ):
            assert said in card, said
        assert "passed; next: edge models add" in capsys.readouterr().out

    def test_the_entry_is_a_valid_one_with_the_hash_of_every_file(self, folder, float_folder, pictures, steady):
        import hashlib

        assert run(folder, float_folder, "--data", pictures) == 0
        entry = (folder / "entry.toml").read_text()
        (model,) = Catalogue.model_validate(tomllib.loads(entry)).models
        assert (model.id, model.recipe, model.licence, model.ram_mb) == ("tiny-animals", "made", "MIT", 13)
        assert {score.by for score in model.quality} == {"here"}
        listed = {file.name: file.sha256 for file in model.files}
        there = {path.name for path in folder.iterdir()} - {"card.md", "entry.toml"}
        assert set(listed) == there == {"model.json", "model_int8.onnx", "provenance.json"}
        for name, sha256 in listed.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        assert hashlib.sha256(entry.encode()).hexdigest() in (folder / "card.md").read_text()

    def test_without_data_agreement_is_not_called_quality(self, folder, float_folder, steady):
        assert run(folder, float_folder) == 0
        found = verdict(folder)
        assert found["quality"] == []
        assert found["agreement"][0]["data"] == "48 synthetic pictures"
        card = (folder / "card.md").read_text()
        assert "its quality is not measured" in card
        assert tomllib.loads((folder / "entry.toml").read_text())["models"][0].get("quality") is None

    def test_an_open_vocabulary_is_told_its_words(self, folder, float_folder, steady):
        made_models.change_json(folder / "provenance.json", architecture="siglip")
        assert run(folder, float_folder) == 0
        assert '--model tiny-animals --labels "mug, keys, door"' in (folder / "card.md").read_text()

    def test_faster_alone_is_enough(self, folder, float_folder, steady, monkeypatch):
        import gate_compare

        steady(0.8, 0.9)
        monkeypatch.setattr(gate_compare, "graph_bytes", lambda _folder: 1000)
        assert run(folder, float_folder) == 0

    def test_a_float_model_that_replaces_nothing(self, float_folder):
        assert run(float_folder, float_folder) == 0
        assert "speed" not in verdict(float_folder)
        assert "None: the graphs are float." in (float_folder / "card.md").read_text()

    def test_times_are_taken_by_turns(self, folder, float_folder):
        assert run(folder, float_folder) == 0
        speed = verdict(folder)["speed"]
        assert speed["rounds"] == 3
        assert speed["items"] == 8
        assert 0 < speed["low"] <= speed["ratio"] <= speed["high"]
        assert speed["candidate_ms"] > 0


class TestRefusal:
    def test_a_broken_int8_is_refused_with_the_numbers(self, folder, float_folder, pictures, steady, capsys):
        made_models.break_scale(folder / "model_int8.onnx", "first_scale", factor=-3.0)
        assert run(folder, float_folder, "--data", pictures) == 1
        said = capsys.readouterr().out
        assert "refused: top-1 falls by " in said
        assert "(limit 0.5), from 100.0 to" in said
        assert "on animals, 40 items" in said
        assert said.rstrip().endswith("--methods weights8, which stays closest to float")
        assert verdict(folder)["passed"] is False
        assert not (folder / "entry.toml").exists()
        assert not (folder / "card.md").exists()

    def test_also_where_there_is_no_data(self, folder, float_folder, steady, capsys):
        made_models.break_scale(folder / "model_int8.onnx", "first_scale", factor=-3.0)
        assert run(folder, float_folder) == 1
        said = capsys.readouterr().out
        assert "refused: agreement with float is 0." in said
        assert "or --data FOLDER so that quality decides" in said

    def test_a_refusal_takes_an_older_entry_away(self, folder, float_folder, steady):
        assert run(folder, float_folder) == 0
        assert (folder / "entry.toml").exists()
        made_models.break_scale(folder / "model_int8.onnx", "first_scale", factor=-3.0)
        assert run(folder, float_folder) == 1
        assert not (folder / "entry.toml").exists()
        assert not (folder / "card.md").exists()

    def test_nothing_is_judged_by_itself(self, folder, float_folder, steady, capsys):
        assert run(folder, folder) == 1
        assert "quantised is int8; quality is judged against the float folder" in capsys.readouterr().out
        assert run(folder, float_folder, "--replaces", folder) == 1
        assert "it cannot replace itself" in capsys.readouterr().out

    def test_neither_faster_nor_smaller(self, folder, float_folder, steady, monkeypatch, capsys):
        import gate_compare

        steady(1.0, 1.05)
        monkeypatch.setattr(gate_compare, "graph_bytes", lambda _folder: 1000)
        assert run(folder, float_folder) == 1
        said = capsys.readouterr().out
        assert "refused: neither faster nor smaller than tiny-animals, fp32: takes 1.00 of its time" in said
        assert "and 1.00 of its bytes" in said
        assert f"scripts/gate.py {float_folder} --against {float_folder}" in said

    def test_a_faster_median_with_a_spread_over_one_is_not_faster(self, folder, float_folder, steady, monkeypatch):
        import gate_compare

        steady(0.97, 1.08)
        monkeypatch.setattr(gate_compare, "graph_bytes", lambda _folder: 1000)
        assert run(folder, float_folder) == 1

    def test_a_graph_that_differs_from_its_description(self, folder, float_folder, capsys):
        made_models.change_json(folder / "model.json", labels=["cat", "dog"])
        assert run(folder, float_folder) == 1
        assert "logits has 8 columns instead of 2" in capsys.readouterr().out

    @pytest.mark.parametrize("licence", ["LicenseRef-unknown", "CC-BY-NC-4.0"])
    def test_licences_must_be_accepted(self, tmp_path, steady, licence, capsys):
        float_folder = made_models.write_float(tmp_path / "f", licence=licence)
        folder = made_models.write_int8(float_folder, tmp_path / "q")
        assert run(folder, float_folder) == 1
        assert f"refused: its licence {licence} is not known to allow every use" in capsys.readouterr().out
        assert run(folder, float_folder, "--accept-licence") == 0
        assert f'licence = "{licence}"' in (folder / "entry.toml").read_text()
        assert "edge models add FOLDER --accept-licence\n" in (folder / "card.md").read_text()

    def test_parity_that_does_not_hold(self, tmp_path, steady, capsys):
        float_folder = made_models.write_float(tmp_path / "f", parity=0.5)
        folder = made_models.write_int8(float_folder, tmp_path / "q")
        assert run(folder, float_folder) == 1
        assert "model.onnx differs from the torch model: logits by 0.5 (limit 0.0001)" in capsys.readouterr().out

    def test_parity_that_nobody_measured(self, folder, float_folder, steady, capsys):
        made_models.change_json(folder / "provenance.json", parity=[])
        assert run(folder, float_folder) == 1
        assert "no parity with the torch model was measured" in capsys.readouterr().out

    def test_other_weights_than_the_float_model(self, folder, float_folder, steady, capsys):
        made_models.change_json(
            folder / "provenance.json", upstream={"model.safetensors": {"sha256": "c" * 64, "size": 1}}
        )
        assert run(folder, float_folder) == 1
        assert "made from other weights than tiny-animals" in capsys.readouterr().out

    def test_int8_of_unknown_making(self, folder, float_folder, steady, capsys):
        made_models.change_json(folder / "provenance.json", quantization=None)
        assert run(folder, float_folder) == 1
        assert "nothing says how it was quantised" in capsys.readouterr().out

    def test_files_that_do_not_belong_there(self, folder, float_folder, steady, capsys):
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
        (folder / "link.onnx").symlink_to(float_folder / "model.onnx")
        assert run(folder, float_folder) == 1
        said = capsys.readouterr().out
        assert "refused: pytorch_model.bin is no file of a made model" in said
        assert "refused: link.onnx is no file of a made model" in said


class TestErrors:
    def test_a_folder_that_nothing_made(self, tmp_path, float_folder, capsys):
        (tmp_path / "empty").mkdir()
        assert run(tmp_path / "empty", float_folder) == 2
        assert "gate: " in (said := capsys.readouterr().err)
        assert "has no provenance.json; make it with: scripts/export.py" in said
        assert said.count("\n") == 1

    def test_an_unknown_reference(self, folder, capsys):
        assert run(folder, "no-such-model") == 2
        assert "no-such-model is neither a folder nor the id of an installed model" in capsys.readouterr().err

    def test_labels_that_the_model_does_not_have(self, folder, float_folder, tmp_path, capsys):
        (tmp_path / "data" / "zebra").mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "data" / "zebra" / "1.png"), np.zeros((8, 8, 3), np.uint8))
        assert run(folder, float_folder, "--data", tmp_path / "data") == 2
        assert "no label for the folders zebra" in capsys.readouterr().err
        assert not (folder / "entry.toml").exists()

    @pytest.mark.parametrize("change", ["top-1", "speed=3", "top-1=much"])
    def test_limits_that_are_not_understood(self, folder, float_folder, change, capsys):
        assert run(folder, float_folder, "--max-loss", change) == 2
        assert f"--max-loss {change}" in capsys.readouterr().err

    def test_another_limit(self, folder, float_folder, pictures, steady):
        made_models.break_scale(folder / "model_int8.onnx", "first_scale", factor=-3.0)
        changes = ("--max-loss", "top-1=100", "--max-loss", "top-5=100")
        assert run(folder, float_folder, "--data", pictures, *changes) == 0
        assert verdict(folder)["limits"]["top-1"] == 100


class TestNumbers:
    def test_nan_never_passes(self):
        from gate_limits import Comparison, disagreement
        from quality import Agreement, Score

        good, bad = (Score("BLEU", value, "higher", "x", 1) for value in (30.0, float("nan")))
        assert Comparison(bad, good, 0.3).reason
        assert disagreement(Agreement(float("nan"), "x", 1), 0.05)

    def test_one_of_several_languages_does_not_decide(self):
        from gate_limits import Comparison
        from quality import Score

        before, after = (Score("WER es", value, "lower", "speech", 19) for value in (7.7, 9.7))
        assert Comparison(after, before, None).reason == ""
        assert Comparison(after, before, None).loss == pytest.approx(2.0)

    def test_errors_of_all_languages_together_decide(self, tmp_path):
        from quality import _judge_errors
        from quality_data import Clip

        clips = [Clip(tmp_path, "en", "one two three four"), Clip(tmp_path, "de", "eins")]
        all_, german, english = _judge_errors(clips, "speech-de, speech-en", ["one two three four", "zwei"])
        assert (all_.metric, all_.value, all_.items) == ("WER", 20.0, 2)
        assert (german.metric, german.value) == ("WER de", 100.0)
        assert (english.metric, english.value, english.items) == ("WER en", 0.0, 1)
        (alone,) = _judge_errors(clips[:1], "speech-en", ["one two three five"])
        assert (alone.metric, alone.value) == ("WER", 25.0)

    def test_sounds_in_which_nobody_speaks_may_differ_more(self):
        from gate_limits import disagreement
        from quality import Agreement

        assert disagreement(Agreement(0.89, "4 synthetic sounds", 4), 0.05) == ""
        assert disagreement(Agreement(0.84, "4 synthetic sounds", 4), 0.05).endswith("(at least 0.85)")
        assert disagreement(Agreement(0.89, "speech-en", 4), 0.05)

    def test_the_reason_is_the_one_of_the_issue(self):
        from gate_limits import Comparison
        from quality import Score

        before, after = (Score("BLEU", value, "higher", "flores/dev", 997) for value in (46.4, 43.3))
        wanted = "BLEU falls by 3.1 (limit 0.3), from 46.4 to 43.3 on flores/dev, 997 items"
        assert Comparison(after, before, 0.3).reason == wanted

    def test_memory_is_measured_in_a_process_of_its_own(self, float_folder):
        import gate_measure

        assert 0.1 < gate_measure.memory_mb(float_folder) < 200

    def test_a_large_parent_does_not_hide_what_a_child_takes(self, scripts_on_path):
        import subprocess
        import sys

        large = np.ones(60_000_000)  # 480 MB that are really there
        command = [sys.executable, "-c", "import gate_measure; print(gate_measure.peak_mb())"]
        environment = {**os.environ, "PYTHONPATH": str(scripts_on_path)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert large.nbytes > 400e6
        assert 20 < float(done.stdout) < 300

    def test_memory_of_what_cannot_be_loaded(self, tmp_path):
        import gate_measure

        from edge.errors import ExportError

        with pytest.raises(ExportError, match=r"memory of .* could not be measured \(.*ExportError"):
            gate_measure.memory_mb(tmp_path)


def test_an_entry_waiting_to_be_made_gives_its_title(float_folder, tmp_path, steady):
    waiting = next(
        model for model in load_catalogue().models if model.recipe == "export" and model.task == "image-recognition"
    )
    made_models.change_json(float_folder / "provenance.json", id=waiting.id)
    folder = made_models.write_int8(float_folder, tmp_path / "q")
    assert run(folder, float_folder) == 0
    (entry,) = tomllib.loads((folder / "entry.toml").read_text())["models"]
    assert entry["title"].startswith(waiting.title.removesuffix("; to be exported"))
    assert entry["title"].endswith(", int8")


@pytest.mark.models
@pytest.mark.shared
def test_a_broken_scale_in_a_real_pack_costs_more_than_the_limit(shared_data, tmp_path):
    import shutil

    from gate_limits import LIMITS, Comparison
    from quality import measure

    from edge.hub.store import ModelStore

    sound = ModelStore().open("mt-en-pt-2021")
    broken = tmp_path / "broken"
    shutil.copytree(sound, broken)
    made_models.break_scale(broken / "model_int8.onnx", "encoder_l3.ffn1.scale")
    before, after = (measure(folder, shared_data / "flores", limit=60)[0] for folder in (sound, broken))
    assert before.metric == "BLEU"
    assert Comparison(after, before, LIMITS["BLEU"]).reason.startswith("BLEU falls by")
