"""Deep verification: what is installed against what upstream gives."""

import json

import made_models
import pytest
from typer.testing import CliRunner

from edge import cli_models
from edge.errors import DownloadError, ModelCorruptError, ModelNotFoundError
from edge.hub.blobs import sha256_of
from edge.hub.catalogue import Catalogue, load_catalogue
from edge.hub.deep_verify import deep_verify, rederive
from edge.hub.pull import PullOptions, pull
from edge.hub.store import ModelStore

CONTENT = b"weights" * 1000


def no_check(folder, model_id):
    raise AssertionError("only made models have graphs to compare")


@pytest.fixture
def one(server, make_store, model_entry, file_entry):
    """A store with an installed model, and the server that has its file."""
    url = server.add("/model.bin", CONTENT)
    other = file_entry("other.bin", b"other", server.add("/other.bin", b"other"))
    store = make_store(
        model_entry("a", file_entry("model.bin", CONTENT, url), fallback="b"),
        model_entry("b", other),
    )
    pull(store, store.catalogue, ["a"])
    server.requests.clear()
    return store


def forge(store, model_id, content):
    """Change a file and its manifest alike: what a thief of the store would do; a plain check finds nothing."""
    folder = store.folder(store.catalogue.get(model_id))
    (folder / "model.bin").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.bin"] = {"sha256": sha256_of(folder / "model.bin"), "size": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_same_bytes(one, server):
    found = deep_verify(one, "a", no_check)
    assert (found.id, found.verdict, found.lines) == ("a", "identical", ())
    assert [path for path, _ in server.requests] == ["/model.bin"]  # it was downloaded again


def test_a_forged_model_passes_the_plain_check_but_not_the_deep_one(one):
    forge(one, "a", b"WEIGHTS" + CONTENT[7:])
    assert one.state("a").status == "installed"
    found = deep_verify(one, "a", no_check)
    assert found.verdict == "different"
    assert found.lines == ("model.bin: 7000 bytes installed, 7000 made again; they differ from byte 0 on",)


def test_kept_downloads_need_no_network(server, make_store, model_entry, file_entry):
    store = make_store(model_entry("a", file_entry("model.bin", CONTENT, server.add("/model.bin", CONTENT))))
    pull(store, store.catalogue, ["a"], PullOptions(keep_downloads=True))
    server.requests.clear()
    assert deep_verify(store, "a", no_check).verdict == "identical"
    assert server.requests == []
    kept = store.blobs.path(sha256_of(store.open("a") / "model.bin"))
    assert kept.read_bytes() == CONTENT  # still there


def test_no_fallback_stands_in(one, server):
    del server.files["/model.bin"]
    with pytest.raises(DownloadError, match="model a was not installed"):
        deep_verify(one, "a", no_check)


def test_the_installed_fallback_is_what_is_verified(server, make_store, model_entry, file_entry):
    store = make_store(
        model_entry("a", file_entry("x.bin", b"x", "http://127.0.0.1:9/x"), fallback="b"),
        model_entry("b", file_entry("other.bin", b"other", server.add("/other.bin", b"other"))),
    )
    pull(store, store.catalogue, ["a"])
    found = deep_verify(store, "a", no_check)
    assert (found.id, found.verdict) == ("b", "identical")


def test_what_is_not_installed(make_store, model_entry, file_entry):
    store = make_store(model_entry("a", file_entry("x.bin", b"x", "http://127.0.0.1:9/x")))
    with pytest.raises(ModelNotFoundError):
        deep_verify(store, "a", no_check)


def test_a_corrupt_file_is_found_before_anything_is_downloaded(one, server):
    (one.folder(one.catalogue.get("a")) / "model.bin").write_bytes(b"short")
    with pytest.raises(ModelCorruptError, match="5 bytes instead of 7000"):
        deep_verify(one, "a", no_check)
    assert server.requests == []


def test_the_scratch_folder_holds_a_whole_build(one, tmp_path):
    folder = rederive(one, one.catalogue.get("a"), tmp_path / "scratch")
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert tmp_path / "scratch" in folder.parents


def test_a_trained_model_says_what_is_known():
    store = ModelStore()
    model = load_catalogue().get("recognizer-vit-s14")
    catalogue = Catalogue(models=(model,))
    store = ModelStore(store.root, catalogue)
    pull(store, catalogue, [model.id])
    found = deep_verify(store, model.id, no_check)
    assert found.verdict == "consistent"
    assert "training again gives like, not equal, bytes" in found.lines[0]


@pytest.fixture
def made(make_store, tmp_path):
    """A store with a made model, as `edge models add` installs it."""
    folder = made_models.write_float(tmp_path / "made")
    files = [
        {"name": path.name, "sha256": sha256_of(path), "size": path.stat().st_size} for path in sorted(folder.iterdir())
    ]
    entry = {
        "id": "tiny-animals",
        "task": "image-recognition",
        "title": "Tiny",
        "licence": "MIT",
        "licence_url": "https://example.org",
        "upstream": {"repository": "https://huggingface.co/somebody/tiny-animals", "revision": "1"},
        "recipe": "made",
        "ram_mb": 1,
        "disk_mb": 0.1,
        "files": files,
    }
    store = make_store(entry)

    def build(out):
        for path in folder.iterdir():
            (out / path.name).write_bytes(path.read_bytes())

    with store.changing():
        store.install(store.catalogue.get("tiny-animals"), build)
    return store


def test_a_made_model_is_compared_with_its_description(made):
    asked = []

    def check(folder, model_id):
        asked.append((folder, model_id))
        return ["model.onnx"]

    found = deep_verify(made, "tiny-animals", check)
    assert asked == [(made.open("tiny-animals"), "tiny-animals")]
    assert found.verdict == "consistent"
    first, second = found.lines
    assert first == "graphs are as model.json says: model.onnx"
    assert second.endswith("scripts/make somebody/tiny-animals --revision 0123456789abcdef0123456789abcdef01234567")
    assert "torch 2.13.0" in second


class TestCommand:
    @pytest.fixture
    def edge_models(self, monkeypatch):
        def run(store, *arguments):
            monkeypatch.setattr(cli_models, "_store", lambda: store)
            return CliRunner().invoke(cli_models.app, arguments)

        return run

    def test_identical(self, one, edge_models):
        result = edge_models(one, "verify", "--deep")
        assert (result.exit_code, result.stdout) == (0, "a: made again from its upstream files, the same bytes\n")

    def test_different(self, one, edge_models):
        forge(one, "a", b"WEIGHTS" + CONTENT[7:])
        assert edge_models(one, "verify", "a").exit_code == 0
        result = edge_models(one, "verify", "--deep", "a", "--json")
        assert result.exit_code == 1
        record = json.loads(result.stdout)
        assert (record["id"], record["ok"], record["verdict"]) == ("a", False, "different")
        assert record["why"][0].startswith("model.bin: ")

    def test_a_made_model_whose_graph_was_exchanged(self, made, edge_models):
        folder = made.open("tiny-animals")
        model = made_models.write_float(folder.parent / "other", labels=["cat", "dog"])
        exchange(folder, model / "model.onnx")
        result = edge_models(made, "verify", "--deep", "tiny-animals")
        assert result.exit_code == 1
        assert "what is installed is not what was installed" in result.stdout
        assert "logits has 2 columns instead of 8" in result.stdout

    def test_what_cannot_be_had_does_not_stop_the_others(self, one, server, edge_models):
        pull(one, one.catalogue, ["b"])
        del server.files["/model.bin"]
        result = edge_models(one, "verify", "--deep", "--json")
        assert result.exit_code == 1
        first, second = map(json.loads, result.stdout.splitlines())
        assert (first["id"], first["ok"], first["verdict"]) == ("a", False, "unknown")
        assert "model a was not installed" in first["why"][0]
        assert (second["id"], second["ok"], second["verdict"]) == ("b", True, "identical")

    def test_a_made_model(self, made, edge_models):
        result = edge_models(made, "verify", "--deep", "tiny-animals")
        assert result.exit_code == 0, result.exception
        assert "intact; it cannot be made again here" in result.stdout


def exchange(folder, graph):
    (folder / "model.onnx").write_bytes(graph.read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.onnx"] = {"sha256": sha256_of(graph), "size": graph.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(manifest))
