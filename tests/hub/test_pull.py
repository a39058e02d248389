"""Pulling, end to end, from servers, wheels and folders that do what the world does."""

import errno
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from types import SimpleNamespace

import pytest

from edge.errors import DownloadError, LicenceError, ModelCorruptError, RecipeError, StoreError, UnknownModelError
from edge.hub import fetch, recipes
from edge.hub.plan import make_plan
from edge.hub.pull import PullOptions, pull
from edge.hub.recipes import copy

CONTENT = bytes(range(256)) * 2000  # 512 kB
DEAD = "http://127.0.0.1:9/model.bin"

PULL = """
    import sys
    from pathlib import Path
    from edge.hub.catalogue import load_catalogue
    from edge.hub.pull import pull
    from edge.hub.store import ModelStore
    catalogue = load_catalogue(Path(sys.argv[1]))
    print(pull(ModelStore(Path(sys.argv[2]), catalogue), catalogue, ["a"])[0].status)
"""


@pytest.fixture
def one(server, make_store, model_entry, file_entry):
    """A store whose only model comes from the server."""
    url = server.add("/model.bin", CONTENT)
    return make_store(model_entry("a", file_entry("model.bin", CONTENT, url), default=True))


def statuses(results):
    return {result.id: result.status for result in results}


def blob_files(store):
    return sorted(path.name for path in store.blobs.root.iterdir())


def test_pull_installs_and_drops_the_download(one, recorder):
    results = pull(one, one.catalogue, ["a"], report=recorder)
    assert statuses(results) == {"a": "installed"}
    assert (one.open("a") / "model.bin").read_bytes() == CONTENT
    assert blob_files(one) == []
    assert recorder.built == ["a"]
    assert recorder.results == list(results)
    assert recorder.plans[0].download_bytes == len(CONTENT)


def test_keep_downloads(one):
    pull(one, one.catalogue, ["a"], PullOptions(keep_downloads=True))
    assert blob_files(one) == [one.catalogue.get("a").files[0].sha256]


def test_what_is_installed_is_not_fetched_again(one, server):
    pull(one, one.catalogue)
    server.requests.clear()
    assert statuses(pull(one, one.catalogue)) == {"a": "already"}
    assert server.requests == []


def test_without_ids_the_default_set_is_pulled(server, make_store, model_entry, file_entry):
    files = [file_entry(name, name.encode(), server.add(f"/{name}", name.encode())) for name in ("a", "b")]
    store = make_store(model_entry("a", files[0]), model_entry("b", files[1], default=True))
    assert statuses(pull(store, store.catalogue)) == {"b": "installed"}


def test_unknown_id_fetches_nothing(one, server):
    with pytest.raises(UnknownModelError):
        pull(one, one.catalogue, ["a", "aaa"])
    assert server.requests == []


def test_a_corrupt_model_is_repaired(one, recorder):
    pull(one, one.catalogue)
    (one.open("a") / "model.bin").write_bytes(b"rot")
    with pytest.raises(ModelCorruptError):
        one.open("a")
    assert statuses(pull(one, one.catalogue)) == {"a": "installed"}
    assert (one.open("a") / "model.bin").read_bytes() == CONTENT


def test_a_corrupt_model_that_cannot_be_fetched_again_stays_named(one, server):
    pull(one, one.catalogue)
    (one.open("a") / "model.bin").write_bytes(b"rot")
    server.files.clear()
    with pytest.raises(DownloadError, match=r"model a was not installed: .*HTTP 404.*run: edge models pull a"):
        pull(one, one.catalogue)
    with pytest.raises(ModelCorruptError):
        one.open("a")


def test_wrong_hash_then_the_second_mirror(server, make_store, model_entry, file_entry, recorder):
    bad = server.add("/bad", b"x" * len(CONTENT))
    good = server.add("/good", CONTENT)
    file = file_entry("model.bin", CONTENT, bad, good)
    store = make_store(model_entry("a", file))
    pull(store, store.catalogue, ["a"], report=recorder)
    assert [path for path, _ in server.requests] == ["/bad", "/good"]
    assert len(recorder.notes) == 1
    assert file["sha256"] in recorder.notes[0]
    assert (store.open("a") / "model.bin").read_bytes() == CONTENT


def test_every_mirror_wrong_says_every_reason(server, make_store, model_entry, file_entry):
    bad = server.add("/bad", b"x" * len(CONTENT))
    store = make_store(model_entry("a", file_entry("model.bin", CONTENT, bad, server.url("/none"), DEAD)))
    with pytest.raises(DownloadError, match=r"SHA-256.*HTTP 404.*cannot be reached") as caught:
        pull(store, store.catalogue, ["a"])
    assert "\n" not in str(caught.value)
    assert store.installed() == ()
    assert blob_files(store) == []


def test_a_failed_model_does_not_keep_the_others(server, make_store, model_entry, file_entry, recorder):
    url = server.add("/model.bin", CONTENT)
    ids = ["a", "b", "c"]
    store = make_store(
        *(model_entry(i, file_entry("m", CONTENT if i == "b" else i.encode(), url if i == "b" else DEAD)) for i in ids)
    )
    with pytest.raises(DownloadError, match=r"2 of 3 models were not installed \(a, c\).*run the same command"):
        pull(store, store.catalogue, ids, report=recorder)
    assert store.installed() == ("b",)
    assert sorted(recorder.failures) == ["a", "c"]


def fallback_store(make_store, model_entry, file_entry, newer_url, older_url):
    newer = model_entry("new", file_entry("n.bin", CONTENT, newer_url), fallback="old")
    return make_store(newer, model_entry("old", file_entry("o.bin", b"old", older_url)))


def test_an_unreachable_host_leads_to_the_fallback(server, make_store, model_entry, file_entry, recorder):
    store = fallback_store(make_store, model_entry, file_entry, DEAD, server.add("/o", b"old"))
    (result,) = pull(store, store.catalogue, ["new"], report=recorder)
    assert (result.id, result.status, result.in_use) == ("new", "fallback", "old")
    assert store.open("new") == result.folder == store.open("old")
    assert len(recorder.notes) == 1
    assert recorder.notes[0].startswith("new: using old instead (n.bin: 127.0.0.1:9: cannot be reached")


def test_the_newer_model_comes_when_its_host_is_back(server, make_store, model_entry, file_entry, recorder):
    url = server.url("/n")
    store = fallback_store(make_store, model_entry, file_entry, url, server.add("/o", b"old"))
    assert statuses(pull(store, store.catalogue, ["new"])) == {"new": "fallback"}
    server.requests.clear()
    assert statuses(pull(store, store.catalogue, ["new"], report=recorder)) == {"new": "fallback"}
    assert [path for path, _ in server.requests] == ["/n"], "the fallback is not fetched twice"
    server.add("/n", CONTENT)
    assert statuses(pull(store, store.catalogue, ["new"])) == {"new": "installed"}
    assert store.state("new").in_use == "new"


def test_a_corrupt_newer_model_gives_way_to_the_fallback(server, make_store, model_entry, file_entry):
    store = fallback_store(make_store, model_entry, file_entry, server.add("/n", CONTENT), server.add("/o", b"old"))
    pull(store, store.catalogue, ["new"])
    (store.open("new") / "n.bin").write_bytes(b"rot")
    del server.files["/n"]
    assert statuses(pull(store, store.catalogue, ["new"])) == {"new": "fallback"}
    assert store.open("new") == store.open("old")


def test_a_corrupt_fallback_is_repaired(server, make_store, model_entry, file_entry):
    store = fallback_store(make_store, model_entry, file_entry, DEAD, server.add("/o", b"old"))
    pull(store, store.catalogue, ["new"])
    (store.open("new") / "o.bin").write_bytes(b"rot")
    assert store.state("new").status == "corrupt"
    assert statuses(pull(store, store.catalogue, ["new"])) == {"new": "fallback"}
    assert store.state("new").status == "fallback"


def test_neither_newer_nor_fallback(make_store, model_entry, file_entry):
    store = fallback_store(make_store, model_entry, file_entry, DEAD, DEAD)
    with pytest.raises(DownloadError, match="model new was not installed"):
        pull(store, store.catalogue, ["new"])


def test_a_killed_pull_is_continued(server, write_catalogue, model_entry, file_entry, make_store):
    gate = threading.Event()
    url = server.add("/model.bin", CONTENT, send=[300_000], gate=gate)
    entry = model_entry("a", file_entry("model.bin", CONTENT, url))
    store = make_store(entry)
    command = [sys.executable, "-c", textwrap.dedent(PULL), str(write_catalogue(entry)), str(store.root)]
    part = store.blobs.part(store.catalogue.get("a").files[0].sha256)
    with subprocess.Popen(command) as process:
        while not (part.exists() and part.stat().st_size >= 100_000):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    gate.set()
    kept = part.stat().st_size
    assert statuses(pull(store, store.catalogue, ["a"])) == {"a": "installed"}
    assert server.requests == [("/model.bin", None), ("/model.bin", f"bytes={kept}-")]


def test_two_processes_at_once_fetch_once(server, write_catalogue, model_entry, file_entry, tmp_path):
    gate = threading.Event()
    url = server.add("/model.bin", CONTENT, send=[1000], gate=gate)
    path = write_catalogue(model_entry("a", file_entry("model.bin", CONTENT, url)))
    command = [sys.executable, "-c", textwrap.dedent(PULL), str(path), str(tmp_path / "store")]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with first, second:
        time.sleep(1)  # long enough for both to be there; shorter only makes the test weaker
        gate.set()
        said = sorted([first.communicate()[0].strip(), second.communicate()[0].strip()])
    assert said == ["already", "installed"]
    assert [asked for _, asked in server.requests] == [None, "bytes=1000-"]


def test_a_wheel_serves_two_models_with_one_download(make_wheel, make_store, model_entry, file_entry, recorder):
    wheel = make_wheel("tiny-data", {"a": b"aaa", "b": b"bbb"})
    entries = [
        model_entry(name, file_entry("m", name.encode() * 3, {"wheel": "tiny-data==1.0", "path": name}))
        for name in ("a", "b")
    ]
    store = make_store(*entries, wheels=[wheel])
    plan = make_plan(store, store.catalogue, store.catalogue.models)
    assert [item.download_bytes for item in plan.items] == [wheel["size"], 0]
    pull(store, store.catalogue, ["a", "b"], report=recorder)
    assert recorder.labels == ["wheel tiny-data==1.0"]
    assert store.installed() == ("a", "b")
    assert blob_files(store) == []


def test_files_of_finished_wheels_survive_a_failure(make_wheel, make_store, model_entry, file_entry, recorder):
    wheel = make_wheel("tiny-data", {"a": b"aaa"})
    files = [file_entry("a", b"aaa", {"wheel": "tiny-data==1.0", "path": "a"}), file_entry("b", b"b", DEAD)]
    store = make_store(model_entry("m", *files), wheels=[wheel])
    for _ in range(2):
        with pytest.raises(DownloadError):
            pull(store, store.catalogue, ["m"], report=recorder)
    assert recorder.labels.count("wheel tiny-data==1.0") == 1


def test_two_models_that_share_a_file_fetch_it_once(server, make_store, model_entry, file_entry):
    file = file_entry("m", CONTENT, server.add("/m", CONTENT))
    store = make_store(model_entry("a", file), model_entry("b", file))
    pull(store, store.catalogue, ["a", "b"])
    assert len(server.requests) == 1
    assert blob_files(store) == []


def test_side_load_needs_no_network(make_store, model_entry, file_entry, tmp_path, recorder):
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "whatever").write_bytes(CONTENT)
    store = make_store(model_entry("a", file_entry("model.bin", CONTENT, DEAD)))
    pull(store, store.catalogue, ["a"], PullOptions(side_folder=tmp_path / "stick"), recorder)
    assert store.installed() == ("a",)
    assert recorder.labels == []
    assert recorder.notes == [f"1 of 1 files found in {tmp_path / 'stick'}"]


@pytest.mark.parametrize("path", ["/{sha256}", "/some/where/model.bin"])
def test_own_mirrors_come_first(server, make_store, model_entry, file_entry, path):
    file = file_entry("model.bin", CONTENT, "http://127.0.0.1:9/some/where/model.bin")
    server.add(path.format(sha256=file["sha256"]), CONTENT)
    store = make_store(model_entry("a", file))
    pull(store, store.catalogue, ["a"], PullOptions(mirrors=[server.url("/")]))
    assert store.installed() == ("a",)


def test_a_licence_must_be_accepted(server, make_store, model_entry, file_entry):
    file = file_entry("m", CONTENT, server.add("/m", CONTENT))
    store = make_store(model_entry("a", file, licence="CC-BY-NC-4.0"))
    with pytest.raises(LicenceError, match=r"CC-BY-NC-4\.0.*https://example.org/licence.*--accept-licence"):
        pull(store, store.catalogue, ["a"])
    assert server.requests == []
    assert statuses(pull(store, store.catalogue, ["a"], PullOptions(accept_licences=True))) == {"a": "installed"}


def test_too_little_disk_is_said_before_the_first_byte(one, server, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match=r"not enough disk .* 1 MB needed, 0 MB free; free some space"):
        pull(one, one.catalogue)
    assert server.requests == []


def test_a_disk_that_fills_during_the_build_loses_nothing(one, server, monkeypatch):
    def full(files, out, options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(copy, "build", full)
    with pytest.raises(StoreError, match="is full"):
        pull(one, one.catalogue)
    assert blob_files(one) == [one.catalogue.get("a").files[0].sha256]
    monkeypatch.undo()
    server.requests.clear()
    pull(one, one.catalogue)
    assert server.requests == []


def test_the_licence_stays_with_the_model(server, make_store, model_entry, file_entry, monkeypatch):
    monkeypatch.setattr(copy, "build", lambda files, out, options: (out / "model.onnx").write_bytes(b"built"))
    files = [file_entry(name, name.encode(), server.add(f"/{name}", name.encode())) for name in ("m", "LICENSE")]
    store = make_store(model_entry("a", *files))
    pull(store, store.catalogue, ["a"])
    assert sorted(path.name for path in store.open("a").iterdir()) == ["LICENSE", "manifest.json", "model.onnx"]


def test_a_recipe_that_does_not_understand(one, monkeypatch):
    def confused(files, out, options):
        raise RecipeError("model.bin is not a model")

    monkeypatch.setattr(copy, "build", confused)
    with pytest.raises(RecipeError, match=r"model a was not installed: model\.bin is not a model"):
        pull(one, one.catalogue)
    assert one.installed() == ()


def test_a_new_version_of_the_recipe_builds_anew(one, monkeypatch):
    pull(one, one.catalogue)
    old = one.open("a")
    monkeypatch.setattr(recipes, "VERSIONS", {**recipes.VERSIONS, "copy": 99})
    assert one.state("a").status == "outdated"
    pull(one, one.catalogue)
    assert one.open("a") != old
    assert not old.exists()


def test_a_read_only_store_with_everything_installed_needs_no_writing(one, monkeypatch):
    pull(one, one.catalogue)
    monkeypatch.setattr(type(one), "changing", None)
    assert statuses(pull(one, one.catalogue)) == {"a": "already"}


def test_a_file_that_came_with_the_package(tmp_path, make_store, model_entry, file_entry, monkeypatch):
    package = tmp_path / "package"
    (package / "made").mkdir(parents=True)
    (package / "made" / "model.bin").write_bytes(CONTENT)
    monkeypatch.setattr(fetch, "catalogue_path", lambda: package / "catalog.toml")
    store = make_store(model_entry("a", file_entry("model.bin", CONTENT, {"packaged": "made/model.bin"})))
    assert make_plan(store, store.catalogue, store.catalogue.models).download_bytes == 0
    assert statuses(pull(store, store.catalogue, ["a"])) == {"a": "installed"}
    assert (store.open("a") / "model.bin").read_bytes() == CONTENT
    assert (package / "made" / "model.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [None, CONTENT[:-1]])
def test_a_file_that_should_have_come_with_the_package(
    content, tmp_path, make_store, model_entry, file_entry, monkeypatch
):
    if content is not None:
        (tmp_path / "model.bin").write_bytes(content)
    monkeypatch.setattr(fetch, "catalogue_path", lambda: tmp_path / "catalog.toml")
    store = make_store(model_entry("a", file_entry("model.bin", CONTENT, {"packaged": "model.bin"})))
    with pytest.raises(DownloadError, match="reinstall edge-glasses"):
        pull(store, store.catalogue, ["a"])
    assert store.installed() == ()
