"""Fetch one file by HTTP(S): resumes by Range, retries dropped connections, remembers hosts that do not answer.

Proxies come from the environment. Whatever a server claims, only the SHA-256 decides.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from edge.errors import DownloadError
from edge.hub.blobs import BlobStore, sha256_of, store_errors
from edge.hub.catalogue import ModelFile

CONNECT_S = 5.0
"""Seconds to wait for a connection."""
READ_S = 30.0
"""Seconds without a byte after which a connection counts as dropped."""
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts; one more attempt than pauses."""

_BLOCK = 1 << 16
_BUSY = (429, 500, 502, 503, 504)
_RANGE_REFUSED = 416
_PARTIAL = 206


class _DroppedError(Exception):
    """The connection ended early; trying again may help."""


class _StaleError(Exception):
    """The partial file does not fit what the server has; start from zero."""


class HttpMirror:
    """Downloads; one instance per pull, because it remembers which hosts are out of reach."""

    def __init__(
        self,
        blobs: BlobStore,
        sleep: Callable[[float], None] = time.sleep,
        authorization: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Download into `blobs`.

        Args:
            blobs: where files and partial files lie.
            sleep: waits between attempts, seconds.
            authorization: host to the header `Authorization` for it; never sent to where it redirects.
        """
        self.blobs = blobs
        self._sleep = sleep
        self._authorization = authorization
        self._unreachable: dict[str, str] = {}
        self._opener = _opener()

    def fetch(self, url: str, file: ModelFile, on_bytes: Callable[[int], None]) -> None:
        """Bring `file` from `url` into the blob store; a partial file is continued, and kept if this fails.

        Args:
            url: http or https.
            file: which bytes are expected.
            on_bytes: told how many bytes are there.

        Raises:
            DownloadError: out of reach, refused, or other bytes than expected (then the partial file is gone).
            StoreError: the disk is full or cannot be written.
        """
        host = urlsplit(url).netloc
        self.refuse_unreachable(url)
        with store_errors(self.blobs.root):
            had = self._size(file)
            self._complete(url, file, on_bytes)
            found = self._check(file)
            if found and had:  # perhaps an earlier mirror's bytes were at fault
                self._complete(url, file, on_bytes)
                found = self._check(file)
            if found:
                raise DownloadError(f"{host}: {file.name} has SHA-256 {found}, expected {file.sha256}")
            self.blobs.commit(file.sha256)

    def refuse_unreachable(self, url: str) -> None:
        """Raise DownloadError if the host of `url` did not answer before."""
        host = urlsplit(url).netloc
        if host in self._unreachable:
            raise DownloadError(f"{host}: {self._unreachable[host]}")

    def _check(self, file: ModelFile) -> str:
        """Empty if the partial file is right, else its SHA-256; then it is removed."""
        found = sha256_of(self.blobs.part(file.sha256))
        if found == file.sha256:
            return ""
        self.blobs.discard(file.sha256)
        return found

    def _complete(self, url: str, file: ModelFile, on_bytes: Callable[[int], None]) -> None:
        """Attempt until the partial file has its full size."""
        host = urlsplit(url).netloc
        failures = 0
        while (before := self._size(file)) != file.size:
            try:
                self._attempt(url, file, before, on_bytes)
                failures = 0
            except _StaleError as error:  # noqa: PERF203  # an attempt that fails must not end the loop
                self.blobs.discard(file.sha256)
                if not before:
                    raise DownloadError(f"{host}: {error}") from error
            except _DroppedError as error:
                got = self._size(file) - before
                failures = 1 if got >= _BLOCK else failures + 1
                if failures > len(BACK_OFF_S):
                    if not got:
                        self._unreachable[host] = str(error)
                    raise DownloadError(f"{host}: {error}, {failures} times") from error
                self._sleep(BACK_OFF_S[failures - 1])

    def _attempt(self, url: str, file: ModelFile, have: int, on_bytes: Callable[[int], None]) -> None:
        note = self._read_note(file)
        response = self._open(url, have, note.get("etag") if note.get("url") == url else None)
        with response:
            etag = response.headers.get("ETag") or ""
            if response.status == _PARTIAL and have:
                _check_range(response, have, file)
                if note.get("url") == url and etag != note.get("etag", ""):
                    raise _StaleError("its ETag changed during the download")
            else:
                have = 0
                _check_length(response, file)
            self.blobs.note(file.sha256).write_text(json.dumps({"url": url, "etag": etag}), encoding="utf-8")
            with self.blobs.part(file.sha256).open("ab" if have else "wb") as sink:
                _copy(response, sink, have, file, on_bytes)

    def _open(self, url: str, have: int, etag: str | None) -> http.client.HTTPResponse:
        headers = {"User-Agent": "edge-glasses", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if etag and not etag.startswith("W/"):
                headers["If-Range"] = etag
        host = urlsplit(url).netloc
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  # the opener knows only http and https
        if host in self._authorization:
            request.add_unredirected_header("Authorization", self._authorization[host])
        try:
            response: http.client.HTTPResponse = self._opener.open(request)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _RANGE_REFUSED:
                raise _StaleError("it refuses the range asked for (HTTP 416)") from error
            if error.code in _BUSY:
                raise _DroppedError(f"HTTP {error.code} {error.reason}") from error
            raise DownloadError(f"{host}: HTTP {error.code} {error.reason} for {url}") from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, (ConnectionResetError, BrokenPipeError)):
                raise _DroppedError("the connection was dropped") from error
            self._unreachable[host] = f"cannot be reached ({_plain(error.reason)})"
            raise DownloadError(f"{host}: {self._unreachable[host]}") from error
        except (OSError, http.client.HTTPException) as error:
            raise _DroppedError(f"no answer ({_plain(error)})") from error
        return response

    def _size(self, file: ModelFile) -> int:
        part = self.blobs.part(file.sha256)
        size = part.stat().st_size if part.exists() else 0
        if size > file.size:
            self.blobs.discard(file.sha256)
            return 0
        return size

    def _read_note(self, file: ModelFile) -> Mapping[str, Any]:
        try:
            note = json.loads(self.blobs.note(file.sha256).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


def _copy(
    response: http.client.HTTPResponse, sink: BinaryIO, have: int, file: ModelFile, on_bytes: Callable[[int], None]
) -> None:
    while have < file.size:
        try:
            block = response.read1(min(_BLOCK, file.size - have))
        except (OSError, http.client.HTTPException) as error:
            raise _DroppedError(f"the connection was dropped ({_plain(error)})") from error
        if not block:
            raise _DroppedError(f"the connection ended after {have} of {file.size} bytes")
        sink.write(block)
        have += len(block)
        on_bytes(have)


def _check_range(response: http.client.HTTPResponse, have: int, file: ModelFile) -> None:
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != have or match[3] not in ("*", str(file.size)):
        raise _StaleError(f"it answers another range than asked for ({response.headers.get('Content-Range')})")


def _check_length(response: http.client.HTTPResponse, file: ModelFile) -> None:
    length = response.headers.get("Content-Length")
    if length is not None and length != str(file.size):
        host = urlsplit(response.url).netloc
        raise DownloadError(f"{host}: {file.name} has {length} bytes, expected {file.size}")


def _plain(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


class _HttpConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.timeout = CONNECT_S
        super().connect()
        self.sock.settimeout(READ_S)


class _HttpsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        self.timeout = CONNECT_S
        super().connect()
        self.sock.settimeout(READ_S)


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HttpConnection, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HttpsConnection, req)


def _opener() -> urllib.request.OpenerDirector:
    """Http and https only: no file, ftp or data addresses, also not by redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _HttpHandler(),
        _HttpsHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
