"""What a pull says it would do."""

import shutil
from types import SimpleNamespace

import pytest

from edge.errors import StoreError
from edge.hub.plan import check_space, make_plan
from edge.hub.pull import pull

WHEEL = {"requirement": "w==1", "sha256": "0" * 64, "size": 5_000_000}
URL = "http://127.0.0.1:9/m"


@pytest.fixture
def plan_of(make_store):
    def plan(*models, wheels=(WHEEL,)):
        store = make_store(*models, wheels=wheels)
        return make_plan(store, store.catalogue, store.catalogue.models), store

    return plan


def test_downloads_disk_and_what_is_needed_on_the_way(plan_of, model_entry, file_entry):
    inside = file_entry("a", b"a" * 2_000, {"wheel": "w==1", "path": "a"})
    plan, _ = plan_of(
        model_entry("a", inside, file_entry("b", b"b" * 300, URL), disk_mb=7),
        model_entry("c", file_entry("c", b"c" * 4_000, URL), disk_mb=1),
    )
    assert [item.download_bytes for item in plan.items] == [5_000_300, 4_000]
    assert [item.transit_bytes for item in plan.items] == [10_002_300, 4_000]
    assert plan.download_bytes == 5_004_300
    assert plan.disk_bytes == 8_000_000
    assert plan.peak_bytes == 18_002_300


def test_the_fallback_may_need_more_on_the_way(plan_of, model_entry, file_entry):
    plan, _ = plan_of(
        model_entry("new", file_entry("n", b"n" * 100, URL), fallback="old"),
        model_entry("old", file_entry("o", b"o" * 100, {"wheel": "w==1", "path": "o"})),
    )
    assert plan.items[0].download_bytes == 100
    assert plan.items[0].transit_bytes == 10_000_100


def test_what_is_here_needs_no_download(plan_of, model_entry, file_entry):
    entry = model_entry("a", file_entry("a", b"a" * 1000, URL), file_entry("b", b"b" * 1000, URL))
    _, store = plan_of(entry)
    first, second = store.catalogue.get("a").files
    store.blobs.root.mkdir(parents=True)
    store.blobs.path(first.sha256).write_bytes(b"a" * 1000)
    store.blobs.part(second.sha256).write_bytes(b"b" * 400)
    assert make_plan(store, store.catalogue, store.catalogue.models).download_bytes == 600


def test_what_is_installed_is_not_to_do(plan_of, server, model_entry, file_entry):
    files = [file_entry(name, name.encode(), server.add(f"/{name}", name.encode())) for name in ("a", "b")]
    _, store = plan_of(*(model_entry(name, file) for name, file in zip(("a", "b"), files, strict=True)))
    pull(store, store.catalogue, ["a"])
    plan = make_plan(store, store.catalogue, store.catalogue.models)
    assert [item.is_done for item in plan.items] == [True, False]
    assert [item.model.id for item in plan.to_do] == ["b"]
    assert plan.download_bytes == 1


def test_nothing_to_do_needs_no_space(plan_of):
    plan, store = plan_of()
    assert plan.peak_bytes == 0
    store.root.mkdir()
    check_space(store, plan)


@pytest.mark.parametrize(("free", "fits"), [(999_999 + 1000, False), (1_000_000 + 1000, True)])
def test_space(plan_of, model_entry, file_entry, monkeypatch, free, fits):
    plan, store = plan_of(model_entry("a", file_entry("a", b"a" * 1000, URL), disk_mb=1))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    if fits:
        check_space(store, plan)
    else:
        with pytest.raises(StoreError, match="2 MB needed, 1 MB free"):
            check_space(store, plan)
