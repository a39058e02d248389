"""`edge doctor` over stores that are only played: what it finds, what it advises, and when it is content."""

import errno
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from detector_files import write_detector

from edge import cli, doctor
from edge.doctor import Finding, examine
from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError, StoreError
from edge.hub.catalogue import load_catalogue
from edge.hub.store import ModelStore
from edge.settings import Settings

VOICE, SPEECH, PACK, FONT = "silero-vad", "whisper-base", "mt-en-pt", "font-noto-sans"
TASKS = {VOICE: "voice-activity", SPEECH: "speech-recognition", PACK: "translation", FONT: "font"}


class FakeStore:
    """Every default model is there, unless `broken` says otherwise."""

    root = Path("/the/store")

    def __init__(self, broken=None, installed=tuple(TASKS), stand_in=None):
        self.broken = broken or {}
        self.stand_in = stand_in or {}
        self._installed = installed
        models = {model_id: SimpleNamespace(id=model_id, task=task, ram_mb=100) for model_id, task in TASKS.items()}
        self.catalogue = SimpleNamespace(defaults=lambda: tuple(models.values()), get=models.__getitem__)
        self.shipped = self.catalogue

    def installed(self):
        return self._installed

    def open(self, model_id):
        if model_id in self.broken:
            raise self.broken[model_id]
        return f"folder of {model_id}"

    def folder(self, model):
        return self.root / model.id / "build"

    def resolve(self, model_id):
        return SimpleNamespace(id=self.stand_in.get(model_id, model_id))


@pytest.fixture
def examined(monkeypatch, tmp_path):
    """Function that examines a fake store on a machine that tells nothing: check name to Finding."""
    warmed = []
    monkeypatch.setattr(doctor, "_warm_up", lambda task, folder, settings: warmed.append((task, folder)) or "it ran")

    def look(store=None):
        monkeypatch.setattr(doctor, "ModelStore", lambda: store or FakeStore())
        warmed.clear()
        return {finding.check: finding for finding in examine(Settings(), tmp_path)}

    look.warmed = warmed
    return look


def test_all_is_well(examined):
    findings = examined()
    assert list(findings) == [
        "python", "onnxruntime", "opencv",
        "machine", "governor", "temperature", "throttling", "memory", "swap", "energy",
        "store", "providers", *(f"model {model_id}" for model_id in TASKS),
        "microphones", "cameras", "display",
    ]  # fmt: skip
    assert [finding.check for finding in findings.values() if not finding.ok] == []
    assert findings["store"].message == "/the/store holds 4 models"
    assert examined.warmed == [(task, f"folder of {model_id}") for model_id, task in TASKS.items()]
    assert re.search(r"all bytes right; it ran, \d+ ms$", findings[f"model {PACK}"].message)


def test_a_missing_model(examined):
    found = examined(FakeStore({PACK: ModelNotFoundError(PACK)}))[f"model {PACK}"]
    assert found == Finding(f"model {PACK}", False, f"model {PACK} is not installed", f"edge models pull {PACK}")
    assert [folder for _, folder in examined.warmed] == [f"folder of {one}" for one in TASKS if one != PACK]


def test_a_corrupt_model(examined):
    found = examined(FakeStore({SPEECH: ModelCorruptError(SPEECH, "decoder.onnx", "3 bytes instead of 4")}))
    assert not found[f"model {SPEECH}"].ok
    assert "decoder.onnx is corrupt (3 bytes instead of 4)" in found[f"model {SPEECH}"].message
    assert found[f"model {SPEECH}"].run == f"edge models pull {SPEECH}"
    assert found[f"model {PACK}"].ok, "the others are examined all the same"


def test_an_empty_store(examined):
    missing = {model_id: ModelNotFoundError(model_id) for model_id in TASKS}
    findings = examined(FakeStore(missing, installed=()))
    assert findings["store"] == Finding("store", False, "/the/store holds no models", "edge models pull")
    assert [finding.check for finding in findings.values() if not finding.ok] == [
        "store", *(f"model {model_id}" for model_id in TASKS),
    ]  # fmt: skip


def test_a_model_that_loads_but_does_not_run(examined, monkeypatch):
    def fail(task, *_):
        if task == "translation":
            raise InferenceError("model.onnx failed: bad shape; run: edge doctor")
        return ""

    monkeypatch.setattr(doctor, "_warm_up", fail)
    findings = examined()
    assert (findings[f"model {PACK}"].ok, findings[f"model {PACK}"].message) == (False, "model.onnx failed: bad shape")
    assert findings[f"model {SPEECH}"].message == "all bytes right"


def test_a_surprise_is_a_finding_too(examined, monkeypatch):
    def crash(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(doctor, "_warm_up", crash)
    found = examined()[f"model {VOICE}"]
    assert (found.ok, found.message) == (False, "ZeroDivisionError: division by zero")


def test_a_store_that_cannot_be_read(examined):
    store = FakeStore()
    store.installed = lambda: (_ for _ in ()).throw(
        StoreError("/the/store may not be read; run: chmod u+rx /the/store")
    )
    found = examined(store)["store"]
    assert (found.ok, found.run) == (False, "chmod u+rx /the/store")


def test_a_store_that_may_not_be_entered_is_told_and_the_rest_is_examined(examined, monkeypatch, tmp_path):
    store, real = ModelStore(tmp_path / "locked" / "store"), Path.stat

    def refuse(path, **options):
        if store.root in (path, *path.parents):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    found = examined(store)
    assert not found["store"].ok
    assert "Permission denied" in found["store"].message
    assert {f"model {model_id}" for model_id in (VOICE, SPEECH, PACK, FONT)} <= set(found)
    assert list(found)[-1] == "display"


def test_a_stand_in_is_named(examined):
    found = examined(FakeStore(stand_in={PACK: "mt-en-pt-2021"}))[f"model {PACK}"]
    assert found.ok
    assert "(through mt-en-pt-2021)" in found.message


def devices(monkeypatch, *listed):
    from edge.sources import devices as module

    monkeypatch.setattr(module, "list_devices", lambda: list(listed))


def test_microphones_are_listed_but_may_be_missing(examined, monkeypatch):
    camera, headset = (SimpleNamespace(kind=kind, name=f"a {kind}") for kind in ("camera", "microphone"))
    devices(monkeypatch, camera, headset)
    assert examined()["microphones"].message == "a microphone"
    devices(monkeypatch)
    found = examined()["microphones"]
    assert (found.ok, found.run) == (True, "edge devices")


def test_a_sound_library_that_is_missing_is_told_with_its_package(examined, monkeypatch):
    from edge.sources.devices import Device

    devices(monkeypatch, Device("problem", "", "PortAudio is missing; run: sudo apt install libportaudio2"))
    found = examined()["microphones"]
    assert found.ok, "recordings work without"
    assert (found.message.partition(";")[0], found.run) == ("PortAudio is missing", "sudo apt install libportaudio2")


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_display(examined, monkeypatch, variable):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    without = examined()["display"]
    assert without.ok
    assert "--hud console" in without.message
    monkeypatch.setenv(variable, "somewhere")
    assert examined()["display"].message == "there is one"


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("heat", True, "90 C", advice="a fan"), "note heat: 90 C; a fan"),
        (Finding("heat", True, "90 C", "fan on", "a fan"), "note heat: 90 C; a fan; run: fan on"),
        (Finding("store", True, "holds 4 models"), "ok   store: holds 4 models"),
        (Finding("microphones", True, "none", "edge devices"), "note microphones: none; run: edge devices"),
        (Finding("store", False, "empty", "edge models pull"), "BAD  store: empty; run: edge models pull"),
        (Finding("display", False, "odd"), "BAD  display: odd"),
    ],
)
def test_lines(finding, line):
    assert str(finding) == line


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_exit_code_and_all_findings_told(monkeypatch, capsys, ok, code, form):
    findings = [Finding("a", True, "fine"), Finding("b", ok, "so so", "edge models pull"), Finding("c", True, "fine")]
    monkeypatch.setattr(doctor, "examine", lambda settings: iter(findings))
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)
    monkeypatch.setattr(sys, "argv", ["edge", "doctor", *form])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    lines = capsys.readouterr().out.splitlines()
    told = [json.loads(line) for line in lines] if form else lines
    assert told == [finding.record() if form else str(finding) for finding in findings]


def test_the_tasks_that_are_warmed_up_are_those_of_the_catalogue():
    tasks = {model.task for model in load_catalogue().defaults()}
    assert {"voice-activity", "speech-recognition", "translation"} <= tasks


@pytest.mark.models
def test_every_default_model_runs(complete_store):
    findings = {finding.check: finding for finding in examine(Settings())}
    assert [str(finding) for finding in findings.values() if not finding.ok] == []
    assert "gave '1, 2, 3.'" in findings["model mt-en-pt"].message
    for model_id in ("silero-vad", "whisper-base"):
        assert "first inference" in findings[f"model {model_id}"].message


def _packages(monkeypatch, *names):
    found = [SimpleNamespace(metadata={"Name": name}) for name in (*names, "numpy", None)]
    monkeypatch.setattr("importlib.metadata.distributions", lambda: found)


@pytest.mark.parametrize(
    ("names", "says", "run"),
    [
        (["opencv-python"], r"^[\d.]+ \(opencv-python\)$", ""),
        (["opencv_python_headless"], r"\(opencv-python-headless\); without windows: use --hud console", ""),
        ([], r"\(of the system\)$", ""),
        (
            ["opencv-python-headless", "opencv-python"],
            r"opencv-python and opencv-python-headless\): more than one package brings cv2",
            "pip uninstall --yes opencv-python opencv-python-headless; pip install opencv-python",
        ),
    ],
)
def test_which_opencv_is_there(examined, monkeypatch, names, says, run):
    _packages(monkeypatch, *names)
    found = examined()["opencv"]
    assert found.ok
    assert re.search(says, found.message)
    assert found.run == run


def test_opencv_that_cannot_be_loaded_is_a_note_because_speech_needs_none(examined, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    found = examined()["opencv"]
    assert found.ok
    assert "cameras need OpenCV" in found.message
    assert found.run.startswith("sudo apt install libgl1")


def test_cameras(examined, monkeypatch):
    from edge.sources import devices

    listed = [devices.Device("camera", "/dev/video0", "USB Camera"), devices.Device("microphone", "1", "USB Audio")]
    monkeypatch.setattr(devices, "list_devices", lambda: listed)
    assert examined()["cameras"].message == "USB Camera (/dev/video0)"
    listed.pop(0)
    found = examined()["cameras"]
    assert found.ok
    assert found.message.startswith("none found; pictures, films and network cameras work")


@pytest.mark.models
@pytest.mark.parametrize("model_id", ["ppocr-det-small", "ppocr-rec-small"])
def test_models_of_the_camera_senses_are_run(model_id, model_folder):
    task = ModelStore().catalogue.get(model_id).task
    assert doctor._warm_up(task, model_folder(model_id), Settings()) == "load and first inference"


def test_a_brought_detector_is_run(tmp_path):
    assert doctor._warm_up("object-detection", write_detector(tmp_path / "1"), Settings()) == "load and first inference"
    write_detector(tmp_path / "my-detector" / "2", labels=["cup"])
    with pytest.raises(ModelCorruptError, match="my-detector"):
        doctor._warm_up("object-detection", tmp_path / "my-detector" / "2", Settings())


def test_a_font_is_not_run(tmp_path):
    assert doctor._warm_up("font", tmp_path, Settings()) == ""


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["onnxruntime"], "^[\\d.]+; uses CPUExecutionProvider of .*CPUExecutionProvider$"),
        (["onnxruntime-gpu", "onnxruntime-extensions"], "CPUExecutionProvider$"),
        (["onnxruntime", "onnxruntime_gpu"], "onnxruntime and onnxruntime-gpu both bring it$"),
    ],
)
def test_which_onnxruntime_is_there(examined, monkeypatch, names, says):
    _packages(monkeypatch, *names)
    found = examined()["onnxruntime"]
    assert found.ok
    assert re.search(says, found.message)
    assert found.run == (
        "pip uninstall --yes onnxruntime onnxruntime-gpu; pip install onnxruntime-gpu" if "both" in says else ""
    )


def test_the_board_is_examined_with_what_the_default_models_take(examined, tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 2000000 kB\nMemAvailable: 600000 kB\n")
    found = examined()["memory"]
    assert (found.ok, found.message) == (True, "614 of 2048 MB free; all senses take about 650 MB")
    assert "fewer --senses" in found.advice


def test_providers_are_told_with_what_they_run(examined, monkeypatch):
    told = []

    def describe(root, settings, runtime, files):
        told.append((root, files))
        return ["available: CPU, XNNPACK", "CPU for every model: not measured; run: edge bench --providers"]

    monkeypatch.setattr("edge.inference.provider_choices.describe", describe)
    found = examined()["providers"]
    assert found.ok
    assert found.message == "available: CPU, XNNPACK; CPU for every model: not measured"
    assert found.run == "edge bench --providers"
    assert told == [(FakeStore.root, [])]


def test_providers_are_those_of_the_files_that_a_session_opens(examined, monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr("edge.inference.provider_choices.describe", lambda *given: told.append(given[-1]) or ["CPU"])
    store = FakeStore(stand_in={PACK: "other-pack"})
    store.root = tmp_path
    file = tmp_path / "other-pack" / "build" / "model.onnx"
    file.parent.mkdir(parents=True)
    file.touch()
    examined(store)
    assert told == [[file]]
