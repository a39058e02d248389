"""Where models live: `ModelStore` opens only what has exactly the bytes that were built.

Layout under the root (`EDGE_MODELS`, else `models` in the platform's cache folder for edge-glasses):

    blobs/sha256/<hash>                 downloads, `<hash>.part` while partial
    built/<id>/<fingerprint>/           a built model and its manifest.json
    building/                           builds and downloads in progress; swept by the next pull
    catalog.d/<id>.toml                 entries of models that were made elsewhere and added
    hub/                                snapshots of hub repositories, on the machine that makes models
    kept/<id>/                          what starts would compute again (encoded silence); checked when read
    store.lock                          held while something changes

A manifest is `{"format": 1, "id", "fingerprint", "files": {name: {"sha256", "size"}}}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs

from edge.errors import ModelCorruptError, ModelNotFoundError, RecipeError
from edge.hub.blobs import BlobStore, sha256_of, store_errors
from edge.hub.catalogue import Catalogue, Model, load_catalogue
from edge.hub.locks import exclusive
from edge.hub.overlay import entry_path, merged

MANIFEST = "manifest.json"
_FORMAT = 1

Status = Literal["installed", "fallback", "outdated", "corrupt", "absent"]


@dataclass(frozen=True)
class ModelState:
    """What the store has of one model.

    `fallback`: another model is installed that stands in for it; `outdated`: only a build for another
    catalogue is there; `why`: what is wrong with a corrupt one.
    """

    id: str
    status: Status
    in_use: str | None = None
    folder: Path | None = None
    why: str = ""


def default_root() -> Path:
    """`EDGE_MODELS`, else the platform's cache folder."""
    chosen = os.environ.get("EDGE_MODELS")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("edge-glasses") / "models"


class ModelStore:
    """Installed models. Reading takes no lock: a model folder appears whole and never changes."""

    def __init__(self, root: Path | None = None, catalogue: Catalogue | None = None) -> None:
        self.root = (root or default_root()).absolute()
        self.blobs = BlobStore(self.root / "blobs" / "sha256")
        self._shipped = catalogue
        self._merged: Catalogue | None = None

    @property
    def shipped(self) -> Catalogue:
        """The catalogue without what was added to this store."""
        if self._shipped is None:
            self._shipped = load_catalogue()
        return self._shipped

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that says which build of a model is the right one, with what was added to this store."""
        if self._merged is None:
            self._merged = merged(self.shipped, self.root)
        return self._merged

    def forget_catalogue(self) -> None:
        """Read the added entries again at the next use."""
        self._merged = None

    def folder(self, model: Model) -> Path:
        """Where the build of `model` is or will be."""
        return self.root / "built" / model.id / model.fingerprint

    def open(self, model_id: str) -> Path:
        """Folder of the model, or of its fallback, after checking the SHA-256 of every file in it.

        Raises:
            UnknownModelError: not in the catalogue.
            ModelNotFoundError: neither it nor its fallback is installed.
            ModelCorruptError: a file does not have its bytes; names it and what to run.
        """
        model = self.resolve(model_id)
        if model is None:
            raise ModelNotFoundError(model_id)
        folder = self.folder(model)
        with store_errors(self.root):
            verify_folder(model.id, folder)
        return folder

    def resolve(self, model_id: str) -> Model | None:
        """The model that `open` would use: the one asked for, else its fallback, whichever is there first."""
        model = self.catalogue.get(model_id)
        candidates = [model, self.catalogue.get(model.fallback)] if model.fallback else [model]
        return next((one for one in candidates if self._has_build(one)), None)

    def state(self, model_id: str, *, verify: bool = True) -> ModelState:
        """What there is of a model; `verify=False` trusts the files and is fast.

        Raises:
            UnknownModelError: not in the catalogue.
        """
        model = self.catalogue.get(model_id)
        used = self.resolve(model_id)
        if used is None:
            with store_errors(self.root):
                outdated = any((self.root / "built" / model.id).glob(f"*/{MANIFEST}"))
            return ModelState(model_id, "outdated" if outdated else "absent")
        folder = self.folder(used)
        if verify:
            try:
                with store_errors(self.root):
                    verify_folder(used.id, folder)
            except ModelCorruptError as error:
                return ModelState(model_id, "corrupt", used.id, folder, str(error))
        return ModelState(model_id, "installed" if used is model else "fallback", used.id, folder)

    def installed(self) -> tuple[str, ...]:
        """Ids of the models whose current build is there, in catalogue order (their bytes are not checked)."""
        return tuple(model.id for model in self.catalogue.models if self._has_build(model))

    def _has_build(self, model: Model) -> bool:
        with store_errors(self.root):
            return (self.folder(model) / MANIFEST).exists()

    def remove(self, model_id: str) -> bool:
        """Delete every build and download of a model, and its entry if it was added; False if there was nothing.

        Raises:
            UnknownModelError: not in the catalogue.
            StoreError: it cannot be deleted.
        """
        model = self.catalogue.get(model_id)
        builds = self.root / "built" / model.id
        entry = entry_path(self.root, model.id)
        with store_errors(self.root):
            if not builds.exists() and not entry.exists():
                return False
        with self.changing(), store_errors(self.root):
            entry.unlink(missing_ok=True)
            if builds.exists():
                with self.scratch() as trash:
                    builds.replace(trash / model.id)
            self._forget_kept(model)
            for file in model.files:
                self.blobs.remove(file.sha256)
        self.forget_catalogue()
        return True

    def discard_build(self, model: Model) -> None:
        """Take the current build of a model away. Only for the holder of the lock. Raises OSError."""
        folder = self.folder(model)
        if folder.exists():
            with self.scratch() as trash:
                folder.replace(trash / "discarded")

    @contextlib.contextmanager
    def changing(self, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the store's lock; only its holder changes anything.

        Raises:
            StoreError: the store cannot be made or written.
        """
        with store_errors(self.root):
            self.blobs.root.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            with store_errors(self.root):
                stack.enter_context(exclusive(self.root / "store.lock", on_wait))
                shutil.rmtree(self.root / "building", ignore_errors=True)
            yield

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A new folder on the store's disk, deleted at the end. Only for the holder of the lock."""
        parent = self.root / "building"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def install(self, model: Model, build: Callable[[Path], None]) -> Path:
        """Let `build` fill a new folder, note its hashes and put it in place of any other build, at once.

        Only for the holder of the lock. If anything fails, what was installed before stays.

        Raises:
            RecipeError: from `build`, or it made no file.
            OSError: the disk is full or cannot be written.
        """
        target = self.folder(model)
        with self.scratch() as scratch:
            out = scratch / "out"
            out.mkdir()
            build(out)
            _write_manifest(model, out)
            target.parent.mkdir(parents=True, exist_ok=True)
            for other in list(target.parent.iterdir()):
                if other == target:
                    other.replace(scratch / "corrupt")
            out.replace(target)
            for other in list(target.parent.iterdir()):
                if other != target:
                    other.replace(scratch / f"outdated-{other.name}")
            self._forget_kept(model)
        return target

    def _forget_kept(self, model: Model) -> None:
        """What was computed with another build."""
        shutil.rmtree(self.root / "kept" / model.id, ignore_errors=True)


def verify_folder(model_id: str, folder: Path) -> None:
    """Check every file that the manifest lists.

    Raises:
        ModelCorruptError: names the first file that is missing or has other bytes.
        OSError: a file cannot be read.
    """
    for name, expected in _read_manifest(model_id, folder).items():
        path = folder / name
        if not path.is_file():
            raise ModelCorruptError(model_id, str(path), "it is missing")
        size = path.stat().st_size
        if size != expected["size"]:
            raise ModelCorruptError(model_id, str(path), f"{size} bytes instead of {expected['size']}")
        actual = sha256_of(path)
        if actual != expected["sha256"]:
            raise ModelCorruptError(
                model_id, str(path), f"SHA-256 {actual[:12]}... instead of {expected['sha256'][:12]}..."
            )


def known_sha256(folder: Path, name: str) -> str:
    """SHA-256 of a file in a folder that `ModelStore.open` gave, which has just checked it; elsewhere it is computed.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["files"][name]["sha256"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return sha256_of(folder / name)


def _read_manifest(model_id: str, folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        files = {str(name): {"sha256": f["sha256"], "size": f["size"]} for name, f in manifest["files"].items()}
        is_ours = manifest["format"] == _FORMAT and manifest["id"] == model_id and files
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelCorruptError(model_id, str(path), "not a manifest") from error
    if not is_ours:
        raise ModelCorruptError(model_id, str(path), "not a manifest of this model")
    return files


def _write_manifest(model: Model, out: Path) -> None:
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    if not paths or (out / MANIFEST).exists():
        raise RecipeError(f"recipe {model.recipe} made no files, or a {MANIFEST}, from {model.id}")
    files = {
        path.relative_to(out).as_posix(): {"sha256": sha256_of(path), "size": path.stat().st_size} for path in paths
    }
    manifest = {"format": _FORMAT, "id": model.id, "fingerprint": model.fingerprint, "files": files}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
