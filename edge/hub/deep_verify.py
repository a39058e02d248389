"""`edge models verify --deep`: is what is installed what its upstream files give, not only what was noted at the time?

A model of a recipe is made again from its upstream files (kept ones, else downloaded) in a scratch folder and compared
byte for byte. A model that was made on a computer cannot be made here, without torch: its graphs are compared with its
`model.json`, and the answer says what making it again needs. A trained one says what is known and what is not.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.errors import StoreError
from edge.hub.blobs import store_errors
from edge.hub.catalogue import Catalogue, Model, PackagedSource
from edge.hub.graph_difference import folder_differences
from edge.hub.pull import PullOptions, pull
from edge.hub.report import Report, Silent
from edge.hub.store import ModelStore

Verdict = Literal["identical", "different", "consistent", "corrupt", "unknown"]
CheckGraphs = Callable[[Path, str], Sequence[str]]
"""Folder and id of a made model -> names of the graphs that were compared; raises if one differs from `model.json`."""


@dataclass(frozen=True)
class Deep:
    """What came out for one model.

    Attributes:
        id: of the installed model (a fallback, where that is what is installed).
        verdict: `identical`: made again, same bytes; `different`; `consistent`: cannot be made again here, but all
            that can be checked holds; for callers that go on to the next model: `corrupt`, and `unknown` where the
            upstream files cannot be had.
        lines: what differs, or what making it again needs.
    """

    id: str
    verdict: Verdict
    lines: tuple[str, ...] = ()


def deep_verify(store: ModelStore, model_id: str, check_graphs: CheckGraphs, report: Report | None = None) -> Deep:
    """Check one installed model as deep as this machine can.

    Raises:
        UnknownModelError, ModelNotFoundError, ModelCorruptError: as `ModelStore.open`.
        DownloadError: upstream files were not kept, and no source gave them.
        ModelCorruptError: a graph differs from `model.json`.
        StoreError: no room for the scratch folder.
    """
    folder = store.open(model_id)
    model = store.resolve(model_id) or store.catalogue.get(model_id)
    if model.recipe == "made":
        checked = check_graphs(folder, model.id)
        return Deep(model.id, "consistent", (f"graphs are as model.json says: {', '.join(checked)}", _origin(folder)))
    if is_trained(model):
        return Deep(model.id, "consistent", (trained_note(model),))
    with store_errors(store.root), tempfile.TemporaryDirectory(prefix="edge-deep-") as scratch:
        lines = folder_differences(folder, rederive(store, model, Path(scratch), report))
    return Deep(model.id, "different" if lines else "identical", tuple(lines))


def rederive(store: ModelStore, model: Model, into: Path, report: Report | None = None) -> Path:
    """Make a model from its upstream files in a store of its own under `into`; gives the folder.

    Files that `store` kept are used; the others are downloaded, and nothing stands in for the model.

    Raises:
        DownloadError: no source gave a file.
        RecipeError: the model has no recipe that makes it from files, or a file is not understood.
        StoreError: `into` cannot be written.
    """
    alone = model.model_copy(update={"fallback": None})
    own = ModelStore(into, Catalogue(wheels=store.catalogue.wheels, models=(alone,)))
    with store_errors(into):
        own.blobs.root.mkdir(parents=True, exist_ok=True)
        for file in model.files:
            kept = store.blobs.path(file.sha256)
            if kept.is_file():
                _share(kept, own.blobs.path(file.sha256))
    pull(own, own.catalogue, (model.id,), PullOptions(accept_licences=True), report or Silent())
    return own.folder(alone)


def _share(kept: Path, target: Path) -> None:
    try:
        os.link(kept, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(kept, target)


def is_trained(model: Model) -> bool:
    """Whether all files of a model come with the package: it was made here, by training."""
    return bool(model.files) and all(
        isinstance(source, PackagedSource) for file in model.files for source in file.sources
    )


def trained_note(model: Model) -> str:
    """What can be said about a model that no recipe can make again."""
    return (
        f"trained here, from {model.upstream.repository} {model.upstream.revision}: its files have the hashes of the "
        "catalogue; training again gives like, not equal, bytes (scripts/train_recognizer.py all)"
    )


def _origin(folder: Path) -> str:
    """What making it again needs, from its provenance."""
    try:
        found = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        repository, revision = str(found["repository"]), str(found["revision"])
        made_with = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    except OSError:
        return "its provenance.json was not installed: nothing says how to make it again"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{folder / 'provenance.json'} is damaged ({error}); run: edge models add again") from error
    name = repository.removeprefix("https://huggingface.co/")
    again = f"scripts/make {name} --revision {revision}" if revision else f"scripts/make with the folder {name}"
    return f"to make it again, with {made_with}: {again}"
