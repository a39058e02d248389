"""Files found by their bytes in a folder of the user's."""

import zipfile

import pytest

from edge.errors import StoreError
from edge.hub import side_load as module
from edge.hub.blobs import BlobStore, sha256_of
from edge.hub.catalogue import ModelFile
from edge.hub.side_load import side_load


@pytest.fixture
def blobs(tmp_path):
    (tmp_path / "blobs").mkdir()
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def files(file_entry):
    contents = {"a.bin": b"a" * 100, "b.bin": b"b" * 200}
    return [ModelFile.model_validate(file_entry(name, content, "http://x/")) for name, content in contents.items()]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "stick"
    (path / "deep" / "deeper").mkdir(parents=True)
    return path


def test_any_name_at_any_depth(folder, files, blobs):
    (folder / "deep" / "deeper" / "renamed").write_bytes(b"a" * 100)
    (folder / "b (copy 2)").write_bytes(b"b" * 200)
    assert side_load(folder, files, blobs) == 2
    assert all(blobs.has(file.sha256, file.size) for file in files)
    assert (folder / "b (copy 2)").exists()


def test_a_file_with_the_right_name_and_wrong_bytes_is_not_taken(folder, files, blobs):
    (folder / "a.bin").write_bytes(b"A" * 100)
    assert side_load(folder, files, blobs) == 0
    assert list(blobs.root.iterdir()) == []


@pytest.mark.parametrize("name", ["data-1.0-py3-none-any.whl", "export.zip"])
def test_inside_archives(folder, files, blobs, name):
    with zipfile.ZipFile(folder / "deep" / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("x/wrong", b"z" * 100)
        archive.writestr("x/a", b"a" * 100)
        archive.writestr("x/b", b"b" * 200)
    assert side_load(folder, files, blobs) == 2


def test_a_damaged_archive_is_passed_over(folder, files, blobs):
    with zipfile.ZipFile(folder / "a.whl", "w") as archive:
        archive.writestr("a", b"a" * 100)
    content = (folder / "a.whl").read_bytes()
    (folder / "a.whl").write_bytes(content.replace(b"a" * 100, b"a" * 99 + b"?"))
    (folder / "cut.whl").write_bytes(content[:40])
    assert side_load(folder, files, blobs) == 0


def test_only_files_of_a_wanted_size_are_hashed(folder, files, blobs, monkeypatch):
    hashed = []
    monkeypatch.setattr(module, "sha256_of", lambda path: hashed.append(path.name) or sha256_of(path))
    (folder / "film.mkv").write_bytes(b"m" * 1000)
    (folder / "z").write_bytes(b"z" * 200)
    side_load(folder, files, blobs)
    assert hashed == ["z"]


def test_what_is_here_is_not_counted(folder, files, blobs):
    blobs.path(files[0].sha256).write_bytes(b"a" * 100)
    (folder / "a").write_bytes(b"a" * 100)
    assert side_load(folder, files, blobs) == 0


def test_a_half_download_is_kept_unless_the_whole_is_found(folder, files, blobs):
    blobs.part(files[0].sha256).write_bytes(b"a" * 50)
    (folder / "a").write_bytes(b"A" * 100)
    side_load(folder, files, blobs)
    assert blobs.part(files[0].sha256).read_bytes() == b"a" * 50


@pytest.mark.parametrize("name", ["none", "file"])
def test_not_a_folder(folder, files, blobs, name):
    (folder / "file").write_text("")
    with pytest.raises(StoreError, match="is not a folder"):
        side_load(folder / name, files, blobs)
