"""`edge models add`: put a model that passed `scripts/gate.py` into the store. Needs no network, and no torch."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from edge.errors import LicenceError, StoreError
from edge.hub.blobs import sha256_of, store_errors
from edge.hub.catalogue import Model, ModelFile
from edge.hub.overlay import entry_path, may_replace, read_entry
from edge.hub.store import ModelStore

ENTRY = "entry.toml"
CARD = "card.md"
_BESIDE = {ENTRY, CARD, "provenance.json"}
"""What may lie in the folder without being a file of the model."""
_MB = 1_000_000


def add(store: ModelStore, folder: Path, *, accept_licence: bool, on_wait: Callable[[], None] = lambda: None) -> Model:
    """Verify and install the model in `folder`, and enter it into the store's own catalogue.

    Everything is copied first and checked afterwards, so what is installed is what was checked. If anything fails,
    the store is as it was.

    Args:
        store: where to.
        folder: as scripts/gate.py leaves it: the files, `entry.toml`, `card.md`.
        accept_licence: also what does not allow every use.
        on_wait: called if another command changes the store at the moment.

    Raises:
        StoreError: no entry, other bytes than it says, files that it does not know, an id that is taken, a full disk.
        LicenceError: a licence that must be accepted first.
    """
    model = _entry(folder)
    if not may_replace(model, store.shipped):
        raise StoreError(f"{model.id} is the id of a model of the catalogue; make it again with another --id")
    if not (accept_licence or model.is_commercial):
        raise LicenceError(
            f"model {model.id} is under {model.licence}, which does not allow every use; read {model.licence_url} "
            "and run again with --accept-licence"
        )
    _check_names(folder, model)
    _check_space(store, folder, model)

    def build(out: Path) -> None:
        for file in model.files:
            _take(folder / file.name, out / file.name, file, folder)
        if (folder / CARD).is_file():
            shutil.copyfile(folder / CARD, out / CARD)

    with store.changing(on_wait), store_errors(store.root):
        store.install(model, build)
        _enter(store, folder / ENTRY, model)
    store.forget_catalogue()
    return model


def _entry(folder: Path) -> Model:
    """The entry, if it is the one that the card was written for."""
    if not folder.is_dir():
        raise StoreError(f"{folder} is not a folder; give the one that scripts/make printed")
    entry, card = folder / ENTRY, folder / CARD
    if not entry.is_file():
        raise StoreError(
            f"{folder} has no {ENTRY}, so it has not passed the gate; run: scripts/gate.py {folder} --against FLOAT"
        )
    model = read_entry(entry)
    if model.recipe != "made":
        raise StoreError(f"{entry} is of recipe {model.recipe}; only what scripts/gate.py wrote can be added")
    if not card.is_file() or hashlib.sha256(entry.read_bytes()).hexdigest() not in card.read_text("utf-8", "replace"):
        raise StoreError(f"{entry} is not the one that {CARD} was written for; run scripts/gate.py again")
    return model


def _check_names(folder: Path, model: Model) -> None:
    listed = {file.name for file in model.files}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    missing, strange = sorted(listed - found), sorted(found - listed - _BESIDE)
    if missing:
        raise StoreError(f"{folder} lacks {', '.join(missing)}; copy the whole folder again")
    if strange or listed & {ENTRY, CARD}:
        raise StoreError(f"{folder} has files that {ENTRY} does not list: {', '.join(strange[:3])}; take them away")


def _check_space(store: ModelStore, folder: Path, model: Model) -> None:
    needed = sum(file.size for file in model.files)
    with store_errors(store.root):
        store.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(store.root).free
    if needed > free:
        raise StoreError(
            f"not enough disk at {store.root} for {folder}: {needed // _MB + 1} MB needed, {free // _MB} MB free"
        )


def _take(source: Path, target: Path, file: ModelFile, folder: Path) -> None:
    if source.is_symlink():
        raise StoreError(f"{source} is a link; copy the file itself into {folder}")
    shutil.copyfile(source, target)
    size = target.stat().st_size
    if size != file.size:
        raise StoreError(
            f"{source} has {size} bytes instead of {file.size}; it was changed after the gate or not copied whole: "
            "copy it again, or run scripts/gate.py"
        )
    found = sha256_of(target)
    if found != file.sha256:
        raise StoreError(
            f"{source} has SHA-256 {found[:12]}... instead of {file.sha256[:12]}...; it was changed after the gate: "
            "copy it again, or run scripts/gate.py"
        )


def _enter(store: ModelStore, entry: Path, model: Model) -> None:
    """The entry appears whole."""
    target = entry_path(store.root, model.id)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(entry, target.with_suffix(".new")).replace(target)
