"""Downloads from a server on loopback that drops, truncates, refuses and lies."""

import errno
import json
import socket

import pytest

from edge.errors import DownloadError, StoreError
from edge.hub import http_mirror
from edge.hub.blobs import BlobStore
from edge.hub.catalogue import ModelFile
from edge.hub.http_mirror import HttpMirror

CONTENT = bytes(range(256)) * 1024  # 256 KiB


@pytest.fixture
def blobs(tmp_path):
    (tmp_path / "blobs").mkdir()
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def file(file_entry):
    return ModelFile.model_validate(file_entry("model.bin", CONTENT, "http://127.0.0.1/model.bin"))


@pytest.fixture
def fetch(blobs, file):
    mirror = HttpMirror(blobs)
    seen = []

    def run(url):
        mirror.fetch(url, file, seen.append)
        return seen

    return run


def ranges(server):
    return [asked for _, asked in server.requests]


def test_whole_file(server, fetch, blobs, file):
    seen = fetch(server.add("/m", CONTENT))
    assert blobs.path(file.sha256).read_bytes() == CONTENT
    assert ranges(server) == [None]
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert not blobs.part(file.sha256).exists()
    assert not blobs.note(file.sha256).exists()


def test_a_dropped_connection_is_continued(server, fetch, blobs, file):
    fetch(server.add("/m", CONTENT, send=[100_000, 50_000]))
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-"]
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_later_pull_continues_where_the_first_gave_up(server, fetch, blobs, file):
    url = server.add("/m", CONTENT, send=[100_000, 0, 0, 0, 0, 0])
    with pytest.raises(DownloadError, match="ended after 100000 of 262144 bytes"):
        fetch(url)
    assert blobs.part(file.sha256).stat().st_size == 100_000
    HttpMirror(blobs).fetch(url, file, lambda done: None)
    assert ranges(server)[-1] == "bytes=100000-"
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_starts_again(server, fetch, blobs, file):
    fetch(server.add("/m", CONTENT, ranges=False, send=[100_000]))
    assert ranges(server) == [None, "bytes=100000-"]
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_file_that_changed_in_between_starts_again(server, fetch, blobs, file):
    url = server.add("/m", b"x" * len(CONTENT), etag='"old"', send=[100_000, 0, 0, 0, 0])
    with pytest.raises(DownloadError):
        fetch(url)
    server.add("/m", CONTENT, etag='"new"')
    HttpMirror(blobs).fetch(url, file, lambda done: None)
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_changed_etag_in_a_partial_answer_starts_again(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(b"x" * 1000)
    url = server.add("/m", CONTENT, etag='W/"new"')
    blobs.note(file.sha256).write_text(json.dumps({"url": url, "etag": 'W/"old"'}))
    fetch(url)
    assert ranges(server) == ["bytes=1000-", None]
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_wrong_bytes_left_by_another_mirror_do_not_blame_this_one(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(b"x" * 1000)
    blobs.note(file.sha256).write_text(json.dumps({"url": "http://elsewhere/m", "etag": '"1"'}))
    fetch(server.add("/m", CONTENT))
    assert ranges(server) == ["bytes=1000-", None]
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_complete_partial_file_needs_no_request(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(CONTENT)
    fetch(server.add("/m", CONTENT))
    assert server.requests == []
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_complete_but_wrong_partial_file_is_fetched_again(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(b"x" * len(CONTENT))
    fetch(server.add("/m", CONTENT))
    assert ranges(server) == [None]
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_fetched_again(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(CONTENT + b"more")
    fetch(server.add("/m", CONTENT))
    assert ranges(server) == [None]


def test_a_broken_note_is_no_obstacle(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(CONTENT[:500])
    blobs.note(file.sha256).write_text("{")
    fetch(server.add("/m", CONTENT))
    assert ranges(server) == ["bytes=500-"]


def test_range_refused_starts_again(server, fetch, blobs, file):
    blobs.part(file.sha256).write_bytes(CONTENT[:500])
    fetch(server.add("/m", CONTENT, statuses=[416]))
    assert ranges(server) == ["bytes=500-", None]


def test_range_refused_without_a_range_is_an_error(server, fetch):
    with pytest.raises(DownloadError, match="416"):
        fetch(server.add("/m", CONTENT, statuses=[416] * 9))
    assert len(server.requests) == 1


def test_wrong_hash_is_named_and_nothing_is_kept(server, fetch, blobs, file):
    with pytest.raises(DownloadError, match=rf"model.bin has SHA-256 [0-9a-f]{{64}}, expected {file.sha256}"):
        fetch(server.add("/m", b"x" * len(CONTENT)))
    assert list(blobs.root.iterdir()) == []


def test_wrong_size_is_refused_before_the_body(server, fetch, blobs):
    with pytest.raises(DownloadError, match=r"model\.bin has 131 bytes, expected 262144"):
        fetch(server.add("/m", b"p" * 131))  # what a Git LFS pointer looks like
    assert list(blobs.root.iterdir()) == []


def test_a_body_without_length_that_is_too_long_is_cut_and_refused(server, fetch, blobs):
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch(server.add("/m", b"x" * (len(CONTENT) * 4), length=False))
    assert list(blobs.root.iterdir()) == []


def test_a_truncated_body_without_length_is_continued(server, fetch, blobs, file):
    fetch(server.add("/m", CONTENT, length=False, send=[200_000]))
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server, fetch):
    fetch(server.add("/m", CONTENT, statuses=[503, 429]))
    assert len(server.requests) == 3


def test_not_found_is_not_asked_again(server, fetch):
    with pytest.raises(DownloadError, match="HTTP 404"):
        fetch(server.url("/nothing"))
    assert len(server.requests) == 1


def test_redirects_are_followed(server, fetch, blobs, file):
    there = server.add("/there", CONTENT)
    fetch(server.add("/here", b"", redirect=there))
    assert blobs.path(file.sha256).exists()


def test_a_redirect_into_the_file_system_is_not_followed(server, fetch, blobs):
    with pytest.raises(DownloadError):
        fetch(server.add("/here", b"", redirect="file:///etc/passwd"))
    assert list(blobs.root.iterdir()) == []


def test_a_server_that_keeps_failing_is_left_alone_afterwards(server, fetch):
    url = server.add("/m", CONTENT, statuses=[503] * 99)
    with pytest.raises(DownloadError, match="HTTP 503"):
        fetch(url)
    asked = len(server.requests)
    assert asked == len(http_mirror.BACK_OFF_S) + 1
    with pytest.raises(DownloadError, match="HTTP 503"):
        fetch(url)
    assert len(server.requests) == asked


def test_an_unreachable_host_is_tried_once(fetch, monkeypatch):
    calls = []

    def refuse(address, *_args, **_options):
        calls.append(address)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    for path in ("a", "b"):
        with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9: cannot be reached"):
            fetch(f"http://127.0.0.1:9/{path}")
    assert len(calls) == 1


def test_connecting_has_its_own_short_limit(fetch, monkeypatch):
    limits = []

    def hang(address, timeout, *_args, **_options):
        limits.append(timeout)
        raise TimeoutError(errno.ETIMEDOUT, "timed out")

    monkeypatch.setattr(socket, "create_connection", hang)
    with pytest.raises(DownloadError, match="timed out"):
        fetch("http://127.0.0.1:9/")
    assert limits == [http_mirror.CONNECT_S]


def test_a_proxy_from_the_environment_is_used(server, blobs, file, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    server.add("http://models.invalid/m", CONTENT)
    HttpMirror(blobs).fetch("http://models.invalid/m", file, lambda done: None)
    assert server.requests == [("http://models.invalid/m", None)]


def test_a_full_disk_keeps_what_arrived(server, fetch, blobs, file, monkeypatch):
    written = []
    copy = http_mirror._copy

    def fill(response, sink, have, file, on_bytes):
        def write(block):
            if sum(written) >= 100_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(sink.write(block))

        class Full:
            pass

        full = Full()
        full.write = write
        copy(response, full, have, file, on_bytes)

    monkeypatch.setattr(http_mirror, "_copy", fill)
    url = server.add("/m", CONTENT)
    with pytest.raises(StoreError, match=r"disk of .* is full .*what was downloaded is kept"):
        fetch(url)
    kept = blobs.part(file.sha256).stat().st_size
    assert kept >= 100_000
    monkeypatch.setattr(http_mirror, "_copy", copy)
    fetch(url)
    assert ranges(server) == [None, f"bytes={kept}-"]
    assert blobs.path(file.sha256).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written_is_a_store_error(server, fetch, blobs, file):
    blobs.part(file.sha256).mkdir()
    with pytest.raises(StoreError, match=str(blobs.root)):
        fetch(server.add("/m", CONTENT))
