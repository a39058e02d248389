"""A repository of the Hugging Face hub as a local folder: only what the chain needs, every byte verified.

Large files come through `HttpMirror` (huggingface_hub 2.x begins an interrupted file anew in the next process), small
ones through huggingface_hub; neither is believed: SHA-256, or git's SHA-1 for small ones, must be what the hub stated.

Layout of the cache (`<store>/hub` unless given):

    <owner>--<name>/<commit>/FILES      verified
    partial/                            what is under way; continued by the next call
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge.errors import DownloadError, LicenceError, StoreError
from edge.hub.blobs import BlobStore, sha256_of, store_errors
from edge.hub.catalogue import PERMISSIVE, ModelFile, UrlSource
from edge.hub.http_mirror import HttpMirror
from edge.hub.hub_listing import Listing, RemoteFile, endpoint, hub, hub_errors, list_repository
from edge.hub.store import default_root

_MB = 1_000_000
_WORTH_A_NOTE = 20 * _MB
"""Smaller downloads are not reported while they run."""


@dataclass(frozen=True)
class HubFile:
    """What a file is, by its bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository, on disk."""

    folder: Path
    """Holds the files and nothing else; leave it as it is."""
    repository: str
    """Address of the page."""
    revision: str
    """Commit."""
    licence: str
    """SPDX id, or `LicenseRef-...`."""
    files: dict[str, HubFile]

    @property
    def licence_url(self) -> str:
        """Where the terms are stated."""
        return self.repository


def cache_root() -> Path:
    """Where snapshots lie unless somebody says otherwise: `hub` in the model store."""
    return cache_root_of(default_root())


def cache_root_of(store: Path) -> Path:
    """The same for a store elsewhere."""
    return store / "hub"


def snapshot(
    repository: str, revision: str | None, into: Path, *, accept_licence: bool, note: Callable[[str], None]
) -> Snapshot:
    """Bring a commit of `repository` here. What is here with the right bytes is not fetched again.

    Args:
        repository: `owner/name` at `HF_ENDPOINT`.
        revision: branch, tag, commit or `refs/pr/N`; None: `main`.
        into: cache to use, kept between calls so that interrupted downloads go on.
        accept_licence: also take what does not allow every use, or does not say.
        note: told one line at a time what happens.

    Raises:
        DownloadError: missing, gated, private, out of reach, without safetensors, or other bytes than stated.
        LicenceError: a licence that must be accepted first.
        StoreError: the disk is full or cannot be written.
    """
    listing = list_repository(repository, revision)
    if not accept_licence:
        check_licence(listing)
    folder = into / repository.replace("/", "--") / listing.commit
    with store_errors(into):
        folder.mkdir(parents=True, exist_ok=True)
        missing = [file for file in listing.files if not _is_right(folder / file.name, file)]
        needed = sum(file.size for file in missing)
        free = shutil.disk_usage(into).free
        if needed > free:
            raise StoreError(f"not enough disk at {into}: {needed // _MB + 1} MB needed, {free // _MB} MB free")
        if missing:
            note(f"{repository} at {listing.commit[:12]}, {listing.licence}: {needed / _MB:.1f} MB to download")
        mirror = _mirror(into)
        for file in missing:
            with hub_errors(repository, listing.commit):
                (_large if file.sha256 else _small)(listing, file, folder, mirror, note)
        files = {file.name: HubFile(file.sha256 or sha256_of(folder / file.name), file.size) for file in listing.files}
    return Snapshot(folder, listing.page, listing.commit, listing.licence, files)


def small_files(
    listing: Listing, files: Iterable[RemoteFile], into: Path, known: dict[str, HubFile], note: Callable[[str], None]
) -> Path:
    """Fetch files of which the hub states no SHA-256, and add theirs to `known`; gives the folder that they lie in.

    Raises:
        DownloadError: as `snapshot`.
        OSError: the disk is full or cannot be written.
    """
    folder = into / listing.repository.replace("/", "--") / listing.commit
    folder.mkdir(parents=True, exist_ok=True)
    mirror = _mirror(into)
    for file in files:
        with hub_errors(listing.repository, listing.commit):
            if not _is_right(folder / file.name, file):
                _small(listing, file, folder, mirror, note)
        known[file.name] = HubFile(sha256_of(folder / file.name), file.size)
    return folder


def check_licence(listing: Listing) -> None:
    """Refuse what does not allow every use.

    Raises:
        LicenceError: says where the terms are and how to accept them.
    """
    if not any(part in PERMISSIVE for part in listing.licence.split(" OR ")):
        raise LicenceError(
            f"model {listing.repository} is under {listing.licence}, which does not allow every use; read "
            f"{listing.page} and run again with --accept-licence"
        )


def _mirror(into: Path) -> HttpMirror:
    blobs = BlobStore(into / "partial")
    blobs.root.mkdir(parents=True, exist_ok=True)
    hub()
    from huggingface_hub.utils import build_hf_headers

    token = build_hf_headers().get("authorization")
    return HttpMirror(blobs, authorization={urlsplit(endpoint()).netloc: token} if token else {})


def _large(listing: Listing, file: RemoteFile, folder: Path, mirror: HttpMirror, note: Callable[[str], None]) -> None:
    url = hub().hf_hub_url(listing.repository, file.name, revision=listing.commit, endpoint=endpoint())
    metadata = hub().get_hf_file_metadata(url)
    stated = metadata.etag if metadata.etag and len(metadata.etag) == len(file.sha256 or "") else file.sha256
    if metadata.commit_hash not in (None, listing.commit) or stated != file.sha256:
        raise DownloadError(f"{listing.page}: {file.name} is not what the hub listed a moment ago; run again")
    blob = ModelFile(name=file.name, sha256=file.sha256 or "", size=file.size, sources=(UrlSource(url=url),))
    mirror.fetch(metadata.location, blob, _progress(file, note))
    mirror.blobs.path(blob.sha256).replace(folder / file.name)


def _small(listing: Listing, file: RemoteFile, folder: Path, mirror: HttpMirror, note: Callable[[str], None]) -> None:
    del note
    partial = mirror.blobs.root / listing.commit
    for _ in range(2):
        path = Path(
            hub().hf_hub_download(
                listing.repository,
                file.name,
                revision=listing.commit,
                local_dir=partial,
                endpoint=endpoint(),
            )
        )
        if _is_right(path, file):
            path.replace(folder / file.name)
            break
        shutil.rmtree(partial)
    else:
        raise DownloadError(f"{listing.page}: {file.name} has other bytes than the hub states; run again later")
    shutil.rmtree(partial, ignore_errors=True)


def _is_right(path: Path, file: RemoteFile) -> bool:
    """Whether the file is here with the bytes that the hub stated; where it stated no hash, the size decides."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != file.size:
        return False
    if file.sha256:
        return sha256_of(path) == file.sha256
    return file.git_sha1 is None or _git_sha1(path) == file.git_sha1


def _git_sha1(path: Path) -> str:
    """Name of the file as a git object (format: git-scm.com, "Git Internals - Git Objects")."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()


def _progress(file: RemoteFile, note: Callable[[str], None]) -> Callable[[int], None]:
    """Tells every tenth of a large file."""
    told = [0]

    def on_bytes(done: int) -> None:
        tenth = 10 * done // max(file.size, 1)
        if file.size >= _WORTH_A_NOTE and tenth > told[0]:
            told[0] = tenth
            note(f"{file.name}: {done / _MB:.0f} of {file.size / _MB:.0f} MB")

    return on_bytes
