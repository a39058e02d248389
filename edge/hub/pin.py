"""Models that the device builds by itself from a repository of the hub: Whisper's safetensors need no torch.

The catalogue cannot know the hashes of files at a branch. Pinning asks the hub for the commit, takes the hashes that it
states (of small files those of the bytes themselves, verified by git's), and writes them into an entry of this store.
From then on the model is pulled like any other, and always the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any

from edge.errors import RecipeError
from edge.hub.blobs import store_errors
from edge.hub.catalogue import Model
from edge.hub.entry_text import in_toml
from edge.hub.hub_listing import Listing, list_repository
from edge.hub.hub_snapshot import HubFile, cache_root_of, check_licence, small_files
from edge.hub.overlay import entry_path
from edge.hub.store import ModelStore

_NEEDED = ("config.json", "generation_config.json", "tokenizer.json")


def pin(store: ModelStore, model: Model, *, accept_licence: bool, note: Callable[[str], None]) -> None:
    """Write an entry with commit, hashes and addresses for `model`; its small files are fetched already.

    Raises:
        DownloadError: the repository cannot be had; as `list_repository`.
        LicenceError: a licence that must be accepted first.
        RecipeError: the repository lacks a file that the recipe needs.
        StoreError: the disk is full or cannot be written.
    """
    if model.hub is None or model.hub.recipe is None:
        raise RecipeError(f"model {model.id} cannot be built on the device; run scripts/make {model.id} on a computer")
    listing = list_repository(model.hub.repository, model.hub.revision)
    if not accept_licence:
        check_licence(listing)
    missing = sorted(set(_NEEDED) - {file.name for file in listing.files})
    if missing:
        raise RecipeError(f"{listing.page} lacks {', '.join(missing)}; choose another revision")
    wanted = tuple(file for file in listing.files if file.name in _NEEDED or file.name.endswith(".safetensors"))
    known = {file.name: HubFile(file.sha256, file.size) for file in wanted if file.sha256}
    cache = cache_root_of(store.root)
    with store.changing(lambda: note("another command changes the store; waiting")), store_errors(store.root):
        folder = small_files(listing, [file for file in wanted if not file.sha256], cache, known, note)
        for name in known.keys() & {path.name for path in folder.iterdir()}:
            blob = store.blobs.part(known[name].sha256)
            shutil.copyfile(folder / name, blob)
            store.blobs.commit(known[name].sha256)
        path = entry_path(store.root, model.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        scratch.write_text(_entry(model, listing, known), encoding="utf-8")
        scratch.replace(path)
    store.forget_catalogue()
    note(f"{model.id}: pinned to {listing.commit[:12]} of {listing.page}")


def _entry(model: Model, listing: Listing, files: Mapping[str, HubFile]) -> str:
    recipe = model.hub.recipe if model.hub else None
    fields: dict[str, Any] = model.model_dump(exclude_defaults=True, exclude={"hub", "recipe", "files"})
    fields |= {
        "title": model.title.partition(";")[0],
        "licence": listing.licence,
        "licence_url": listing.page,
        "upstream": {"repository": listing.page, "revision": listing.commit},
        "recipe": recipe,
        "files": [
            {"name": name, "size": file.size, "sha256": file.sha256, "sources": [{"url": _address(listing, name)}]}
            for name, file in sorted(files.items())
        ],
    }
    return "\n".join(["[[models]]", *(f"{name} = {in_toml(value)}" for name, value in fields.items()), ""])


def _address(listing: Listing, name: str) -> str:
    return f"{listing.page}/resolve/{listing.commit}/{name}"
