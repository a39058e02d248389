"""Models that were made elsewhere: added, merged into the catalogue, removed."""

import hashlib
import json
import logging
import shutil
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from edge import cli_models
from edge.errors import DownloadError, LicenceError, ModelCorruptError, StoreError, UnknownModelError
from edge.hub import add as add_module
from edge.hub import memory
from edge.hub import store as store_module
from edge.hub.add import add
from edge.hub.catalogue import Catalogue
from edge.hub.overlay import entry_path, read_entry
from edge.hub.pull import pull
from edge.hub.store import ModelStore

HUB = {"repository": "owner/name"}
FILES = {"model_int8.onnx": b"graph", "model.json": b"{}", "provenance.json": b"{}"}


@pytest.fixture
def make_folder(tmp_path, write_catalogue, model_entry, file_entry):
    """A folder as the gate leaves it."""

    def make(model_id="a", name="made", **changes):
        folder = tmp_path / name
        folder.mkdir()
        for file, content in FILES.items():
            (folder / file).write_bytes(content)
        files = [
            {key: value for key, value in file_entry(file, content).items() if key != "sources"}
            for file, content in FILES.items()
        ]
        changes = {"recipe": "made", "task": "image-recognition"} | changes
        write_catalogue(model_entry(model_id, *files, **changes)).replace(folder / "entry.toml")
        write_card(folder)
        return folder

    return make


def write_card(folder):
    digest = hashlib.sha256((folder / "entry.toml").read_bytes()).hexdigest()
    (folder / "card.md").write_text(f"# A model\n\nEntry: {digest}\n", encoding="utf-8")


@pytest.fixture
def store(make_store, model_entry, file_entry):
    """`a` is to be exported, `b` can be pulled."""
    return make_store(
        model_entry("a", recipe="export", hub=HUB, task="image-recognition"),
        model_entry("b", file_entry("b.bin", b"b", "http://127.0.0.1:9/b")),
    )


def contents(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_it_is_installed_and_replaces_what_had_to_be_exported(store, make_folder):
    folder = make_folder(title="Mine")
    assert store.state("a").status == "absent"
    model = add(store, folder, accept_licence=False)
    assert model.title == "Mine"
    opened = store.open("a")
    assert {path.name for path in opened.iterdir()} == {*FILES, "card.md", "manifest.json"}
    assert (opened / "model_int8.onnx").read_bytes() == b"graph"
    assert [model.id for model in store.catalogue.models] == ["a", "b"]
    assert store.catalogue.get("a").recipe == "made"
    assert store.shipped.get("a").recipe == "export"


def test_a_new_id_joins_the_list_for_every_later_store(store, make_folder):
    add(store, make_folder("mug-finder"), accept_licence=False)
    other = ModelStore(store.root, store.shipped)
    assert [model.id for model in other.catalogue.models] == ["a", "b", "mug-finder"]
    assert other.state("mug-finder").status == "installed"
    assert other.installed() == ("mug-finder",)


def test_a_newer_one_takes_the_place_of_the_older(store, make_folder):
    add(store, make_folder(), accept_licence=False)
    older = store.open("a")
    folder = make_folder(name="again")
    (folder / "model_int8.onnx").write_bytes(b"GRAPH")
    text = (folder / "entry.toml").read_text()
    old, new = (hashlib.sha256(content).hexdigest() for content in (b"graph", b"GRAPH"))
    (folder / "entry.toml").write_text(text.replace(old, new))
    write_card(folder)
    add(store, folder, accept_licence=False)
    assert (store.open("a") / "model_int8.onnx").read_bytes() == b"GRAPH"
    assert not older.exists()


def test_removing_it_brings_back_what_was_listed(store, make_folder):
    add(store, make_folder(), accept_licence=False)
    assert store.remove("a")
    assert store.catalogue.get("a").recipe == "export"
    assert store.state("a").status == "absent"
    assert not store.remove("a")
    add(store, make_folder("c", name="c"), accept_licence=False)
    shutil.rmtree(store.root / "built")
    assert store.remove("c")
    with pytest.raises(UnknownModelError):
        store.catalogue.get("c")
    assert not entry_path(store.root, "c").exists()


def test_pull_leaves_it_alone_and_cannot_bring_it_back(store, make_folder):
    add(store, make_folder(), accept_licence=False)
    (result,) = pull(store, store.catalogue, ["a"])
    assert result.status == "already"
    (store.open("a") / "model.json").write_bytes(b"[]")
    with pytest.raises(ModelCorruptError):
        store.open("a")
    with pytest.raises(DownloadError, match=r"has no address, because the model was made; run: edge models add FOLDER"):
        pull(store, store.catalogue, ["a"])
    add(store, make_folder(name="once-more"), accept_licence=False)
    assert store.state("a").status == "installed"


def test_a_licence_that_must_be_accepted(store, make_folder):
    folder = make_folder(licence="CC-BY-NC-4.0")
    with pytest.raises(LicenceError, match=r"model a is under CC-BY-NC-4.0.*--accept-licence"):
        add(store, folder, accept_licence=False)
    assert contents(store.root) == []
    add(store, folder, accept_licence=True)
    assert store.state("a").status == "installed"


def test_an_id_that_is_taken(store, make_folder):
    with pytest.raises(StoreError, match="b is the id of a model of the catalogue; make it again with another --id"):
        add(store, make_folder("b"), accept_licence=False)


def change(name, content):
    def do(folder):
        (folder / name).write_bytes(content)

    return do


def edit_entry(old, new, *, card=True):
    def do(folder):
        entry = folder / "entry.toml"
        assert old in entry.read_text()
        entry.write_text(entry.read_text().replace(old, new))
        if card:
            write_card(folder)

    return do


def link(folder):
    (folder / "model.json").rename(folder.parent / "elsewhere.json")
    (folder / "model.json").symlink_to(folder.parent / "elsewhere.json")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda folder: (folder / "entry.toml").unlink(),
            r"has no entry.toml, so it has not passed the gate; run: scr",
        ),
        (lambda folder: (folder / "model.json").unlink(), r"lacks model.json; copy the whole folder again"),
        (lambda folder: (folder / "card.md").unlink(), r"not the one that card.md was written for"),
        (shutil.rmtree, "is not a folder"),
        (link, r"model.json is a link"),
        (change("model_int8.onnx", b"grapH"), r"SHA-256 .*; it was changed after the gate"),
        (change("model_int8.onnx", b"graph "), "has 6 bytes instead of 5"),
        (change("provenance.json", b"[]"), r"SHA-256 .*; it was changed after the gate"),
        (change("weights.bin", b"x"), r"files that entry.toml does not list: weights.bin"),
        (change("entry.toml", b"[[models"), "is not valid TOML"),
        (change("entry.toml", b"\xff"), "is not valid TOML"),
        (edit_entry('licence = "MIT"', 'licence = "MPL-2.0"', card=False), r"not the one that card.md was written for"),
        (edit_entry('"made"', '"copy"'), r"is not a catalogue entry \(models.0: .*only files of recipe made"),
        (
            edit_entry("ram_mb = 1", "ram_mb = 1\ndefault = true"),
            "is not one entry of a model that is made, neither a default",
        ),
        (edit_entry("ram_mb = 1", "ram_mb = 1\ncolour = 3"), "is not a catalogue entry"),
        (edit_entry('"model.json"', '"../model.json"'), "is not a catalogue entry"),
        (edit_entry('id = "a"', 'id = "../a"'), "is not a catalogue entry"),
    ],
)
def test_what_is_refused_leaves_the_store_as_it_was(store, make_folder, spoil, says):
    folder = make_folder()
    before = contents(store.root)
    spoil(folder)
    with pytest.raises(StoreError, match=says) as caught:
        add(store, folder, accept_licence=False)
    assert "\n" not in str(caught.value)
    assert [name for name in contents(store.root) if name != "store.lock"] == before
    assert store.state("a").status == "absent"


def test_a_failure_keeps_the_one_before(store, make_folder):
    add(store, make_folder(), accept_licence=False)
    folder = make_folder(name="damaged")
    (folder / "model.json").write_bytes(b"[]")
    with pytest.raises(StoreError):
        add(store, folder, accept_licence=False)
    assert store.state("a").status == "installed"


def test_disk_full(store, make_folder, monkeypatch):
    folder = make_folder()
    monkeypatch.setattr(add_module.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    with pytest.raises(StoreError, match=r"not enough disk at .*: 1 MB needed, 0 MB free"):
        add(store, folder, accept_licence=False)


@pytest.mark.parametrize("text", ["[[models", "", "x = 3\n", "[[models]]\nid = 'c'\n"])
def test_a_damaged_entry_is_one_warning(store, make_folder, caplog, text):
    add(store, make_folder("c"), accept_licence=False)
    path = entry_path(store.root, "c")
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        catalogue = ModelStore(store.root, store.shipped).catalogue
    assert catalogue == store.shipped
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "ignored: " in record.getMessage()
    assert "\n" not in record.getMessage()


def test_an_entry_may_not_pose_as_another_model(store, make_folder, caplog):
    add(store, make_folder("c"), accept_licence=False)
    text = entry_path(store.root, "c").read_text()
    entry_path(store.root, "b").write_text(text.replace('id = "c"', 'id = "b"'))
    entry_path(store.root, "d").write_text(text)
    catalogue = ModelStore(store.root, store.shipped).catalogue
    assert catalogue.get("b").recipe == "copy"
    assert [model.id for model in catalogue.models] == ["a", "b", "c"]
    assert len(caplog.records) == 2


def test_an_entry_that_cannot_be_read(tmp_path):
    with pytest.raises(StoreError, match=r"none.toml cannot be read"):
        read_entry(tmp_path / "none.toml")


def test_without_added_models_the_catalogue_is_the_shipped_one(store):
    assert store.catalogue is store.shipped


@pytest.fixture
def edge_models(monkeypatch, store):
    shipped = Catalogue.model_validate(store.shipped.model_dump())
    monkeypatch.setattr(store_module, "load_catalogue", lambda: shipped)
    return lambda *arguments: CliRunner().invoke(cli_models.app, arguments)


def test_the_command(edge_models, make_folder, monkeypatch, tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:   1000000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    assert "to be made" in edge_models("list").stdout.splitlines()[0]
    result = edge_models("add", str(make_folder(ram_mb=40, disk_mb=5.5)))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "a installed: The a, MIT, 5.5 MB",
        "memory when running: about 40 MB of 1024 MB free",
        "use it: edge recognize --model a IMAGE",
    ]
    assert "installed" in edge_models("list").stdout.splitlines()[0]
    assert edge_models("verify").stdout == "a is intact\n"
    assert "recipe: made" in edge_models("info", "a").stdout
    assert edge_models("remove", "a").stdout == "a removed\n"
    assert "to be made" in edge_models("list").stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("model", "changes", "says"),
    [
        (b"{}", {"task": "object-detection"}, "use it: edge detect --model c IMAGE"),
        (b'{"family": "dual-encoder"}', {}, 'use it: edge recognize --labels "mug, keys" --model c IMAGE'),
        (b"[]", {}, "use it: edge recognize --model c IMAGE"),
        (b"{}", {"task": "speech-recognition"}, "use it: edge transcribe --model c FILE"),
        (
            b"{}",
            {"task": "translation", "source": "en", "target": "de"},
            'use it: echo "..." | edge translate --from en --to de --model c',
        ),
    ],
)
def test_the_command_says_how_to_use_it(edge_models, make_folder, monkeypatch, model, changes, says):
    monkeypatch.setitem(FILES, "model.json", model)
    result = edge_models("add", str(make_folder("c", **changes)))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == says


def test_the_command_for_programs(edge_models, make_folder):
    folder = make_folder(licence="CC-BY-NC-4.0")
    assert isinstance(edge_models("add", str(folder), "--json").exception, LicenceError)
    record = json.loads(edge_models("add", str(folder), "--accept-licence", "--json").stdout)
    assert (record["id"], record["status"]) == ("a", "installed")
    assert record["folder"] == str(ModelStore().open("a"))


def test_memory_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert memory.available_mb() is None
    assert memory.memory_line(40) == "memory when running: about 40 MB"
    (tmp_path / "meminfo").write_text("MemAvailable:   30000 kB\n")
    assert memory.memory_line(40).startswith("memory when running: about 40 MB, but only 30 MB are free now: expect")
    (tmp_path / "meminfo").write_text("MemFree:   30000 kB\n")
    assert memory.available_mb() is None
