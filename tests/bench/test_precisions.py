"""Builds of models at another precision, with a recipe that is not run."""

import hashlib
import json

import pytest

from edge.bench import precisions
from edge.bench.precisions import SAMPLE_MODELS, make_precision, model_folder, precision_folder, pull_for_bench
from edge.bench.stage import Bench, Variant
from edge.errors import BenchmarkError, DownloadError, ModelNotFoundError
from edge.hub.store import ModelStore

WHISPER = "whisper-base"


class Store(ModelStore):
    """A store in which these models are installed; `open` gives a folder with `model.json`."""

    def __init__(self, root, *installed, declares=None):
        super().__init__(root)
        self._there = set(installed)
        self._declares = declares

    def resolve(self, model_id):
        return self.catalogue.get(model_id) if model_id in self._there else None

    def open(self, model_id):
        folder = self.root / "fake" / model_id
        folder.mkdir(parents=True, exist_ok=True)
        if self._declares:
            (folder / "model.json").write_text(json.dumps({"precision": self._declares}), encoding="utf-8")
        return folder


@pytest.fixture
def recipe(monkeypatch):
    """Stands in for making a model; collects the models that it was asked for."""
    asked = []

    def rederive(store, model, into):
        asked.append(model)
        folder = into / "made"
        folder.mkdir()
        (folder / "a.onnx").write_bytes(b"weights")
        files = {"a.onnx": {"size": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}}
        manifest = {"format": 1, "id": model.id, "fingerprint": model.fingerprint, "files": files}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return folder

    monkeypatch.setattr("edge.hub.deep_verify.rederive", rederive)
    return asked


def silent(_line):
    pass


def bench(store, precision):
    return Bench(Variant("speech.encoder", precision, 1), store, None, None)


def test_made_once_beside_the_store(tmp_path, recipe):
    store, told = Store(tmp_path, WHISPER), []
    folder = make_precision(store, WHISPER, "fp32", told.append)
    assert folder == tmp_path / "bench" / "whisper-base-fp32"
    assert (folder / "a.onnx").read_bytes() == b"weights"
    assert make_precision(store, WHISPER, "fp32", told.append) == folder
    assert told == ["whisper-base as fp32: making it"]
    assert len(recipe) == 1
    assert recipe[0].options["precision"] == "fp32"
    assert recipe[0].files == store.catalogue.get(WHISPER).files
    assert [path.name for path in folder.parent.iterdir()] == ["whisper-base-fp32"]
    assert precision_folder(store, WHISPER, "fp32") == folder
    assert model_folder(bench(store, "fp32"), WHISPER) == folder


def test_what_failed_half_way_is_made_anew_and_nothing_stands_there(tmp_path, recipe, monkeypatch):
    store = Store(tmp_path, WHISPER)

    def broken(_store, _model, into):
        (into / "half").write_bytes(b"x")
        raise DownloadError("no source gave it")

    with monkeypatch.context() as patch:
        patch.setattr("edge.hub.deep_verify.rederive", broken)
        with pytest.raises(DownloadError):
            make_precision(store, WHISPER, "fp32", silent)
    with pytest.raises(BenchmarkError, match="run: edge bench --pull"):
        precision_folder(store, WHISPER, "fp32")
    assert make_precision(store, WHISPER, "fp32", silent).is_dir()


def test_a_build_of_another_version_is_made_anew(tmp_path, recipe):
    store = Store(tmp_path, WHISPER)
    folder = make_precision(store, WHISPER, "fp32", silent)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "fingerprint": "old"}), encoding="utf-8")
    with pytest.raises(BenchmarkError, match="has not been made"):
        precision_folder(store, WHISPER, "fp32")
    make_precision(store, WHISPER, "fp32", silent)
    assert len(recipe) == 2


def test_a_build_whose_bytes_changed_is_refused_and_made_anew(tmp_path, recipe):
    store = Store(tmp_path, WHISPER)
    (make_precision(store, WHISPER, "fp32", silent) / "a.onnx").write_bytes(b"other!!")
    with pytest.raises(BenchmarkError, match="whisper-base as fp32 is corrupt; run: edge bench --pull"):
        precision_folder(store, WHISPER, "fp32")
    folder = make_precision(store, WHISPER, "fp32", silent)
    assert precision_folder(store, WHISPER, "fp32") == folder
    assert len(recipe) == 2


def test_models_that_are_not_installed(tmp_path, recipe):
    for call in (precision_folder, lambda *given: make_precision(*given, silent)):
        with pytest.raises(ModelNotFoundError, match="edge models pull"):
            call(Store(tmp_path), WHISPER, "fp32")
    assert recipe == []


@pytest.mark.parametrize("declared", ["int8", None])
def test_the_installed_build_as_it_is(tmp_path, declared):
    store = Store(tmp_path, WHISPER, declares=declared)
    assert model_folder(bench(store, "int8"), WHISPER) == tmp_path / "fake" / WHISPER


def test_an_installed_build_of_another_precision_is_not_called_int8(tmp_path):
    with pytest.raises(BenchmarkError, match="whisper-base is fp32, not int8; run: edge bench"):
        model_folder(bench(Store(tmp_path, WHISPER, declares="fp32"), "int8"), WHISPER)


def test_pulling_for_the_benchmark(tmp_path, recipe, monkeypatch):
    pulled, told = [], []
    monkeypatch.setattr("edge.hub.pull.pull", lambda _store, _catalogue, ids: pulled.append(ids))
    pull_for_bench(Store(tmp_path, WHISPER, "demo-photo"), told.append)
    assert pulled == [tuple(id_ for id_ in SAMPLE_MODELS if id_ != "demo-photo")]
    assert [model.id for model in recipe] == [WHISPER]
    assert sum("is not installed: no float build" in line for line in told) == len(precisions.FLOAT_MODELS) - 1


def test_nothing_is_pulled_twice(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr("edge.hub.pull.pull", lambda *_: pytest.fail("nothing is missing"))
    pull_for_bench(Store(tmp_path, *SAMPLE_MODELS), silent)
