"""A server on loopback that speaks as much of the hub's protocol as a download needs, and can misbehave.

Answers `/api/models/{repo}/revision/{rev}?blobs=true`, `/api/models/{repo}/refs` and `/{repo}/resolve/{rev}/{file}`
(HEAD and GET); large files are redirected to another host name of the same server, as the hub does with its CDN.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def commit_of(files):
    return hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    files: dict
    licence: object = "apache-2.0"
    licence_name: str | None = None
    proposals: dict = field(default_factory=dict)  # refs/pr/N -> files
    gated: bool = False
    token: str = ""  # needed to see it
    corrupt: set = field(default_factory=set)  # names whose bytes are not the stated ones
    drops: list = field(default_factory=list)  # bytes of a large file to send before the connection drops
    missing: set = field(default_factory=set)  # listed, and 404 when asked for

    @property
    def commit(self):
        return commit_of(self.files)

    def at(self, revision):
        every = {"main": self.files, **self.proposals}
        every |= {commit_of(files): files for files in list(every.values())}
        return every.get(revision)


def is_large(name):
    return name.endswith((".safetensors", ".spm", ".bin"))


class FakeHub:
    """Serves `repositories`; remembers `(method, path, Range, Authorization)` of every request."""

    def __init__(self):
        self.repositories, self.requests, self.status = {}, [], None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            do_HEAD = do_GET  # noqa: N815 - named by the library

            def log_message(self, *_):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self.port = self._httpd.server_port
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.cdn = f"http://localhost:{self.port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._httpd.shutdown()
        self._thread.join()
        self._httpd.server_close()

    def add(self, name, files, **behaviour):
        self.repositories[name] = Repository(dict(files), **behaviour)
        return self.repositories[name]

    def asked(self, pattern):
        """Requests whose path matches."""
        return [request for request in self.requests if re.search(pattern, request[1])]

    def answer(self, handler):
        headers = handler.headers
        path = unquote(urlsplit(handler.path).path)
        self.requests.append((handler.command, path, headers.get("Range"), headers.get("Authorization")))
        if self.status is not None:
            return _reply(handler, self.status)
        for pattern, answer in (
            (r"/api/models/([^/]+/[^/]+)/revision/(.+)", self._info),
            (r"/api/models/([^/]+/[^/]+)/refs", self._refs),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._resolve),
            (r"/cdn/([^/]+/[^/]+)/(.+)", self._cdn),
        ):
            if match := re.fullmatch(pattern, path):
                repository = self.repositories.get(match[1])
                allowed = repository and (
                    not repository.token or headers.get("Authorization") == f"Bearer {repository.token}"
                )
                if not (allowed or (repository and answer == self._cdn)):
                    return _reply(handler, 401, {"X-Error-Code": "RepoNotFound"})
                return answer(handler, repository, *match.groups())
        return _reply(handler, 404)

    def _info(self, handler, repository, name, revision):
        files = repository.at(revision)
        if files is None:
            return _reply(handler, 404, {"X-Error-Code": "RevisionNotFound"})
        card = {"license": repository.licence, "license_name": repository.licence_name}
        info = {
            "id": name,
            "sha": commit_of(files),
            "tags": [],
            "cardData": {key: value for key, value in card.items() if value is not None},
            "siblings": [_sibling(file, content) for file, content in files.items()],
        }
        return _reply(handler, 200, {"Content-Type": "application/json"}, json.dumps(info).encode())

    def _refs(self, handler, repository, name):
        proposals = [
            {"name": ref.removeprefix("refs/"), "ref": ref, "targetCommit": commit_of(files)}
            for ref, files in repository.proposals.items()
        ]
        refs = {"branches": [], "converts": [], "tags": [], "pullRequests": proposals}
        return _reply(handler, 200, {"Content-Type": "application/json"}, json.dumps(refs).encode())

    def _resolve(self, handler, repository, name, revision, file):
        content = (repository.at(revision) or {}).get(file)
        if content is None or file in repository.missing:
            return _reply(handler, 404, {"X-Error-Code": "EntryNotFound"})
        if repository.gated:
            return _reply(handler, 403, {"X-Error-Code": "GatedRepo"})
        headers = {"X-Repo-Commit": commit_of(repository.at(revision))}
        if not is_large(file):
            sent = content[::-1] if file in repository.corrupt else content
            return _reply(handler, 200, headers | {"ETag": f'"{_git_sha1(content)}"'}, sent)
        digest = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return _reply(handler, 302, headers | linked | {"Location": f"{self.cdn}/cdn/{name}/{file}?signed=1"})

    def _cdn(self, handler, repository, name, file):
        every = [repository.files, *repository.proposals.values()]
        content = next(files[file] for files in every if file in files)
        if file in repository.corrupt:
            content = content[::-1]
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        stop = start + repository.drops.pop(0) if repository.drops else None
        headers = {"ETag": '"cdn"'}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return _reply(handler, 206 if asked else 200, headers, content[start:], stop and stop - start)


def _sibling(name, content):
    sibling = {"rfilename": name, "size": len(content), "blobId": _git_sha1(content)}
    if is_large(name):
        sibling["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        sibling["blobId"] = "0" * 40
    return sibling


def _git_sha1(content):
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()


def _reply(handler, status, headers=None, content=b"", stop=None):
    handler.send_response(status)
    for key, value in (headers or {}).items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content if stop is None else content[:stop])
    if stop is not None:
        handler.close_connection = True
