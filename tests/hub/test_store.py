"""The store opens only what has exactly the bytes that were built."""

import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ModelCorruptError, ModelNotFoundError, RecipeError, StoreError, UnknownModelError
from edge.hub.store import MANIFEST, ModelStore, default_root, known_sha256

URL = "https://example.org/a"


@pytest.fixture
def entry(model_entry, file_entry):
    return model_entry("a", file_entry("a.bin", b"upstream", URL))


@pytest.fixture
def store(make_store, entry, model_entry, file_entry):
    newer = model_entry("new", file_entry("n.bin", b"n", URL), fallback="a")
    return make_store(entry, newer)


def install(store, model_id="a", content=b"built"):
    def build(out):
        (out / "model.onnx").write_bytes(content)
        (out / "sub").mkdir()
        (out / "sub" / "labels.txt").write_bytes(b"labels")

    with store.changing():
        return store.install(store.catalogue.get(model_id), build)


def test_nothing_is_installed(store):
    assert store.installed() == ()
    assert store.state("a").status == "absent"
    with pytest.raises(ModelNotFoundError, match="run: edge models pull a"):
        store.open("a")
    assert not store.root.exists(), "looking makes no folder"


def test_unknown_id(store):
    for ask in (store.open, store.state, store.remove):
        with pytest.raises(UnknownModelError):
            ask("aa")


def test_installed_model_opens(store):
    folder = install(store)
    assert store.open("a") == folder
    assert (folder / "model.onnx").read_bytes() == b"built"
    assert store.installed() == ("a",)
    assert store.state("a").status == "installed"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert sorted(manifest["files"]) == ["model.onnx", "sub/labels.txt"]
    assert list((store.root / "building").iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(b"Built"), "SHA-256"),
        (lambda path: path.write_bytes(b"buil"), "4 bytes instead of 5"),
        (lambda path: path.write_bytes(b""), "0 bytes instead of 5"),
        (lambda path: path.unlink(), "it is missing"),
    ],
)
def test_a_corrupt_file_is_named_and_never_used(store, damage, says):
    damage(install(store) / "model.onnx")
    with pytest.raises(ModelCorruptError, match=says) as caught:
        store.open("a")
    assert caught.value.file.endswith("model.onnx")
    assert str(caught.value).endswith("run: edge models pull a")
    state = store.state("a")
    assert state.status == "corrupt"
    assert state.why == str(caught.value)
    assert store.state("a", verify=False).status == "installed"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 1, "id": "b", "files": {"x": {"sha256": "", "size": 1}}}',
             '{"format": 1, "id": "a", "files": {}}', '{"format": 1, "id": "a", "files": {"x": 3}}', "\x00\x00"]
)  # fmt: skip
def test_a_broken_manifest_is_corrupt(store, text):
    (install(store) / MANIFEST).write_text(text)
    with pytest.raises(ModelCorruptError, match="manifest"):
        store.open("a")


def test_a_fallback_is_opened_when_the_newer_is_absent(store):
    folder = install(store)
    assert store.open("new") == folder
    state = store.state("new")
    assert (state.status, state.in_use, state.folder) == ("fallback", "a", folder)
    assert store.installed() == ("a",)
    newer = install(store, "new")
    assert store.open("new") == newer
    assert store.state("new").in_use == "new"


def test_a_corrupt_newer_model_is_said_and_not_hidden_by_the_fallback(store):
    install(store)
    (install(store, "new") / "model.onnx").unlink()
    with pytest.raises(ModelCorruptError, match="model new"):
        store.open("new")


def test_without_a_fallback_installed_the_one_asked_for_is_missing(store):
    with pytest.raises(ModelNotFoundError, match="edge models pull new"):
        store.open("new")


def test_installing_again_replaces_a_corrupt_build(store):
    (install(store) / "model.onnx").write_bytes(b"x")
    assert (install(store, content=b"fresh") / "model.onnx").read_bytes() == b"fresh"
    assert store.state("a").status == "installed"


def test_a_build_for_another_catalogue_is_outdated_and_replaced(store, make_store, entry):
    old = install(store)
    later = make_store(entry | {"options": {"rename": {}}})
    assert later.state("a").status == "outdated"
    with pytest.raises(ModelNotFoundError):
        later.open("a")
    new = install(later)
    assert later.open("a") == new != old
    assert not old.exists()


@pytest.mark.parametrize(
    "error", [RecipeError("what is this"), OSError(28, "No space left on device"), KeyboardInterrupt()]
)
def test_a_build_that_fails_leaves_what_was_there(store, error):
    folder = install(store)

    def build(out):
        (out / "model.onnx").write_bytes(b"half")
        raise error

    with store.changing(), pytest.raises(type(error)):
        store.install(store.catalogue.get("a"), build)
    assert (store.open("a") / "model.onnx").read_bytes() == b"built"
    assert list(folder.parent.iterdir()) == [folder]
    assert list((store.root / "building").iterdir()) == []


@pytest.mark.parametrize("name", [None, MANIFEST])
def test_a_recipe_must_make_files_and_no_manifest(store, name):
    def build(out):
        if name:
            (out / name).write_text("{}")

    with store.changing(), pytest.raises(RecipeError):
        store.install(store.catalogue.get("a"), build)
    assert store.installed() == ()


def test_leftovers_of_a_killed_build_are_swept(store):
    (store.root / "building" / "tmp1234" / "out").mkdir(parents=True)
    with store.changing():
        assert not (store.root / "building").exists()


def test_remove(store):
    install(store)
    sha256 = store.catalogue.get("a").files[0].sha256
    store.blobs.part(sha256).write_bytes(b"half")
    assert store.remove("a") is True
    assert store.state("a").status == "absent"
    assert not store.blobs.part(sha256).exists()
    assert store.remove("a") is False


def test_a_root_that_is_a_file_is_a_store_error(tmp_path, store):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="EDGE_MODELS"), ModelStore(tmp_path / "file" / "x").changing():
        pass


def test_a_root_without_permission_is_a_store_error(tmp_path, monkeypatch):
    def refuse(path, *_args, **_options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match="change its permissions"), ModelStore(tmp_path / "x").changing():
        pass


@pytest.mark.parametrize("ask", ["open", "state", "remove"])
def test_a_root_that_may_not_be_read_is_a_store_error(store, monkeypatch, ask):
    def refuse(path, *_args, **_options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(StoreError, match="change its permissions"):
        getattr(store, ask)("a")


def test_a_root_that_may_not_be_entered_is_a_store_error(tmp_path, monkeypatch):
    root, real = tmp_path / "locked" / "store", Path.stat

    def refuse(path, **options):
        if root in (path, *path.parents):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    for ask in ("open", "state", "remove", "resolve"):
        with pytest.raises(StoreError, match="change its permissions or set EDGE_MODELS") as refused:
            getattr(ModelStore(root), ask)("silero-vad")
        assert "\n" not in str(refused.value)


def test_default_root(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "chosen"))
    assert default_root() == tmp_path / "chosen"
    assert ModelStore().root == tmp_path / "chosen"
    monkeypatch.delenv("EDGE_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root().is_relative_to(tmp_path)
    assert default_root().name == "models"


def test_opening_a_model_imports_no_network_code(store, write_catalogue, entry):
    install(store)
    code = (
        "import sys; from pathlib import Path; from edge.hub.store import ModelStore\n"
        "from edge.hub.catalogue import load_catalogue\n"
        f"ModelStore(Path({str(store.root)!r}), load_catalogue(Path({str(write_catalogue(entry))!r}))).open('a')\n"
        "bad = {'urllib.request', 'http.client', 'ssl', 'pip', 'onnx', 'rich', 'numpy'}\n"
        "sys.exit(str(bad & set(sys.modules)) if bad & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_was_computed_with_a_model_goes_with_it(store):
    kept = store.root / "kept" / "a" / "older" / "silence"
    for change in (lambda: install(store), lambda: store.remove("a")):
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"numbers")
        change()
        assert not kept.parents[1].exists()


def test_what_was_computed_with_other_models_stays(store):
    kept = store.root / "kept" / "new" / "f" / "silence"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"numbers")
    install(store)
    store.remove("a")
    assert kept.read_bytes() == b"numbers"


def test_the_hash_of_an_opened_file_is_that_of_its_bytes_and_costs_no_reading(store, monkeypatch):
    folder = install(store)
    for name, content in (("model.onnx", b"built"), ("sub/labels.txt", b"labels")):
        assert known_sha256(folder, name) == hashlib.sha256(content).hexdigest()
    monkeypatch.setattr("edge.hub.store.sha256_of", lambda path: pytest.fail(f"{path} was read again"))
    assert known_sha256(folder, "model.onnx") == hashlib.sha256(b"built").hexdigest()


@pytest.mark.parametrize("manifest", [None, "{", "[]", "{}", '{"files": {}}', '{"files": {"a": 1}}'])
def test_a_file_that_no_manifest_names_is_hashed(tmp_path, manifest):
    (tmp_path / "a").write_bytes(b"bytes")
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    assert known_sha256(tmp_path, "a") == hashlib.sha256(b"bytes").hexdigest()
    with pytest.raises(FileNotFoundError):
        known_sha256(tmp_path, "b")
