"""Content-addressed files and the words for what the disk refuses."""

import errno
import hashlib

import pytest

from edge.errors import ModelNotFoundError, StoreError
from edge.hub.blobs import BlobStore, sha256_of, store_errors

CONTENT = b"bytes" * 1000
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path)


def test_hash_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    assert sha256_of(path) == HASH


def test_a_part_becomes_a_blob(blobs):
    blobs.part(HASH).write_bytes(CONTENT)
    blobs.note(HASH).write_text("{}")
    assert not blobs.has(HASH, len(CONTENT))
    assert blobs.commit(HASH).read_bytes() == CONTENT
    assert blobs.has(HASH, len(CONTENT))
    assert [path.name for path in blobs.root.iterdir()] == [HASH]


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"X" + CONTENT[1:], b""])
def test_a_blob_with_other_bytes_is_not_there_and_goes(blobs, content):
    blobs.path(HASH).write_bytes(content)
    assert not blobs.has(HASH, len(CONTENT))
    assert not blobs.path(HASH).exists()


def test_discard_keeps_the_finished_file(blobs):
    for path in (blobs.path(HASH), blobs.part(HASH), blobs.note(HASH)):
        path.write_bytes(CONTENT)
    blobs.discard(HASH)
    assert list(blobs.root.iterdir()) == [blobs.path(HASH)]
    blobs.remove(HASH)
    assert list(blobs.root.iterdir()) == []
    blobs.remove(HASH)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EACCES, "change its permissions or set EDGE_MODELS"),
        (errno.EROFS, "change its permissions or set EDGE_MODELS"),
        (errno.EIO, "check the disk or set EDGE_MODELS"),
    ],
)
def test_what_the_disk_refuses_is_said_in_one_line(tmp_path, code, says):
    with pytest.raises(StoreError, match=says) as caught, store_errors(tmp_path):
        raise OSError(code, "why", str(tmp_path / "file"))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_our_own_errors_pass(tmp_path):
    with pytest.raises(ModelNotFoundError), store_errors(tmp_path):
        raise ModelNotFoundError("a")
