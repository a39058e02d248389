"""Files inside zip archives (wheels are such) into the blob store, checked on the way."""

from __future__ import annotations

import hashlib
import zipfile

from edge.errors import DownloadError
from edge.hub.blobs import CHUNK, BlobStore
from edge.hub.catalogue import ModelFile


def member_sha256(archive: zipfile.ZipFile, name: str) -> str:
    """SHA-256 of a member's content, in hex. Raises zipfile.BadZipFile."""
    digest = hashlib.sha256()
    with archive.open(name) as member:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def extract(archive: zipfile.ZipFile, name: str, file: ModelFile, blobs: BlobStore) -> None:
    """Put one member into the blob store.

    Raises:
        DownloadError: it is not there or has other bytes than `file` says.
        OSError: the store cannot be written.
    """
    try:
        size = archive.getinfo(name).file_size
    except KeyError as error:
        raise DownloadError(f"it has no {name}") from error
    if size != file.size:
        raise DownloadError(f"its {name} has {size} bytes, expected {file.size}")
    digest = hashlib.sha256()
    blobs.discard(file.sha256)
    with archive.open(name) as member, blobs.part(file.sha256).open("wb") as sink:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
            sink.write(chunk)
    if digest.hexdigest() != file.sha256:
        blobs.discard(file.sha256)
        raise DownloadError(f"its {name} has SHA-256 {digest.hexdigest()}, expected {file.sha256}")
    blobs.commit(file.sha256)
