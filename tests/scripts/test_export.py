"""The export command: all or nothing, parity enforced, one line for every error. First with a family that pretends."""

import json
import os
import pickle
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge.hub.recipes.safetensors_format import read_safetensors, write_safetensors

VIT = {"model_type": "vit", "architectures": ["ViTForImageClassification"]}


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "Mug_Finder 2"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(VIT))
    (source / "LICENSE").write_text("do what you like")
    write_safetensors(source / "model.safetensors", {"a": np.zeros((3, 4), np.float32)})
    return source


class PretendedFamily:
    """Writes two files and says how far it is from torch."""

    def __init__(self, difference=1e-6):
        self.difference = difference
        self.largest = 2.0
        self.calls = []
        self.failure = None

    def export(self, source, out, options):
        from provenance import Parity

        self.calls.append((source, options))
        self.offline = os.environ.get("HF_HUB_OFFLINE")
        (out / "model.onnx").write_bytes(b"graph")
        if self.failure:
            raise self.failure
        (out / "model.json").write_text("{}")
        return [
            Parity(graph="model.onnx", output=name, max_difference=difference, largest=self.largest, tolerance=1e-4)
            for name, difference in (("logits", 0.0), ("pred_boxes", self.difference))
        ]


@pytest.fixture
def family(scripts_on_path, monkeypatch):
    import export

    pretended = PretendedFamily()
    monkeypatch.setattr(export, "load_family", lambda model_type: pretended)
    monkeypatch.setattr(export, "check_complete", lambda folder, architecture: None)
    return pretended


@pytest.fixture
def run(family, folder, tmp_path, capsys):
    """Runs the command on the good folder; gives exit code, stdout, stderr. Nothing is left beside what was made."""

    def call(*arguments, model=folder):
        import export

        code = export.main([str(model), "--out", str(tmp_path / "made" / "float"), *map(str, arguments)])
        said = capsys.readouterr()
        left = {path.name for path in (tmp_path / "made").glob("*")} if (tmp_path / "made").exists() else set()
        assert left <= {"float"}
        return code, said.out, said.err

    call.out = tmp_path / "made" / "float"
    return call


def _refused(result):
    code, _, stderr = result
    assert code == 2
    assert stderr.startswith("export: ")
    assert len(stderr.splitlines()) == 1, stderr
    return stderr


def test_a_model_is_made_whole(run, family):
    code, stdout, stderr = run("--licence", "MIT")
    assert (code, stderr) == (0, "")
    assert {path.name for path in run.out.iterdir()} == {"model.onnx", "model.json", "provenance.json", "LICENSE"}
    assert not [path for path in run.out.iterdir() if path.is_symlink()]
    assert "pred_boxes" in stdout
    assert "MISSED" not in stdout
    assert f"next: scripts/quantize.py {run.out}" in stdout


def test_where_it_came_from_is_written_down(run, folder):
    from provenance import Provenance, hash_file

    run("--licence", "MIT")
    found = Provenance.read(run.out)
    assert (found.id, found.task, found.architecture) == ("mug-finder-2", "image-recognition", "vit")
    assert (found.repository, found.revision, found.licence) == ("Mug_Finder 2", "", "MIT")
    assert found.parameters == 12
    assert set(found.upstream) == {"config.json", "model.safetensors", "LICENSE"}
    assert found.upstream["model.safetensors"] == hash_file(folder / "model.safetensors")
    assert found.versions["onnxruntime"]
    assert found.seconds["export"] >= 0
    assert [parity.output for parity in found.parity] == ["logits", "pred_boxes"]


def test_the_family_sees_a_folder_of_the_models_name_and_the_options(run, family):
    run("--tolerance", "0.5")
    ((source, options),) = family.calls
    assert source.name == "Mug_Finder 2"
    assert options.tolerance == 0.5
    assert (options.source, options.target) == (None, None)


@pytest.mark.parametrize("difference", [2e-4, float("nan"), float("inf")])
def test_a_graph_too_far_from_torch_is_not_written(run, family, difference):
    family.difference = difference
    code, stdout, stderr = run()
    assert "model.onnx: pred_boxes is" in _refused((code, stdout, stderr))
    assert stdout.count("MISSED") == 1
    assert not run.out.exists()


def test_a_family_that_compared_nothing_is_not_believed(run, family, monkeypatch):
    monkeypatch.setattr(PretendedFamily, "export", lambda *_: [])
    assert "compared nothing" in _refused(run())


def test_outputs_that_vanish_prove_nothing(run, family):
    family.largest = 4.7e-41
    assert "logits is nothing even in torch (at most 4.7e-41)" in _refused(run())
    assert not run.out.exists()


def test_a_family_leaves_only_what_belongs_there(run, family, monkeypatch):
    real = PretendedFamily.export

    def untidy(self, source, out, options):
        (out / "config.json").write_text("{}")
        return real(self, source, out, options)

    monkeypatch.setattr(PretendedFamily, "export", untidy)
    assert "left config.json" in _refused(run())
    assert not run.out.exists()


@pytest.mark.parametrize(
    "error", [RuntimeError("\n\nfirst line\nsecond line"), ValueError(), KeyError("x"), MemoryError()]
)
def test_whatever_a_library_raises_is_one_line(run, family, error):
    family.failure = error
    said = _refused(run())
    assert type(error).__name__ in said
    assert "second line" not in said
    assert "--debug shows where" in said
    assert not run.out.exists()


def test_debug_shows_where(run, family):
    family.failure = RuntimeError("first line")
    code, _, stderr = run("--debug")
    assert code == 2
    assert "Traceback" in stderr
    assert stderr.splitlines()[-1].startswith("export: ")


def test_an_interruption_leaves_nothing(run, family):
    family.failure = KeyboardInterrupt()
    assert run()[0] == 130
    assert not run.out.exists()


def test_a_full_disk_is_one_line(run, family, monkeypatch):
    import export

    def full(*_):
        raise OSError(28, "No space left on device", "float")

    monkeypatch.setattr(export.Provenance, "write", full)
    assert "No space left on device" in _refused(run())
    assert not run.out.exists()


def test_what_is_there_is_replaced_only_by_force_and_only_if_it_was_made_here(run, family):
    run()
    (run.out / "model.onnx").write_bytes(b"old")
    assert "replace it with --force" in _refused(run())
    assert (run.out / "model.onnx").read_bytes() == b"old"
    assert run("--force")[0] == 0
    assert (run.out / "model.onnx").read_bytes() == b"graph"
    (run.out / "provenance.json").unlink()
    assert "was not made by this script" in _refused(run("--force"))
    assert (run.out / "model.onnx").exists()


def test_a_failure_does_not_take_away_what_was_there(run, family):
    run()
    family.failure = RuntimeError("no")
    _refused(run("--force"))
    assert (run.out / "provenance.json").exists()


def test_a_source_is_never_its_own_output(folder, run, capsys):
    import export

    assert export.main([str(folder), "--out", str(folder), "--force"]) == 2
    assert "was not made by this script" in capsys.readouterr().err
    assert (folder / "config.json").exists()


def test_an_empty_folder_may_be_filled(run):
    run.out.mkdir(parents=True)
    assert run()[0] == 0


@pytest.mark.parametrize("task", ["image-recognition", "image-classification"])
def test_the_task_may_be_named_in_our_words_or_the_hubs(run, task):
    assert run("--task", task)[0] == 0


def test_another_task_than_the_models_is_refused(run):
    said = _refused(run("--task", "translation"))
    assert "ViTForImageClassification is for image-recognition, not for translation" in said


def test_languages_belong_to_translation(run):
    assert "--from and --to belong to translation" in _refused(run("--from", "en"))


@pytest.mark.parametrize("name", ["Mug", "../mug", "mug/finder", "", "-x"])
def test_an_id_is_one_of_the_catalogue(run, name):
    if name:
        assert "is no id" in _refused(run(f"--id={name}"))
    assert run("--id=mug-1.5")[0] == 0


@pytest.mark.parametrize("tolerance", ["0", "-1", "nan", "inf"])
def test_a_tolerance_is_a_difference(run, tolerance):
    assert "--tolerance" in _refused(run(f"--tolerance={tolerance}"))


@pytest.mark.parametrize(
    ("name", "model_id"),
    [("opus-mt-en-de", "opus-mt-en-de"), ("OPUS-MT_en de", "opus-mt-en-de"), ("vit.base", "vit.base"), ("été", "t")],
)
def test_an_id_is_made_from_the_name(scripts_on_path, name, model_id):
    from export import default_id
    from export_sources import Origin

    assert default_id(Origin(Path(), name, name)) == model_id


def test_a_name_without_letters_needs_an_id(scripts_on_path):
    from export import default_id
    from export_sources import Origin

    from edge.errors import ExportError

    with pytest.raises(ExportError, match="give one with --id"):
        default_id(Origin(Path(), "模型", "模型"))


def test_a_repository_of_the_hub_is_exported_with_its_commit(run, family, folder, hub, monkeypatch, tmp_path):
    from provenance import Provenance

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["pytorch_model.bin"] = pickle.dumps("a pickle")
    repository = hub.add("someone/mug-finder", files)
    code, _, stderr = run(model="someone/mug-finder")
    assert (code, stderr) == (0, "")
    found = Provenance.read(run.out)
    assert (found.id, found.revision, found.licence) == ("mug-finder", repository.commit, "Apache-2.0")
    assert found.repository == f"{hub.endpoint}/someone/mug-finder"
    assert "pytorch_model.bin" not in {Path(path).name for _, path, *_ in hub.requests}
    assert family.offline == "1"
    assert "someone/nothing" in _refused(run("--force", model="someone/nothing"))
    hub.add("someone/strict", files, licence="cc-by-nc-4.0")
    assert "--accept-licence" in _refused(run("--force", model="someone/strict"))
    assert run("--force", "--accept-licence", model="someone/strict")[0] == 0
    assert Provenance.read(run.out).licence == "CC-BY-NC-4.0"
    assert "HF_HUB_OFFLINE" not in os.environ


# With torch from here on. One start of it for all of these, because each takes seconds.

SEVERAL = """
import json, sys, export
for arguments in json.loads(sys.argv[1]):
    print("code", export.main(arguments), flush=True)
    print("--- end", flush=True)
    print("--- end", file=sys.stderr, flush=True)
"""


class Evil:
    """Pickled, it writes a file when it is opened."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def _changed(source, into, config=None, tensors=None):
    shutil.copytree(source, into)
    if config:
        content = json.loads((into / "config.json").read_text())
        (into / "config.json").write_text(json.dumps({**content, **config}))
    if tensors:
        stored = {name: np.array(array) for name, array in read_safetensors(into / "model.safetensors").items()}
        write_safetensors(into / "model.safetensors", tensors(stored))
    return into


@pytest.fixture(scope="module")
def tried(tiny, run_script, tmp_path_factory):
    """Name of a case -> (exit code, stdout, stderr, folder that should have been made); all in one process."""
    root = tmp_path_factory.mktemp("tried")
    vit = tiny("vit")
    baited = _changed(vit, root / "baited")
    (baited / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(root / "ran")))
    (baited / "training_args.bin").write_bytes(pickle.dumps(Evil(root / "ran")))
    lying = _changed(vit, root / "lying", {"hidden_size": 64, "intermediate_size": 128})
    odd = _changed(vit, root / "odd", {"num_attention_heads": 3})
    headless = _changed(
        vit, root / "headless", tensors=lambda all_: {n: a for n, a in all_.items() if not n.startswith("classifier")}
    )
    renamed = _changed(vit, root / "renamed", {"architectures": ["VitaminForImageClassification"]})
    broken = _changed(vit, root / "broken", tensors=lambda all_: {n: np.full_like(a, np.nan) for n, a in all_.items()})
    halves = _changed(
        vit, root / "halves", tensors=lambda all_: {name: array.astype(np.float16) for name, array in all_.items()}
    )
    cases = {
        "baited": [baited],
        "lying": [lying],
        "odd": [odd],
        "headless": [headless],
        "renamed": [renamed],
        "broken": [broken],
        "halves": [halves],
        "strict": [vit, "--tolerance", "1e-30"],
    }
    lines = [[*map(str, arguments), "--out", str(root / "made" / name)] for name, arguments in cases.items()]
    done = run_script("-c", SEVERAL, json.dumps(lines))
    outs, errors = (text.split("--- end\n") for text in (done.stdout, done.stderr))
    assert len(outs) == len(cases) + 1, done.stdout + done.stderr
    found = {}
    for name, out, error in zip(cases, outs, errors, strict=False):
        code = int(out.rpartition("code ")[2])
        found[name] = (code, out, error, root / "made" / name)
    found["left"] = {path.name for path in (root / "made").iterdir()}
    found["ran"] = root / "ran"
    return found


def test_a_baited_model_is_exported_and_the_bait_is_not_taken(tried):
    code, _, stderr, made = tried["baited"]
    assert code == 0, stderr
    assert (made / "model.onnx").exists()
    assert not tried["ran"].exists()


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("lying", "config.json and the weights disagree: classifier.weight should be [7, 64], and is [7, 32]"),
        ("odd", "cannot be exported as vit (ValueError: "),
        ("headless", "the weights lack classifier.bias and 1 more, which ViTForImageClassification needs"),
        ("renamed", "has no VitaminForImageClassification"),
        ("broken", "is nan away from torch"),
        ("strict", "away from torch (tolerance 1e-30); nothing was written"),
    ],
)
def test_a_bad_model_is_one_line_and_no_folder(tried, case, said):
    code, _, stderr, made = tried[case]
    assert code == 2
    assert stderr.startswith("export: "), stderr
    assert len(stderr.splitlines()) == 1, stderr
    assert said in stderr
    assert not made.exists()


def test_half_precision_weights_are_exported_as_float(tried):
    code, _, stderr, made = tried["halves"]
    assert code == 0, stderr
    assert json.loads((made / "model.json").read_text())["precision"] == "fp32"


def test_nothing_else_is_left(tried):
    assert tried["left"] == {"baited", "halves"}


def test_killed_in_the_middle_there_is_no_folder_of_that_name(tiny, export_python, tmp_path):
    """SIGTERM: what was under way may stay under a hidden name; the folder itself does not appear."""
    script = Path(__file__).resolve().parents[2] / "scripts" / "export.py"
    running = subprocess.Popen(
        [export_python, script, tiny("vit"), "--out", tmp_path / "made"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert b"ViTForImageClassification" in running.stdout.readline()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    assert not (tmp_path / "made").exists()
