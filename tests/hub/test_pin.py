"""Whisper from a repository of the hub, built on the device: pinned once, then pulled like any other model."""

import json
import sys
from pathlib import Path

import ct2_files
import pytest

from edge.errors import DownloadError, LicenceError, RecipeError
from edge.hub.overlay import entry_path, read_entry
from edge.hub.pull import PullOptions, pull
from edge.hub.store import ModelStore

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TITLE = "Whisper mini; to be exported"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A Whisper repository as the hub has it, with what the device does not need."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import whisper_folder

    (tmp_path / "ct2").mkdir()
    whisper_folder.write_folder(ct2_files.write_files(tmp_path / "ct2"), tmp_path / "hf")
    del sys.modules["whisper_folder"]
    content = {path.name: path.read_bytes() for path in (tmp_path / "hf").iterdir()}
    return content | {"pytorch_model.bin": b"a pickle", "vocab.json": b"{}", "README.md": b""}


@pytest.fixture
def store(make_store, model_entry):
    changes = {"task": "speech-recognition", "recipe": "export", "title": TITLE, "languages": ["multilingual"]}
    return make_store(
        model_entry("mini", hub={"repository": "openai/mini", "recipe": "whisper"}, parameters=7, **changes),
        model_entry("other", hub={"repository": "openai/other"}, **changes),
    )


def test_it_is_pinned_fetched_and_built(hub, files, store, recorder):
    repository = hub.add("openai/mini", files, licence="mit")
    (result,) = pull(store, store.catalogue, ["mini"], report=recorder)
    assert (result.id, result.status) == ("mini", "installed")
    assert {path.name for path in store.open("mini").iterdir()} >= {"encoder_model_int8.onnx", "tokenizer.json"}
    entry = store.catalogue.get("mini")
    assert (entry.recipe, entry.licence, entry.title, entry.parameters) == ("whisper", "MIT", "Whisper mini", 7)
    assert entry.upstream.revision == repository.commit
    assert {file.name for file in entry.files} == {
        *("config.json", "generation_config.json", "tokenizer.json", "model.safetensors"),
    }
    for file in entry.files:
        assert file.size == len(files[file.name])
        assert file.sources[0].url == f"{hub.endpoint}/openai/mini/resolve/{repository.commit}/{file.name}"
    assert f"mini: pinned to {repository.commit[:12]} of {hub.endpoint}/openai/mini" in recorder.notes
    (plan,) = recorder.plans
    assert plan.download_bytes == len(files["model.safetensors"])  # the small ones are here already
    assert list(store.blobs.root.iterdir()) == []
    assert not hub.asked(r"\.bin|vocab|README")


def test_what_was_pinned_stays_the_same(hub, files, store):
    repository = hub.add("openai/mini", files)
    pull(store, store.catalogue, ["mini"])
    commit = repository.commit
    store = ModelStore(store.root, store.shipped)
    assert pull(store, store.catalogue, ["mini"])[0].status == "already"
    (store.open("mini") / "tokenizer.json").unlink()
    repository.proposals["refs/pr/1"] = dict(files)
    repository.files["config.json"] = b"{}"
    assert repository.commit != commit
    assert pull(store, store.catalogue, ["mini"])[0].status == "installed"
    assert store.catalogue.get("mini").upstream.revision == commit


def test_removing_it_forgets_the_pin(hub, files, store):
    hub.add("openai/mini", files)
    pull(store, store.catalogue, ["mini"])
    assert store.remove("mini")
    assert not entry_path(store.root, "mini").exists()
    assert store.catalogue.get("mini").recipe == "export"


def test_a_dropped_connection_goes_on_in_the_next_pull(hub, files, store):
    repository = hub.add("openai/mini", files, drops=[1000, *[0] * 9])
    with pytest.raises(DownloadError, match="model mini was not installed"):
        pull(store, store.catalogue, ["mini"])
    assert read_entry(entry_path(store.root, "mini")).recipe == "whisper"
    repository.drops.clear()
    hub.requests.clear()
    assert pull(store, store.catalogue, ["mini"])[0].status == "installed"
    assert [asked for _, _, asked, _ in hub.asked("cdn")] == ["bytes=1000-"]
    assert not hub.asked("api")


def test_what_cannot_be_had_pins_nothing(hub, files, store):
    with pytest.raises(DownloadError, match="no repository openai/mini"):
        pull(store, store.catalogue, ["mini"])
    hub.add("openai/mini", {name: content for name, content in files.items() if name != "tokenizer.json"})
    with pytest.raises(RecipeError, match=r"/openai/mini lacks tokenizer\.json; choose another revision"):
        pull(store, store.catalogue, ["mini"])
    hub.add("openai/mini", files, licence="cc-by-nc-4.0")
    with pytest.raises(LicenceError, match=r"model openai/mini is under CC-BY-NC-4\.0"):
        pull(store, store.catalogue, ["mini"])
    assert not entry_path(store.root, "mini").exists()
    pull(store, store.catalogue, ["mini"], PullOptions(accept_licences=True))
    assert store.catalogue.get("mini").licence == "CC-BY-NC-4.0"


def test_what_needs_torch_is_refused_before_anything_is_asked(hub, store):
    with pytest.raises(RecipeError, match="run scripts/make other there"):
        pull(store, store.catalogue, ["mini", "other"])
    assert hub.requests == []


def test_a_model_that_is_no_whisper(hub, files, store):
    config = json.loads(files["config.json"]) | {"model_type": "wav2vec2"}
    hub.add("openai/mini", files | {"config.json": json.dumps(config).encode()})
    with pytest.raises(RecipeError, match="not whisper"):
        pull(store, store.catalogue, ["mini"])
