"""The chain in one command: what it is asked for, what it says first, which steps it takes. The steps are fakes here;
`test_tutorial.py` runs them all.
"""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.errors import ExportError, StoreError, UnknownModelError
from edge.hub.catalogue import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = b"w" * 3_000_000
UPSTREAM = {"config.json": b"{}", "model.safetensors": WEIGHTS}


@pytest.fixture
def make(scripts_on_path, monkeypatch, tmp_path):
    import make

    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return make


@pytest.fixture
def make_subject(scripts_on_path):
    import make_subject

    return make_subject


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "Mug Finder"
    source.mkdir()
    for name, content in UPSTREAM.items():
        (source / name).write_bytes(content)
    return source


@pytest.fixture
def steps(make, monkeypatch):
    """Fakes of the scripts: they write what the real ones write. `fail` names one that ends with that status."""
    taken = SimpleNamespace(commands=[], fail={})

    def run(step, *arguments):
        taken.commands.append((step, list(arguments)))
        if step in taken.fail:
            raise make._RefusedError(step, taken.fail[step])
        if step in ("export", "quantise"):
            out = Path(arguments[arguments.index("--out") + 1])
            assert out.exists() == ("--force" in arguments)
            out.mkdir(exist_ok=True)
            (out / "provenance.json").write_text(step)
            (out / "model.onnx").write_text(step)
        if step == "gate":
            (Path(arguments[1]) / "provenance.json").write_text("with a verdict")
            (Path(arguments[1]) / "entry.toml").write_text("entry")

    taken.names = lambda: [step for step, _ in taken.commands]
    monkeypatch.setattr(make, "_run", run)
    return taken


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


def test_a_folder_goes_through_every_step(make, steps, folder, capsys):
    assert make.main([str(folder), "--licence", "MIT"]) == 0
    (_, export), (_, quantise), (_, gate), (_, add) = steps.commands
    assert steps.names() == ["export", "quantise", "gate", "edge models add"]
    assert export[1] == str(folder)
    assert (option(export, "--id"), option(export, "--licence")) == ("mug-finder", "MIT")
    assert option(export, "--out") == quantise[1] == option(gate, "--against") == "out/made/mug-finder/float"
    assert option(quantise, "--out") == gate[1] == add[-1] == "out/made/mug-finder/quantised"
    assert not {"--revision", "--task", "--from", "--data", "--accept-licence", "--force"} & set(
        export + quantise + gate
    )
    said = capsys.readouterr().out
    assert said.index("licence MIT") < said.index("== export")
    assert "copy out/made/mug-finder/quantised there and run: edge models add quantised" in said


def test_nothing_is_done_twice(make, steps, folder, capsys):
    make.main([str(folder), "--licence", "MIT"])
    steps.commands.clear()
    capsys.readouterr()
    make.main([str(folder), "--licence", "MIT"])
    assert steps.names() == ["edge models add"]
    assert capsys.readouterr().out.count("done before, and nothing has changed") == 3


@pytest.mark.parametrize(
    ("change", "repeated"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"v" * 3_000_000), ["export"]),
        (lambda _: Path("out/made/mug-finder/float/model.onnx").write_text("other"), ["quantise"]),
        (lambda _: Path("out/made/mug-finder/quantised/model.onnx").write_text("other"), ["gate"]),
        (lambda _: Path("out/made/mug-finder/quantised/entry.toml").unlink(), ["gate"]),
        (lambda _: Path("out/made/mug-finder/quantised/provenance.json").unlink(), ["quantise"]),
        (lambda _: Path("out/made/mug-finder/steps.json").write_text("{"), ["export", "quantise", "gate"]),
    ],
)
def test_what_changed_is_done_again(make, steps, folder, change, repeated):
    make.main([str(folder), "--licence", "MIT", "--no-add"])
    steps.commands.clear()
    change(folder)
    make.main([str(folder), "--licence", "MIT", "--no-add"])
    assert steps.names() == repeated


def test_other_data_or_other_options_are_seen(make, steps, folder, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    wanted = [str(folder), "--licence", "MIT", "--no-add", "--data", str(data)]
    make.main(wanted)
    (data / "a.jpg").write_bytes(b"1")
    steps.commands.clear()
    make.main(wanted)
    assert steps.names() == ["quantise", "gate"]
    steps.commands.clear()
    make.main([*wanted, "--methods", "dynamic", "weights8"])
    assert steps.names() == ["quantise"]
    ((_, quantise),) = steps.commands
    assert quantise[quantise.index("--methods") + 1 :][:2] == ["dynamic", "weights8"]
    steps.commands.clear()
    make.main([*wanted, "--methods", "dynamic", "weights8", "--force"])
    assert steps.names() == ["export", "quantise", "gate"]


def test_new_scripts_are_seen(make, steps, folder, monkeypatch, tmp_path):
    import make_steps

    code = tmp_path / "code"
    code.mkdir()
    for name in ("export.py", "quantize_methods.py", "gate.py", "quality.py"):
        (code / name).write_text("1")
    monkeypatch.setattr(make_steps, "_SCRIPTS", code)
    make.main([str(folder), "--licence", "MIT", "--no-add"])
    for name, step in (("export", "export"), ("quantize_methods", "quantise"), ("quality", "gate"), ("gate", "gate")):
        steps.commands.clear()
        (code / f"{name}.py").write_text("2" + name)
        make.main([str(folder), "--licence", "MIT", "--no-add"])
        assert step in steps.names()
        assert steps.names()[0] == step


@pytest.mark.parametrize(("step", "status"), [("export", 2), ("quantise", 2), ("gate", 1), ("edge models add", 2)])
def test_it_stops_at_the_first_refusal_and_goes_on_from_there(make, steps, folder, step, status, capsys):
    steps.fail[step] = status
    assert make.main([str(folder), "--licence", "MIT"]) == status
    assert f"make: stopped at {step}; nothing was installed" in capsys.readouterr().err
    done = steps.names()
    assert done[-1] == step
    steps.fail.clear()
    steps.commands.clear()
    assert make.main([str(folder), "--licence", "MIT"]) == 0
    assert [*done[:-1], *steps.names()] == ["export", "quantise", "gate", "edge models add"]


def test_an_interrupted_step_is_repeated(make, steps, folder, monkeypatch, capsys):
    fake = make._run

    def interrupted(step, *arguments):
        fake(step, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(make, "_run", interrupted)
    assert make.main([str(folder), "--licence", "MIT"]) == 130
    assert capsys.readouterr().err == "make: interrupted; run the same command to go on\n"
    monkeypatch.setattr(make, "_run", fake)
    steps.commands.clear()
    assert make.main([str(folder), "--licence", "MIT"]) == 0
    assert steps.names() == ["export", "quantise", "gate", "edge models add"]


def test_preview_does_nothing(make, steps, folder, capsys, tmp_path):
    assert make.main([str(folder), "--licence", "MIT", "--preview"]) == 0
    said = capsys.readouterr().out
    assert "licence MIT; download 0 MB; disk about 12 MB" in said
    assert "memory while making: about 1009 MB" in said
    assert steps.commands == []
    assert not (tmp_path / "out").exists()


def test_an_unknown_licence_is_refused_before_anything(make, steps, folder, capsys):
    assert make.main([str(folder)]) == 2
    assert "is under LicenseRef-unknown" in capsys.readouterr().err
    assert steps.commands == []
    assert make.main([str(folder), "--accept-licence"]) == 0
    assert all("--accept-licence" in steps.commands[index][1] for index in (0, 2, 3))
    assert "--accept-licence" not in steps.commands[1][1]


def test_a_repository_of_the_hub(make, steps, hub, capsys):
    repository = hub.add("owner/My-Model", UPSTREAM, proposals={"refs/pr/7": {**UPSTREAM, "vocab.txt": b"a"}})
    assert make.main(["owner/My-Model", "--no-add"]) == 0
    assert "my-model: from owner/My-Model at main" in (said := capsys.readouterr().out)
    assert "licence Apache-2.0; download 3 MB; disk about 15 MB" in said
    _, export = steps.commands[0]
    assert (export[1], option(export, "--revision")) == ("owner/My-Model", "main")
    steps.commands.clear()
    make.main(["owner/My-Model", "--no-add"])
    assert steps.names() == []
    repository.files["config.json"] = b"{ }"
    make.main(["owner/My-Model", "--no-add"])
    assert steps.names() == ["export"]  # whose result is the same again
    steps.commands.clear()
    make.main(["owner/My-Model@refs/pr/7", "--no-add"])
    assert option(steps.commands[0][1], "--revision") == "refs/pr/7"


def test_a_repository_that_cannot_be_had(make, steps, hub, capsys):
    hub.add("owner/nc", UPSTREAM, licence="cc-by-nc-4.0")
    assert make.main(["owner/none"]) == 2
    assert capsys.readouterr().err.startswith("make: no repository owner/none at http://127")
    assert make.main(["owner/nc"]) == 2
    assert "/owner/nc is under CC-BY-NC-4.0" in capsys.readouterr().err
    assert steps.commands == []


def test_an_entry_of_the_catalogue(make, steps, hub):
    hub.add("Helsinki-NLP/opus-mt-en-de", UPSTREAM, licence="cc-by-4.0")
    assert make.main(["opus-mt-en-de", "--no-add"]) == 0
    _, export = steps.commands[0]
    assert export[1] == "Helsinki-NLP/opus-mt-en-de"
    wanted = {"--id": "opus-mt-en-de", "--from": "en", "--to": "de", "--task": "translation", "--revision": "main"}
    assert {name: option(export, name) for name in wanted} == wanted


def test_disk_that_is_too_small(make, make_subject, folder, monkeypatch, capsys):
    monkeypatch.setattr(make_subject.shutil, "disk_usage", lambda _: SimpleNamespace(free=11_000_000))
    assert make.main([str(folder), "--licence", "MIT"]) == 2
    assert "not enough disk at out/made/mug-finder: 13 MB needed, 11 MB free" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(make, steps, folder, tmp_path, capsys):
    (tmp_path / "out").write_bytes(b"a file")
    assert make.main([str(folder), "--licence", "MIT"]) == 2
    assert capsys.readouterr().err.startswith("make: ")


def test_memory_that_is_too_small_is_said(make_subject, monkeypatch, tmp_path):
    monkeypatch.setattr(make_subject, "available_mb", lambda: 900)
    subject = make_subject.Subject("a", "owner/a", "main")
    lines = make_subject.preview(subject, tmp_path / "none", "MIT", 10_000_000, 10_000_000)
    assert lines[-2:] == [
        "memory while making: about 1030 MB of 900 MB free",
        "that is more than is free: close other programs first, or expect it to be stopped by the system",
    ]
    with pytest.raises(StoreError, match="not enough disk"):
        make_subject.preview(subject, tmp_path, "MIT", 10**18, 0)


class TestSubject:
    @pytest.fixture
    def find(self, make_subject):
        catalogue = load_catalogue()
        return lambda name, model_id=None, revision=None: make_subject.find_subject(name, catalogue, model_id, revision)

    def test_ids(self, find):
        subject = find("opus-mt-pl-en")
        assert (subject.id, subject.source) == ("opus-mt-pl-en", "Helsinki-NLP/opus-mt-pl-en")
        assert (subject.revision, subject.languages, subject.folder) == ("main", ("pl", "en"), None)
        assert find("yolos-tiny", "mine", "refs/pr/1").id == "mine"
        assert find("yolos-tiny", None, "refs/pr/1").revision == "refs/pr/1"

    def test_repositories_that_are_listed_have_their_id(self, find):
        assert find("PekingU/rtdetr_r18vd").id == "rtdetr-r18"
        assert find("PekingU/rtdetr_r18vd@abc").revision == "abc"
        assert find("PekingU/rtdetr_r50vd").id == "rtdetr-r50vd"
        assert find("PekingU/rtdetr_r50vd").entry is None

    def test_folders(self, find, folder, monkeypatch):
        assert find(str(folder)).folder == folder
        monkeypatch.chdir(folder)
        assert (find(".").id, find(".").folder) == ("mug-finder", folder)
        with pytest.raises(ExportError, match="--revision belongs to a repository"):
            find(str(folder), None, "main")

    @pytest.mark.parametrize("name", ["whisper-base", "mt-en-pt", "silero-vad"])
    def test_what_is_pulled_is_not_made(self, find, name):
        with pytest.raises(ExportError, match=f"needs no torch: edge models pull {name} installs it"):
            find(name)

    def test_what_nobody_knows(self, find):
        with pytest.raises(UnknownModelError, match="did you mean yolos-tiny"):
            find("yolo-tiny")

    @pytest.mark.parametrize("model_id", ["Big", "a/b", "..", "-a"])
    def test_ids_that_are_none(self, find, model_id):
        with pytest.raises(ExportError, match="is no id"):
            find("yolos-tiny", model_id)

    def test_a_folder_without_a_name(self, find, tmp_path):
        (tmp_path / "___").mkdir()
        with pytest.raises(ExportError, match="no id can be made from '___'"):
            find(str(tmp_path / "___"))


@pytest.mark.parametrize(("licence", "accepted"), [("MIT", False), ("GPL-3.0 OR MIT", False), ("CC-BY-NC-4.0", True)])
def test_licences_that_pass(make_subject, licence, accepted):
    make_subject.check_licence(licence, "x", accepted=accepted)


def test_a_failing_script_is_a_refusal(make):
    make._run("export", "-c", "")
    with pytest.raises(make._RefusedError) as caught:
        make._run("gate", "-c", "raise SystemExit(1)")
    assert (caught.value.step, caught.value.status) == ("gate", 1)
    with pytest.raises(make._RefusedError) as caught:
        make._run("export", "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert caught.value.status == 2


def test_it_starts_fast_enough_to_refuse_at_once(scripts_on_path):
    code = "import sys, make; sys.exit(bool({'torch', 'transformers', 'optimum', 'onnx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=scripts_on_path, check=False)
    assert done.returncode == 0


def test_the_shell_command_says_what_it_is_for():
    done = subprocess.run(["sh", "-n", str(ROOT / "scripts" / "make")], check=False)
    assert done.returncode == 0
