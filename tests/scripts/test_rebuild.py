"""Default models made again: the same bytes, or what differs."""

import json
import platform

import made_models
import pytest

from edge.hub.blobs import sha256_of
from edge.hub.catalogue import load_catalogue
from edge.hub.pull import PullOptions, pull
from edge.hub.store import ModelStore

pytestmark = pytest.mark.usefixtures("scripts_on_path")

ENTRY = """# a catalogue

[[models]]
id = "tiny"
task = "image-recognition"
title = "Tiny"
licence = "MIT"
licence_url = "https://example.org"
upstream = {{ repository = "https://example.org/tiny", revision = "1" }}
recipe = "copy"
{rest}ram_mb = 1
disk_mb = 0.1
files = [
  {{ name = "model.onnx", size = {size}, sha256 = "{sha256}", sources = [
    {{ url = "http://127.0.0.1:9/model.onnx" }} ] }},
]

# what comes after it stays
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A catalogue with one installed default model, whose upstream file was kept: nothing needs a network."""
    import rebuild

    graph = made_models.write_float(tmp_path / "upstream") / "model.onnx"
    path = tmp_path / "catalog.toml"
    sha256 = sha256_of(graph)
    path.write_text(ENTRY.format(size=graph.stat().st_size, sha256=sha256, rest="default = true\n"))

    def store():
        return ModelStore(tmp_path / "store", load_catalogue(path))

    with store().changing():
        store().blobs.path(sha256).write_bytes(graph.read_bytes())
    pull(store(), store().catalogue, ["tiny"], PullOptions(keep_downloads=True))
    monkeypatch.setattr(rebuild, "catalogue_path", lambda: path)
    monkeypatch.setattr(rebuild, "load_catalogue", lambda: load_catalogue(path))
    monkeypatch.setattr(rebuild, "ModelStore", store)
    return store, path


@pytest.fixture
def run(world):
    import rebuild

    def main(*arguments):
        from edge.hub import catalogue

        catalogue._load.cache_clear()
        return rebuild.main([*map(str, arguments)])

    return main


def forge(store):
    """An installed graph with one other tensor, and a manifest that agrees with it."""
    folder = store().open("tiny")
    made_models.break_scale(folder / "model.onnx", "second", factor=2)
    manifest = json.loads((folder / "manifest.json").read_text())
    size = (folder / "model.onnx").stat().st_size
    manifest["files"]["model.onnx"] = {"sha256": sha256_of(folder / "model.onnx"), "size": size}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_same_bytes(run, capsys):
    assert run() == 0
    said = capsys.readouterr().out
    assert "tiny: 1 files made from 1 upstream files by recipe copy" in said
    assert "the same bytes as installed" in said
    assert "onnx " in said.splitlines()[0]


def test_a_difference_is_explained(run, world, capsys):
    forge(world[0])
    assert run("tiny") == 1
    assert "DIFFERENT: model.onnx: 1 of 2 tensors differ: second by " in capsys.readouterr().out


def test_hashes_are_recorded_and_then_compared(run, world, capsys):
    path = world[1]
    before = path.read_text()
    assert run("--record") == 0
    after = path.read_text()
    assert after.startswith("# a catalogue\n")
    assert after.endswith("# what comes after it stays\n")
    (line,) = [line for line in after.splitlines() if line not in before.splitlines()]
    assert line.startswith("built = { ")
    capsys.readouterr()
    assert run() == 0
    assert "the same bytes as the catalogue recorded" in capsys.readouterr().out
    path.write_text(after.replace(line, 'built = { "model.onnx" = "' + "0" * 64 + '" }'))
    assert run() == 1
    assert "DIFFERENT: model.onnx: other bytes than the catalogue recorded" in capsys.readouterr().out


def test_what_was_built_can_be_kept(run, tmp_path):
    assert run("--keep", tmp_path / "kept") == 0
    assert (tmp_path / "kept" / "tiny" / "model.onnx").is_file()


def test_not_installed(run, world, capsys):
    store = world[0]()
    kept = store.blobs.path(store.catalogue.get("tiny").files[0].sha256)
    content = kept.read_bytes()
    store.remove("tiny")
    kept.write_bytes(content)
    assert run() == 0
    assert "it is not installed" in capsys.readouterr().out


def test_upstream_that_cannot_be_had(run, world, capsys):
    store = world[0]()
    store.remove("tiny")
    assert run("tiny") == 2
    assert "rebuild: model tiny was not installed: model.onnx" in capsys.readouterr().err


def test_an_unknown_id(run, capsys):
    assert run("tinny") == 2
    assert "did you mean tiny?" in capsys.readouterr().err


class TestRealCatalogue:
    def test_models_to_be_exported_name_the_command(self, capsys):
        import rebuild

        waiting = next(model for model in load_catalogue().models if model.recipe == "export")
        assert rebuild.main([waiting.id]) == 2
        assert f"run: scripts/make {waiting.id}" in capsys.readouterr().err

    def test_the_trained_one_says_so(self, capsys):
        import rebuild

        assert rebuild.main(["recognizer-vit-s14"]) == 0
        assert "training again gives like, not equal, bytes" in capsys.readouterr().out

    def test_every_default_that_can_be_had_anywhere_has_its_hashes_recorded(self):
        from edge.hub.deep_verify import is_trained

        catalogue = load_catalogue()
        with_wheels = [model for model in catalogue.defaults() if not is_trained(model) and model.fallback is None]
        assert [model.id for model in with_wheels if not model.built] == []

    @pytest.mark.models
    @pytest.mark.skipif(platform.machine() != "x86_64", reason="recorded on x86-64; rounding elsewhere may differ")
    def test_what_is_installed_is_what_was_recorded(self):
        store = ModelStore()
        checked = 0
        for model in store.catalogue.models:
            if model.built and model.id in store.installed():
                folder = store.folder(model)
                assert {name: sha256_of(folder / name) for name in model.built} == model.built, model.id
                checked += 1
        assert checked >= 5
